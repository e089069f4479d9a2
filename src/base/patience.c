#include "base/patience.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/poll.h"

#define MOST 16 /* times the wait is made */

/* What a process does, and has had: false when that cannot be told. */
static bool
look_at(pid_t pid, char *state, int64_t *cpu_ms)
{
	char path[40], line[512];
	const char *fields = NULL;
	unsigned long user = 0, system = 0;
	FILE *stat;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return false;
	if (fgets(line, sizeof(line), stat) != NULL)
		fields = strrchr(line, ')'); /* the name may have anything */
	(void)fclose(stat);
	if (fields == NULL ||
	    sscanf(fields,
		") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", state,
		&user, &system) != 3)
		return false;
	*cpu_ms = (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
	return true;
}

/* Whether it would go on if it had a processor, or its pages. */
static bool
is_delayed(pid_t pid, int64_t *cpu_ms)
{
	char state;

	return pid > 0 && look_at(pid, &state, cpu_ms) &&
	    (state == 'R' || state == 'D');
}

/* Wait until one of them is readable, or the deadline is past: whether one is.
 */
static bool
await_either(int fd, int stop, uint64_t deadline)
{
	struct pollfd items[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop, .events = POLLIN },
	};
	int n;

	do
		n = pp_poll(items, 2, pp_poll_timeout(deadline));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

bool
pp_await_answer(int fd, int64_t ms, pid_t pid, int stop)
{
	int64_t had, first = -1;
	int i;

	for (i = 0; i < MOST; i++) {
		if (await_either(fd, stop, pp_deadline(ms)))
			break;
		if (!is_delayed(pid, &had))
			break;
		if (first < 0)
			first = had;
		if (had - first >= ms)
			break; /* it turns in circles */
	}
	return pp_readable(fd, 0) > 0; /* it may have done it just now */
}
