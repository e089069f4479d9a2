/*
 * threads: blocking calls from several threads.
 *
 * A program with threads, and in them calls of code that is not safe with
 * threads, can move that code into workers and keep its shape: a call of the
 * pool waits, as a call of the function did.  The one below keeps its state in
 * a global variable, which threads would spoil for each other.
 *
 * Notice that the pool is opened before the threads are started.  A program
 * that always has threads calls procpool_prepare() at the top of main.
 */
#include <procpool.h>

#include <pthread.h>
#include <stdio.h>

#define N_THREADS 4
#define N_CALLS   100

/* Each worker has its own copy, as each process has. */
static long digits[20];

/* The sum of the decimal digits of a number, the careless way. */
static int
add_digits(struct procpool_job *job, const void *arg, size_t len)
{
	long number = *(const long *)arg, sum = 0;
	int n = 0;

	(void)len; /* always that of a long, see below */
	for (; number > 0; number /= 10)
		digits[n++] = number % 10;
	while (n > 0)
		sum += digits[--n];
	return procpool_return(job, &sum, sizeof(sum));
}

struct caller {
	pthread_t thread;
	struct procpool *pool;
	long first, sum;
	int rc;
};

static void *
call(void *arg)
{
	struct caller *caller = arg;
	struct procpool_result result;

	for (long i = 0; i < N_CALLS && caller->rc == 0; i++) {
		long number = caller->first + i;

		caller->rc = procpool_call(
		    caller->pool, &number, sizeof(number), &result);
		if (caller->rc == 0)
			caller->sum += *(const long *)result.data;
		procpool_result_done(&result);
	}
	return NULL;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = add_digits };
	struct caller callers[N_THREADS] = { 0 };
	struct procpool *pool = NULL;
	int started = 0, rc = procpool_open(&pool, &options);

	for (; rc == 0 && started < N_THREADS; started++) {
		callers[started].pool = pool;
		callers[started].first = 1000 * (started + 1);
		rc = -pthread_create(
		    &callers[started].thread, NULL, call, &callers[started]);
		if (rc < 0)
			break;
	}
	for (int i = 0; i < started; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		printf("thread %d: %ld\n", i, callers[i].sum);
		rc = callers[i].rc < 0 ? callers[i].rc : rc;
	}
	if (rc < 0)
		fprintf(stderr, "threads: %s\n", procpool_strerror(rc));
	procpool_close(pool); /* NULL, when it was not opened, is harmless */
	return rc < 0;
}
