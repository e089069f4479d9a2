/*
 * Calls that fail: the N-th call of one kind, in one kind of process, once or
 * from then on.  Linked into a test with the linker's --wrap for each function
 * below, this comes between the library and the system: only what the library
 * (and the test itself) calls is counted and fails, and nothing inside the C
 * library or libuv.
 *
 * To sweep is to run the same scenario with N = 1, 2, ... until it ends with
 * fewer than N calls made.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * What can fail: name, error, how it may fail.  An error that only means
 * "again" comes once: for good it would forbid any progress.  All functions
 * that give memory are one kind, and so are all that make a thread's things.
 */
#define INJECT_CALLS(X) \
	X(memory, ENOMEM, true) \
	X(uv_init, ENOMEM, true) \
	X(uv_thread_create, EAGAIN, true) \
	X(fork, EAGAIN, true) \
	X(pipe2, EMFILE, true) \
	X(dup2, EMFILE, true) \
	X(socketpair, EMFILE, true) \
	X(eventfd, EMFILE, true) \
	X(memfd_create, ENFILE, true) \
	X(ftruncate, ENOMEM, true) \
	X(mmap, ENOMEM, true) \
	X(mprotect, ENOMEM, true) \
	X(madvise, ENOMEM, true) \
	X(fcntl, EMFILE, true) \
	X(open, EMFILE, true) \
	X(close_range, ENOSYS, true) \
	X(pidfd_open, EMFILE, true) \
	X(pidfd_send_signal, EPERM, false) \
	X(signalfd, EMFILE, true) \
	X(prctl, EINVAL, true) \
	X(setpgid, EPERM, true) \
	X(on_exit, ENOMEM, true) \
	X(setvbuf, ENOMEM, true) \
	X(sendmsg, EINTR, false) \
	X(recvmsg, EINTR, false) \
	X(read, EINTR, false) \
	X(write, EINTR, false) \
	X(poll, EINTR, false)

enum inject_call {
#define X(name, error, for_good) INJECT_##name,
	INJECT_CALLS(X)
#undef X
	INJECT_KINDS
};

/* In which process: a spawner is also the process that forks it. */
enum inject_who {
	INJECT_HOST,
	INJECT_SPAWNER,
	INJECT_WORKER,
	INJECT_PROCESSES
};

/* In memory that all processes share, so that all count together. */
struct inject {
	enum inject_call call;
	enum inject_who who;
	int first; /* the call that fails, from 1; 0: none */
	bool for_good; /* and all after it */
	int error; /* 0: the one listed above */

	atomic_bool on;
	atomic_int made[INJECT_KINDS][INJECT_PROCESSES]; /* so far */
};

/* From here on this process is the host, and its calls may fail, as may those
 * of all processes forked from it. */
void inject_begin(struct inject *inject);

/* The shortage is over, for all of them. */
void inject_stop(void);

/* How many blocks of memory this process has got and not freed, by calls that
 * come by here, since they were forgotten. */
long inject_blocks(void);
void inject_forget_blocks(void);

const char *inject_name(enum inject_call call);
bool inject_may_last(enum inject_call call);

#endif
