/*
 * The results of a worker on their way to the host: frames go into the ring of
 * the page, and from there to the result pipe, many at a time; the bytes of
 * large ones stay in the area behind the page.  When to write is the worker's
 * to decide.  The host's end is engine/stream.h.
 */
#ifndef PP_PROCESS_RESULTS_H
#define PP_PROCESS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/area.h"
#include "rules/frame.h"
#include "rules/page.h"

struct results {
	/* Set once. */
	int fd;
	struct page *page;

	uint64_t appended, sent; /* positions in the stream, bytes */

	/* Large ones: the area they go to, what of it is in use, and how many
	 * were given. */
	struct area area;
	size_t used;
	uint64_t given;
};

/* The descriptor and the page stay the caller's. */
void pp_results_init(
    struct results *results, int fd, struct page *page, bool has_areas);

/* Append a frame with its payload, writing only when the ring is full: 0 or
 * -errno.  It counts once its last byte is committed. */
int pp_results_add(struct results *results, const struct result_frame *frame,
    const void *payload);

/* The bytes that are in the ring and not written. */
static inline size_t
pp_results_waiting(const struct results *results)
{
	return (size_t)(results->appended - results->sent);
}

/* Write all that is in the ring: 0 or -errno. */
int pp_results_flush(struct results *results);

/* Space in the area for a result, behind those that the host has not taken yet,
 * the same until pp_results_give(); NULL when they are many: then it goes
 * through the pipe, and waits there for the host. */
char *pp_results_lend(struct results *results, size_t len);

/* Give the host what is in that space: its place. */
size_t pp_results_give(struct results *results, size_t len);

/* Use the area from its start again if the host has taken all of it. */
void pp_results_reuse(struct results *results);

#endif
