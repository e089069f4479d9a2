/*
 * futures: results that are asked for later, and tasks that wait for others.
 *
 * The range below LIMIT is cut into pieces.  A task for each counts the primes
 * in its piece, and one more, which waits for all of them, adds the counts up:
 * no thread of the program does anything meanwhile, unless it likes to.
 *
 * Notice that the sum is submitted at once, before any piece has been counted;
 * that its futures of the pieces are given back at once, too; and that a piece
 * that fails would end the sum with PROCPOOL_EDEPENDENCY and the reason.
 */
#include <procpool.h>

#include <stdio.h>

enum {
	LIMIT = 200000,
	PIECES = 16
};

static int
is_prime(long n)
{
	for (long i = 2; i * i <= n; i++)
		if (n % i == 0)
			return 0;
	return n > 1;
}

/* In a worker. */
static int
count_piece(struct procpool_job *job, const void *arg, size_t len)
{
	const long piece = len == sizeof(int) ? *(const int *)arg : 0;
	long count = 0;

	for (long n = piece * LIMIT / PIECES; n < (piece + 1) * LIMIT / PIECES;
	     n++)
		count += is_prime(n);
	return procpool_return(job, &count, sizeof(count));
}

/* In a worker, too, with what the others have returned. */
static int
add_up(struct procpool_job *job, const void *arg, size_t len)
{
	const void *count;
	long sum = 0;

	(void)arg;
	for (size_t i = 0; procpool_job_input(job, i, &count, &len) == 0; i++)
		sum += *(const long *)count;
	return procpool_return(job, &sum, sizeof(sum));
}

/* Submit it all, and keep only the future of the sum. */
static int
submit(struct procpool *pool, struct procpool_future **sum)
{
	struct procpool_future *pieces[PIECES] = { NULL };
	const struct procpool_task task = {
		.function = add_up, .inputs = pieces, .n_inputs = PIECES
	};
	int rc = 0;

	for (int i = 0; i < PIECES && rc == 0; i++)
		rc = procpool_future_open(&pieces[i], pool, &i, sizeof(i));
	if (rc == 0)
		rc = procpool_future_open_task(sum, pool, &task);
	for (int i = 0; i < PIECES; i++)
		procpool_future_close(pieces[i]); /* they run all the same */
	return rc;
}

static void
print(struct procpool_future *sum)
{
	const struct procpool_result *result;

	if (procpool_future_result(sum, &result) < 0)
		return; /* it is not ready: never here */
	if (result->outcome == 0)
		printf("%ld primes below %d\n", *(const long *)result->data,
		    (int)LIMIT);
	else
		printf("%s: %s\n", procpool_errname(result->outcome),
		    result->message);
}

int
main(void)
{
	struct procpool_options options = { .entry_point = count_piece };
	struct procpool *pool;
	struct procpool_future *sum = NULL;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = submit(pool, &sum);
		if (rc == 0) /* time for other work; then: */
			rc = procpool_future_wait(sum, -1);
		if (rc == 0)
			print(sum);
		procpool_future_close(sum);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "futures: %s\n", procpool_strerror(rc));
	return rc < 0;
}
