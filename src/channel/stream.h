/*
 * The results of a worker, one life after the other, as the host reads them:
 * bytes in, frames out.  The bytes come from the result pipe or from the ring,
 * whichever is asked; both are the same stream, and the position in it is
 * counted here.  No I/O; nothing from the worker is believed before it is
 * checked.
 */
#ifndef PP_CHANNEL_STREAM_H
#define PP_CHANNEL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/frame.h"
#include "rules/page.h"

struct stream {
	char *buf; /* bytes start to end are there, not taken */
	size_t start, end;
	uint64_t position; /* bytes put in since the worker's birth */
	uint64_t taken; /* of these, in frames that were taken */
	uint64_t piped; /* of these, or beyond, read from the pipe */
	uint64_t max_payload;

	/* A frame whose payload is too large for buf, while it comes. */
	bool large;
	struct result_frame frame;
	char *data; /* grows as bytes come; NULL: no memory, they are dropped */
	size_t size, got;
};

/* A frame taken out of the stream. */
struct arrival {
	struct result_frame frame;
	const char *data; /* in the stream, until bytes are put in again */
	void *heap; /* or memory of its own, for the taker to free */
	bool no_memory; /* the payload was dropped */
};

int pp_stream_init(struct stream *s, uint64_t max_payload);
void pp_stream_done(struct stream *s);

/* Forget a worker life. */
void pp_stream_clear(struct stream *s);

/* Where the next bytes go: at least 1 byte of room. */
char *pp_stream_space(struct stream *s, size_t *room);

/* n bytes were put there. */
void pp_stream_put(struct stream *s, size_t n);

/* Take a frame: 1, 0 when there is none yet, or PROCPOOL_EPROTOCOL. */
int pp_stream_take(struct stream *s, struct arrival *arrival);

/* Whether the frame that is coming in belongs to a sequence. */
bool pp_stream_is_amid(const struct stream *s, uint64_t sequence);

/*
 * Put in what the ring holds beyond the stream's position, as much as there
 * is room for.  The worker may be running, and overwrite what is being read:
 * then nothing is taken.  Returns the number of bytes.
 */
size_t pp_stream_from_ring(struct stream *s, struct page *page);

/*
 * Go back to the end of the last frame taken, as far as the ring still holds
 * what follows it: a job may have written to the pipe itself, and what it
 * wrote, whole or not, is not in the ring.  Only once the worker is dead.
 */
void pp_stream_rewind(struct stream *s, struct page *page);

#endif
