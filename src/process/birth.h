/*
 * The first moments of a forked process: to become a process of our own,
 * without the host's handlers, descriptors, buffered output and timers.
 * Nothing here returns to code of the host.
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

/* fork() of a process that was made by pp_fork() and has one thread: what
 * libraries do at a fork has been done, and they hold no lock. */
pid_t pp_fork_again(void);

/* In the child: default dispositions, no alternative stack, stdin from
 * /dev/null, nothing buffered for stdout and stderr, a process group of its
 * own, a name.  exit(), in this process and those that it forks, is to end it
 * at once, past the host's atexit handlers; what was printed to stdout there is
 * still written. */
void pp_birth(const char *name);

/* Unblock all signals. */
void pp_birth_unblock(void);

#endif
