#include "base/poll.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/select.h>

#define WORD_BITS (int)(CHAR_BIT * sizeof(unsigned long))

/* The kernel's form of a set has no bound; that of the C library has. */
struct set {
	unsigned long *words;
};

static void
add(struct set set, int fd)
{
	set.words[fd / WORD_BITS] |= 1UL << fd % WORD_BITS;
}

static bool
has(struct set set, int fd)
{
	return (set.words[fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
}

/* One more than the largest descriptor. */
static int
count_fds(const struct pollfd *items, int n)
{
	int i, count = 0;

	for (i = 0; i < n; i++)
		if (items[i].fd >= count)
			count = items[i].fd + 1;
	return count;
}

/* Who waits for nothing wants to know of a hang-up, and that is a kind of being
 * readable. */
static bool
is_output(const struct pollfd *item)
{
	return (item->events & POLLOUT) != 0;
}

static void
fill(const struct pollfd *items, int n, struct set in, struct set out)
{
	int i;

	for (i = 0; i < n; i++)
		if (items[i].fd >= 0)
			add(is_output(&items[i]) ? out : in, items[i].fd);
}

/* How many have an event. */
static int
read_off(struct pollfd *items, int n, struct set in, struct set out)
{
	int i, count = 0;

	for (i = 0; i < n; i++) {
		struct pollfd *item = &items[i];
		const struct set set = is_output(item) ? out : in;

		item->revents = 0;
		if (item->fd < 0 || !has(set, item->fd))
			continue;
		item->revents = item->events != 0 ? item->events : POLLHUP;
		count++;
	}
	return count;
}

/* The same by select(), which has no such limit. */
static int
poll_by_select(struct pollfd *items, int n, int timeout_ms)
{
	struct timeval time = { .tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000 };
	const int fds = count_fds(items, n);
	const size_t words = (size_t)fds / WORD_BITS + 1;
	struct set in = { calloc(2 * words, sizeof(*in.words)) };
	struct set out;
	int rc;

	if (in.words == NULL) {
		errno = ENOMEM;
		return -1;
	}
	out.words = in.words + words;
	fill(items, n, in, out);
	rc = select(fds, (void *)in.words, (void *)out.words, NULL,
	    timeout_ms < 0 ? NULL : &time);
	if (rc > 0)
		rc = read_off(items, n, in, out);
	free(in.words);
	return rc;
}

int
pp_poll(struct pollfd *items, int n, int timeout_ms)
{
	const int rc = poll(items, (nfds_t)n, timeout_ms);

	if (rc < 0 && errno == EINVAL)
		return poll_by_select(items, n, timeout_ms);
	return rc;
}
