/*
 * map: results in order, as they come, of an input without an end.
 *
 *     seq 1 20 | map
 *
 * prints the prime factors of each number, a line for a line.  A map draws its
 * items from a source (here the lines of standard input), has them worked on,
 * and hands out the results one after the other.  It draws only so far ahead
 * of you: memory stays as it is, however long the input.
 *
 * Notice that the loop sees successes only: the first line that fails ends the
 * map, in its turn, and then the result says why and the index which it was.
 * The workers are the map's own, and begin with the first line.
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
factor(struct procpool_job *job, const void *arg, size_t len)
{
	char digits[20] = "", text[200], *end;
	unsigned long rest;
	int n;

	memcpy(digits, arg, len < sizeof(digits) ? len : sizeof(digits) - 1);
	rest = strtoul(digits, &end, 10);
	if (*end != '\0' || rest == 0)
		return procpool_fail(
		    job, 1, "'%.*s' is no number", (int)len, (const char *)arg);
	n = snprintf(text, sizeof(text), "%lu:", rest);
	for (unsigned long p = 2; rest > 1; p++) {
		if (p > rest / p)
			p = rest; /* what is left is a prime */
		for (; rest % p == 0; rest /= p)
			n += snprintf(
			    text + n, sizeof(text) - (size_t)n, " %lu", p);
	}
	return procpool_return(job, text, (size_t)n);
}

int
main(void)
{
	const struct procpool_map_options options = {
		.function = factor,
		.source = { .lines = stdin },
		.buffer_factor = 1000, /* a line is soon done */
	};
	const struct procpool_result *result;
	struct procpool_map *map;
	int rc = procpool_map_open(&map, &options);

	if (rc == 0) {
		while ((rc = procpool_map_next(map, &result)) > 0)
			printf("%.*s\n", (int)result->len,
			    (const char *)result->data);
		if (rc < 0 && result != NULL)
			printf("line %d: %s\n",
			    (int)procpool_map_index(map) + 1, result->message);
		procpool_map_close(map);
	}
	if (rc < 0)
		fprintf(stderr, "map: %s\n", procpool_strerror(rc));
	return rc < 0;
}
