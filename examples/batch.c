/*
 * batch: results in the order of submission.
 *
 *     batch WORD...
 *
 * prints each word turned round.  A batch is a number of tasks that are waited
 * for together, whatever becomes of each: a word that is none fails, and the
 * others are not touched by it.
 *
 * Notice procpool_reserve(): a result that is built in its place travels to
 * the program without being copied first.
 */
#include <procpool.h>

#include <stdio.h>
#include <string.h>

static int
reverse(struct procpool_job *job, const void *arg, size_t len)
{
	const char *word = arg;
	char *reversed = procpool_reserve(job, len);

	if (reversed == NULL)
		return procpool_fail(job, 8, "no space for %zu bytes", len);
	if (memchr(word, ' ', len) != NULL)
		return procpool_fail(
		    job, 7, "'%.*s' is not one word", (int)len, word);
	for (size_t i = 0; i < len; i++)
		reversed[i] = word[len - 1 - i];
	return procpool_return(job, reversed, len);
}

/* A result is the batch's, and lasts until that is closed. */
static void
print_results(struct procpool_batch *batch)
{
	const struct procpool_result *result;

	for (size_t i = 0; procpool_batch_result(batch, i, &result) == 0; i++)
		if (result->outcome == 0)
			printf("%.*s\n", (int)result->len,
			    (const char *)result->data);
		else
			printf("error %d: %s\n", result->code, result->message);
}

static int
run(struct procpool *pool, char *const *words, int n_words)
{
	struct procpool_batch *batch;
	int rc = procpool_batch_open(&batch, pool, (size_t)n_words);

	if (rc < 0)
		return rc;
	for (int i = 0; i < n_words && rc == 0; i++)
		rc = procpool_batch_add(batch, words[i], strlen(words[i]));
	if (rc == 0)
		rc = procpool_batch_wait(batch, -1); /* however long it takes */
	if (rc == 0)
		print_results(batch);
	procpool_batch_close(batch);
	return rc;
}

int
main(int argc, char **argv)
{
	struct procpool_options options = { .entry_point = reverse };
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = run(pool, argv + 1, argc - 1);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "batch: %s\n", procpool_strerror(rc));
	return rc < 0;
}
