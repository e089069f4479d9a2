/*
 * Results onto a descriptor, gathered into large writes.
 */
#ifndef PP_OUTPUT_H
#define PP_OUTPUT_H

#include <stddef.h>

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

/* Write what has been gathered.  Returns 0 or -errno. */
int pp_output_flush(struct output *output);

/* End, and close the descriptor; what has not been flushed is dropped.
 * Returns 0 or -errno: some file systems tell only here what went wrong. */
int pp_output_done(struct output *output);

#endif
