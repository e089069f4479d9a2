/*
 * What the system does to a pool: memory ends, processes are stopped or get no
 * processor, /proc and /tmp are not there, the library comes and goes.
 *
 * Rows of the fault catalogue: W09 R11 R15 R16 R17 R18 R19, each with the
 * oracle U1 to U11.
 */
#include "sabotage.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/patience.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A host's pool: its options' entry point is t_ledger. */
static int
open_plain(struct procpool **pool, int n)
{
	const struct procpool_options options = {
		.entry_point = t_ledger, .n_jobs = n, .oversubscribe = true
	};

	return procpool_open(pool, &options);
}

/* ----------------------------------------------------- The end of memory */

static bool
write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t len = (ssize_t)strlen(text);
	const bool written = fd >= 0 && write(fd, text, (size_t)len) == len;

	if (fd >= 0)
		close(fd);
	return written;
}

static bool
write_in(const char *directory, const char *name, const char *text)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return write_text(path, text);
}

/* A group of processes that have 64 MiB of memory together, and no swap. */
static char group[256];

static bool
make_group(void)
{
	const char *limit = "67108864";

	snprintf(group, sizeof(group), "/sys/fs/cgroup/memory/procpool-test-%d",
	    (int)getpid());
	if (mkdir(group, 0700) == 0) {
		if (!write_in(group, "memory.limit_in_bytes", limit))
			return false;
		(void)write_in(group, "memory.memsw.limit_in_bytes", limit);
		return true;
	}
	snprintf(group, sizeof(group), "/sys/fs/cgroup/procpool-test-%d",
	    (int)getpid());
	if (mkdir(group, 0700) < 0)
		return false;
	(void)write_in(group, "memory.swap.max", "0");
	return write_in(group, "memory.max", limit);
}

static void
remove_group(void)
{
	const int64_t end = now_ms() + bound(5000);

	while (rmdir(group) < 0 && errno == EBUSY && now_ms() < end)
		usleep(1000); /* the last process is still on its way out */
}

/* flag[2]: the worker is in the group. */
static int
t_oom(struct procpool_job *job, const void *arg, size_t len)
{
	const size_t size = 300 << 20;
	const struct op *op = arg;
	volatile char *memory;

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (!write_in(group, "cgroup.procs", "0"))
		return 1;
	flag_set(&shared->flag[2], 1);
	memory = malloc(size);
	if (memory == NULL)
		return 2;
	for (size_t i = 0; i < size; i += 1024)
		memory[i] = 1;
	free((void *)memory);
	return 3;
}

/* W09 */
START_TEST(a_worker_that_the_kernel_kills_for_memory_costs_its_task_alone)
{
	struct procpool *pool;

	if (!make_group()) {
		remove_group();
		SKIP("no memory cgroup can be made here");
	}
	pool = begin_fault(2);
	submit_ops(pool, t_ledger, 0, 49, 0);
	submit_ops(pool, t_oom, 50, 50, 0);
	submit_ops(pool, t_ledger, 51, 99, 0);
	ledger_await(100, 10000);
	expect_success(0, 49);
	expect_end(50, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(51, 99);
	ck_assert_int_eq(atomic_load(&shared->flag[2]), 1);
	end_fault(pool, 100);
	remove_group();
}
END_TEST

static int
score_of(pid_t pid)
{
	char path[64];
	int score = -9999;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	file = fopen(path, "re");
	if (file != NULL && fscanf(file, "%d", &score) != 1)
		score = -9999;
	if (file != NULL)
		fclose(file);
	return score;
}

/* The pid that a job gives. */
static pid_t
pid_of(struct procpool *pool, procpool_job_fn function)
{
	const struct procpool_task task = { .function = function };
	struct procpool_result result;
	pid_t pid = 0;

	if (procpool_call_task(pool, &task, &result) == 0)
		memcpy(&pid, result.data, sizeof(pid));
	procpool_result_done(&result);
	return pid;
}

/* That a worker has this score, and spawner and host have theirs, also after
 * a replacement. */
static int
host_of_scores(int host, int worker)
{
	struct procpool *pool;
	pid_t pid;

	need(open_plain(&pool, 1) == 0);
	for (int i = 0; i < 2; i++) {
		pid = pid_of(pool, t_pid);
		need(score_of(pid) == worker);
		need(score_of(pid_of(pool, t_parent)) == host);
		need(score_of(getpid()) == host);
		kill(pid, SIGKILL);
	}
	return procpool_close(pool);
}

static int
host_of_its_score(void *unused)
{
	const int mine = score_of(getpid());

	(void)unused;
	return host_of_scores(mine, mine + 200 < 1000 ? mine + 200 : 1000);
}

/* R11 */
START_TEST(the_kernel_finds_a_worker_before_the_host_when_memory_ends)
{
	expect_host(fork_host(host_of_its_score, NULL), 0, 5000);
}
END_TEST

static int
host_of_900(void *unused)
{
	(void)unused;
	need(write_text("/proc/self/oom_score_adj", "900"));
	return host_of_scores(900, 1000);
}

/* R11 */
START_TEST(a_host_that_the_kernel_finds_early_has_workers_at_the_maximum)
{
	expect_host(fork_host(host_of_900, NULL), 0, 5000);
}
END_TEST

/* Be nobody in particular; dumpable, as who is from the start. */
static int
become_nobody(void)
{
	need(setgroups(0, NULL) == 0);
	need(setresgid(65534, 65534, 65534) == 0);
	need(setresuid(65534, 65534, 65534) == 0);
	return 0;
}

static int
host_without_privileges(void *unused)
{
	(void)unused;
	need(become_nobody() == 0);
	need(prctl(PR_SET_DUMPABLE, 1) == 0);
	return host_of_its_score(NULL);
}

static int
host_without_its_files(void *unused)
{
	const int mine = score_of(getpid());

	(void)unused;
	need(become_nobody() == 0);
	need(prctl(PR_SET_DUMPABLE, 0) == 0);
	return host_of_scores(mine, mine);
}

/* R11: to be more likely found needs no privilege. */
START_TEST(the_workers_of_a_host_without_privileges_are_found_first_too)
{
	if (getuid() != 0)
		SKIP("only root can become somebody else");
	expect_host(fork_host(host_without_privileges, NULL), 0, 5000);
}
END_TEST

/* R11: the files of such a process are not its own; nothing else suffers. */
START_TEST(workers_that_may_not_set_their_score_do_their_work)
{
	if (getuid() != 0)
		SKIP("only root can become somebody else");
	expect_host(fork_host(host_without_its_files, NULL), 0, 5000);
}
END_TEST

/* --------------------------------------------------- The library as a guest */

/* Another copy of the library, as a plug-in has it. */
struct copy {
	void *handle;
	int (*open)(struct procpool **, const struct procpool_options *);
	int (*submit_task)(struct procpool *, const struct procpool_task *);
	int (*drain)(struct procpool *, int64_t);
	int (*close)(struct procpool *);
};

#define LIBRARY ".libs/libprocpool.so"

static void
load(struct copy *copy)
{
	copy->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(copy->handle != NULL, "%s", dlerror());
	*(void **)&copy->open = dlsym(copy->handle, "procpool_open");
	*(void **)&copy->submit_task =
	    dlsym(copy->handle, "procpool_submit_task");
	*(void **)&copy->drain = dlsym(copy->handle, "procpool_drain");
	*(void **)&copy->close = dlsym(copy->handle, "procpool_close");
}

/* Run the ids from first to last in a pool of this copy; the first is killed. */
static void
run_in_copy(const struct copy *copy, struct procpool *pool, int first, int last)
{
	for (int id = first; id <= last; id++) {
		const struct op op = { .id = id, .value = SIGKILL };

		ok(copy->submit_task(pool,
		    &(struct procpool_task){ .arg = &op,
			.len = sizeof(op),
			.function = id == first ? t_kill : t_ledger,
			.done = ledger_done,
			.user = (void *)(uintptr_t)id }));
	}
	ok(copy->drain(pool, bound(5000)));
	expect_end(first, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(first + 1, last);
}

static struct procpool *
open_in_copy(const struct copy *copy)
{
	const struct procpool_options options = {
		.entry_point = t_ledger, .n_jobs = 2, .oversubscribe = true
	};
	struct procpool *pool = NULL;

	ok(copy->open(&pool, &options));
	return pool;
}

/* R15 */
START_TEST(a_library_that_is_unloaded_with_a_live_pool_stays)
{
	struct procpool *pool;
	struct copy copy;

	if (access(LIBRARY, F_OK) < 0)
		SKIP("there is no shared library in this build");
	load(&copy);
	pool = open_in_copy(&copy);
	ck_assert_int_eq(dlclose(copy.handle), 0);
	run_in_copy(&copy, pool, 0, 19);
	ok(copy.close(pool));
	ck_assert_ptr_nonnull(dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD));
	ledger_check(20);
}
END_TEST

/* R15: they share nothing, and so cannot disturb each other. */
START_TEST(two_copies_of_the_library_work_side_by_side)
{
	struct procpool *mine;
	struct procpool *theirs;
	struct copy copy;

	if (access(LIBRARY, F_OK) < 0)
		SKIP("there is no shared library in this build");
	load(&copy);
	mine = begin_fault(2);
	theirs = open_in_copy(&copy);
	run_in_copy(&copy, theirs, 0, 19);
	submit_ops(mine, t_kill, 20, 20, SIGKILL);
	submit_ops(mine, t_ledger, 21, 39, 0);
	ledger_await(40, 5000);
	expect_end(20, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(21, 39);
	ok(copy.close(theirs));
	end_fault(mine, 40);
	dlclose(copy.handle);
}
END_TEST

/* ----------------------------------------- A system without its places */

/* A mount namespace of its own, where /proc is empty, /tmp is full and
 * /dev/shm is read-only: 0, or 2 when that may not be had. */
static int
lose_places(void)
{
	char page[4096] = "";
	int fd;

	if (unshare(CLONE_NEWNS) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 2;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", MS_RDONLY, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", 0, "size=4k") < 0 ||
	    mount("none", "/dev/shm", "tmpfs", MS_RDONLY, NULL) < 0)
		return 2;
	fd = open("/tmp/full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	need(fd >= 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
	need(access("/proc/self", F_OK) < 0);
	return 0;
}

static int
host_without_places(void *unused)
{
	enum {
		SIZE = 1 << 20
	};
	struct procpool_result result;
	struct procpool *pool;
	char *bytes = calloc(1, SIZE);
	int rc = lose_places();

	(void)unused;
	if (rc != 0)
		return rc;
	need(open_plain(&pool, 2) == 0);
	for (int id = 0; id < 20; id++)
		need(submit_op(pool, id % 5 == 1 ? t_kill : t_ledger, id,
			 SIGKILL) == 0);
	need(procpool_drain(pool, bound(5000)) == 0);
	need(procpool_call_task(pool,
		 &(struct procpool_task){
		     .arg = bytes, .len = SIZE, .function = t_echo },
		 &result) == 0);
	need(result.len == SIZE);
	procpool_result_done(&result);
	need(procpool_refresh(pool) == 0);
	free(bytes);
	return procpool_close(pool);
}

/* R16 */
START_TEST(nothing_depends_on_proc_tmp_or_shared_memory_files)
{
	int status;

	if (WITH_ASAN || WITH_TSAN)
		SKIP("a sanitizer needs /proc");
	status = reap_host(fork_host(host_without_places, NULL), 10000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		SKIP("no mount namespace can be had here");
	ck_assert_msg(status == 0, "status %#x; line %d of the host", status,
	    atomic_load(&shared->host_line));
	for (int id = 0; id < 20; id++)
		if (id % 5 == 1)
			expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
		else
			expect_end(id, 0, 0);
	ledger_check(20);
}
END_TEST

/* ----------------------------------------------- Stopped and continued */

enum {
	STOPPED_TASKS = 600
};

/* Works while workers are killed. */
static int
host_of_a_storm(void *unused)
{
	struct trouble killer;
	struct procpool *pool;

	(void)unused;
	need(open_plain(&pool, 2) == 0);
	trouble_start(&killer, kill_a_worker, NULL);
	for (int id = 0; id < STOPPED_TASKS; id++)
		need(submit_op(pool, t_work, id, 500) == 0);
	need(procpool_drain(pool, bound(20000)) == 0);
	trouble_stop(&killer);
	need(procpool_is_running(pool) == 1);
	return procpool_close(pool);
}

static void
signal_all(const pid_t *pids, int n, int signal)
{
	for (int i = 0; i < n; i++)
		kill(pids[i], signal);
}

/* Stop for a time: the host, and the others too. */
static void
stop_for(pid_t host, bool others, useconds_t us)
{
	pid_t pids[64];
	int n;

	kill(host, SIGSTOP);
	n = our_processes(pids, 64);
	ck_assert_int_lt(n, 64);
	if (others)
		signal_all(pids, n, SIGSTOP);
	usleep(us);
	if (others)
		signal_all(pids, n, SIGCONT);
	kill(host, SIGCONT);
}

/* Whoever is stopped, each task ends by itself or by the kill it got; so does
 * the one whose death nobody was there to tell of. */
static void
stop_amid_a_storm(bool others, useconds_t longest)
{
	const useconds_t times[] = { 1000, 30000, longest, 1000 };
	const pid_t host = fork_host(host_of_a_storm, NULL);

	for (int i = 0; i < 4; i++) {
		await_flag(&shared->completions, 100 * (i + 1), 10000);
		stop_for(host, others, times[i]);
	}
	expect_host(host, 0, 20000);
	ledger_check(STOPPED_TASKS);
	ck_assert_int_eq(ledger_count(STOPPED_TASKS, 0) +
		ledger_count(STOPPED_TASKS, PROCPOOL_ECRASHED) +
		ledger_count(STOPPED_TASKS, PROCPOOL_EDIED),
	    STOPPED_TASKS);
}

/* R17: the long form lasts longer than any of the pool has patience. */
START_TEST(a_host_that_is_stopped_and_continued_goes_on)
{
	stop_amid_a_storm(false, is_long() ? 2200000 : 300000);
}
END_TEST

/* R17 */
START_TEST(a_host_that_is_stopped_with_its_workers_goes_on)
{
	stop_amid_a_storm(true, is_long() ? 12000000 : 300000);
}
END_TEST

enum {
	SWIZZLED = 4
};

/* Send a signal to all, one by one in random order, with pauses. */
static void
signal_in_any_order(const pid_t *pids, int signal, unsigned *seed)
{
	int order[SWIZZLED] = { 0 };

	for (int i = 0; i < SWIZZLED; i++) {
		const int j = rand_r(seed) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < SWIZZLED; i++) {
		kill(pids[order[i]], signal);
		usleep((useconds_t)(rand_r(seed) % 3000));
	}
}

/* R18 */
START_TEST(workers_stopped_and_continued_in_any_order_complete_all_tasks)
{
	enum {
		TASKS = 2000
	};
	struct procpool *pool = begin_fault(SWIZZLED);
	struct procpool_stats stats;
	unsigned seed = 18;
	pid_t pids[SWIZZLED];

	pool_pids(pool, pids);
	submit_ops(pool, t_work, 0, TASKS - 1, 300);
	for (int i = 0; i < 12; i++) {
		signal_in_any_order(pids, SIGSTOP, &seed);
		signal_in_any_order(pids, SIGCONT, &seed);
	}
	ledger_await(TASKS, 10000);
	expect_success(0, TASKS - 1);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	end_fault(pool, TASKS);
}
END_TEST

/* R18: at most the one that it has or would begin next waits for it. */
START_TEST(tasks_behind_a_stopped_worker_go_to_others)
{
	enum {
		TASKS = 500
	};
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(pids[0], SIGSTOP);
	submit_ops(pool, t_ledger, 0, TASKS - 1, 0);
	ledger_await(TASKS - 1, 5000);
	kill(pids[0], SIGCONT);
	ledger_await(TASKS, 5000);
	expect_success(0, TASKS - 1);
	end_fault(pool, TASKS);
}
END_TEST

/* R18: a stopped worker from which all has been taken back has no slot for
 * another task, and does not say when it has: it is not waited for in a loop
 * without a rest. */
START_TEST(a_stopped_worker_costs_the_program_no_time)
{
	enum {
		LOOK_MS = 400
	};
	const struct procpool_task first = { .function = t_pid, .priority = 1 };
	struct procpool *pool = begin_fault(1);
	int64_t used;
	pid_t pid;
	int n = 0;

	pool_pids(pool, &pid);
	kill(pid, SIGSTOP);
	for (int i = 0; i < 4; i++) {
		submit_ops(pool, t_ledger, n, n + 999, 0);
		n += 1000;
		usleep(20000); /* until they are sent */
		ok(procpool_submit_task(pool, &first));
		usleep(20000); /* until they are taken back */
	}
	used = cpu_ms();
	usleep(LOOK_MS * 1000);
	ck_assert_int_lt(cpu_ms() - used, LOOK_MS / 10);
	kill(pid, SIGCONT);
	ledger_await(n, 5000);
	expect_success(0, n - 1);
	end_fault(pool, n);
}
END_TEST

/* ------------------------------------------------- Little processor time */

/* Who there is beside the pool on the one processor. */
struct crowd {
	int neighbours, nice;
	int workers, tasks; /* of the pool; every tenth task kills its worker */
};

static int
share_one_processor(void)
{
	cpu_set_t all, one;
	int cpu = 0;

	need(sched_getaffinity(0, sizeof(all), &all) == 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	need(sched_setaffinity(0, sizeof(one), &one) == 0);
	return 0;
}

enum {
	MANY = 16
};

static pid_t neighbours[MANY];

/* They spin as long as this process lives. */
static int
add_neighbours(int n)
{
	const pid_t host = getpid();

	for (int i = 0; i < n; i++) {
		neighbours[i] = fork();
		need(neighbours[i] >= 0);
		while (neighbours[i] == 0)
			if (getppid() != host)
				_exit(0);
	}
	return 0;
}

static void
remove_neighbours(int n)
{
	for (int i = 0; i < n; i++) {
		kill(neighbours[i], SIGKILL);
		waitpid(neighbours[i], NULL, 0);
	}
}

static int
host_in_a_crowd(void *arg)
{
	const struct crowd *crowd = arg;
	struct procpool *pool;

	need(share_one_processor() == 0);
	need(add_neighbours(crowd->neighbours) == 0);
	need(setpriority(PRIO_PROCESS, 0, crowd->nice) == 0);
	need(open_plain(&pool, crowd->workers) == 0);
	for (int id = 0; id < crowd->tasks; id++)
		need(submit_op(pool, id % 10 == 1 ? t_kill : t_ledger, id,
			 SIGKILL) == 0);
	need(procpool_drain(pool, bound(30000)) == 0);
	need(procpool_close(pool) == 0);
	remove_neighbours(crowd->neighbours);
	return 0;
}

static void
expect_patience(struct crowd crowd)
{
	expect_host(fork_host(host_in_a_crowd, &crowd), 0, 60000);
	for (int id = 0; id < crowd.tasks; id++)
		if (id % 10 == 1)
			expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
		else
			expect_end(id, 0, 0);
	ledger_check(crowd.tasks);
}

/* R19 */
START_TEST(a_pool_on_one_processor_with_many_neighbours_blames_nobody)
{
	expect_patience(
	    (struct crowd){ .neighbours = MANY, .workers = 2, .tasks = 40 });
}
END_TEST

/* R19: its processes get a thousandth of the processor and less, which no wait
 * of fixed length survives. */
START_TEST(a_nice_pool_with_many_neighbours_blames_nobody)
{
	if (!is_long())
		SKIP("it takes many seconds: set PP_TEST_LONG=1");
	expect_patience((struct crowd){
	    .neighbours = MANY / 2, .nice = 19, .workers = 1, .tasks = 4 });
}
END_TEST

enum {
	PATIENCE = 100 /* ms */
};

/* Fork a process that writes to *fd after it has had this much time. */
static pid_t
fork_answer(int ms, int *fd)
{
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		const int64_t end = cpu_ms() + ms;

		while (cpu_ms() < end)
			;
		_exit(write(ends[1], "x", 1) != 1);
	}
	*fd = ends[0];
	close(ends[1]);
	return pid;
}

/* Wait for an answer of this process, which is ended then: whether it came. */
static bool
is_answered(pid_t pid, int fd)
{
	const bool answered = pp_await_answer(fd, PATIENCE, pid, -1);

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
	return answered;
}

/* Its neighbours have ten times its share of the one processor. */
static int
host_of_a_slow_answer(void *unused)
{
	pid_t pid;
	int fd;

	(void)unused;
	need(share_one_processor() == 0);
	pid = fork_answer(PATIENCE / 6, &fd);
	need(setpriority(PRIO_PROCESS, (id_t)pid, 10) == 0);
	need(add_neighbours(1) == 0);
	if (pp_readable(fd, pp_deadline(PATIENCE)))
		return 2;
	need(is_answered(pid, fd));
	remove_neighbours(1);
	return 0;
}

/* R19 */
START_TEST(who_gets_little_of_the_processor_is_waited_for)
{
	const int status =
	    reap_host(fork_host(host_of_a_slow_answer, NULL), 5000);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		SKIP("being nice does not cost much of the processor here");
	ck_assert_msg(status == 0, "status %#x; line %d of the host", status,
	    atomic_load(&shared->host_line));
}
END_TEST

/* R19: nor for who spins on what it will never have. */
START_TEST(who_has_had_its_time_is_not_waited_for)
{
	const int64_t start = now_ms();
	int fd;
	const pid_t pid = fork_answer(PATIENCE_MS, &fd);

	ck_assert(!is_answered(pid, fd));
	took_less(start, 15 * PATIENCE); /* of 16 that there can be */
}
END_TEST

/* R19, W31 */
START_TEST(who_stands_still_is_not_waited_for)
{
	const int64_t start = now_ms();
	int fd;
	const pid_t pid = fork_answer(PATIENCE_MS, &fd);

	kill(pid, SIGSTOP);
	ck_assert(!is_answered(pid, fd));
	took_less(start, 4 * PATIENCE);
}
END_TEST

RUN_TESTS("fault_system",
    a_worker_that_the_kernel_kills_for_memory_costs_its_task_alone,
    the_kernel_finds_a_worker_before_the_host_when_memory_ends,
    a_host_that_the_kernel_finds_early_has_workers_at_the_maximum,
    the_workers_of_a_host_without_privileges_are_found_first_too,
    workers_that_may_not_set_their_score_do_their_work,
    a_library_that_is_unloaded_with_a_live_pool_stays,
    two_copies_of_the_library_work_side_by_side,
    nothing_depends_on_proc_tmp_or_shared_memory_files,
    a_host_that_is_stopped_and_continued_goes_on,
    a_host_that_is_stopped_with_its_workers_goes_on,
    workers_stopped_and_continued_in_any_order_complete_all_tasks,
    tasks_behind_a_stopped_worker_go_to_others,
    a_stopped_worker_costs_the_program_no_time,
    a_pool_on_one_processor_with_many_neighbours_blames_nobody,
    a_nice_pool_with_many_neighbours_blames_nobody,
    who_gets_little_of_the_processor_is_waited_for,
    who_has_had_its_time_is_not_waited_for, who_stands_still_is_not_waited_for)
