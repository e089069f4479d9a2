/*
 * crash: tasks that die, while the others finish.
 *
 * Of a hundred tasks three come to a bad end, each in its own way.  Each costs
 * itself and nothing else: its result says what happened, its worker has been
 * replaced, and the other results are right.
 *
 * Notice that none of it reached the program: no signal, no child to reap, and
 * nothing to clear up.
 */
#include <procpool.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int
square_or_die(struct procpool_job *job, const void *arg, size_t len)
{
	long number = *(const long *)arg;
	long square = number * number;

	(void)len; /* always that of a long, see below */
	if (number == 13) /* what a failed assertion does */
		abort();
	if (number == 26) /* what the kernel does when it is out of memory */
		(void)raise(SIGKILL);
	if (number == 39) /* what some libraries do when they know no more */
		exit(3);
	return procpool_return(job, &square, sizeof(square));
}

struct tally {
	long right;
	long died;
};

/* Tasks are numbered from 1 in the order of submission. */
static void
count(const struct procpool_result *result, void *user)
{
	struct tally *tally = user;
	long number = (long)result->task;

	if (result->outcome != 0) {
		tally->died++;
		printf("%ld: %s\n", number, result->message);
	} else if (*(const long *)result->data == number * number) {
		tally->right++;
	}
}

int
main(void)
{
	struct procpool_options options = { .entry_point = square_or_die };
	struct procpool *pool;
	struct tally tally = { 0 };
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		for (long i = 1; i <= 100 && rc == 0; i++)
			rc =
			    procpool_submit(pool, &i, sizeof(i), count, &tally);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "crash: %s\n", procpool_strerror(rc));
	printf(
	    "%ld tasks died, %ld results are right\n", tally.died, tally.right);
	return rc < 0;
}
