/*
 * Threads: those of the library are born with all signals blocked, so that no
 * handler of the host ever runs on one; those of the host are not cancelled in
 * the middle of a call.
 */
#ifndef PP_BASE_THREAD_H
#define PP_BASE_THREAD_H

#include <stdbool.h>
#include <uv.h>

/* Start a thread.  0 or -errno. */
int pp_thread_start(uv_thread_t *thread, void (*run)(void *), void *arg);

/* Name the calling thread, for ps and debuggers; cut at 15 bytes. */
void pp_thread_name(const char *name);

/*
 * Put off a cancellation of the calling thread, whatever may be called until
 * pp_cancel_restore() gets what this returned.  A thread that ended in the
 * middle of a call would leave locks held and counts wrong.
 */
int pp_cancel_defer(void);
void pp_cancel_restore(int state);

/* Whether the calling thread is the only one of its process. */
bool pp_thread_is_alone(void);

#endif
