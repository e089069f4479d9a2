#include "process/results.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
pp_results_init(
    struct results *results, int fd, struct page *page, bool has_areas)
{
	*results = (struct results){ .fd = fd, .page = page };
	if (has_areas)
		results->area.memory = pp_result_area(page);
}

/* What goes round the ring's end takes two calls. */
int
pp_results_flush(struct results *results)
{
	while (results->sent < results->appended) {
		const size_t at = results->sent % PP_RING;
		const size_t left = pp_results_waiting(results);
		const size_t len = left < PP_RING - at ? left : PP_RING - at;
		const ssize_t n =
		    write(results->fd, results->page->ring + at, len);

		if (n >= 0)
			results->sent += (uint64_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Copy bytes into the ring, as many as fit before its end. */
static size_t
append_some(struct results *results, const char *data, size_t len)
{
	const size_t at = results->appended % PP_RING;
	const size_t room = PP_RING - pp_results_waiting(results);

	if (len > room)
		len = room;
	if (len > PP_RING - at)
		len = PP_RING - at;
	/* Said before the bytes change: the host may be reading there. */
	atomic_store_explicit(&results->page->writing, results->appended + len,
	    memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(results->page->ring + at, data, len);
	results->appended += len;
	return len;
}

static int
append(struct results *results, const void *data, size_t len)
{
	const char *from = data;
	int rc = 0;

	while (len > 0 && rc == 0) {
		const size_t n = append_some(results, from, len);

		from += n;
		len -= n;
		if (len > 0 && pp_results_waiting(results) == PP_RING)
			rc = pp_results_flush(results);
	}
	return rc;
}

int
pp_results_add(struct results *results, const struct result_frame *frame,
    const void *payload)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)pp_result_follows(frame);
	int rc = append(results, frame, sizeof(*frame));

	if (rc == 0)
		rc = append(results, payload, len);
	if (rc == 0)
		rc = append(results, zeros, (size_t)pp_padded(len) - len);
	if (rc == 0)
		atomic_store_explicit(&results->page->committed,
		    results->appended, memory_order_release);
	return rc;
}

char *
pp_results_lend(struct results *results, size_t len)
{
	if (len > PP_AREA - results->used ||
	    pp_area_have(&results->area, results->used + len) < 0)
		return NULL;
	return results->area.memory + results->used;
}

size_t
pp_results_give(struct results *results, size_t len)
{
	const size_t place = results->used;

	results->used += (size_t)pp_padded(len);
	results->given++;
	return place;
}

void
pp_results_reuse(struct results *results)
{
	if (results->used > 0 &&
	    atomic_load_explicit(&results->page->taken, memory_order_acquire) ==
		results->given)
		results->used = 0;
}
