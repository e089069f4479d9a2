/*
 * retry: submit again what died.
 *
 * A task is started once.  Whether it may be started again only its program
 * knows, and one that is to blame would take worker after worker with it: so
 * count, and give up.
 *
 * The function here stands for a library that spoils its own memory and dies
 * at every seventh call; and one of the inputs is bad and always kills it.
 *
 * Notice that a task that failed by itself (PROCPOOL_EFAILED) would fail
 * again, and is not tried.
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>

#define N_TASKS    100
#define MOST_TRIES 5

static int
square(struct procpool_job *job, const void *arg, size_t len)
{
	static int calls; /* of this worker: a new one begins with 0 */
	long number = *(const long *)arg;
	long result = number * number;

	(void)len;
	if (++calls == 7 || number == 13)
		abort();
	return procpool_return(job, &result, sizeof(result));
}

/* Run n numbers and keep those whose worker died.  Returns how many these are,
 * or an error. */
static int
run(struct procpool *pool, long *numbers, int n, long *sum)
{
	const struct procpool_result *result;
	struct procpool_batch *batch;
	int left = 0;
	int rc = procpool_batch_open(&batch, pool, (size_t)n);

	if (rc < 0)
		return rc;
	for (int i = 0; i < n && rc == 0; i++)
		rc = procpool_batch_add(batch, &numbers[i], sizeof(*numbers));
	if (rc == 0)
		rc = procpool_batch_wait(batch, -1);
	for (int i = 0; i < n && rc == 0; i++) {
		rc = procpool_batch_result(batch, (size_t)i, &result);
		if (rc == 0 && result->outcome == 0)
			*sum += *(const long *)result->data;
		else if (rc == 0 && result->outcome != PROCPOOL_EFAILED)
			numbers[left++] = numbers[i];
	}
	procpool_batch_close(batch);
	return rc < 0 ? rc : left;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = square };
	struct procpool *pool;
	long numbers[N_TASKS], sum = 0;
	int left = N_TASKS;
	int rc = procpool_open(&pool, &options);

	for (int i = 0; i < N_TASKS; i++)
		numbers[i] = i;
	if (rc == 0) {
		for (int i = 0; i < MOST_TRIES && left > 0; i++)
			left = run(pool, numbers, left, &sum);
		rc = left < 0 ? left : 0;
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "retry: %s\n", procpool_strerror(rc));
	for (int i = 0; i < left && rc == 0; i++)
		printf("gave up %ld\n", numbers[i]);
	printf("sum %ld\n", sum);
	return rc < 0;
}
