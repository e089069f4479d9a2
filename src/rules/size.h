/*
 * How many workers a pool has: arithmetic only.
 */
#ifndef PP_RULES_SIZE_H
#define PP_RULES_SIZE_H

#include <stdbool.h>

/*
 * n_jobs          a count from 1; 0 or -1 for all
 * fraction        in (0, 1]; 0 when n_jobs says
 * oversubscribe   do not cut the count to cpus
 * cpus            usable CPUs, at least 1
 *
 * Returns 0 and sets *n, or PROCPOOL_ESIZE, PROCPOOL_EFRACTION or
 * PROCPOOL_ETWOSIZES.
 */
int pp_size_resolve(
    int n_jobs, double fraction, bool oversubscribe, int cpus, int *n);

#endif
