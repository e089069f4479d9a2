#include "base/patience.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

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

bool
pp_await_answer(int fd, int64_t ms, pid_t pid)
{
	int64_t had, first = -1;
	int i;

	for (i = 0; i < MOST; i++) {
		if (pp_readable(fd, pp_deadline(ms)))
			return true;
		if (!is_delayed(pid, &had))
			break;
		if (first < 0)
			first = had;
		if (had - first >= ms)
			break; /* it turns in circles */
	}
	return pp_readable(fd, 0) > 0; /* it may have done it just now */
}
