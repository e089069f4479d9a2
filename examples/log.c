/*
 * log: what the pool, its workers and their jobs have to say.
 *
 * The library prints nothing; a log function gets all of it, one line at a
 * time.  Lines from workers have their names in front: those that a job logs,
 * and those that it, or a library or program it uses, prints.
 *
 * Notice that the lines of a job that dies are there too, the last one even
 * without an end, and what became of its worker.  What is logged and what is
 * printed go different ways, and either may overtake the other.
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>

/* Three ways to say something, and one not to. */
static int
speak(struct procpool_job *job, const void *arg, size_t len)
{
	int number = *(const int *)arg;

	(void)len;
	procpool_job_log(job, PROCPOOL_WARNING, "%d is on its way", number);
	printf("%d speaks to stdout\n", number);
	fprintf(stderr, "%d speaks to stderr\n", number);
	if (system("echo a command speaks") != 0)
		return procpool_fail(job, 1, "no shell");
	if (number == 3) {
		fprintf(stderr, "%d ends in the middle of", number);
		abort();
	}
	return 0;
}

/* One line at a time, from threads of the pool: no lock is needed here.  What
 * takes long, or calls the pool, has no place in it. */
static void
print_line(enum procpool_level level, const char *message, void *user)
{
	static const char *const names[] = { "debug", "info", "warning",
		"error" };
	FILE *to = user;

	fprintf(to, "%s: %s\n", names[level], message);
}

int
main(void)
{
	struct procpool_options options = { .entry_point = speak,
		.name = "talk", /* "talk-w0" is a worker then */
		.n_jobs = 2,
		.log = print_line,
		.log_level = PROCPOOL_INFO, /* and what is graver */
		.user = stdout };
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		for (int i = 1; i <= 4 && rc == 0; i++)
			rc = procpool_submit(pool, &i, sizeof(i), NULL, NULL);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "log: %s\n", procpool_strerror(rc));
	return rc < 0;
}
