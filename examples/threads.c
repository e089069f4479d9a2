/*
 * threads: blocking calls from several threads.
 *
 * A program that has threads already, and in them a call to code that is not
 * safe with threads, can move that call into worker processes and keep its
 * shape: procpool_call() waits for the result, as the function itself would
 * make its caller wait.  The function below keeps its state in a global
 * variable, which threads would spoil for each other.
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
digit_sum(struct procpool_job *job, const void *arg, size_t len)
{
	long number = *(const long *)arg;
	long sum = 0;
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
	long first; /* of its numbers */
	long sum;
	int rc;
};

static void *
call(void *arg)
{
	struct caller *caller = arg;
	long i;

	for (i = 0; i < N_CALLS && caller->rc == 0; i++) {
		long number = caller->first + i;
		struct procpool_result result;

		caller->rc = procpool_call(
		    caller->pool, &number, sizeof(number), &result);
		if (caller->rc == 0)
			caller->sum += *(const long *)result.data;

		/* Also after a failure: its message is in there. */
		procpool_result_done(&result);
	}
	return NULL;
}

static int
run(struct procpool *pool)
{
	struct caller callers[N_THREADS] = { 0 };
	int i, started, rc = 0;

	for (started = 0; started < N_THREADS; started++) {
		callers[started].pool = pool;
		callers[started].first = 1000 * (started + 1);
		if (pthread_create(&callers[started].thread, NULL, call,
			&callers[started]) != 0)
			break;
	}
	if (started < N_THREADS)
		fprintf(stderr, "threads: cannot start thread %d\n", started);

	for (i = 0; i < started; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		printf("thread %d: %ld\n", i, callers[i].sum);
		if (callers[i].rc < 0)
			rc = callers[i].rc;
	}
	return rc;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = digit_sum };
	struct procpool *pool;

	/* The pool is opened before the threads are started.  A program that
	 * cannot do that, because it has threads from the beginning, calls
	 * procpool_prepare() at the top of main instead. */
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = run(pool);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "threads: %s\n", procpool_strerror(rc));
	return rc < 0;
}
