/*
 * The command's voice: all that it says on stderr.
 */
#include "tool.h"

#include "screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

/* Messages quote what users typed and what jobs told: either may hold an
 * escape sequence.  Visible has four bytes for each one of text; returns its
 * end. */
static char *
make_visible(const char *text, char *visible)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == 127)
			visible += sprintf(visible, "\\%03o", byte);
		else
			*visible++ = *text;
	}
	return visible;
}

void
pp_say(const char *format, ...)
{
	static const char name[] = "procpool: ";
	char line[LINE_MAX_BYTES];
	char said[sizeof(name) + 4 * LINE_MAX_BYTES], *end;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	/* In one call, and so in one write: jobs write there too. */
	end = make_visible(line, stpcpy(said, name));
	*end++ = '\n';
	pp_screen_write(said, (size_t)(end - said));
}

void
pp_say_failed(uint64_t record, int outcome, int code, const char *text)
{
	const char *name;

	switch (outcome) {
	case PROCPOOL_EFAILED:
		pp_say("record %" PRIu64 ": failed with code %d: %s", record,
		    code, text);
		break;
	case PROCPOOL_ECRASHED:
		name = sigabbrev_np(code);
		pp_say("record %" PRIu64 ": crashed with signal %d (SIG%s): %s",
		    record, code, name != NULL ? name : "?", text);
		break;
	case PROCPOOL_EEXITED:
		pp_say("record %" PRIu64 ": ended its worker with exit status "
		       "%d: %s",
		    record, code, text);
		break;
	case PROCPOOL_EBROKEN:
		pp_say("record %" PRIu64
		       ": given up, since the pool is broken: %s",
		    record, text);
		break;
	default:
		pp_say("record %" PRIu64 ": %s", record,
		    procpool_strerror(outcome));
	}
}

static void
say_count(const char *name, uint64_t count)
{
	char line[80];

	pp_screen_write(line,
	    (size_t)snprintf(
		line, sizeof(line), "%s %" PRIu64 "\n", name, count));
}

static void
say_seconds(const char *name, uint64_t ns)
{
	char line[80];

	pp_screen_write(line,
	    (size_t)snprintf(
		line, sizeof(line), "%s %.3f\n", name, (double)ns / 1e9));
}

/* busy_ns has n values. */
static void
say_all(const struct procpool_stats *stats, const struct tally *tally,
    const uint64_t *busy_ns, int n)
{
	char name[40];
	int i;

	say_count("records", tally->records);
	say_count("succeeded", tally->succeeded);
	say_count("failed", tally->failed);
	say_count("crashed", stats->crashed);
	say_count("workers", (uint64_t)n);
	say_count("restarts", stats->restarts);
	say_count("bytes_in", stats->bytes_in);
	say_count("bytes_out", stats->bytes_out);
	say_seconds("seconds", tally->ns);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "busy_seconds_%d", i);
		say_seconds(name, busy_ns[i]);
	}
}

void
pp_say_stats(struct procpool *pool, const struct tally *tally)
{
	int n = procpool_n_jobs(pool);
	uint64_t *busy_ns = calloc((size_t)n, sizeof(*busy_ns));
	struct procpool_stats stats;
	int rc = -ENOMEM;

	if (busy_ns != NULL)
		rc = procpool_get_stats(pool, &stats, busy_ns);
	if (rc == 0)
		say_all(&stats, tally, busy_ns, n);
	else
		pp_say("no statistics: %s", procpool_strerror(rc));
	free(busy_ns);
}
