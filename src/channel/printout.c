#include "channel/printout.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

#define SILENCE_MS 100 /* after which a line is not waited for to end */

void
pp_printout_init(struct printout *printout)
{
	printout->fd = -1;
	printout->len = 0;
	printout->due = PP_NEVER;
}

static void
log_line(struct log *log, const char *name, char *line, size_t len)
{
	char *zero;

	while ((zero = memchr(line, '\0', len)) != NULL)
		*zero = '?'; /* as the log shows what else would break a line */
	pp_log(log, PROCPOOL_INFO, "%s: %.*s", name, (int)len, line);
}

/* Log the whole lines, and what is too long to become one. */
static void
log_lines(struct printout *printout, struct log *log, const char *name)
{
	char *line = printout->line;
	size_t left = printout->len;
	char *end;

	while ((end = memchr(line, '\n', left)) != NULL) {
		log_line(log, name, line, (size_t)(end - line));
		left -= (size_t)(end - line) + 1;
		line = end + 1;
	}
	memmove(printout->line, line, left);
	printout->len = left;
	if (left == PP_PRINTOUT_LINE)
		pp_printout_cut(printout, log, name);
}

size_t
pp_printout_read(struct printout *printout, struct log *log, const char *name)
{
	ssize_t n;

	if (printout->fd < 0)
		return 0;
	do
		n = read(printout->fd, printout->line + printout->len,
		    PP_PRINTOUT_LINE - printout->len);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		pp_close(&printout->fd);
	if (n <= 0)
		return 0;
	printout->len += (size_t)n;
	log_lines(printout, log, name);
	printout->due = printout->len > 0 ? pp_deadline(SILENCE_MS) : PP_NEVER;
	return (size_t)n;
}

void
pp_printout_cut(struct printout *printout, struct log *log, const char *name)
{
	if (printout->len > 0)
		log_line(log, name, printout->line, printout->len);
	printout->len = 0;
	printout->due = PP_NEVER;
}

void
pp_printout_finish(struct printout *printout, struct log *log, const char *name)
{
	int there = 0;

	/* What is there now: something that a job started may write on. */
	if (printout->fd >= 0)
		(void)ioctl(printout->fd, FIONREAD, &there);
	while (there > 0) {
		const size_t n = pp_printout_read(printout, log, name);

		if (n == 0)
			break;
		there -= (int)n;
	}
	pp_printout_cut(printout, log, name);
	pp_close(&printout->fd);
}

void
pp_printout_close(struct printout *printout)
{
	pp_close(&printout->fd);
	pp_printout_init(printout);
}
