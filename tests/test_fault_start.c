/*
 * Workers that cannot start, or not for long, and spawners that are of no use:
 * hung at birth, or stopped.
 *
 * Rows of the fault catalogue: W22 W24 W29 W30 W31, each with the oracle U1 to
 * U11.
 */
#include "hurry.h"
#include "sabotage.h"

#include "rules/restart.h"

#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>

enum {
	WORKERS = 3 /* with fewer, the pauses between deaths are longer */
};

/* ------------------------------------------------- Workers cannot start */

/* flag[0]: starts, flag[1]: log lines with the text wanted[]. */
static const char *wanted;

static void
find_wanted(enum procpool_level level, const char *line, void *unused)
{
	(void)unused;
	if (level == PROCPOOL_ERROR && strstr(line, wanted) != NULL)
		flag_add(&shared->flag[1], 1);
}

static int
start_and_refuse(struct procpool_job *job, void **state)
{
	(void)state;
	flag_add(&shared->flag[0], 1);
	return procpool_fail(job, -1, "no licence");
}

static int
start_and_exit(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	flag_add(&shared->flag[0], 1);
	exit(3);
}

static int
start_and_crash(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	flag_add(&shared->flag[0], 1);
	return raise(SIGSEGV);
}

/* They end for good: none is started any more. */
static void
expect_no_more_starts(void)
{
	int starts;

	await_processes(1, 2000); /* the spawner */
	starts = atomic_load(&shared->flag[0]);
	ck_assert_int_ge(starts, WORKERS);
	ck_assert_int_le(starts, (int)pp_restart_limit(WORKERS) + WORKERS);
}

/* W22: what is queued and what is new is told, and the log tells the cause of
 * each death. */
static void
expect_broken(procpool_start_fn start, const char *cause)
{
	struct procpool *pool;

	hurry();
	wanted = cause;
	pool = begin_fault_with((struct procpool_options){
	    .n_jobs = WORKERS, .worker_start = start, .log = find_wanted });
	submit_ops(pool, t_ledger, 0, 19, 0);
	ledger_await(20, 5000);
	for (int id = 0; id < 20; id++)
		expect_end(id, PROCPOOL_EBROKEN, 0);
	expect(submit_op(pool, t_ledger, 20, 0), PROCPOOL_EBROKEN);
	ck_assert_int_eq(procpool_is_running(pool), 0);
	expect_no_more_starts();
	ck_assert_int_ge(
	    atomic_load(&shared->flag[1]), (int)pp_restart_limit(WORKERS));
	close_pool(pool);
	end_fault_closed(20);
}

/* W22 */
START_TEST(workers_that_refuse_to_start_break_the_pool)
{
	expect_broken(start_and_refuse, "no licence");
}
END_TEST

/* W22 */
START_TEST(workers_that_exit_at_their_start_break_the_pool)
{
	expect_broken(start_and_exit, "status 3");
}
END_TEST

/* W22 */
START_TEST(workers_that_crash_at_their_start_break_the_pool)
{
	expect_broken(start_and_crash, "signal 11");
}
END_TEST

/* ---------------------------------------------------------- A crash loop */

static int
start_to_die_soon(struct procpool_job *job, void **state)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 10000 } };

	(void)job;
	(void)state;
	flag_add(&shared->flag[0], 1);
	return setitimer(ITIMER_REAL, &soon, NULL);
}

/* W24: no task succeeds in between, and the host does not work for it. */
START_TEST(workers_that_die_soon_after_their_start_break_the_pool)
{
	const int64_t start = now_ms();
	const int64_t cpu = cpu_ms();
	struct procpool_result result;
	struct procpool *pool;

	wanted = "signal 14";
	pool = begin_fault_with((struct procpool_options){ .n_jobs = WORKERS,
	    .worker_start = start_to_die_soon,
	    .log = find_wanted });
	while (procpool_is_running(pool)) {
		took_less(start, 8000);
		usleep(20000); /* rarely, as this is time of the host's too */
	}
	ck_assert_int_lt(cpu_ms() - cpu, (now_ms() - start) / 5);
	expect(submit_op(pool, t_ledger, 0, 0), PROCPOOL_EBROKEN);
	expect(call_op(pool, t_ledger, 0, 0, &result), PROCPOOL_EBROKEN);
	expect_no_more_starts();
	ck_assert_int_ge(
	    atomic_load(&shared->flag[1]), (int)pp_restart_limit(WORKERS));
	close_pool(pool);
	end_fault_closed(0);
}
END_TEST

/* ----------------------------------------------- A lock held at the fork */

static void
tell_the_time(void *unused)
{
	const time_t now = 1;
	struct tm tm;

	(void)unused;
	for (int i = 0; i < 1000; i++)
		localtime_r(&now, &tm);
}

static int
t_localtime(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	tell_the_time(NULL);
	return 0;
}

/* Whether a plain fork has been seen to hang, so that the fault is real. */
static bool
a_fork_hangs(void)
{
	bool hangs = false;

	for (int i = 0; i < 20 && !hangs; i++) {
		const pid_t pid = fork();

		if (pid == 0) {
			tell_the_time(NULL);
			_exit(0);
		}
		hangs = !await_end(pid, 200);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return hangs;
}

enum {
	CLOCKS = 2
};

/* Open a pool and let old and new workers take the lock. */
static int
run_under_the_lock(void)
{
	const struct procpool_task task = { .function = t_localtime };
	const struct procpool_options options = {
		.entry_point = t_ledger, .n_jobs = 2, .oversubscribe = true
	};
	struct procpool *pool;
	const int rc = procpool_open(&pool, &options);

	if (rc != 0)
		return rc;
	for (int i = 0; i < 10; i++) {
		need(procpool_submit_task(pool, &task) == 0);
		need(procpool_submit_task(pool,
			 &(struct procpool_task){ .arg = &(struct op){ 0, 9 },
			     .len = sizeof(struct op),
			     .function = t_kill }) == 0);
	}
	need(procpool_drain(pool, bound(5000)) == 0);
	return procpool_close(pool);
}

static int
host_with_clocks(void *arg)
{
	const bool prepared = *(const bool *)arg;
	struct trouble clocks[CLOCKS];
	int rc = 0, i;

	if (prepared)
		need(procpool_prepare() == 0);
	for (i = 0; i < CLOCKS; i++)
		trouble_start(&clocks[i], tell_the_time, NULL);
	if (!a_fork_hangs())
		return 2;
	for (i = 0; i < (prepared ? 5 : 1) && rc == 0; i++)
		rc = run_under_the_lock();
	if (!prepared && rc == PROCPOOL_ESPAWNER)
		rc = 0;
	for (i = 0; i < CLOCKS; i++)
		trouble_stop(&clocks[i]);
	need(rc == 0);
	return 0;
}

static void
expect_no_hang(bool prepared, int64_t ms)
{
	const int status =
	    reap_host(fork_host(host_with_clocks, &prepared), ms);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		SKIP("no lock is held at forks here");
	ck_assert_msg(status == 0, "status %#x; line %d of the host", status,
	    atomic_load(&shared->host_line));
}

/* W29: the spawner has tested itself, and workers are forked from it alone.
 * (It may be found of no use as often as is tried, and is then said to be.) */
START_TEST(no_worker_hangs_on_a_lock_that_a_thread_of_the_host_held)
{
	expect_no_hang(false, 30000);
}
END_TEST

/* W29 */
START_TEST(a_prepared_program_has_no_such_lock_to_fear)
{
	expect_no_hang(true, 10000);
}
END_TEST

/* -------------------------------------------------- A spawner stands still */

/* W31 */
START_TEST(tasks_go_on_while_the_spawner_is_stopped)
{
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);

	submit_ops(pool, t_wait, 0, 1, 0);
	await_flag(&shared->flag[0], 2, 5000);
	kill(spawner, SIGSTOP);
	submit_ops(pool, t_ledger, 2, 99, 0);
	flag_set(&shared->flag[1], 1);
	ledger_await(100, 5000);
	expect_success(0, 99);
	kill(spawner, SIGCONT);
	end_fault(pool, 100);
}
END_TEST

/* W31 */
START_TEST(a_busy_pool_whose_spawner_is_stopped_is_shut_down_in_time)
{
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);
	int64_t start;

	submit_ops(pool, t_wait, 0, 1, 0);
	await_flag(&shared->flag[0], 2, 5000);
	kill(spawner, SIGSTOP);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	ck_assert(has_ended(spawner));
	close_pool(pool);
	end_fault_closed(2);
}
END_TEST

/* W31: nor does it wait for what the spawner would say of a worker that has
 * died. */
START_TEST(a_shutdown_does_not_wait_for_a_stopped_spawner_to_tell_of_a_death)
{
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);
	int64_t start;
	pid_t pid;

	submit_ops(pool, t_wait, 0, 0, 0);
	await_flag(&shared->flag[0], 1, 5000);
	pid = atomic_load(&shared->ran_in[0]);
	kill(spawner, SIGSTOP);
	kill(pid, SIGKILL);
	ck_assert(await_end(pid, 5000));
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 1600);
	ck_assert(has_ended(spawner));
	ledger_await(1, 1000);
	close_pool(pool);
	end_fault_closed(1);
}
END_TEST

static int
host_that_stops_its_spawner(void *arg)
{
	struct procpool *pool = open_pool(2, t_ledger);

	(void)arg;
	pool_works(pool);
	need(kill(call_pid(pool, t_parent), SIGSTOP) == 0);
	flag_set(&shared->flag[0], 1);
	while (pause() < 0)
		;
	return 1;
}

/* W31: what stands still when the program is killed ends too. */
START_TEST(a_stopped_spawner_does_not_outlive_the_program)
{
	const pid_t host = fork_host(host_that_stops_its_spawner, NULL);

	await_flag(&shared->flag[0], 1, 5000);
	kill(host, SIGKILL);
	reap_host(host, 1000);
	await_processes(0, 1000);
}
END_TEST

/* Processes that stop_the_spawner() leaves alone. */
static pid_t others[8];
static int n_others;

static bool
is_other(pid_t pid)
{
	bool is = false;

	for (int i = 0; i < n_others; i++)
		is = is || others[i] == pid;
	return is;
}

/* Stop a spawner before it is asked for the last worker, the first time. */
static int
stop_the_spawner(struct procpool_env *env, int worker, void *unused)
{
	pid_t pids[8];
	const int n = our_processes(pids, 8);

	(void)env;
	(void)unused;
	if (worker == 1 && atomic_exchange(&shared->flag[8], 1) == 0)
		for (int i = 0; i < n && i < 8; i++)
			if (!is_other(pids[i]))
				kill(pids[i], SIGSTOP);
	return 0;
}

/* A pool whose spawner is stopped amid its start opens, and works. */
static void
expect_open_in_time(void)
{
	const int64_t start = now_ms();
	struct procpool *pool;

	n_others = our_processes(others, 8);
	ck_assert_int_le(n_others, 8);
	pool = open_with((struct procpool_options){ .entry_point = t_ledger,
	    .n_jobs = 2,
	    .oversubscribe = true,
	    .worker_env = stop_the_spawner });
	took_less(start, 5000);
	ck_assert_int_eq(atomic_load(&shared->flag[8]), 1);
	pool_works(pool);
	close_pool(pool);
}

/* W31: a replacement and a start, at the same time, as both take seconds.  How
 * the worker died, nobody tells; the other one goes on. */
START_TEST(a_spawner_that_is_stopped_when_it_is_needed_is_replaced)
{
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);
	const int64_t start = now_ms();

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	kill(spawner, SIGSTOP);
	ok(submit_op(pool, t_kill, 1, SIGKILL));
	expect_open_in_time();
	await_restarts(pool, 1, 6000);
	took_less(start, 6000);
	expect_end(1, PROCPOOL_EDIED, 0);
	submit_ops(pool, t_ledger, 2, 99, 0);
	flag_set(&shared->flag[1], 1);
	ledger_await(100, 5000);
	expect_end(0, 0, 0);
	expect_success(2, 99);
	end_fault(pool, 100);
}
END_TEST

/* Stop all of our processes but this one: how many. */
static int
stop_all_but(pid_t pid)
{
	pid_t pids[8];
	const int n = our_processes(pids, 8);
	int stopped = 0;

	for (int i = 0; i < n && i < 8; i++)
		if (pids[i] != pid) {
			kill(pids[i], SIGSTOP);
			stopped++;
		}
	return stopped;
}

static int
host_with_a_stopped_keeper(void *unused)
{
	const struct procpool_options options = {
		.entry_point = t_ledger, .n_jobs = 2, .oversubscribe = true
	};
	struct procpool *pool;
	int64_t start;
	int rc;

	(void)unused;
	need(procpool_prepare() == 0);
	need(stop_all_but(getppid()) == 1);
	start = now_ms();
	rc = procpool_open(&pool, &options);
	need(now_ms() - start < bound(2000));
	need(rc == 0);
	need(submit_op(pool, t_ledger, 0, 0) == 0);
	return procpool_close(pool);
}

/* W31 */
START_TEST(a_pool_is_opened_though_the_prepared_process_is_stopped)
{
	expect_host(fork_host(host_with_a_stopped_keeper, NULL), 0, 10000);
}
END_TEST

static int
host_that_kills_its_keeper(void *unused)
{
	const struct procpool_options options = {
		.entry_point = t_ledger, .n_jobs = 1, .oversubscribe = true
	};
	struct procpool *pool;
	pid_t pids[2];
	int n;

	(void)unused;
	need(procpool_prepare() == 0);
	n = our_processes(pids, 2);
	need(n == 2); /* and the parent */
	kill(pids[0] == getppid() ? pids[1] : pids[0], SIGKILL);
	need(procpool_open(&pool, &options) == 0);
	need(submit_op(pool, t_ledger, 0, 0) == 0);
	return procpool_close(pool);
}

/* W30: it is not yet seen that it has died. */
START_TEST(a_pool_is_opened_though_the_prepared_process_is_dying)
{
	for (int i = 0; i < 20; i++)
		expect_host(
		    fork_host(host_that_kills_its_keeper, NULL), 0, 5000);
}
END_TEST

RUN_TESTS("fault_start", workers_that_refuse_to_start_break_the_pool,
    workers_that_exit_at_their_start_break_the_pool,
    workers_that_crash_at_their_start_break_the_pool,
    workers_that_die_soon_after_their_start_break_the_pool,
    no_worker_hangs_on_a_lock_that_a_thread_of_the_host_held,
    a_prepared_program_has_no_such_lock_to_fear,
    tasks_go_on_while_the_spawner_is_stopped,
    a_spawner_that_is_stopped_when_it_is_needed_is_replaced,
    a_busy_pool_whose_spawner_is_stopped_is_shut_down_in_time,
    a_shutdown_does_not_wait_for_a_stopped_spawner_to_tell_of_a_death,
    a_stopped_spawner_does_not_outlive_the_program,
    a_pool_is_opened_though_the_prepared_process_is_stopped,
    a_pool_is_opened_though_the_prepared_process_is_dying)
