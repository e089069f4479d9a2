/*
 * crash: jobs that die, while the others finish.
 *
 * A hundred tasks; four of them come to a bad end, each in its own way.  Each
 * costs itself and nothing else: its result says what happened, its worker is
 * replaced, and the other 96 results are right.
 */
#include <procpool.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define N_TASKS 100L

static int
square_or_die(struct procpool_job *job, const void *arg, size_t len)
{
	long number = *(const long *)arg;
	long square = number * number;

	(void)len;
	switch (number) {
	case 13: /* what a failed assertion does */
		abort();
	case 26: /* someone, or the kernel short of memory, kills the worker */
		(void)raise(SIGKILL);
		break;
	case 39: /* a library that ends the program */
		exit(3);
	case 52: /* an error that was noticed */
		return procpool_fail(job, 5, "%ld is four suits", number);
	default:
		break;
	}
	return procpool_return(job, &square, sizeof(square));
}

/* Three different things: the job failed, its process was killed by a signal,
 * its process ended by itself. */
static void
explain(long number, const struct procpool_result *result)
{
	switch (result->outcome) {
	case PROCPOOL_EFAILED:
		printf("task %ld failed with code %d: %s\n", number,
		    result->code, result->message);
		break;
	case PROCPOOL_ECRASHED:
		printf(
		    "task %ld crashed with signal %d\n", number, result->code);
		break;
	case PROCPOOL_EEXITED:
		printf("task %ld ended its worker with status %d\n", number,
		    result->code);
		break;
	default:
		printf("task %ld: %s\n", number,
		    procpool_strerror(result->outcome));
	}
}

static int
report(struct procpool_batch *batch)
{
	long number, right = 0;

	for (number = 0; number < N_TASKS; number++) {
		const struct procpool_result *result;
		int rc = procpool_batch_result(batch, (size_t)number, &result);

		if (rc < 0)
			return rc;
		if (result->outcome != 0)
			explain(number, result);
		else if (*(const long *)result->data == number * number)
			right++;
	}
	printf("%ld of %ld results are right\n", right, N_TASKS);
	return 0;
}

static int
run(struct procpool *pool)
{
	struct procpool_batch *batch;
	long number;
	int rc = procpool_batch_open(&batch, pool, N_TASKS);

	if (rc < 0)
		return rc;
	for (number = 0; number < N_TASKS && rc == 0; number++)
		rc = procpool_batch_add(batch, &number, sizeof(number));
	if (rc == 0)
		rc = procpool_batch_wait(batch, -1);
	if (rc == 0)
		rc = report(batch);
	procpool_batch_close(batch);
	return rc;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = square_or_die };
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = run(pool);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "crash: %s\n", procpool_strerror(rc));
	return rc < 0;
}
