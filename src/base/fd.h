/*
 * Descriptors: every one is close-on-exec from birth and above 2, so that a
 * host without standard descriptors does not find ours there.  A descriptor
 * variable holds -1 when it owns nothing; pp_close() is its one closer.
 *
 * What returns an int returns 0 or -errno, unless it is said otherwise.
 */
#ifndef PP_BASE_FD_H
#define PP_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PP_FDS_MAX 5 /* most descriptors in one message */

/* Close *fd if it is open, and forget it. */
void pp_close(int *fd);

/* A pipe: fds[0] reads, fds[1] writes. */
int pp_pipe(int fds[2]);

/* A pair of connected sockets that keep message boundaries. */
int pp_socketpair(int fds[2]);

/* Make reads and writes on fd return at once. */
int pp_nonblock(int fd);

/* A counter that poll() can wait for; pp_wake() raises it, pp_wake_clear()
 * takes it back to nought.  Neither blocks or fails. */
int pp_wake_open(int *fd);
void pp_wake(int fd);
void pp_wake_clear(int fd);

/* Anonymous shared memory of a size that nobody can change any more. */
int pp_shared_memory(const char *name, size_t size, int *fd);

/* A descriptor of a process, readable when it has ended. */
int pp_pidfd_open(pid_t pid, int *fd);

/* Where the system has no pidfds (valgrind has none, nor a kernel before 5.3):
 * have a socket stand for one, on which the end of the process is told, or
 * which is closed then. */
int pp_pidfd_stand_in(int socket, int *fd);

/* Send a signal to the process of a pidfd; by its number, pid, when fd only
 * stands for one.  -ESRCH when it has ended. */
int pp_pidfd_kill(int fd, pid_t pid, int signal);

/* Whether fd becomes readable (or is hung up) before the deadline: 1 or 0. */
int pp_readable(int fd, uint64_t deadline);

/*
 * Send one message with n descriptors, which stay the caller's.
 * -EPIPE or -ECONNRESET when the other side has gone, -EAGAIN when it has not
 * taken earlier messages by the deadline.
 */
int pp_send(int socket, const void *data, size_t len, const int *fds, int n,
    uint64_t deadline);

/*
 * Receive one message; waits for it.  The descriptors that came are the
 * caller's, and none is a standard one; places in fds without one are set to -1.
 * Returns the length, 0 when the other side has gone, -EPROTO when the message
 * is larger than size or brought more than n descriptors, or there is no room
 * for them (they are closed), or -errno.
 */
ssize_t pp_receive(int socket, void *data, size_t size, int *fds, int n);

/*
 * Move *fd to a high number, if there is one.  A library that closes its own
 * descriptors in a forked process, by their numbers, may not know that those
 * are closed already, and shall not find ours there.
 */
void pp_move_away(int *fd);

/* Close all descriptors from first on, except the n in keep (any order): 0 or
 * -errno, and none may be closed. */
int pp_close_others(int first, const int *keep, int n);

#endif
