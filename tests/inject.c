/*
 * Calls that fail: see inject.h.
 *
 * The linker turns a call of f into one of __wrap_f, and __real_f is f itself.
 * Functions of a variable number of arguments are taken to have as many as
 * the library ever gives: on Linux those that are not given do no harm.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE

#include "inject.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

/* What this process is.  A spawner is forked twice over, and is sure to be one
 * when it takes its name: what it forks are workers, unless they take it too. */
enum role {
	HOST,
	BETWEEN,
	SPAWNER,
	WORKER
};

static _Atomic(enum role) role;
static _Atomic(struct inject *) current;
static atomic_long blocks;

static const struct {
	const char *name;
	int error;
	bool may_last;
} kinds[] = {
#define X(name, error, for_good) { #name, error, for_good },
	INJECT_CALLS(X)
#undef X
};

void
inject_begin(struct inject *inject)
{
	atomic_store(&role, HOST);
	atomic_store(&inject->on, true);
	atomic_store(&current, inject);
}

void
inject_stop(void)
{
	struct inject *plan = atomic_load(&current);

	if (plan != NULL)
		atomic_store(&plan->on, false);
}

long
inject_blocks(void)
{
	return atomic_load(&blocks);
}

void
inject_forget_blocks(void)
{
	atomic_store(&blocks, 0);
}

const char *
inject_name(enum inject_call call)
{
	return kinds[call].name;
}

bool
inject_may_last(enum inject_call call)
{
	return kinds[call].may_last;
}

static enum inject_who
who(void)
{
	if (role == HOST)
		return INJECT_HOST;
	return role == WORKER ? INJECT_WORKER : INJECT_SPAWNER;
}

/* The error that this call is to fail with; 0: none. */
static int
error_of(enum inject_call call)
{
	struct inject *plan = atomic_load(&current);
	int n;

	if (plan == NULL || !atomic_load(&plan->on))
		return 0;
	n = atomic_fetch_add(&plan->made[call][who()], 1) + 1;
	if (call != plan->call || who() != plan->who || plan->first == 0 ||
	    n < plan->first || (n > plan->first && !plan->for_good))
		return 0;
	return plan->error != 0 ? plan->error : kinds[call].error;
}

/* Whether it is to fail; sets errno. */
static bool
fails(enum inject_call call)
{
	const int error = error_of(call);

	if (error != 0)
		errno = error;
	return error != 0;
}

/* A function f, what it returns when it fails, and how it is called. */
#define WRAP(type, f, kind, failure, parameters, arguments) \
	type __real_##f parameters; \
	type __wrap_##f parameters; \
	type __wrap_##f parameters \
	{ \
		if (fails(INJECT_##kind)) \
			return failure; \
		return __real_##f arguments; \
	}

/* ------------------------------------------------------------- Memory */

static void *
counted(void *memory)
{
	if (memory != NULL)
		atomic_fetch_add(&blocks, 1);
	return memory;
}

#define WRAP_MEMORY(f, parameters, arguments) \
	void *__real_##f parameters; \
	void *__wrap_##f parameters; \
	void *__wrap_##f parameters \
	{ \
		if (fails(INJECT_memory)) \
			return NULL; \
		return counted(__real_##f arguments); \
	}

WRAP_MEMORY(malloc, (size_t size), (size))
WRAP_MEMORY(calloc, (size_t n, size_t size), (n, size))
WRAP_MEMORY(aligned_alloc, (size_t align, size_t size), (align, size))

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *
__wrap_realloc(void *memory, size_t size)
{
	void *moved;

	if (fails(INJECT_memory))
		return NULL;
	moved = __real_realloc(memory, size);
	return memory == NULL ? counted(moved) : moved;
}

int __real_posix_memalign(void **memory, size_t align, size_t size);
int __wrap_posix_memalign(void **memory, size_t align, size_t size);
int
__wrap_posix_memalign(void **memory, size_t align, size_t size)
{
	int rc = error_of(INJECT_memory);

	if (rc == 0)
		rc = __real_posix_memalign(memory, align, size);
	if (rc == 0)
		(void)counted(*memory);
	return rc;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void
__wrap_free(void *memory)
{
	if (memory != NULL)
		atomic_fetch_sub(&blocks, 1);
	__real_free(memory);
}

WRAP(void *, mmap, mmap, MAP_FAILED,
    (void *at, size_t size, int prot, int flags, int fd, off_t offset),
    (at, size, prot, flags, fd, offset))
WRAP(int, mprotect, mprotect, -1, (void *at, size_t size, int prot),
    (at, size, prot))
WRAP(int, madvise, madvise, -1, (void *at, size_t size, int advice),
    (at, size, advice))
WRAP(int, memfd_create, memfd_create, -1, (const char *name, unsigned flags),
    (name, flags))
WRAP(int, ftruncate, ftruncate, -1, (int fd, off_t size), (fd, size))

/* ------------------------------------------------------------ Threads */

WRAP(int, uv_mutex_init, uv_init, -errno, (uv_mutex_t * mutex), (mutex))
WRAP(int, uv_cond_init, uv_init, -errno, (uv_cond_t * cond), (cond))
WRAP(int, uv_sem_init, uv_init, -errno, (uv_sem_t * sem, unsigned value),
    (sem, value))
WRAP(int, uv_thread_create, uv_thread_create, -errno,
    (uv_thread_t * thread, void (*run)(void *), void *arg), (thread, run, arg))

/* ---------------------------------------------------------- Processes */

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t
__wrap_fork(void)
{
	const enum role parent = role;
	pid_t pid;

	if (fails(INJECT_fork))
		return -1;
	pid = __real_fork();
	if (pid == 0)
		role = parent == HOST   ? BETWEEN
		    : parent == BETWEEN ? SPAWNER
					: WORKER;
	return pid;
}

int __real_prctl(int option, const char *a, long b, long c, long d);
int __wrap_prctl(int option, const char *a, long b, long c, long d);
int
__wrap_prctl(int option, const char *a, long b, long c, long d)
{
	if (option == PR_SET_NAME && strcmp(a, "pp-spawner") == 0)
		role = SPAWNER;
	return fails(INJECT_prctl) ? -1 : __real_prctl(option, a, b, c, d);
}

long __real_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d);
long
__wrap_syscall(long number, long a, long b, long c, long d)
{
	if ((number == SYS_pidfd_open && fails(INJECT_pidfd_open)) ||
	    (number == SYS_pidfd_send_signal &&
		fails(INJECT_pidfd_send_signal)))
		return -1;
	return __real_syscall(number, a, b, c, d);
}

WRAP(int, setpgid, setpgid, -1, (pid_t pid, pid_t group), (pid, group))
WRAP(int, signalfd, signalfd, -1, (int fd, const sigset_t *set, int flags),
    (fd, set, flags))
WRAP(int, on_exit, on_exit, -1, (void (*f)(int, void *), void *arg), (f, arg))
WRAP(int, setvbuf, setvbuf, -1, (FILE * file, char *buf, int mode, size_t size),
    (file, buf, mode, size))
/* -------------------------------------------------------- Descriptors */

WRAP(int, pipe2, pipe2, -1, (int ends[2], int flags), (ends, flags))
WRAP(int, dup2, dup2, -1, (int fd, int to), (fd, to))
WRAP(int, socketpair, socketpair, -1,
    (int domain, int type, int protocol, int ends[2]),
    (domain, type, protocol, ends))
WRAP(int, eventfd, eventfd, -1, (unsigned value, int flags), (value, flags))
WRAP(int, fcntl, fcntl, -1, (int fd, int command, long arg), (fd, command, arg))
WRAP(int, open, open, -1, (const char *path, int flags, mode_t mode),
    (path, flags, mode))
WRAP(int, close_range, close_range, -1,
    (unsigned first, unsigned last, int flags), (first, last, flags))
WRAP(ssize_t, sendmsg, sendmsg, -1,
    (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP(ssize_t, recvmsg, recvmsg, -1, (int fd, struct msghdr *message, int flags),
    (fd, message, flags))
WRAP(ssize_t, read, read, -1, (int fd, void *buf, size_t len), (fd, buf, len))
WRAP(ssize_t, write, write, -1, (int fd, const void *buf, size_t len),
    (fd, buf, len))
WRAP(ssize_t, writev, write, -1, (int fd, const struct iovec *pieces, int n),
    (fd, pieces, n))
WRAP(int, poll, poll, -1, (struct pollfd * items, nfds_t n, int ms),
    (items, n, ms))
