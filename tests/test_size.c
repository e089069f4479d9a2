/*
 * How many workers a pool has.  Rows A1, A2, A3, A4 (the pool's part) and A7.
 */
#include "testing.h"

#include <math.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/cpus.h"
#include "rules/size.h"

/* What a count or a fraction gives on so many CPUs, or the error. */
static int
size_of(int n_jobs, double fraction, bool oversubscribe, int cpus)
{
	int n = -7;
	const int rc =
	    pp_size_resolve(n_jobs, fraction, oversubscribe, cpus, &n);

	ck_assert_msg(rc == 0 || n == -7, "a refused size was written");
	return rc == 0 ? n : rc;
}

static void
expect_sizes(double fraction, const int expected[7])
{
	static const int cpus[7] = { 1, 2, 3, 4, 6, 8, 10 };

	for (int i = 0; i < 7; i++)
		ck_assert_msg(
		    size_of(0, fraction, false, cpus[i]) == expected[i],
		    "%g of %d CPUs is %d, expected %d", fraction, cpus[i],
		    size_of(0, fraction, false, cpus[i]), expected[i]);
}

/* A2 */
START_TEST(a_fraction_is_rounded_half_to_even_and_at_least_one)
{
	expect_sizes(0.25, (int[]){ 1, 1, 1, 1, 2, 2, 2 });
	expect_sizes(0.5, (int[]){ 1, 1, 2, 2, 3, 4, 5 });
	expect_sizes(0.75, (int[]){ 1, 2, 2, 3, 4, 6, 8 });
	expect_sizes(0.99, (int[]){ 1, 2, 3, 4, 6, 8, 10 });
	expect_sizes(1.0, (int[]){ 1, 2, 3, 4, 6, 8, 10 });
	expect_sizes(0.01, (int[]){ 1, 1, 1, 1, 1, 1, 1 });
}
END_TEST

/* A1 */
START_TEST(zero_and_minus_one_are_all_cpus)
{
	ck_assert_int_eq(size_of(0, 0, false, 6), 6);
	ck_assert_int_eq(size_of(-1, 0, false, 6), 6);
	ck_assert_int_eq(size_of(0, 0, true, 6), 6);
	ck_assert_int_eq(size_of(-1, 0, true, 6), 6);
}
END_TEST

/* A3, A4 */
START_TEST(a_count_is_cut_to_the_cpus_unless_it_may_exceed_them)
{
	ck_assert_int_eq(size_of(1, 0, false, 6), 1);
	ck_assert_int_eq(size_of(6, 0, false, 6), 6);
	ck_assert_int_eq(size_of(100, 0, false, 6), 6);
	ck_assert_int_eq(size_of(100, 0, true, 6), 100);
	ck_assert_int_eq(size_of(2, 0, true, 6), 2);
}
END_TEST

/* A3 */
START_TEST(sizes_that_mean_nothing_are_refused)
{
	ck_assert_int_eq(size_of(-2, 0, false, 4), PROCPOOL_ESIZE);
	ck_assert_int_eq(size_of(-2, 0, true, 4), PROCPOOL_ESIZE);
	ck_assert_int_eq(size_of(INT32_MIN, 0, false, 4), PROCPOOL_ESIZE);
	ck_assert_int_eq(size_of(0, 1.01, false, 4), PROCPOOL_EFRACTION);
	ck_assert_int_eq(size_of(0, -0.5, false, 4), PROCPOOL_EFRACTION);
	ck_assert_int_eq(size_of(0, NAN, false, 4), PROCPOOL_EFRACTION);
	ck_assert_int_eq(size_of(0, INFINITY, false, 4), PROCPOOL_EFRACTION);
	ck_assert_int_eq(size_of(0, -INFINITY, true, 4), PROCPOOL_EFRACTION);
	ck_assert_int_eq(size_of(2, 0.5, false, 4), PROCPOOL_ETWOSIZES);
	ck_assert_int_eq(size_of(-1, 0.5, false, 4), PROCPOOL_ETWOSIZES);
}
END_TEST

/* How many workers a pool with these options says it has, and really has. */
static int
workers_with(struct procpool_options options)
{
	struct procpool *pool;
	pid_t pids[1024];
	int n;

	options.entry_point = t_pid;
	pool = open_with(options);
	n = procpool_n_jobs(pool);
	pool_pids(pool, pids);
	close_pool(pool);
	return n;
}

static int
cpus_of_affinity(void)
{
	cpu_set_t set;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	return CPU_COUNT(&set);
}

/* What affinity and quota allow, as the quota's own test below trusts it. */
static int
usable_cpus(void)
{
	const int quota = pp_quota_cpus("");
	const int affinity = cpus_of_affinity();

	return quota > 0 && quota < affinity ? quota : affinity;
}

/* A1 */
START_TEST(a_pool_has_a_worker_for_each_usable_cpu)
{
	const int all = usable_cpus();

	ck_assert_int_eq(workers_with((struct procpool_options){ 0 }), all);
	ck_assert_int_eq(
	    workers_with((struct procpool_options){ .n_jobs = -1 }), all);
	ck_assert_int_eq(
	    workers_with((struct procpool_options){ .fraction = 1.0 }), all);
}
END_TEST

/* A1: affinity counts, not what the machine has. */
START_TEST(a_process_bound_to_one_cpu_gets_one_worker)
{
	cpu_set_t all;
	cpu_set_t one;
	int first = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_int_eq(workers_with((struct procpool_options){ 0 }), 1);
	ck_assert_int_eq(
	    workers_with((struct procpool_options){ .fraction = 1.0 }), 1);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
}
END_TEST

/* Make a file of a false root, with the folders on the way to it. */
static void
put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(path, 0700);
		*at = '/';
	}
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static char *
make_root(char *template)
{
	ck_assert_ptr_nonnull(mkdtemp(template));
	return template;
}

static void
remove_root(const char *root)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

/* A1: version 2; a group further up may be the tighter one. */
START_TEST(the_smallest_quota_of_the_groups_above_counts)
{
	char name[] = "/tmp/test_size.XXXXXX";
	const char *root = make_root(name);

	put(root, "proc/self/cgroup", "0::/a/b\n");
	put(root, "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 0);
	put(root, "sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 4);
	put(root, "sys/fs/cgroup/a/cpu.max", "300000 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 3);
	remove_root(root);
}
END_TEST

/* A1 */
START_TEST(a_quota_is_rounded_up_and_at_least_one)
{
	char name[] = "/tmp/test_size.XXXXXX";
	const char *root = make_root(name);

	put(root, "proc/self/cgroup", "0::/\n");
	put(root, "sys/fs/cgroup/cpu.max", "10000 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 1);
	put(root, "sys/fs/cgroup/cpu.max", "150000 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 2);
	put(root, "sys/fs/cgroup/cpu.max", "200000 100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 2);
	remove_root(root);
}
END_TEST

/* A1: version 1, where the controller is one of several in a line. */
START_TEST(a_quota_of_version_one_counts_too)
{
	char name[] = "/tmp/test_size.XXXXXX";
	const char *root = make_root(name);

	put(root, "proc/self/cgroup", "3:cpuset:/x\n2:cpuacct,cpu:/y\n0::/\n");
	put(root, "sys/fs/cgroup/cpu/y/cpu.cfs_quota_us", "-1\n");
	put(root, "sys/fs/cgroup/cpu/y/cpu.cfs_period_us", "100000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 0);
	put(root, "sys/fs/cgroup/cpu/y/cpu.cfs_quota_us", "250000\n");
	ck_assert_int_eq(pp_quota_cpus(root), 3);
	remove_root(root);
}
END_TEST

/* A1 */
START_TEST(without_a_readable_group_there_is_no_quota)
{
	char name[] = "/tmp/test_size.XXXXXX";
	const char *root = make_root(name);

	ck_assert_int_eq(pp_quota_cpus(root), 0);
	put(root, "proc/self/cgroup", "nonsense\n::\n0:\n");
	ck_assert_int_eq(pp_quota_cpus(root), 0);
	put(root, "proc/self/cgroup", "0::/a\n");
	put(root, "sys/fs/cgroup/a/cpu.max", "many of them\n");
	ck_assert_int_eq(pp_quota_cpus(root), 0);
	remove_root(root);
}
END_TEST

/* A3 */
START_TEST(a_count_of_a_hundred_is_cut_to_the_usable_cpus)
{
	ck_assert_int_eq(
	    workers_with((struct procpool_options){ .n_jobs = 100 }),
	    usable_cpus());
}
END_TEST

static void
expect_refused(struct procpool_options options, int error)
{
	struct procpool *const untouched = (struct procpool *)&options;
	struct procpool *pool = untouched;

	options.entry_point = t_pid;
	expect(procpool_open(&pool, &options), error);
	ck_assert_ptr_eq(pool, untouched);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
}

/* A3 */
START_TEST(a_wrong_size_opens_no_pool_and_leaves_no_child)
{
	expect_refused(
	    (struct procpool_options){ .fraction = 1.01 }, PROCPOOL_EFRACTION);
	expect_refused(
	    (struct procpool_options){ .fraction = -0.5 }, PROCPOOL_EFRACTION);
	expect_refused(
	    (struct procpool_options){ .fraction = NAN }, PROCPOOL_EFRACTION);
	expect_refused(
	    (struct procpool_options){ .n_jobs = -2 }, PROCPOOL_ESIZE);
	expect_refused(
	    (struct procpool_options){ .n_jobs = 2, .fraction = 0.5 },
	    PROCPOOL_ETWOSIZES);
}
END_TEST

/* A7; the pids are compared in workers_with(). */
START_TEST(asking_for_four_gives_four_distinct_processes)
{
	ck_assert_int_eq(workers_with((struct procpool_options){
			     .n_jobs = 4, .oversubscribe = true }),
	    4);
}
END_TEST

/* A4, A7 */
START_TEST(sixteen_workers_run_on_however_few_cpus)
{
	ck_assert_int_eq(workers_with((struct procpool_options){
			     .n_jobs = 16, .oversubscribe = true }),
	    16);
}
END_TEST

RUN_TESTS("size", a_fraction_is_rounded_half_to_even_and_at_least_one,
    zero_and_minus_one_are_all_cpus,
    a_count_is_cut_to_the_cpus_unless_it_may_exceed_them,
    sizes_that_mean_nothing_are_refused,
    a_pool_has_a_worker_for_each_usable_cpu,
    a_process_bound_to_one_cpu_gets_one_worker,
    the_smallest_quota_of_the_groups_above_counts,
    a_quota_is_rounded_up_and_at_least_one, a_quota_of_version_one_counts_too,
    without_a_readable_group_there_is_no_quota,
    a_count_of_a_hundred_is_cut_to_the_usable_cpus,
    a_wrong_size_opens_no_pool_and_leaves_no_child,
    asking_for_four_gives_four_distinct_processes,
    sixteen_workers_run_on_however_few_cpus)
