/*
 * The job log: a line for each record, for programs to read.
 */
#ifndef PP_JOBLOG_H
#define PP_JOBLOG_H

#include "output.h"
#include "source.h"
#include "window.h"

struct joblog {
	const char *name; /* NULL: there is none, and nothing is done */
	struct output output;
	uint64_t epoch_ns; /* of the moment 0 of pp_now_ns() */
	bool failed; /* and was told; there is none from then on */
};

/* Begin, in the file of that name, or with NULL without one.  What was in the
 * file is gone then, unless it is read by the source, is one of the standard
 * descriptors' files or is loaded, as the module is: that is refused.  Returns
 * 0, or -1 after saying what is wrong. */
int pp_joblog_open(
    struct joblog *joblog, const char *name, const struct source *source);

/* Whether pp_joblog_add() will not write. */
bool pp_joblog_has_room(const struct joblog *joblog);

/* Add the line of a record that has been written; index counts from 1. */
void pp_joblog_add(
    struct joblog *joblog, uint64_t index, const struct slot *slot);

/* Write what has been gathered. */
void pp_joblog_flush(struct joblog *joblog);

/* End, and close the file; what has not been flushed is dropped. */
void pp_joblog_close(struct joblog *joblog);

#endif
