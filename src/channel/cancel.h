/*
 * To cancel a task that was sent to a worker.
 */
#ifndef PP_CHANNEL_CANCEL_H
#define PP_CHANNEL_CANCEL_H

#include "engine/pool.h"

/* The back end's cancel: see engine/backend.h. */
void pp_cancel_sent(
    struct procpool *pool, struct task *task, struct task_list *unrun);

#endif
