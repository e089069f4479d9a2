/*
 * The results of a worker on their way to the host: frames go into the ring of
 * the page, and from there to the result pipe, many at a time; the bytes of
 * large ones stay in the area behind the page.  When to write is the worker's
 * to decide.  The host's end is channel/stream.h.
 */
#ifndef PP_PROCESS_OUTSTREAM_H
#define PP_PROCESS_OUTSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/area.h"
#include "rules/frame.h"
#include "rules/page.h"

struct outstream {
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
void pp_outstream_init(
    struct outstream *out, int fd, struct page *page, bool has_areas);

/* Append a frame with its payload, writing only when the ring is full: 0 or
 * -errno.  It counts once its last byte is committed. */
int pp_outstream_add(struct outstream *out, const struct result_frame *frame,
    const void *payload);

/* The bytes that are in the ring and not written. */
static inline size_t
pp_outstream_waiting(const struct outstream *out)
{
	return (size_t)(out->appended - out->sent);
}

/* Write all that is in the ring: 0 or -errno. */
int pp_outstream_flush(struct outstream *out);

/* Space in the area for a result, behind those that the host has not taken yet,
 * the same until pp_outstream_give(); NULL when they are many: then it goes
 * through the pipe, and waits there for the host. */
char *pp_outstream_lend(struct outstream *out, size_t len);

/* Give the host what is in that space: its place. */
size_t pp_outstream_give(struct outstream *out, size_t len);

/* Use the area from its start again if the host has taken all of it. */
void pp_outstream_reuse(struct outstream *out);

#endif
