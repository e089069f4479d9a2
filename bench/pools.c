/*
 * What the programs share that measure procpool: see pools.h.
 */
#include "pools.h"

void
bench_must(int rc, const char *what)
{
	if (rc < 0)
		bench_die("%s: %s", what, procpool_strerror(rc));
}

struct procpool *
bench_open(struct procpool_options options)
{
	struct procpool *pool;

	options.oversubscribe = true;
	bench_must(procpool_open(&pool, &options), "procpool_open");
	return pool;
}

void
bench_close(struct procpool *pool)
{
	bench_must(procpool_close(pool), "procpool_close");
}

void
bench_drain(struct procpool *pool)
{
	bench_must(procpool_drain(pool, -1), "procpool_drain");
}

int
bench_square(struct procpool_job *job, const void *arg, size_t len)
{
	uint64_t x = *(const uint64_t *)arg;

	(void)len;
	x *= x;
	return procpool_return(job, &x, sizeof(x));
}

uint64_t
bench_call(struct procpool *pool, uint64_t x, int *pid)
{
	struct procpool_result result;

	bench_must(
	    procpool_call(pool, &x, sizeof(x), &result), "procpool_call");
	x = *(const uint64_t *)result.data;
	if (pid != NULL)
		*pid = result.pid;
	procpool_result_done(&result);
	return x;
}
