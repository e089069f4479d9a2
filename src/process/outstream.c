#include "process/outstream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
pp_outstream_init(
    struct outstream *out, int fd, struct page *page, bool has_areas)
{
	*out = (struct outstream){ .fd = fd, .page = page };
	if (has_areas)
		out->area.memory = pp_result_area(page);
}

/* What goes round the ring's end takes two calls. */
int
pp_outstream_flush(struct outstream *out)
{
	while (out->sent < out->appended) {
		const size_t at = out->sent % PP_RING;
		const size_t left = pp_outstream_waiting(out);
		const size_t len = left < PP_RING - at ? left : PP_RING - at;
		const ssize_t n = write(out->fd, out->page->ring + at, len);

		if (n >= 0)
			out->sent += (uint64_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Copy bytes into the ring, as many as fit before its end. */
static size_t
append_some(struct outstream *out, const char *data, size_t len)
{
	const size_t at = out->appended % PP_RING;
	const size_t room = PP_RING - pp_outstream_waiting(out);

	if (len > room)
		len = room;
	if (len > PP_RING - at)
		len = PP_RING - at;
	/* Said before the bytes change: the host may be reading there. */
	atomic_store_explicit(
	    &out->page->writing, out->appended + len, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(out->page->ring + at, data, len);
	out->appended += len;
	return len;
}

static int
append(struct outstream *out, const void *data, size_t len)
{
	const char *from = data;
	int rc = 0;

	while (len > 0 && rc == 0) {
		const size_t n = append_some(out, from, len);

		from += n;
		len -= n;
		if (len > 0 && pp_outstream_waiting(out) == PP_RING)
			rc = pp_outstream_flush(out);
	}
	return rc;
}

int
pp_outstream_add(struct outstream *out, const struct result_frame *frame,
    const void *payload)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)pp_result_follows(frame);
	int rc = append(out, frame, sizeof(*frame));

	if (rc == 0)
		rc = append(out, payload, len);
	if (rc == 0)
		rc = append(out, zeros, (size_t)pp_padded(len) - len);
	if (rc == 0)
		atomic_store_explicit(
		    &out->page->committed, out->appended, memory_order_release);
	return rc;
}

char *
pp_outstream_lend(struct outstream *out, size_t len)
{
	if (len > PP_AREA - out->used ||
	    pp_area_have(&out->area, out->used + len) < 0)
		return NULL;
	return out->area.memory + out->used;
}

size_t
pp_outstream_give(struct outstream *out, size_t len)
{
	const size_t place = out->used;

	out->used += (size_t)pp_padded(len);
	out->given++;
	return place;
}

void
pp_outstream_reuse(struct outstream *out)
{
	if (out->used > 0 &&
	    atomic_load_explicit(&out->page->taken, memory_order_acquire) ==
		out->given)
		out->used = 0;
}
