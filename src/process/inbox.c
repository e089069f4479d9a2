#include "process/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_SIZE ((size_t)128 * 1024) /* frames read at once */

int
pp_inbox_init(struct inbox *inbox)
{
	inbox->buf = aligned_alloc(64, BUF_SIZE);
	return inbox->buf != NULL ? 0 : -ENOMEM;
}

void
pp_inbox_done(struct inbox *inbox)
{
	free(inbox->large);
	free(inbox->buf);
}

/* Read more into a place. */
static int
read_some(struct inbox *inbox, char *place, size_t room, size_t *got)
{
	const int rc = inbox->before_read(inbox->owner);
	ssize_t n;

	if (rc < 0)
		return rc;
	do
		n = read(inbox->fd, place, room);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	*got = (size_t)n;
	inbox->has_read = true;
	return 0;
}

/* Have at least `need` bytes in the buffer; at most BUF_SIZE. */
static int
fill(struct inbox *inbox, size_t need)
{
	if (inbox->end - inbox->start >= need)
		return 0;
	memmove(
	    inbox->buf, inbox->buf + inbox->start, inbox->end - inbox->start);
	inbox->end -= inbox->start;
	inbox->start = 0;
	while (inbox->end < need) {
		size_t got = 0;
		const int rc = read_some(inbox, inbox->buf + inbox->end,
		    BUF_SIZE - inbox->end, &got);

		if (rc < 0)
			return rc;
		inbox->end += got;
	}
	return 0;
}

/* Memory for a large payload; NULL when there is none. */
static char *
large_space(struct inbox *inbox, size_t size)
{
	if (size > inbox->large_size) {
		free(inbox->large);
		inbox->large = malloc(size);
		inbox->large_size = inbox->large != NULL ? size : 0;
	}
	return inbox->large;
}

/* Move what the buffer has of a payload; to NULL: nowhere. */
static size_t
take_read(struct inbox *inbox, char *place, size_t size)
{
	size_t len = inbox->end - inbox->start;

	if (len > size)
		len = size;
	if (place != NULL)
		memcpy(place, inbox->buf + inbox->start, len);
	inbox->start += len;
	return len;
}

/* Read a payload past the buffer: what the buffer has of it, then the pipe.
 * Without memory it is read all the same, over and over into the buffer. */
static int
read_large(struct inbox *inbox, size_t size, const void **arg)
{
	char *space = large_space(inbox, size);
	size_t done = take_read(inbox, space, size);
	int rc = 0;

	*arg = space;
	while (done < size && rc == 0) {
		char *place = space != NULL ? space + done : inbox->buf;
		size_t room = size - done, n = 0;

		if (space == NULL && room > BUF_SIZE)
			room = BUF_SIZE;
		rc = read_some(inbox, place, room, &n);
		done += n;
	}
	return rc;
}

int
pp_inbox_next(struct inbox *inbox, struct task_frame *frame, const void **arg)
{
	size_t size;
	int rc = fill(inbox, sizeof(*frame));

	if (rc < 0)
		return rc;
	memcpy(frame, inbox->buf + inbox->start, sizeof(*frame));
	inbox->start += sizeof(*frame);
	if (frame->type == TASK_RUN_LARGE) {
		*arg = pp_task_area(inbox->page);
		return 0;
	}
	size = (size_t)pp_padded(frame->length);
	if (size > BUF_SIZE)
		return read_large(inbox, size, arg);
	rc = fill(inbox, size);
	*arg = inbox->buf + inbox->start;
	inbox->start += size;
	return rc;
}

void
pp_inbox_drop_giant(struct inbox *inbox)
{
	if (inbox->large_size <= PP_AREA)
		return;
	free(inbox->large);
	inbox->large = NULL;
	inbox->large_size = 0;
}
