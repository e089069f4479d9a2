/*
 * What is told of failures, and that it is the truth: the log of deaths and
 * replacements, why a pool broke, and the statistics.  (What a task's own result tells is in
 * test_fault_leak.c.)
 *
 * Rows of the fault catalogue: D02 D03 D04 D06, each with the oracle U1 to U11.
 */
#include "sabotage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

/* --------------------------------------------------------------- The log */

static struct {
	pthread_mutex_t lock;
	char text[1 << 16];
	size_t len;
} logged = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
keep_line(enum procpool_level level, const char *line, void *unused)
{
	(void)level;
	(void)unused;
	pthread_mutex_lock(&logged.lock);
	logged.len += (size_t)snprintf(logged.text + logged.len,
	    sizeof(logged.text) - logged.len, "%s\n", line);
	if (logged.len >= sizeof(logged.text))
		logged.len = sizeof(logged.text) - 1;
	pthread_mutex_unlock(&logged.lock);
}

/* How many lines have all of these words; the last of them, if it is wanted. */
static int
count_lines(const char *a, const char *b, char *last, size_t size)
{
	char *text, *rest, *line;
	int n = 0;

	pthread_mutex_lock(&logged.lock);
	text = rest = strdup(logged.text);
	pthread_mutex_unlock(&logged.lock);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strstr(line, a) == NULL || strstr(line, b) == NULL)
			continue;
		if (last != NULL)
			snprintf(last, size, "%s", line);
		n++;
	}
	free(text);
	return n;
}

/* Wait for the line that tells of the death of this process. */
static void
await_death_line(int pid, char *line, size_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "(pid %d)", pid);
	await_that(count_lines(name, "died", line, size) > 0, 5000);
}

static struct procpool *
begin_logged(int n)
{
	return begin_fault_with(
	    (struct procpool_options){ .n_jobs = n, .log = keep_line });
}

/* ----------------------------------------------------------------- Cores */

/* A place where cores may be written, and are cleared away. */
struct cores {
	char directory[32], before[4096];
	struct rlimit limit;
};

static void
allow_cores(struct cores *cores, bool allowed)
{
	struct rlimit limit;

	strcpy(cores->directory, "/tmp/procpool-core-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(cores->directory));
	ck_assert_ptr_nonnull(getcwd(cores->before, sizeof(cores->before)));
	ck_assert_int_eq(chdir(cores->directory), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &cores->limit), 0);
	limit = cores->limit;
	limit.rlim_cur = allowed ? limit.rlim_max : 0;
	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &limit), 0);
}

static void
clear_cores(struct cores *cores)
{
	DIR *directory = opendir(".");
	const struct dirent *entry;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	ck_assert_int_eq(chdir(cores->before), 0);
	ck_assert_int_eq(rmdir(cores->directory), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &cores->limit), 0);
}

/* Whether this system writes a core for a process of ours that aborts now. */
static bool
aborting_dumps_core(void)
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return WCOREDUMP(status);
}

/* Let a worker abort: whether log and result tell of a core.  They agree. */
static bool
is_core_told(void)
{
	struct procpool *pool = begin_logged(1);
	struct procpool_result result;
	char line[1024];
	bool told;

	expect(call_op(pool, t_abort, 0, 0, &result), PROCPOOL_ECRASHED);
	await_death_line(result.pid, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "signal 6"));
	told = strstr(line, "(core dumped)") != NULL;
	ck_assert_int_eq(strstr(result.message, "(core dumped)") != NULL, told);
	procpool_result_done(&result);
	end_fault(pool, 0);
	return told;
}

/* D02, R14: whether there are cores is the program's to say, by its limit. */
START_TEST(a_core_of_a_worker_is_told)
{
	struct cores cores;
	bool dumps;

	allow_cores(&cores, true);
	dumps = aborting_dumps_core();
	if (dumps)
		ck_assert(is_core_told());
	clear_cores(&cores);
	if (!dumps)
		SKIP("there may be no cores here");
}
END_TEST

/* D02, R14 */
START_TEST(no_core_is_told_where_there_may_be_none)
{
	struct cores cores;
	bool dumps;

	allow_cores(&cores, false);
	dumps = aborting_dumps_core();
	if (!dumps)
		ck_assert(!is_core_told());
	clear_cores(&cores);
	if (dumps)
		SKIP("the system takes cores whatever the limit");
}
END_TEST

static int
forbid_cores(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	return setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

/* R14: or a worker's own. */
START_TEST(a_worker_may_forbid_its_own_core)
{
	struct cores cores;
	struct procpool *pool;
	char line[1024];

	allow_cores(&cores, true);
	if (!aborting_dumps_core() || access("core", F_OK) < 0) {
		clear_cores(&cores);
		SKIP("cores are not files named core here");
	}
	ck_assert_int_eq(unlink("core"), 0);
	pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .log = keep_line, .worker_start = forbid_cores });
	ok(submit_op(pool, t_abort, 0, 0));
	ledger_await(1, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGABRT);
	await_death_line(atomic_load(&shared->ran_in[0]), line, sizeof(line));
	ck_assert_ptr_null(strstr(line, "(core dumped)"));
	ck_assert_int_lt(access("core", F_OK), 0);
	end_fault(pool, 1);
	clear_cores(&cores);
}
END_TEST

/* ----------------------------------------------------------------- Usage */

enum {
	TOUCHED = 48 << 20,
	BURNT_MS = 80
};

/* Uses memory and time, notes by its own account how much (flag[0]: ms,
 * flag[1]: KiB), and dies. */
static int
use_and_die(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	char *memory = malloc(TOUCHED);
	struct rusage used;

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (memory == NULL)
		return -1;
	memset(memory, 1, TOUCHED);
	while (cpu_ms() < BURNT_MS)
		;
	getrusage(RUSAGE_SELF, &used);
	flag_set(&shared->flag[0], (int)cpu_ms());
	flag_set(&shared->flag[1], (int)used.ru_maxrss);
	raise(op->value);
	free(memory);
	return 0;
}

/* D02 */
START_TEST(the_time_and_memory_that_a_dead_worker_used_are_told)
{
	struct procpool *pool = begin_logged(1);
	double seconds = -1;
	double mib = -1;
	char line[1024];

	ok(submit_op(pool, use_and_die, 0, SIGKILL));
	ledger_await(1, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	await_death_line(atomic_load(&shared->ran_in[0]), line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "it had used"));
	ck_assert_int_eq(sscanf(strstr(line, "it had used"),
			     "it had used %lf s of processor time and %lf MiB",
			     &seconds, &mib),
	    2);
	/* To the digits that are told, and its end may have taken some more. */
	ck_assert_double_ge(seconds * 1000 + 10, atomic_load(&shared->flag[0]));
	ck_assert_double_lt(seconds * 1000,
	    (double)(atomic_load(&shared->flag[0]) + bound(1000)));
	ck_assert_double_ge((mib + 0.1) * 1024, atomic_load(&shared->flag[1]));
	ck_assert_double_lt(mib * 1024, atomic_load(&shared->flag[1]) * 1.5);
	end_fault(pool, 1);
}
END_TEST

/* ---------------------------------------------------------- Each once */

/* Kill the workers while they are idle. */
static void
kill_idle(struct procpool *pool, int n, uint64_t restarts)
{
	pid_t pids[8];

	pool_pids(pool, pids);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	await_restarts(pool, restarts, 5000);
}

/* D04 */
START_TEST(each_death_and_each_start_of_a_worker_is_told_once)
{
	struct procpool *pool = begin_logged(2);
	struct procpool_stats stats;

	submit_ops(pool, t_kill, 0, 2, SIGKILL);
	submit_ops(pool, t_exit, 3, 4, 7);
	ledger_await(5, 5000);
	kill_idle(pool, 2, 7);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 7);
	ck_assert_int_eq(count_lines("(pid ", "died", NULL, 0), 7);
	ck_assert_int_eq(count_lines("(pid ", "started", NULL, 0), 2 + 7);
	for (int id = 0; id < 5; id++) {
		char name[32];

		snprintf(name, sizeof(name), "(pid %d)",
		    atomic_load(&shared->ran_in[id]));
		ck_assert_int_eq(count_lines(name, "died", NULL, 0), 1);
		ck_assert_int_eq(count_lines(name, "started", NULL, 0), 1);
	}
	end_fault(pool, 5);
	/* Workers that the pool itself ends have not died. */
	ck_assert_int_eq(count_lines("(pid ", "died", NULL, 0), 7);
}
END_TEST

/* ------------------------------------------------------- Broken pools */

static int
start_but_for_others(struct procpool_job *job, void **state)
{
	(void)state;
	return procpool_job_worker(job) == 0
	    ? 0
	    : procpool_fail(job, 3, "no licence");
}

/* The cause that the log gives, when the pool is broken. */
static void
await_cause(char *cause, size_t size)
{
	static const char words[] = "is broken and runs no more tasks: ";
	const int64_t start = now_ms();
	char line[1024], *at;

	while (count_lines("pool ", words, line, sizeof(line)) == 0) {
		took_less(start, 10000);
		usleep(1000);
	}
	at = strstr(line, words) + strlen(words);
	ck_assert_int_lt(snprintf(cause, size, "%s", at), (int)size);
}

/* Every task of the batch ended for this cause. */
static void
expect_cause(struct procpool_batch *batch, const char *cause)
{
	const struct procpool_result *result;

	for (size_t i = 0; i < procpool_batch_size(batch); i++) {
		ok(procpool_batch_result(batch, i, &result));
		ck_assert_int_eq(result->outcome, PROCPOOL_EBROKEN);
		ck_assert_str_eq(result->message, cause);
	}
}

/* Submit t_wait for each worker of three; that of the first runs. */
static struct procpool_batch *
submit_to_each_of_three(struct procpool *pool)
{
	struct procpool_batch *batch;

	ok(procpool_batch_open(&batch, pool, 3));
	for (int i = 0; i < 3; i++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .arg = &(struct op){ .id = i },
			.len = sizeof(struct op),
			.function = t_wait,
			.batch = batch,
			.key = (uint64_t)i + 3 }));
	return batch;
}

/* D06: what ran when it broke, and what waited. */
START_TEST(why_workers_could_not_start_is_told_in_each_result_of_a_broken_pool)
{
	struct procpool *pool =
	    begin_fault_with((struct procpool_options){ .n_jobs = 3,
		.worker_start = start_but_for_others,
		.log = keep_line });
	struct procpool_batch *batch = submit_to_each_of_three(pool);
	char cause[1024];

	await_flag(&shared->flag[0], 1, 5000);
	await_cause(cause, sizeof(cause));
	ok(procpool_batch_wait(batch, bound(5000)));
	ck_assert_ptr_nonnull(
	    strstr(cause, "worker_start failed with code 3: no licence"));
	expect_cause(batch, cause);
	procpool_batch_close(batch);
	close_pool(pool);
	end_fault_closed(0);
}
END_TEST

static pid_t
spawner_of(struct procpool *pool)
{
	return call_pid(pool, t_parent);
}

/* D06: here the worker that ran was lost, so only what waited is asked. */
START_TEST(that_the_spawner_was_lost_twice_is_told_and_no_other_is_promised)
{
	struct procpool *pool = begin_logged(1);
	struct procpool_batch *batch;
	char cause[1024];

	kill(spawner_of(pool), SIGKILL);
	await_restarts(pool, 1, 5000);
	ck_assert_int_eq(
	    count_lines("another process", "program as it is now", NULL, 0), 1);
	kill(spawner_of(pool), SIGSTOP);
	kill(call_pid(pool, t_pid), SIGKILL);
	ok(procpool_batch_open(&batch, pool, 1));
	ok(procpool_batch_add(batch, NULL, 0));
	await_cause(cause, sizeof(cause));
	ok(procpool_batch_wait(batch, bound(5000)));
	ck_assert_ptr_nonnull(strstr(cause, "twice"));
	expect_cause(batch, cause);
	procpool_batch_close(batch);
	ck_assert_int_eq(
	    count_lines("forks the workers", "has died", NULL, 0), 1);
	ck_assert_int_eq(
	    count_lines("forks the workers", "does not answer", NULL, 0), 1);
	ck_assert_int_eq(count_lines("another process", "", NULL, 0), 1);
	ck_assert_int_eq(count_lines("died: ", "task", NULL, 0), 0);
	close_pool(pool);
	end_fault_closed(0);
}
END_TEST

/* ------------------------------------------------------------ Statistics */

static uint64_t
tally(int n, int outcome)
{
	return (uint64_t)ledger_count(n, outcome);
}

/* What the statistics say is what the callbacks were told, of n tasks that
 * have all ended. */
static struct procpool_stats
expect_tallied(struct procpool *pool, int n)
{
	struct procpool_stats s;

	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.submitted, (uint64_t)n);
	ck_assert_uint_eq(s.succeeded, tally(n, 0));
	ck_assert_uint_eq(s.failed, tally(n, PROCPOOL_EFAILED));
	ck_assert_uint_eq(s.crashed,
	    tally(n, PROCPOOL_ECRASHED) + tally(n, PROCPOOL_EEXITED) +
		tally(n, PROCPOOL_EDIED));
	ck_assert_uint_eq(s.protocol, tally(n, PROCPOOL_EPROTOCOL));
	ck_assert_uint_eq(s.lost, tally(n, PROCPOOL_ELOST));
	ck_assert_uint_eq(s.shutdown, tally(n, PROCPOOL_ESHUTDOWN));
	ck_assert_uint_eq(s.queued + s.running, 0);
	return s;
}

/* D03: after every kind of end, each a known number of times. */
START_TEST(the_statistics_are_exact_through_every_kind_of_end)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_stats s;

	submit_ops(pool, t_ledger, 0, 39, 0);
	submit_ops(pool, t_fail, 40, 44, 9);
	submit_ops(pool, t_kill, 45, 47, SIGKILL);
	submit_ops(pool, t_exit, 48, 49, 1);
	submit_ops(pool, t_closeall, 50, 50, 0);
	ledger_await(51, 5000);
	await_restarts(pool, 6, 5000);
	s = expect_tallied(pool, 51);
	ck_assert_uint_eq(s.succeeded, 40);
	ck_assert_uint_eq(s.failed, 5);
	ck_assert_uint_eq(s.crashed, 5);
	ck_assert_uint_eq(s.protocol, 1);
	ck_assert_uint_eq(s.restarts, 6);
	close_pool(pool);
	end_fault_closed(51);
}
END_TEST

/* D03: what is queued, what runs, what a spawner's end costs, and a shutdown's.
 * (The probes of pool_pids() count too, so the pids are asked first.) */
START_TEST(the_statistics_are_exact_when_the_spawner_dies_and_at_shutdown)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_stats s;
	struct procpool_result result;
	pid_t spawner;

	ok(call_op(pool, t_parent, 9999, 0, &result));
	memcpy(&spawner, result.data, sizeof(spawner));
	procpool_result_done(&result);
	submit_ops(pool, t_wait, 0, 1, 0);
	await_flag(&shared->flag[0], 2, 5000);
	submit_ops(pool, t_wait, 2, 11, 0);
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.queued + s.running, 12);
	ck_assert_uint_ge(s.running, 2);
	kill(spawner, SIGKILL);
	ledger_await(2, 5000);
	await_flag(&shared->flag[0], 4, 5000);
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.lost, 2);
	ck_assert_uint_eq(s.restarts, 2);
	ck_assert_uint_eq(s.workers, 2);
	ck_assert_uint_eq(s.queued + s.running, 10);
	ok(procpool_shutdown(pool));
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.submitted, 13);
	ck_assert_uint_eq(s.succeeded, 1);
	ck_assert_uint_eq(s.shutdown, 10);
	ck_assert_uint_eq(s.lost, 2);
	ck_assert_uint_eq(s.queued + s.running + s.workers, 0);
	ck_assert_int_eq(ledger_count(12, PROCPOOL_ELOST), 2);
	ck_assert_int_eq(ledger_count(12, PROCPOOL_ESHUTDOWN), 10);
	close_pool(pool);
	end_fault_closed(12);
}
END_TEST

RUN_TESTS("diagnosis", a_core_of_a_worker_is_told,
    no_core_is_told_where_there_may_be_none, a_worker_may_forbid_its_own_core,
    the_time_and_memory_that_a_dead_worker_used_are_told,
    each_death_and_each_start_of_a_worker_is_told_once,
    why_workers_could_not_start_is_told_in_each_result_of_a_broken_pool,
    that_the_spawner_was_lost_twice_is_told_and_no_other_is_promised,
    the_statistics_are_exact_through_every_kind_of_end,
    the_statistics_are_exact_when_the_spawner_dies_and_at_shutdown)
