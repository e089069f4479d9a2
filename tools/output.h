/*
 * Results onto a descriptor, gathered into large writes.
 */
#ifndef PP_OUTPUT_H
#define PP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *bytes;
	size_t len;
};

struct output {
	int fd;
	char terminator;
	char *buf;
	size_t used;
};

/* Begin.  Returns 0, and fd is the output's then, or -ENOMEM. */
int pp_output_init(struct output *output, int fd, char terminator);

/* Add one result and its terminator; may write.  Returns 0 or -errno. */
int pp_output_add(struct output *output, const void *data, size_t len);

/* The same, with the tag and a tab before it, and before each of its lines if
 * it holds terminators itself. */
int pp_output_add_tagged(struct output *output, const struct span *tag,
    const void *data, size_t len);

/* Whether one result of that length would not lead to a write now. */
bool pp_output_has_room(const struct output *output, size_t len);

/* Write what has been gathered.  Returns 0 or -errno. */
int pp_output_flush(struct output *output);

/* End, and close the descriptor; what has not been flushed is dropped.
 * Returns 0 or -errno: some file systems tell only here what went wrong. */
int pp_output_done(struct output *output);

#endif
