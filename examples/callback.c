/*
 * callback: a stream of tasks, and a callback for each result.
 *
 * The workers add up the divisors of every number below 1000, and the program
 * keeps the number that has the greatest sum.
 *
 * Notice that results come in any order, but callbacks one at a time, so that
 * what they share needs no lock; and that the tasks' bytes are copied, so that
 * a variable can be used again at once.
 */
#include <procpool.h>

#include <stdio.h>

struct sum {
	long number;
	long of_divisors;
};

/* In a worker.  Bytes are aligned for any type, and can be read in place. */
static int
add_divisors(struct procpool_job *job, const void *arg, size_t len)
{
	struct sum sum = { 0 };

	if (len != sizeof(sum.number))
		return procpool_fail(job, 1, "got %zu bytes", len);
	sum.number = *(const long *)arg;
	for (long i = 1; i <= sum.number; i++)
		if (sum.number % i == 0)
			sum.of_divisors += i;
	return procpool_return(job, &sum, sizeof(sum));
}

struct best {
	struct sum sum;
	long ended;
	long failed;
};

/* In the program, on a thread of the pool.  The result is ours until we
 * return. */
static void
keep_best(const struct procpool_result *result, void *user)
{
	struct best *best = user;
	const struct sum *sum = result->data;

	best->ended++;
	if (result->outcome != 0)
		best->failed++;
	else if (sum->of_divisors > best->sum.of_divisors)
		best->sum = *sum;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = add_divisors };
	struct procpool *pool;
	struct best best = { 0 };
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		/* When the queue is full, this waits for room. */
		for (long i = 1; i < 1000 && rc == 0; i++)
			rc = procpool_submit(
			    pool, &i, sizeof(i), keep_best, &best);

		/* Finishes what was accepted: no callback runs after it. */
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "callback: %s\n", procpool_strerror(rc));
	printf("%ld numbers, %ld failed\n", best.ended, best.failed);
	printf("the divisors of %ld have the greatest sum, %ld\n",
	    best.sum.number, best.sum.of_divisors);
	return rc < 0 || best.failed > 0;
}
