#include "jobs.h"

#include <stdbool.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Digits with at most one point, so that strtod is not offered "nan", "inf",
 * "0x1p-1", signs or spaces.  Sets *point to whether there is one. */
static bool
is_decimal(const char *text, size_t len, bool *point)
{
	size_t digits = strspn(text, "0123456789");
	size_t rest = 0;

	*point = text[digits] == '.';
	if (*point)
		rest = strspn(text + digits + 1, "0123456789");
	return digits + rest > 0 && digits + rest + *point == len;
}

static int
parse_part(const char *text, double whole, double *fraction)
{
	double part = strtod(text, NULL) / whole;

	if (!(part > 0 && part <= 1))
		return -1;
	*fraction = part;
	return 0;
}

static int
parse_count(const char *text, int *n_jobs)
{
	/* What does not fit reads as LONG_MAX. */
	long count = strtol(text, NULL, 10);

	if (count < 1 || count > INT_MAX)
		return -1;
	*n_jobs = (int)count;
	return 0;
}

int
pp_jobs_parse(const char *text, int *n_jobs, double *fraction)
{
	size_t len = strlen(text);
	bool percent = len > 0 && text[len - 1] == '%';
	bool point;

	*n_jobs = 0;
	*fraction = 0;
	if (strcmp(text, "-1") == 0) {
		*n_jobs = -1;
		return 0;
	}
	if (!is_decimal(text, len - percent, &point))
		return -1;
	if (percent)
		return parse_part(text, 100, fraction);
	if (point)
		return parse_part(text, 1, fraction);
	return parse_count(text, n_jobs);
}
