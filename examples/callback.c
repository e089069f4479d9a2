/*
 * callback: the first steps.  A function, a pool, and a callback for each
 * result.
 *
 * The program adds up the divisors of every number below 1000, in worker
 * processes, and keeps the number that has the greatest sum.
 */
#include <procpool.h>

#include <stdio.h>

/*
 * This runs in a worker.  It gets the bytes that were submitted, which are
 * aligned for any type and can be read in place, and gives bytes back.
 */
static int
sum_of_divisors(struct procpool_job *job, const void *arg, size_t len)
{
	long number, i;
	long sum[2] = { 0 };

	/* A job fails with a code and a text; they reach the callback. */
	if (len != sizeof(number))
		return procpool_fail(job, 1, "got %zu bytes", len);

	number = *(const long *)arg;
	sum[0] = number;
	for (i = 1; i <= number; i++)
		if (number % i == 0)
			sum[1] += i;
	return procpool_return(job, sum, sizeof(sum));
}

/* What the callback collects. */
struct best {
	long number;
	long sum;
	long ended;
	long failed;
};

/*
 * This runs in the program itself, on a thread of the pool, once for each
 * task.  The results come in any order.  Callbacks of one pool run one at a
 * time, so *best needs no lock here.
 */
static void
keep_best(const struct procpool_result *result, void *user)
{
	struct best *best = user;
	const long *sum = result->data; /* ours until we return */

	best->ended++;
	if (result->outcome != 0) {
		best->failed++;
		fprintf(stderr, "callback: %s\n", result->message);
	} else if (sum[1] > best->sum) {
		best->number = sum[0];
		best->sum = sum[1];
	}
}

int
main(void)
{
	struct procpool_options options = { .entry_point = sum_of_divisors };
	struct procpool *pool;
	struct best best = { 0 };
	long number;
	int rc;

	/* Fields left zero are defaults: here, a worker for each CPU. */
	rc = procpool_open(&pool, &options);
	if (rc < 0) {
		fprintf(stderr, "callback: %s\n", procpool_strerror(rc));
		return 1;
	}

	/* The bytes are copied, so the variable can be used again at once.
	 * When the queue is full, this waits for room. */
	for (number = 1; number < 1000 && rc == 0; number++)
		rc = procpool_submit(
		    pool, &number, sizeof(number), keep_best, &best);
	if (rc < 0)
		fprintf(stderr, "callback: %s\n", procpool_strerror(rc));

	/* Closing finishes what was accepted.  After it no callback runs any
	 * more, and best is ours alone. */
	procpool_close(pool);

	printf("%ld numbers, %ld failed\n", best.ended, best.failed);
	printf("the divisors of %ld have the greatest sum, %ld\n", best.number,
	    best.sum);
	return rc < 0 || best.failed > 0;
}
