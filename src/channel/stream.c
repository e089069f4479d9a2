#include "channel/stream.h"

#include <errno.h>
#include <procpool.h>
#include <stdlib.h>
#include <string.h>

#define BUF_SIZE    ((size_t)128 * 1024)
#define FIRST_PIECE ((size_t)64 * 1024) /* of it, before any byte has come */

int
pp_stream_init(struct stream *s, uint64_t max_payload)
{
	*s = (struct stream){ .max_payload = max_payload };
	s->buf = aligned_alloc(64, BUF_SIZE);
	return s->buf != NULL ? 0 : -ENOMEM;
}

void
pp_stream_done(struct stream *s)
{
	free(s->buf);
	free(s->data);
	*s = (struct stream){ 0 };
}

void
pp_stream_clear(struct stream *s)
{
	free(s->data);
	*s = (struct stream){ .buf = s->buf, .max_payload = s->max_payload };
}

/* Grow the memory of a large payload by what has come so far: a length is a
 * worker's claim, and costs nothing before its bytes are there. */
static void
grow(struct stream *s)
{
	const size_t whole = (size_t)pp_padded(s->frame.length);
	size_t size = s->size > 0 ? 2 * s->size : FIRST_PIECE;
	char *data;

	if (size > whole)
		size = whole;
	data = realloc(s->data, size);
	if (data == NULL)
		free(s->data);
	s->data = data;
	s->size = size;
}

char *
pp_stream_space(struct stream *s, size_t *room)
{
	if (s->large && s->data != NULL && s->got == s->size)
		grow(s);
	if (s->large && s->data != NULL) {
		*room = s->size - s->got;
		return s->data + s->got;
	}
	if (s->start > 0) {
		memmove(s->buf, s->buf + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	*room = BUF_SIZE - s->end;
	return s->buf + s->end;
}

void
pp_stream_put(struct stream *s, size_t n)
{
	s->position += n;
	if (s->large && s->data != NULL)
		s->got += n;
	else
		s->end += n;
}

/* Begin a payload that does not go through the buffer. */
static void
begin_large(struct stream *s, const struct result_frame *frame)
{
	s->large = true;
	s->frame = *frame;
	s->data = NULL;
	s->size = s->got = 0;
	grow(s);
}

/* Move what the buffer has of a large payload to its own memory, or, without
 * that, to nowhere. */
static void
feed_large(struct stream *s)
{
	const size_t whole = (size_t)pp_padded(s->frame.length);

	while (s->start < s->end && s->got < whole) {
		size_t n = s->end - s->start;

		if (s->data != NULL && s->got == s->size)
			grow(s);
		if (n > whole - s->got)
			n = whole - s->got;
		if (s->data != NULL && n > s->size - s->got)
			n = s->size - s->got;
		if (s->data != NULL)
			memcpy(s->data + s->got, s->buf + s->start, n);
		s->start += n;
		s->got += n;
	}
}

static int
take_large(struct stream *s, struct arrival *arrival)
{
	feed_large(s);
	if (s->got < pp_padded(s->frame.length))
		return 0;
	*arrival = (struct arrival){ .frame = s->frame,
		.data = s->data,
		.heap = s->data,
		.no_memory = s->data == NULL };
	s->large = false;
	s->data = NULL;
	s->taken = s->position - (s->end - s->start);
	return 1;
}

int
pp_stream_take(struct stream *s, struct arrival *arrival)
{
	const size_t have = s->end - s->start;
	struct result_frame frame;
	size_t whole;

	if (s->large)
		return take_large(s, arrival);
	if (have < sizeof(frame))
		return 0;
	/* A copy: it is checked once, and used as it was checked. */
	memcpy(&frame, s->buf + s->start, sizeof(frame));
	if (pp_result_check(&frame, s->max_payload) < 0)
		return PROCPOOL_EPROTOCOL;
	if (pp_result_follows(&frame) >= PP_LARGE) {
		s->start += sizeof(frame);
		begin_large(s, &frame);
		return take_large(s, arrival);
	}
	whole = sizeof(frame) + (size_t)pp_padded(pp_result_follows(&frame));
	if (have < whole)
		return 0;
	*arrival = (struct arrival){ .frame = frame,
		.data = s->buf + s->start + sizeof(frame) };
	s->start += whole;
	s->taken = s->position - (s->end - s->start);
	return 1;
}

bool
pp_stream_is_amid(const struct stream *s, uint64_t sequence)
{
	struct result_frame frame;

	if (s->large)
		return s->frame.sequence == sequence;
	if (s->end - s->start < sizeof(frame))
		return s->end > s->start;
	memcpy(&frame, s->buf + s->start, sizeof(frame));
	return frame.sequence == sequence;
}

size_t
pp_stream_from_ring(struct stream *s, struct page *page)
{
	const uint64_t committed =
	    atomic_load_explicit(&page->committed, memory_order_acquire);
	const size_t at = s->position % PP_RING;
	uint64_t writing;
	size_t n, room;
	char *place;

	if (committed <= s->position || committed - s->position > PP_RING)
		return 0;
	place = pp_stream_space(s, &room);
	n = (size_t)(committed - s->position);
	if (n > room)
		n = room;
	if (n > PP_RING - at)
		n = PP_RING - at;
	memcpy(place, page->ring + at, n);
	atomic_thread_fence(memory_order_acquire);
	writing = atomic_load_explicit(&page->writing, memory_order_relaxed);
	if (writing - s->position > PP_RING)
		return 0; /* the worker has come round to here meanwhile */
	pp_stream_put(s, n);
	return n;
}

void
pp_stream_rewind(struct stream *s, struct page *page)
{
	const uint64_t writing =
	    atomic_load_explicit(&page->writing, memory_order_relaxed);

	if (writing < s->taken || writing - s->taken > PP_RING)
		return;
	free(s->data);
	s->data = NULL;
	s->large = false;
	s->start = s->end = 0;
	s->position = s->taken;
}
