/*
 * Patience with another process: the longest wait for its answer is meant as
 * time that it has had, so one that gets no processor or waits for its pages is
 * waited for longer.  One that sleeps, is stopped or has ended is not.
 */
#ifndef PP_BASE_PATIENCE_H
#define PP_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Wait until fd is readable by the doing of a process, for ms or, as long as it
 * has not had its time, a number of times that: whether it is.  Without /proc,
 * or a process (0), it is just ms.  Not beyond the moment when `stop` becomes
 * readable (-1: nothing stops it). */
bool pp_await_answer(int fd, int64_t ms, pid_t pid, int stop);

#endif
