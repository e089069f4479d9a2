/*
 * `procpool map`: a function applied to every record of stdin.
 */
#ifndef PP_MAP_H
#define PP_MAP_H

#include "tool.h"

#include <procpool.h>

struct map_options {
	procpool_job_fn function;
	int n_jobs; /* as in struct procpool_options, like what follows */
	double fraction;
	const char *const *env;
	bool debug;
	bool keep_gpus;

	char terminator; /* of records and results */
	bool stats; /* on stderr, at the end */
};

/* Run to the end of the input.  Returns the exit status; what went wrong has
 * been said on stderr. */
enum tool_status pp_map_run(const struct map_options *options);

#endif
