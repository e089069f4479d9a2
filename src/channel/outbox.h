/*
 * Frames on their way to a worker: small ones are copied together into one
 * buffer, so that one system call writes many; a large payload is written from
 * where it is, behind the buffer, and nothing is added until it is gone.  No
 * I/O: says what to write, and is told how much was.
 */
#ifndef PP_CHANNEL_OUTBOX_H
#define PP_CHANNEL_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "rules/frame.h"

#define PP_OUTBOX_PIECES 3

struct outbox {
	char *buf;
	size_t start, end; /* what is in buf and not written */
	const char *large; /* then this, which its task keeps */
	size_t large_len;
	size_t padding; /* then zeros */
};

int pp_outbox_init(struct outbox *out);
void pp_outbox_done(struct outbox *out);
void pp_outbox_clear(struct outbox *out);

/* The bytes that the frame of a payload takes in the buffer. */
size_t pp_outbox_size(size_t len);

/* Whether so many bytes fit in the buffer, and no large payload is pending.  A
 * frame that asks the worker to stop has a place reserved: it needs to be asked
 * for nothing but 0 bytes. */
bool pp_outbox_fits(const struct outbox *out, size_t size);

/* Add a frame, and its payload unless that is NULL; it must fit. */
void pp_outbox_add(
    struct outbox *out, const struct task_frame *frame, const void *payload);

/* Whether anything is to be written. */
bool pp_outbox_pending(const struct outbox *out);

/* What is to be written: the number of pieces. */
int pp_outbox_pieces(struct outbox *out, struct iovec pieces[PP_OUTBOX_PIECES]);

/* n bytes of it were written. */
void pp_outbox_written(struct outbox *out, size_t n);

#endif
