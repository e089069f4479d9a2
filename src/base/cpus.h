/*
 * How many CPUs this process may use: what the affinity mask allows, and no
 * more than the CPU quota of its cgroup (version 1 or 2), rounded up.
 */
#ifndef PP_BASE_CPUS_H
#define PP_BASE_CPUS_H

/* At least 1. */
int pp_usable_cpus(void);

/*
 * The quota part, for a file system below `root` ("" for the real one): the
 * smallest quota on the way from this process's cgroup to the top, in CPUs
 * rounded up, at least 1; 0 when there is none.
 */
int pp_quota_cpus(const char *root);

#endif
