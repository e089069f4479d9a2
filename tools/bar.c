#include "bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAIL_BYTES 160

#define PERCENT    5 /* bytes of "100% " */
#define AROUND_BAR (PERCENT + 3) /* with "[" and "] " */
#define SHORTEST   5 /* what is shorter is no bar any more */

static void
print_time(int64_t seconds, char *text, size_t size)
{
	int64_t minutes = seconds / 60;

	if (seconds < 0)
		snprintf(text, size, "-:--");
	else if (seconds < 3600)
		snprintf(text, size, "%" PRId64 ":%02" PRId64, minutes,
		    seconds % 60);
	else
		snprintf(text, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64,
		    minutes / 60, minutes % 60, seconds % 60);
}

/* What stands behind the bar, most important first. */
static size_t
print_tail(const struct bar *bar, char *text)
{
	char failed[40] = "", time[32];

	if (bar->failed > 0)
		snprintf(failed, sizeof(failed), ", %" PRIu64 " failed",
		    bar->failed);
	print_time(bar->seconds, time, sizeof(time));
	return (size_t)snprintf(text, TAIL_BYTES,
	    "%" PRIu64 " done%s, %.*f/s, %s%s", bar->done, failed,
	    bar->per_second < 10 ? 1 : 0, bar->per_second, time,
	    bar->percent >= 0 && bar->percent < 100 ? " left" : "");
}

static char *
draw(char *text, size_t len, int percent)
{
	size_t full = len * (size_t)percent / 100;

	memset(text, '=', full);
	memset(text + full, ' ', len - full);
	if (full > 0 && full < len)
		text[full - 1] = '>';
	return text + len;
}

size_t
pp_bar_format(char *text, size_t width, const struct bar *bar)
{
	char tail[TAIL_BYTES];
	size_t tail_len = print_tail(bar, tail);
	char *at = text;

	if (bar->percent >= 0 && width > PERCENT) {
		at += sprintf(at, "%3d%% ", bar->percent);
		if (width >= tail_len + AROUND_BAR + SHORTEST) {
			*at++ = '[';
			at = draw(
			    at, width - tail_len - AROUND_BAR, bar->percent);
			at = stpcpy(at, "] ");
		}
	}
	width -= (size_t)(at - text);
	if (tail_len > width)
		tail_len = width;
	memcpy(at, tail, tail_len);
	at[tail_len] = '\0';
	return (size_t)(at - text) + tail_len;
}
