#include "channel/outbox.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE ((size_t)64 * 1024) /* what a pipe takes at once */

static char zeros[PP_ALIGN];

int
pp_outbox_init(struct outbox *out)
{
	out->buf = aligned_alloc(64, SIZE);
	return out->buf != NULL ? 0 : -ENOMEM;
}

void
pp_outbox_done(struct outbox *out)
{
	free(out->buf);
	out->buf = NULL;
}

void
pp_outbox_clear(struct outbox *out)
{
	out->start = out->end = 0;
	out->large = NULL;
}

size_t
pp_outbox_size(size_t len)
{
	const size_t head = sizeof(struct task_frame);

	return len >= PP_LARGE ? head : head + (size_t)pp_padded(len);
}

bool
pp_outbox_fits(const struct outbox *out, size_t size)
{
	return out->large == NULL &&
	    out->end + size <= SIZE - sizeof(struct task_frame);
}

static void
put(struct outbox *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out->buf + out->end, data, len);
	out->end += len;
}

void
pp_outbox_add(
    struct outbox *out, const struct task_frame *frame, const void *payload)
{
	const size_t len = payload != NULL ? (size_t)frame->length : 0;
	const size_t padding = (size_t)pp_padded(len) - len;

	put(out, frame, sizeof(*frame));
	if (len >= PP_LARGE) {
		out->large = payload;
		out->large_len = len;
		out->padding = padding;
	} else {
		put(out, payload, len);
		put(out, zeros, padding);
	}
}

bool
pp_outbox_pending(const struct outbox *out)
{
	return out->end > out->start || out->large != NULL;
}

int
pp_outbox_pieces(struct outbox *out, struct iovec pieces[PP_OUTBOX_PIECES])
{
	int n = 0;

	if (out->end > out->start)
		pieces[n++] = (struct iovec){ out->buf + out->start,
			out->end - out->start };
	if (out->large == NULL)
		return n;
	if (out->large_len > 0)
		pieces[n++] = (struct iovec){ (void *)(uintptr_t)out->large,
			out->large_len };
	if (out->padding > 0)
		pieces[n++] = (struct iovec){ zeros, out->padding };
	return n;
}

/* Take up to n off what is left: the rest of n. */
static size_t
take_off(size_t *left, size_t n)
{
	const size_t taken = n < *left ? n : *left;

	*left -= taken;
	return n - taken;
}

void
pp_outbox_written(struct outbox *out, size_t n)
{
	size_t head = out->end - out->start;
	const size_t large_before = out->large_len;

	n = take_off(&head, n);
	out->start = out->end - head;
	if (out->large != NULL) {
		n = take_off(&out->large_len, n);
		out->large += large_before - out->large_len;
		(void)take_off(&out->padding, n);
		if (out->large_len + out->padding == 0)
			out->large = NULL;
	}
	if (!pp_outbox_pending(out))
		out->start = out->end = 0;
}
