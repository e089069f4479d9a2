/*
 * What a worker does all its life: take a task from its inbox, claim it, run
 * it, add its result to the others.  There is no state outside of the call, so
 * that a test can make it in a thread.
 */
#ifndef PP_PROCESS_WORKER_H
#define PP_PROCESS_WORKER_H

#include <stdbool.h>

#include "process/request.h"
#include "rules/page.h"

/*
 * Serve until told to stop (0), or until the host or the memory is gone
 * (negative).  The descriptors and the page stay the caller's; has_areas: those
 * behind the page are there.
 */
int pp_worker_serve(const struct spawn_request *request, int task_fd,
    int result_fd, struct page *page, bool has_areas);

#endif
