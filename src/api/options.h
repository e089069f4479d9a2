/*
 * A pool's options: checked, and with the defaults filled in.
 */
#ifndef PP_API_OPTIONS_H
#define PP_API_OPTIONS_H

#include "engine/pool.h"

/* Take over options into a zeroed pool: 0 or the error that names what is
 * wrong.  The pool's name, n_jobs, options and env_before are set then;
 * free() the last. */
int pp_options_take(
    struct procpool *pool, const struct procpool_options *options);

#endif
