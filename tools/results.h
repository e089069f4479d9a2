/*
 * What becomes of a record that has ended, in this order: its result is
 * written, or it is told why there is none; then its line goes into the job
 * log, so that a line there says that the result has been written.
 */
#ifndef PP_RESULTS_H
#define PP_RESULTS_H

#include "joblog.h"
#include "output.h"
#include "source.h"
#include "window.h"

struct results_options {
	char terminator;
	bool tag; /* begin each line with the record */
	const char *joblog; /* a file, or NULL */
	const struct source *source; /* which that must not be part of */
};

struct results {
	struct output output;
	struct joblog joblog;
	bool tag;
	uint64_t written; /* records */
	uint64_t failed; /* of them, without a result */
	uint64_t cut; /* of those, ended by a shutdown of the pool */
	bool broken; /* the pool is */
};

/* Begin.  From here on what is printed on stdout goes to stderr, and stdout is
 * the results' alone.  Returns 0, or -1 after saying what is wrong. */
int pp_results_open(
    struct results *results, const struct results_options *options);

/* Add the next record.  Returns 0 or -errno, of the output. */
int pp_results_add(struct results *results, const struct slot *slot);

/* Write what has been gathered.  Returns 0 or -errno, of the output. */
int pp_results_flush(struct results *results);

/* End; what has not been flushed is dropped.  Returns 0 or -errno, of the
 * output. */
int pp_results_close(struct results *results);

#endif
