/*
 * Pipes that behave badly: see short_io.h.
 *
 * System calls are made directly: what the C library's functions add to them,
 * cancellation points, nobody here wants.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE

#include "short_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Shared by the host and all that is forked from it. */
static struct bad {
	pid_t host;
	size_t limit;
	int room;
	atomic_bool refuses;
	_Atomic uint64_t drawn;
	atomic_int in_host;
	atomic_int in_workers;
	atomic_int pipes;
	atomic_int until_read; /* the one that makes it 0 dies */
	atomic_int until_write;
	atomic_int killed;
} * bad;

enum {
	TASKS = 3, /* what a worker has these two open as */
	RESULTS = 4
};

void
short_io_begin(unsigned seed, size_t limit, int room)
{
	struct bad *new = mmap(NULL, sizeof(*new), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (new == MAP_FAILED)
		return;
	new->host = getpid();
	new->limit = limit;
	new->room = room;
	atomic_store(&new->drawn, seed);
	bad = new;
}

void
short_io_end(void)
{
	if (bad != NULL)
		munmap(bad, sizeof(*bad));
	bad = NULL;
}

int
short_io_in_host(void)
{
	return bad != NULL ? atomic_load(&bad->in_host) : 0;
}

int
short_io_in_workers(void)
{
	return bad != NULL ? atomic_load(&bad->in_workers) : 0;
}

int
short_io_pipes(void)
{
	return bad != NULL ? atomic_load(&bad->pipes) : 0;
}

int
short_io_killed(void)
{
	return bad != NULL ? atomic_load(&bad->killed) : 0;
}

void
short_io_refuse(void)
{
	if (bad != NULL)
		atomic_store(&bad->refuses, true);
}

void
short_io_kill_at_read(int n)
{
	if (bad != NULL)
		atomic_store(&bad->until_read, n);
}

void
short_io_kill_at_write(int n)
{
	if (bad != NULL)
		atomic_store(&bad->until_write, n);
}

static bool
is_pipe(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* A number that looks random: neighbours are spread by multiplication. */
static uint64_t
draw(void)
{
	uint64_t x = atomic_fetch_add(&bad->drawn, 1) + 1;

	x *= UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 31) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

/* How many of len bytes to transfer. */
static size_t
cut(int fd, size_t len)
{
	size_t most;

	if (bad == NULL || bad->limit == 0 || len < 2 || !is_pipe(fd))
		return len;
	most = 1 + (size_t)(draw() % bad->limit);
	if (most >= len)
		return len;
	atomic_fetch_add(
	    getpid() == bad->host ? &bad->in_host : &bad->in_workers, 1);
	return most;
}

/* Whether this write is refused; sets errno. */
static bool
refuses(int fd)
{
	if (bad == NULL || !atomic_load(&bad->refuses) ||
	    getpid() != bad->host || !is_pipe(fd) || draw() % 2 == 0)
		return false;
	errno = EAGAIN;
	return true;
}

/* Whether this call is the one at which a worker dies. */
static bool
dies_at(atomic_int *until)
{
	int left = atomic_load(until);

	while (
	    left > 0 && !atomic_compare_exchange_weak(until, &left, left - 1))
		;
	return left == 1;
}

static bool
dies(int fd, int channel, atomic_int *until)
{
	return fd == channel && getpid() != bad->host && is_pipe(fd) &&
	    dies_at(until);
}

static void
die(void)
{
	atomic_fetch_add(&bad->killed, 1);
	(void)syscall(SYS_kill, getpid(), SIGKILL);
}

ssize_t
read(int fd, void *buf, size_t len)
{
	if (bad != NULL && dies(fd, TASKS, &bad->until_read))
		die();
	return syscall(SYS_read, fd, buf, cut(fd, len));
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	if (bad != NULL && dies(fd, RESULTS, &bad->until_write)) {
		(void)syscall(SYS_write, fd, buf, len / 2);
		die();
	}
	if (refuses(fd))
		return -1;
	return syscall(SYS_write, fd, buf, cut(fd, len));
}

/* Only the first piece that has bytes, and that perhaps in part. */
ssize_t
readv(int fd, const struct iovec *pieces, int n)
{
	if (bad == NULL || !is_pipe(fd))
		return syscall(SYS_readv, fd, pieces, n);
	while (n > 1 && pieces->iov_len == 0) {
		pieces++;
		n--;
	}
	return read(fd, pieces->iov_base, pieces->iov_len);
}

ssize_t
writev(int fd, const struct iovec *pieces, int n)
{
	if (bad == NULL || !is_pipe(fd))
		return syscall(SYS_writev, fd, pieces, n);
	while (n > 1 && pieces->iov_len == 0) {
		pieces++;
		n--;
	}
	return write(fd, pieces->iov_base, pieces->iov_len);
}

static void
make_small(const int *ends)
{
	if (bad != NULL && bad->room > 0 &&
	    fcntl(ends[1], F_SETPIPE_SZ, bad->room) == bad->room)
		atomic_fetch_add(&bad->pipes, 1);
}

int
pipe2(int ends[2], int flags)
{
	const int rc = (int)syscall(SYS_pipe2, ends, flags);

	if (rc == 0)
		make_small(ends);
	return rc;
}

int
pipe(int ends[2])
{
	return pipe2(ends, 0);
}
