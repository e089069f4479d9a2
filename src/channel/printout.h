/*
 * What a worker, and what its jobs start, write to stdout and stderr: the other
 * end of the pipe that both lead to, cut into lines for the log.  Its channel's
 * monitor reads it, also while a caller is the channel's driver.
 */
#ifndef PP_CHANNEL_PRINTOUT_H
#define PP_CHANNEL_PRINTOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"

#define PP_PRINTOUT_LINE 4096 /* bytes; a longer line comes in pieces */

struct printout {
	int fd; /* -1: not captured, or closed by all who could write */
	size_t len; /* of what has come of a line */
	uint64_t due; /* when that is taken for a line; PP_NEVER: len is 0 */
	char line[PP_PRINTOUT_LINE];
};

void pp_printout_init(struct printout *printout);

/* Read once and log the lines that are whole, with a name in front: the bytes
 * read; 0 when there was nothing, or nobody is left to write. */
size_t pp_printout_read(
    struct printout *printout, struct log *log, const char *name);

/* Log the line that has not ended, if there is one. */
void pp_printout_cut(
    struct printout *printout, struct log *log, const char *name);

/* Log all that is there, and close. */
void pp_printout_finish(
    struct printout *printout, struct log *log, const char *name);

/* Close, and forget what is there. */
void pp_printout_close(struct printout *printout);

#endif
