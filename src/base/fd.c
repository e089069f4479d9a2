#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/poll.h"
#include "base/thread.h"

#define STANDARD_FDS 3 /* 0, 1 and 2 are not ours to take */
#define AWAY         512 /* a number that few programs get to */

void
pp_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Move a new descriptor out of the standard ones' places. */
static int
raise_fd(int *fd)
{
	int raised;

	if (*fd >= STANDARD_FDS)
		return 0;
	raised = fcntl(*fd, F_DUPFD_CLOEXEC, STANDARD_FDS);
	if (raised < 0)
		return -errno;
	(void)close(*fd);
	*fd = raised;
	return 0;
}

static int
raise_pair(int fds[2])
{
	int rc = raise_fd(&fds[0]);

	if (rc == 0)
		rc = raise_fd(&fds[1]);
	if (rc < 0) {
		pp_close(&fds[0]);
		pp_close(&fds[1]);
	}
	return rc;
}

static int
raise_one(int *fd)
{
	const int rc = raise_fd(fd);

	if (rc < 0)
		pp_close(fd);
	return rc;
}

int
pp_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	return raise_pair(fds);
}

int
pp_socketpair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	return raise_pair(fds);
}

int
pp_nonblock(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int
pp_wake_open(int *fd)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return -errno;
	return raise_one(fd);
}

void
pp_wake(int fd)
{
	const int cancel = pp_cancel_defer();
	const uint64_t one = 1;

	/* It fails only when the counter is full, and then it is raised. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pp_cancel_restore(cancel);
}

void
pp_wake_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* Whether a file may be so large: to try it would raise SIGXFSZ. */
static bool
may_be_so_large(size_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) < 0 || size <= limit.rlim_cur;
}

int
pp_shared_memory(const char *name, size_t size, int *fd)
{
	int rc;

	*fd = -1;
	if (!may_be_so_large(size))
		return -EFBIG;
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return -errno;
	rc = raise_one(fd);
	if (rc < 0)
		return rc;
	/* Unsealed, a worker could cut the file and so kill the host, by
	 * SIGBUS at its next look. */
	if (ftruncate(*fd, (off_t)size) < 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
		0) {
		rc = -errno;
		pp_close(fd);
	}
	return rc;
}

/* Wait for an event of a descriptor: whether it came before the deadline. */
static bool
await(int fd, short event, uint64_t deadline)
{
	struct pollfd item = { .fd = fd, .events = event };
	int n;

	do
		n = pp_poll(&item, 1, pp_poll_timeout(deadline));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

int
pp_readable(int fd, uint64_t deadline)
{
	return await(fd, POLLIN, deadline);
}

int
pp_pidfd_open(pid_t pid, int *fd)
{
	*fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* It is denied by filters only, such as do not know the call. */
	if (*fd < 0)
		return errno == EPERM ? -ENOSYS : -errno;
	return raise_one(fd);
}

int
pp_pidfd_stand_in(int socket, int *fd)
{
	*fd = fcntl(socket, F_DUPFD_CLOEXEC, STANDARD_FDS);
	return *fd < 0 ? -errno : 0;
}

int
pp_pidfd_kill(int fd, pid_t pid, int signal)
{
	if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0)
		return 0;
	if (fd < 0 || (errno != ENOSYS && errno != EBADF))
		return -errno;
	/* Until its end is told the number is its own, but for the moment in
	 * which it is being reaped: a pidfd is better. */
	if (pid <= 0 || pp_readable(fd, 0))
		return -ESRCH;
	return kill(pid, signal) < 0 ? -errno : 0;
}

int
pp_send(int socket, const void *data, size_t len, const int *fds, int n,
    uint64_t deadline)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PP_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec piece = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *header;
	ssize_t sent;

	if (n > 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(header), fds, (size_t)n * sizeof(int));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 &&
	    (errno == EINTR ||
		(errno == EAGAIN && await(socket, POLLOUT, deadline))));
	return sent < 0 ? -errno : 0;
}

/* Take the descriptors of a message out of its control data: how many there
 * were, of which the first n are in fds and the others are closed. */
static int
take_fds(struct msghdr *message, int *fds, int n)
{
	struct cmsghdr *c;
	int count = 0;

	for (c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		const int *came = (const int *)(const void *)CMSG_DATA(c);
		size_t i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		     i++, count++) {
			if (count < n)
				fds[count] = came[i];
			else
				(void)close(came[i]);
		}
	}
	return count;
}

/* Move what came out of the standard descriptors' places: 0 or -errno. */
static int
raise_all(int *fds, int n)
{
	int i, rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		if (fds[i] >= 0)
			rc = raise_fd(&fds[i]);
	return rc;
}

ssize_t
pp_receive(int socket, void *data, size_t size, int *fds, int n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PP_FDS_MAX * sizeof(int))];
	} control;
	struct iovec piece = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	ssize_t got;
	int i;

	for (i = 0; i < n; i++)
		fds[i] = -1;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (take_fds(&message, fds, n) > n ||
	    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    raise_all(fds, n) < 0) {
		for (i = 0; i < n; i++)
			pp_close(&fds[i]);
		return -EPROTO;
	}
	return got;
}

void
pp_move_away(int *fd)
{
	struct rlimit limit;
	int from = AWAY, moved;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < AWAY)
		from = (int)limit.rlim_cur / 2;
	moved = fcntl(*fd, F_DUPFD_CLOEXEC, from);
	if (moved < 0)
		return;
	(void)close(*fd);
	*fd = moved;
}

/* The smallest of the kept descriptors that is at least `from`, or -1. */
static int
next_kept(int from, const int *keep, int n)
{
	int i, next = -1;

	for (i = 0; i < n; i++)
		if (keep[i] >= from && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

/* What close_range() does, for a system that has none or forbids it. */
static int
close_listed(int first, int last)
{
	DIR *list = opendir("/proc/self/fd");
	struct dirent *entry;

	if (list == NULL)
		return -errno;
	while ((entry = readdir(list)) != NULL) {
		const int fd = atoi(entry->d_name);

		if (fd >= first && fd <= last && fd != dirfd(list))
			(void)close(fd);
	}
	(void)closedir(list);
	return 0;
}

static int
close_from_to(int first, int last)
{
	if (first > last ||
	    close_range((unsigned)first, (unsigned)last, 0) == 0)
		return 0;
	return close_listed(first, last);
}

int
pp_close_others(int first, const int *keep, int n)
{
	int kept, rc = 0;

	while (rc == 0 && (kept = next_kept(first, keep, n)) >= 0) {
		rc = close_from_to(first, kept - 1);
		first = kept + 1;
	}
	return rc == 0 ? close_from_to(first, INT_MAX) : rc;
}
