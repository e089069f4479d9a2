/*
 * batch: results in the order of submission, some of them errors.
 *
 * A batch is a number of tasks that are waited for together.  One of the
 * tasks here fails, on purpose: its result says why, and the others are not
 * touched by it.
 */
#include <procpool.h>

#include <stdio.h>
#include <string.h>

/*
 * Turn a word round.  The result is built in place: procpool_reserve() gives
 * space that travels to the program as it is, without a copy.
 */
static int
reverse(struct procpool_job *job, const void *arg, size_t len)
{
	const char *word = arg;
	char *reversed;
	size_t i;

	/* A job says what went wrong with a code and a text of its own. */
	if (memchr(word, ' ', len) != NULL)
		return procpool_fail(
		    job, 7, "'%.*s' is not one word", (int)len, word);

	reversed = procpool_reserve(job, len);
	if (reversed == NULL)
		return procpool_fail(job, 8, "no space for %zu bytes", len);
	for (i = 0; i < len; i++)
		reversed[i] = word[len - 1 - i];
	return procpool_return(job, reversed, len);
}

static const char *const words[] = { "stressed", "drawer", "", "live well",
	"parts" };
static const size_t n_words = sizeof(words) / sizeof(words[0]);

/* Returns 0 or the error of the call that failed. */
static int
run(struct procpool_batch *batch)
{
	size_t i;
	int rc;

	for (i = 0; i < n_words; i++) {
		rc = procpool_batch_add(batch, words[i], strlen(words[i]));
		if (rc < 0)
			return rc;
	}

	/* -1: however long it takes.  That a task failed is no failure of the
	 * wait. */
	rc = procpool_batch_wait(batch, -1);
	if (rc < 0)
		return rc;

	for (i = 0; i < procpool_batch_size(batch); i++) {
		const struct procpool_result *result;

		rc = procpool_batch_result(batch, i, &result);
		if (rc < 0)
			return rc;
		if (result->outcome == 0)
			printf("%s: '%.*s'\n", words[i], (int)result->len,
			    (const char *)result->data);
		else
			printf("%s: error %d: %s\n", words[i], result->code,
			    result->message);
	}
	return 0;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = reverse };
	struct procpool *pool;
	struct procpool_batch *batch;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = procpool_batch_open(&batch, pool, n_words);
		if (rc == 0) {
			rc = run(batch);

			/* The results were the batch's, and go with it. */
			procpool_batch_close(batch);
		}
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "batch: %s\n", procpool_strerror(rc));
	return rc < 0;
}
