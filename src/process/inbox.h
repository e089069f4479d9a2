/*
 * Task frames as a worker reads them: as many at once as the pipe has, then one
 * after the other.  The host's end is channel/outbox.h.
 */
#ifndef PP_PROCESS_INBOX_H
#define PP_PROCESS_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/frame.h"
#include "rules/page.h"

struct inbox {
	/* Set once. */
	int fd;
	struct page *page;

	/* Called before each read, which may wait for long: 0, or a negative
	 * error that is passed on. */
	int (*before_read)(void *owner);
	void *owner;

	/* Bytes start to end have been read; start is a multiple of
	 * PP_ALIGN. */
	char *buf;
	size_t start, end;
	bool has_read; /* something, since the reader looked last */

	/* A payload that comes through the pipe and does not fit into buf; kept
	 * for the next one. */
	char *large;
	size_t large_size;
};

/* Takes fd, page, before_read and owner, already set; they stay the caller's.
 * 0 or -ENOMEM; pp_inbox_done() is right for either. */
int pp_inbox_init(struct inbox *inbox);
void pp_inbox_done(struct inbox *inbox);

/*
 * The next frame, and its payload: aligned, valid until the next call, NULL
 * when there was no memory for it.  0, or a negative error: -EPIPE when the
 * host has gone.
 */
int pp_inbox_next(
    struct inbox *inbox, struct task_frame *frame, const void **arg);

/* Give back the memory of a payload that was larger than any area. */
void pp_inbox_drop_giant(struct inbox *inbox);

#endif
