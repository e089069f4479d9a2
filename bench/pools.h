/*
 * What the programs share that measure procpool.
 */
#ifndef POOLS_H
#define POOLS_H

#include "bench.h"

#include <procpool.h>

/* End the program when a call or a task has failed. */
void bench_must(int rc, const char *what);

/* Open a pool; oversubscribed, so that the number of workers is what it says on
 * a machine with fewer CPUs too. */
struct procpool *bench_open(struct procpool_options options);
void bench_close(struct procpool *pool);

/* Wait until all tasks have ended. */
void bench_drain(struct procpool *pool);

/* A job: the square of a uint64_t. */
int bench_square(struct procpool_job *job, const void *arg, size_t len);

/* Have a number squared by a pool of such jobs; the process that did it goes to
 * *pid unless that is NULL. */
uint64_t bench_call(struct procpool *pool, uint64_t x, int *pid);

#endif
