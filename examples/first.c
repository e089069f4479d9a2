/*
 * first: the first call.
 *
 * A function, a pool of workers to run it, and a call that waits for its
 * result.  The function runs in another process, which was forked from this
 * one; what it gets and what it gives back are bytes.
 *
 * Notice that every call returns 0 or a negative number, a failed task's too,
 * and that procpool_strerror() has words for all of them.
 *
 *     cc -o first first.c $(pkg-config --cflags --libs procpool)
 */
#include <procpool.h>
#include <stdio.h>

static int
square(struct procpool_job *job, const void *arg, size_t len)
{
	long x = len == sizeof(x) ? *(const long *)arg : 0;
	long y = x * x;

	return procpool_return(job, &y, sizeof(y));
}

int
main(void)
{
	struct procpool_options options = { .entry_point = square };
	struct procpool *pool;
	struct procpool_result result;
	long x = 12;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = procpool_call(pool, &x, sizeof(x), &result);
		if (rc == 0)
			printf("%ld\n", *(const long *)result.data);
		procpool_result_done(&result);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "square: %s\n", procpool_strerror(rc));
	return rc < 0;
}
