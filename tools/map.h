/*
 * `procpool map`: a function applied to every record of files or stdin.
 */
#ifndef PP_MAP_H
#define PP_MAP_H

#include "tool.h"

#include <procpool.h>

/* What the first failure leads to. */
enum halt {
	HALT_NEVER, /* nothing: the others go on */
	HALT_SOON, /* no more records are taken, and those under way finished */
	HALT_NOW /* nor are those */
};

struct map_options {
	procpool_job_fn function;
	int n_jobs; /* as in struct procpool_options, like what follows */
	double fraction;
	const char *const *env;
	bool debug;
	bool keep_gpus;

	const char *const *files; /* to read; "-" is standard input */
	size_t n_files; /* 0: standard input alone */

	char terminator; /* of records and results */
	bool tag; /* begin each result with its record */
	const char *joblog; /* a file for it, or NULL */
	enum halt halt;
	bool progress; /* a bar on stderr, if that is a terminal */
	bool stats; /* on stderr, at the end */
};

/* Run to the end of the input.  Returns the exit status; what went wrong has
 * been said on stderr. */
enum tool_status pp_map_run(const struct map_options *options);

#endif
