/*
 * Records out of a stream of bytes: each ends with a terminator, which the
 * last may lack.  It reads only when it is told to, so that the caller can
 * wait for other things as well.
 */
#ifndef PP_INPUT_H
#define PP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest record, in bytes. */
#define INPUT_RECORD_MAX ((size_t)1 << 30)

struct input {
	int fd;
	char terminator;
	bool ended; /* no more will be read */
	bool skipping; /* inside a record that is too long */

	char *buf;
	size_t capacity;
	size_t start; /* of the next record */
	size_t end; /* of what was read */
	size_t scanned; /* from start on, without a terminator */
};

/* What pp_input_next() found. */
enum input_found {
	INPUT_NOTHING, /* more must be read first, or all has been given out */
	INPUT_RECORD,
	INPUT_TOO_LONG /* a record above INPUT_RECORD_MAX, to be skipped */
};

/* Begin, with nothing to read.  Cannot fail: the buffer comes later. */
void pp_input_init(struct input *input, char terminator);

/* Read from here on from fd, which stays the caller's.  What was read before
 * has been given out. */
void pp_input_turn_to(struct input *input, int fd);

/* Take the next record from what has been read.  It is without its
 * terminator, and valid until pp_input_read() or pp_input_done(). */
enum input_found pp_input_next(
    struct input *input, const char **record, size_t *len);

/* Read once, which may wait.  Returns 0 (at the end, ended is set then) or
 * -errno. */
int pp_input_read(struct input *input);

void pp_input_done(struct input *input);

#endif
