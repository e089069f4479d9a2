/*
 * The first moments of a forked process: to become a process of our own, without
 * the host's signal handlers, buffered output and atexit handlers.  Which
 * descriptors it keeps is for the caller to say: pp_close_others().
 */
#ifndef PP_PROCESS_BIRTH_H
#define PP_PROCESS_BIRTH_H

#include <signal.h>
#include <sys/types.h>

/*
 * fork() with all signals blocked in the child, so that no handler runs there
 * before they are reset.  As fork(): in the parent the mask is as before.
 */
pid_t pp_fork(void);

/* In the child: default dispositions, no alternative stack, stdin from
 * /dev/null, stdout and stderr to it if they are closed, nothing buffered for
 * them, a process group of its own, a name. */
void pp_birth(const char *name);

/* When memory ends, let the kernel take this process before the host, if /proc
 * allows that. */
void pp_birth_volunteer(void);

/* Let exit(), in this process and those that it forks, end it at once, past the
 * host's atexit handlers; what was printed to stdout there is still written.
 * (It takes a lock that another thread may have held at the fork.) */
void pp_birth_guard_exit(void);

/* Unblock all signals. */
void pp_birth_unblock(void);

#endif
