/*
 * records: a file larger than memory.
 *
 *     records FILE
 *
 * reads records of two numbers and prints in how many of them the two have no
 * common divisor.  The program only cuts the file into pieces; workers look at
 * the records, and a callback adds up what they found.
 *
 * Notice queue_bytes: when so much is under way, submitting waits, and with it
 * the reading.  However long the file and however slow the workers, the program
 * has no more than that of it in memory.
 */
#include <procpool.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

struct record {
	uint32_t a, b;
};

struct findings {
	long records, coprime, failed;
};

static uint32_t
greatest_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static int
examine(struct procpool_job *job, const void *arg, size_t len)
{
	const struct record *piece = arg;
	struct findings found = { .records = (long)(len / sizeof(*piece)) };

	for (long i = 0; i < found.records; i++)
		found.coprime += greatest_divisor(piece[i].a, piece[i].b) == 1;
	return procpool_return(job, &found, sizeof(found));
}

static void
add_up(const struct procpool_result *result, void *user)
{
	struct findings *all = user;
	const struct findings *found = result->data;

	if (result->outcome != 0) {
		all->failed++;
		return;
	}
	all->records += found->records;
	all->coprime += found->coprime;
}

/* The bytes are copied, so that one buffer does for all pieces. */
static int
submit_file(struct procpool *pool, FILE *file, struct findings *all)
{
	static struct record piece[32768];
	const size_t size = sizeof(*piece);
	size_t n;
	int rc = 0;

	while (rc == 0 && (n = fread(piece, size, 32768, file)) > 0)
		rc = procpool_submit(pool, piece, n * size, add_up, all);
	return ferror(file) ? -EIO : rc;
}

int
main(int argc, char **argv)
{
	struct procpool_options options = { .entry_point = examine,
		.queue_bytes = 4 << 20 };
	struct procpool *pool;
	struct findings all = { 0 };
	struct rusage usage;
	FILE *file = fopen(argc > 1 ? argv[1] : "", "rb");
	int rc = file == NULL ? -errno : procpool_open(&pool, &options);

	if (rc == 0) {
		rc = submit_file(pool, file, &all);
		procpool_close(pool);
	}
	if (file != NULL)
		fclose(file);
	if (rc < 0)
		fprintf(stderr, "records: %s\n", procpool_strerror(rc));
	printf("%ld records, %ld coprime; %ld pieces failed\n", all.records,
	    all.coprime, all.failed);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		printf("%ld KiB at most in memory\n", usage.ru_maxrss);
	return rc < 0 || all.failed > 0;
}
