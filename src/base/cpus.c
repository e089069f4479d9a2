#include "base/cpus.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

/* The first line of a small file, without its newline; empty when it cannot
 * be read. */
static void
read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(line, (int)size, file) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)fclose(file);
}

/* Quota over period in CPUs, rounded up; 0 when there is no limit. */
static int
cpus_of(long long quota, long long period)
{
	if (quota <= 0 || period <= 0 || quota / period >= INT_MAX)
		return 0;
	return (int)((quota + period - 1) / period);
}

static int
quota_v2(const char *group)
{
	char path[PATH_MAX + 32], line[128];
	long long quota, period;

	(void)snprintf(path, sizeof(path), "%s/cpu.max", group);
	read_line(path, line, sizeof(line));
	if (sscanf(line, "%lld %lld", &quota, &period) != 2)
		return 0; /* "max 100000", or no such file */
	return cpus_of(quota, period);
}

static int
quota_v1(const char *group)
{
	char path[PATH_MAX + 32], line[128];
	long long quota = 0, period = 0;

	(void)snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", group);
	read_line(path, line, sizeof(line));
	(void)sscanf(line, "%lld", &quota);
	if (quota <= 0)
		return 0; /* -1 is none */
	(void)snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", group);
	read_line(path, line, sizeof(line));
	(void)sscanf(line, "%lld", &period);
	return cpus_of(quota, period);
}

/* The smallest quota from the group `path` below `mount` up to the mount. */
static int
smallest(const char *mount, char *path, int (*quota)(const char *group))
{
	char group[PATH_MAX];
	int least = 0;

	for (;;) {
		char *slash = strrchr(path, '/');
		int cpus;

		(void)snprintf(group, sizeof(group), "%s%s", mount, path);
		cpus = quota(group);
		if (cpus > 0 && (least == 0 || cpus < least))
			least = cpus;
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

/* Whether a comma separated list has `cpu` in it. */
static int
has_cpu(const char *list)
{
	const char *at = list;

	while ((at = strstr(at, "cpu")) != NULL) {
		if ((at == list || at[-1] == ',') &&
		    (at[3] == '\0' || at[3] == ','))
			return 1;
		at += 3;
	}
	return 0;
}

int
pp_quota_cpus(const char *root)
{
	char name[PATH_MAX], mount[PATH_MAX], line[PATH_MAX];
	FILE *file;
	int least = 0;

	(void)snprintf(name, sizeof(name), "%s/proc/self/cgroup", root);
	file = fopen(name, "re");
	if (file == NULL)
		return 0;
	/* Lines read ID:CONTROLLERS:PATH; version 2 has no controllers. */
	while (fgets(line, sizeof(line), file) != NULL) {
		char *list = strchr(line, ':');
		char *path = list != NULL ? strchr(list + 1, ':') : NULL;
		int cpus = 0;

		if (path == NULL)
			continue;
		path[strcspn(path, "\n")] = '\0';
		*path++ = '\0';
		list++;
		if (*list == '\0') {
			(void)snprintf(
			    mount, sizeof(mount), "%s/sys/fs/cgroup", root);
			cpus = smallest(mount, path, quota_v2);
		} else if (has_cpu(list)) {
			(void)snprintf(
			    mount, sizeof(mount), "%s/sys/fs/cgroup/cpu", root);
			cpus = smallest(mount, path, quota_v1);
		}
		if (cpus > 0 && (least == 0 || cpus < least))
			least = cpus;
	}
	(void)fclose(file);
	return least;
}

int
pp_usable_cpus(void)
{
	const int allowed = (int)uv_available_parallelism();
	const int quota = pp_quota_cpus("");

	return quota > 0 && quota < allowed ? quota : allowed;
}
