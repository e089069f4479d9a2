/*
 * wc: a module for the command, with two functions.
 *
 *     cc -shared -fPIC -o wc.so wc.c
 *     find /usr/include -name '*.h' | procpool map ./wc.so:wc
 *
 * A module is a shared object, and each function it exports is a job: here a
 * record is the name of a file, and its result what wc(1) says of that file in
 * the C locale, "LINES WORDS BYTES NAME" with one space between.
 *
 * It need not be linked with libprocpool: the command has it.
 */
#include <procpool.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct counts {
	long lines;
	long words;
	long bytes;
	bool in_word;
};

/* A word lies between white space and has a character that can be printed, of
 * which the C locale knows those of ASCII. */
static void
count(struct counts *counts, const char *bytes, size_t len)
{
	size_t i;

	counts->bytes += (long)len;
	for (i = 0; i < len; i++) {
		char c = bytes[i];

		counts->lines += c == '\n';
		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			counts->in_word = false;
		} else if (c > ' ' && c <= '~' && !counts->in_word) {
			counts->in_word = true;
			counts->words++;
		}
	}
}

/* Returns 0 or an errno. */
static int
count_file(struct counts *counts, const char *name)
{
	static char buf[64 << 10]; /* a worker runs one job at a time */
	ssize_t n;
	int error;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		count(counts, buf, (size_t)n);
	error = n < 0 ? errno : 0;
	close(fd);
	return error;
}

int wc(struct procpool_job *job, const void *arg, size_t len);
int wc_or_crash(struct procpool_job *job, const void *arg, size_t len);

int
wc(struct procpool_job *job, const void *arg, size_t len)
{
	char name[PATH_MAX];
	char text[PATH_MAX + 100];
	struct counts counts = { 0 };
	int error, n;

	/* A record is bytes, and no string until we make it one. */
	if (len >= sizeof(name))
		return procpool_fail(job, ENAMETOOLONG, "the name is too long");
	memcpy(name, arg, len);
	name[len] = '\0';

	error = count_file(&counts, name);
	if (error != 0)
		return procpool_fail(
		    job, error, "%s: %s", name, strerror(error));

	n = snprintf(text, sizeof(text), "%ld %ld %ld %s", counts.lines,
	    counts.words, counts.bytes, name);
	return procpool_return(job, text, (size_t)n);
}

/* The same, except that the record "crash" does what its name says: to see
 * that a record costs only itself. */
int
wc_or_crash(struct procpool_job *job, const void *arg, size_t len)
{
	if (len == strlen("crash") && memcmp(arg, "crash", len) == 0)
		abort();
	return wc(job, arg, len);
}
