/*
 * cow: large input that is never copied ("copy-on-write").
 *
 * Workers are forked from the program, and see its memory as it was when the
 * pool was started.  What is loaded before need not be sent: the tasks here
 * are two numbers each, and the table that they speak of is read where it is.
 * The kernel copies a page of it only when someone writes there.
 *
 * Notice that workers do not see what changes later, until procpool_refresh().
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>

#define N_NUMBERS 8000000L
#define N_TASKS   64L

/* All that a task has to know: numbers from first up to end, without it. */
struct range {
	long first;
	long end;
};

static int *table;

/* The table is the one that main filled: this is a copy of that process. */
static int
add_range(struct procpool_job *job, const void *arg, size_t len)
{
	const struct range *range = arg;
	long sum = 0;

	(void)len; /* always that of a range, see below */
	for (long i = range->first; i < range->end; i++)
		sum += table[i];
	return procpool_return(job, &sum, sizeof(sum));
}

struct total {
	long sum;
	long failed;
};

static void
add_up(const struct procpool_result *result, void *user)
{
	struct total *total = user;

	if (result->outcome == 0)
		total->sum += *(const long *)result->data;
	else
		total->failed++;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = add_range };
	struct procpool *pool;
	struct total total = { 0 };
	int rc;

	table = malloc(N_NUMBERS * sizeof(*table));
	if (table == NULL) {
		fprintf(stderr, "cow: no memory for the table\n");
		return 1;
	}
	for (long i = 0; i < N_NUMBERS; i++)
		table[i] = (int)(i % 100);

	/* Only now, so that the workers have the table. */
	rc = procpool_open(&pool, &options);
	if (rc == 0) {
		for (long i = 0; i < N_TASKS && rc == 0; i++) {
			struct range range = { i * N_NUMBERS / N_TASKS,
				(i + 1) * N_NUMBERS / N_TASKS };

			rc = procpool_submit(
			    pool, &range, sizeof(range), add_up, &total);
		}
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "cow: %s\n", procpool_strerror(rc));
	printf("the sum of %ld numbers is %ld, %ld tasks failed\n", N_NUMBERS,
	    total.sum, total.failed);
	free(table);
	return rc < 0 || total.failed > 0;
}
