/*
 * cow: large input that is never copied ("copy-on-write").
 *
 * Workers are forked from the program, and so they see its memory as it was
 * when the pool was started.  What is loaded before that need not be sent: the
 * tasks here carry two numbers each, and the table that they speak of is read
 * where it is.  The kernel copies a page of it only when someone writes there.
 *
 * What changes afterwards the workers do not see, until procpool_refresh().
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>

#define N_NUMBERS 8000000L
#define N_TASKS   64L

/* All that a task needs to know: numbers from first up to, without, end. */
struct range {
	long first;
	long end;
};

static int *table;

/* The table is the one that main filled: this is a copy of that process. */
static int
sum_range(struct procpool_job *job, const void *arg, size_t len)
{
	const struct range *range = arg;
	long sum = 0;
	long i;

	if (len != sizeof(*range) || range->end > N_NUMBERS)
		return procpool_fail(job, 1, "not a range of the table");
	for (i = range->first; i < range->end; i++)
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

static int
run(struct procpool *pool, struct total *total)
{
	long i;
	int rc = 0;

	for (i = 0; i < N_TASKS && rc == 0; i++) {
		struct range range = { i * N_NUMBERS / N_TASKS,
			(i + 1) * N_NUMBERS / N_TASKS };

		rc =
		    procpool_submit(pool, &range, sizeof(range), add_up, total);
	}
	return rc;
}

/* Returns what the workers should find. */
static long
fill_table(void)
{
	long sum = 0;
	long i;

	for (i = 0; i < N_NUMBERS; i++) {
		table[i] = (int)(i % 100);
		sum += table[i];
	}
	return sum;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = sum_range };
	struct total total = { 0 };
	struct procpool *pool;
	long expected;
	int rc;

	table = malloc(N_NUMBERS * sizeof(*table));
	if (table == NULL) {
		fprintf(stderr, "cow: no memory for the table\n");
		return 1;
	}
	expected = fill_table();

	/* Only now, so that the workers have the table. */
	rc = procpool_open(&pool, &options);
	if (rc == 0) {
		rc = run(pool, &total);
		procpool_close(pool);
		printf("table of %zu bytes, tasks of %zu bytes\n",
		    N_NUMBERS * sizeof(*table), sizeof(struct range));
		printf("sum %ld, expected %ld, %ld tasks failed\n", total.sum,
		    expected, total.failed);
	}
	if (rc < 0)
		fprintf(stderr, "cow: %s\n", procpool_strerror(rc));
	free(table);
	return rc < 0 || total.sum != expected;
}
