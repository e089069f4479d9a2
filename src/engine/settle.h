/*
 * The one path by which tasks leave the engine.
 */
#ifndef PP_ENGINE_SETTLE_H
#define PP_ENGINE_SETTLE_H

#include <stdbool.h>

#include "engine/pool.h"

/*
 * Settle tasks whose results are complete: count them, hand them to batches
 * and callers, put callbacks up for delivery.  Those that were run were run by
 * one worker.  Empties the list.  Called without locks.
 */
void pp_settle(struct procpool *pool, struct task_list *ended);

/* Say that a task was never run, and with which outcome it ends. */
void pp_end_unrun(struct procpool *pool, struct task *task, int outcome);

/* Settle tasks that were never run, with an outcome. */
void pp_settle_unrun(
    struct procpool *pool, struct task_list *list, int outcome);

/*
 * Run callbacks that are due, unless another thread is at it: for a while,
 * so that a monitor gets back to its worker.  Whether some are left for the
 * caller to come back to.
 */
bool pp_deliver(struct procpool *pool);

/* Have them run by a thread that may: for one of the user's, as a visitor. */
void pp_deliver_elsewhere(struct procpool *pool);

#endif
