/*
 * The first and the last moments of a worker: a fresh fork of the spawner puts
 * its descriptors, its page and its environment in order, serves, and ends.
 */
#ifndef PP_PROCESS_WORKER_MAIN_H
#define PP_PROCESS_WORKER_MAIN_H

#include <sys/types.h>

#include "process/request.h"

/* Find what pp_worker_main() sets in runtimes that are loaded: once, in the
 * spawner. */
void pp_worker_find_runtimes(void);

/* Be a worker.  fds as in process/request.h; spawner is the process whose death
 * shall be ours. */
void pp_worker_main(const struct spawn_request *request, const int *fds,
    pid_t spawner) __attribute__((noreturn));

#endif
