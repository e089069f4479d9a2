/*
 * A job: one run of a user's function, as the function sees it.  The result
 * is staged here; who runs the job (a worker, or debug mode) takes it out
 * afterwards.  Not for more than one thread at a time.
 */
#ifndef PP_PROCESS_JOB_H
#define PP_PROCESS_JOB_H

#include <procpool.h>
#include <stdbool.h>

#include "rules/frame.h"

struct procpool_job {
	/* Set once. */
	int worker;
	void *user;
	void *state;
	uint64_t max_payload;
	void (*log)(struct procpool_job *job, enum procpool_level level,
	    const char *line);
	/* Space for a large result until the run is over, the same at every
	 * call; NULL when there is none.  May be NULL itself. */
	char *(*lend)(struct procpool_job *job, size_t len);
	void *owner; /* for log and lend */

	/* Of this run: set before it. */
	const void *inputs; /* the bundle, when the task is one; else NULL */

	/* Of this run. */
	int attempt;
	bool failed; /* procpool_fail() was called */
	int code;
	size_t message_len;
	char message[PP_TEXT_MAX + 1];

	/* The staged result, in space of our own or in lent space. */
	char *space;
	size_t len;

	/* What the job has reserved; NULL: nothing. */
	const char *reserved;
	size_t reserved_len;

	/* Our own: kept from run to run, because memory that has been touched
	 * before is much quicker. */
	char *own;
	size_t own_size;
};

/* What a run came to. */
struct job_end {
	enum result_type type; /* RESULT_DATA, _FAILED or _ERROR */
	int code;
	const void *data; /* the result or the message; in the job */
	size_t len;
	bool is_lent; /* the result is in lent space */
};

/* Free the space of our own; the job can be run again. */
void pp_job_done(struct procpool_job *job);

/* Run a function.  arg must not be NULL.  When it is a bundle, job->inputs is
 * the same. */
struct job_end pp_job_run(struct procpool_job *job, procpool_job_fn function,
    int attempt, const void *arg, size_t len);

#endif
