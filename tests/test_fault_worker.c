/*
 * Workers that die, in every way and at every moment, and the process that
 * keeps them.
 *
 * Rows of the fault catalogue: W01 W02 W03 W04 W05 W06 W14 W16 W17 W18 W20
 * W21 W30, each with the oracle U1 to U11.  (W16 and W17 at the exact system
 * call are in test_fault_io.c.)
 */
#include "sabotage.h"

#include <sys/wait.h>

/* From a death to the end of the task, ms. */
#define SEEN 500

/* ------------------------------------------------------------ One death */

/* W01: one of 100 tasks is killed, and the other 99 succeed. */
START_TEST(a_killed_worker_costs_the_one_task_it_ran)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_stats stats;

	submit_ops(pool, t_ledger, 0, 49, 0);
	submit_ops(pool, t_kill, 50, 50, SIGKILL);
	submit_ops(pool, t_ledger, 51, 99, 0);
	ledger_await(100, 5000);
	expect_end(50, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(0, 49);
	expect_success(51, 99);
	await_workers(pool, 2, SEEN);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.crashed, 1);
	ck_assert_uint_eq(stats.succeeded, 99);
	ck_assert_uint_eq(stats.restarts, 1);
	end_fault(pool, 100);
}
END_TEST

/* W01: the same is told at once, and not when the next task comes. */
START_TEST(a_killed_worker_is_seen_soon)
{
	struct procpool *pool = begin_fault(2);

	for (int id = 0; id < 10; id++) {
		const int64_t start = now_ms();

		ok(submit_op(pool, t_kill, id, SIGKILL));
		ledger_await(id + 1, SEEN);
		took_less(start, SEEN);
		expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
	}
	end_fault(pool, 10);
}
END_TEST

/* W02: a worker is killed each 5 ms while 3000 tasks run. */
START_TEST(no_task_is_lost_in_a_storm_of_kills)
{
	enum {
		N = 3000
	};
	struct procpool *pool = begin_fault(2);
	struct trouble storm;
	int crashed;

	trouble_start(&storm, kill_a_worker, NULL);
	submit_ops(pool, t_work, 0, N - 1, 200);
	ledger_await(N, 12000);
	trouble_stop(&storm);
	crashed = ledger_count(N, PROCPOOL_ECRASHED);
	ck_assert_int_gt(crashed, 0);
	ck_assert_int_eq(crashed + ledger_count(N, 0), N);
	end_fault(pool, N);
}
END_TEST

/* -------------------------------------------------------------- Signals */

static void
crash_handler(int signal)
{
	flag_set(&shared->flag[0], signal);
	_exit(1);
}

/* The host has a crash handler; a job raises the signal. */
static void
expect_crash(procpool_job_fn job, int signal)
{
	const struct sigaction handler = { .sa_handler = crash_handler };
	struct sigaction old;
	struct procpool *pool;

	sigaction(signal, &handler, &old);
	pool = begin_fault(2);
	ok(submit_op(pool, job, 0, signal));
	ledger_await(1, SEEN);
	expect_end(0, PROCPOOL_ECRASHED, signal);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	end_fault(pool, 1);
	sigaction(signal, &old, NULL);
}

/* W03: the host's handler does not run in the worker. */
START_TEST(a_segmentation_fault_is_reported_with_its_signal)
{
	expect_crash(t_segv, SIGSEGV);
}
END_TEST

/* W03 */
START_TEST(a_raised_segmentation_fault_runs_no_handler_of_the_host)
{
	expect_crash(t_kill, SIGSEGV);
}
END_TEST

/* W03 */
START_TEST(a_bus_error_is_reported_with_its_signal)
{
	expect_crash(t_kill, SIGBUS);
}
END_TEST

/* W03 */
START_TEST(an_arithmetic_error_is_reported_with_its_signal)
{
	expect_crash(t_kill, SIGFPE);
}
END_TEST

/* W03 */
START_TEST(an_illegal_instruction_is_reported_with_its_signal)
{
	expect_crash(t_kill, SIGILL);
}
END_TEST

/* W04 */
START_TEST(an_abort_runs_no_handler_of_the_host)
{
	expect_crash(t_abort, SIGABRT);
}
END_TEST

/* ----------------------------------------------------------------- Exits */

static void
expect_exit(procpool_job_fn job, int status)
{
	struct procpool *pool = begin_fault(2);

	ok(submit_op(pool, job, 0, status));
	ledger_await(1, SEEN);
	expect_end(0, PROCPOOL_EEXITED, status);
	end_fault(pool, 1);
}

/* W05: it is never a success. */
START_TEST(a_job_that_calls_exit_0_has_not_succeeded)
{
	expect_exit(t_exit, 0);
}
END_TEST

/* W05 */
START_TEST(a_job_that_calls_exit_is_reported_with_its_status)
{
	expect_exit(t_exit, 3);
}
END_TEST

static void
note_exit(void)
{
	if (shared != NULL)
		atomic_fetch_add(&shared->flag[0], 1);
}

/* W05: nor does a worker that is stopped at the end run them. */
START_TEST(exit_in_a_job_runs_no_exit_handler_of_the_host)
{
	struct procpool *pool;

	ck_assert_int_eq(atexit(note_exit), 0);
	pool = begin_fault(2);
	submit_ops(pool, t_exit, 0, 3, 0);
	ledger_await(4, 2000);
	end_fault(pool, 4);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
}
END_TEST

/* W05, U11 */
START_TEST(exit_in_a_job_does_not_print_what_the_host_has_buffered)
{
	struct capture capture;
	struct procpool *pool;
	char *text;

	if (WITH_TSAN)
		SKIP("ThreadSanitizer's own _exit() writes what is buffered");
	capture_begin(&capture);
	printf("once");
	pool = open_pool(2, t_ledger);
	submit_ops(pool, t_exit, 0, 3, 0);
	ledger_await(4, 2000);
	ledger_check(4);
	pool_works(pool);
	close_pool(pool);
	text = capture_end(&capture);
	ck_assert_str_eq(text, "once");
	free(text);
}
END_TEST

/* W06 */
START_TEST(a_job_that_calls__exit_0_has_not_succeeded)
{
	expect_exit(t__exit, 0);
}
END_TEST

/* W06 */
START_TEST(a_job_that_calls__exit_is_reported_with_its_status)
{
	expect_exit(t__exit, 5);
}
END_TEST

/* W06 */
START_TEST(a_job_that_calls_quick_exit_0_has_not_succeeded)
{
	expect_exit(t_quick_exit, 0);
}
END_TEST

/* W06 */
START_TEST(a_job_that_calls_quick_exit_is_reported_with_its_status)
{
	expect_exit(t_quick_exit, 255);
}
END_TEST

/* ---------------------------------------------------- Death, not so plain */

/* Leaves a process that holds whatever the worker has open. */
static int
leave_a_child_and_die(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (fork() == 0) {
		flag_set(&shared->flag[0], 1);
		for (;;)
			pause();
	}
	flag_await(&shared->flag[0], 1, PATIENCE_MS);
	kill(getpid(), SIGKILL);
	return 0;
}

/* W14: no end-of-file tells of the death. */
START_TEST(a_death_is_seen_though_a_grandchild_holds_the_pipes)
{
	struct procpool *pool = begin_fault(2);
	int64_t start;

	ok(submit_op(pool, leave_a_child_and_die, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	start = now_ms();
	ledger_await(1, SEEN);
	took_less(start, SEEN);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	end_fault(pool, 1);
}
END_TEST

/* W27: the end of its pipe tells of such a worker. */
START_TEST(a_worker_that_closes_everything_and_spins_is_killed)
{
	struct procpool *pool = begin_fault(1);

	ok(submit_op(pool, t_closeall, 0, 0));
	ledger_await(1, SEEN);
	expect_end(0, PROCPOOL_EPROTOCOL, 0);
	end_fault(pool, 1);
}
END_TEST

enum {
	HUGE = 8 << 20 /* bytes of a result that takes many writes */
};

static int
return_much(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	void *space = procpool_reserve(job, HUGE);

	(void)len;
	if (space == NULL)
		return procpool_fail(job, 1, "no memory");
	ledger_start(op->id);
	pattern_fill(space, HUGE);
	ledger_finish(op->id);
	flag_set(&shared->flag[0], getpid());
	return procpool_return(job, space, HUGE);
}

/* flag[1]: results cut off, flag[2]: results that are neither whole nor none,
 * for a callback must not assert. */
static void
judge_much(const struct procpool_result *result, void *user)
{
	if (result->phase == PROCPOOL_RETURNING)
		atomic_fetch_add(&shared->flag[1], 1);
	if (result->outcome == 0
		? result->len != HUGE || !pattern_matches(result->data, HUGE)
		: result->len != 0 || result->outcome != PROCPOOL_ECRASHED ||
		    result->code != SIGKILL)
		atomic_fetch_add(&shared->flag[2], 1);
	ledger_done(result, user);
}

/* Have one large result on its way, and kill its worker then. */
static void
kill_while_returning(struct procpool *pool, int id, useconds_t after)
{
	const struct op op = { .id = id };

	flag_set(&shared->flag[0], 0);
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = return_much,
		.done = judge_much,
		.user = (void *)(uintptr_t)id }));
	await_flag(&shared->flag[0], 1, 8000);
	usleep(after);
	if (atomic_load(&shared->completed[id]) == 0)
		kill(atomic_load(&shared->flag[0]), SIGKILL);
	ledger_await(id + 1, 5000);
	ck_assert_int_eq(atomic_load(&shared->flag[2]), 0);
}

/* W16: through the pipe.  The time until the kill is swept at random over that
 * of a transfer, until three results were really cut off. */
START_TEST(a_result_cut_off_by_a_death_is_never_delivered_in_part)
{
	const int64_t start = now_ms();
	struct procpool *pool;
	unsigned seed = 16;
	int n = 0;

	allow_areas(false);
	pool = begin_fault(1);
	while (atomic_load(&shared->flag[1]) < 3) {
		ck_assert_msg(now_ms() - start < bound(8000),
		    "%d of %d results were cut off",
		    atomic_load(&shared->flag[1]), n);
		kill_while_returning(
		    pool, n++, (useconds_t)(rand_r(&seed) % 4000));
	}
	end_fault(pool, n);
	allow_areas(true);
}
END_TEST

/* W16: through the memory area. */
START_TEST(a_large_result_is_there_whole_or_not_at_all)
{
	enum {
		KILLS = 60
	};
	struct procpool *pool = begin_fault(1);
	unsigned seed = 17;

	for (int id = 0; id < KILLS; id++)
		kill_while_returning(
		    pool, id, (useconds_t)(rand_r(&seed) % 300));
	ck_assert_int_eq(atomic_load(&shared->flag[1]), 0); /* none in part */
	end_fault(pool, KILLS);
}
END_TEST

/* W17: the worker dies in the next task, before it had to write anything. */
START_TEST(a_finished_result_outlives_the_worker)
{
	enum {
		PAIRS = 30
	};
	struct procpool *pool = begin_fault(1);

	for (int i = 0; i < PAIRS; i++) {
		ok(submit_op(pool, t_ledger, 2 * i, 0));
		ok(submit_op(pool, t_kill, 2 * i + 1, SIGKILL));
	}
	ledger_await(2 * PAIRS, 10000);
	for (int i = 0; i < PAIRS; i++) {
		expect_end(2 * i, 0, 0);
		expect_end(2 * i + 1, PROCPOOL_ECRASHED, SIGKILL);
	}
	end_fault(pool, 2 * PAIRS);
}
END_TEST

/* ------------------------------------------------------------ Many deaths */

/* Each of n workers runs a task that waits; 4 x n more are queued. */
static void
kill_all(int n)
{
	struct procpool *pool = begin_fault(n);
	pid_t pids[16];
	int found = 0;

	submit_ops(pool, t_wait, 0, 5 * n - 1, 0);
	await_flag(&shared->flag[0], n, 5000);
	/* All of them before the first is killed: replacements come quickly. */
	for (int id = 0; id < 5 * n; id++)
		if (atomic_load(&shared->started[id]) > 0 && found < 16)
			pids[found++] = atomic_load(&shared->ran_in[id]);
	ck_assert_int_eq(found, n);
	for (int i = 0; i < found; i++)
		kill(pids[i], SIGKILL);
	flag_set(&shared->flag[1], 1);
	ledger_await(5 * n, 5000);
	ck_assert_int_eq(ledger_count(5 * n, PROCPOOL_ECRASHED), n);
	ck_assert_int_eq(ledger_count(5 * n, 0), 4 * n);
	end_fault(pool, 5 * n);
}

/* W18 */
START_TEST(the_death_of_the_only_worker_costs_one_task)
{
	kill_all(1);
}
END_TEST

/* W18 */
START_TEST(the_death_of_both_workers_costs_two_tasks)
{
	kill_all(2);
}
END_TEST

/* W18 */
START_TEST(the_death_of_5_workers_at_once_costs_5_tasks)
{
	kill_all(5);
}
END_TEST

/* W18 */
START_TEST(the_death_of_13_workers_at_once_costs_13_tasks)
{
	kill_all(13);
}
END_TEST

/* Kills the workers that run the ids 0 to value - 1. */
static int
kill_siblings(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)len;
	ledger_start(op->id);
	for (int id = 0; id < op->value; id++)
		kill(atomic_load(&shared->ran_in[id]), SIGKILL);
	ledger_finish(op->id);
	return procpool_return(job, NULL, 0);
}

/* W20 */
START_TEST(a_worker_that_kills_others_costs_only_what_they_ran)
{
	struct procpool *pool = begin_fault(4);

	submit_ops(pool, t_wait, 0, 2, 0);
	await_flag(&shared->flag[0], 3, 5000);
	ok(submit_op(pool, kill_siblings, 3, 3));
	submit_ops(pool, t_ledger, 4, 20, 0);
	ledger_await(21, 5000);
	for (int id = 0; id < 3; id++)
		expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(3, 20);
	end_fault(pool, 21);
}
END_TEST

/* W21: the submit may come before the pool knows. */
START_TEST(a_worker_that_dies_idle_is_blamed_on_no_task)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	kill(pids[1], SIGKILL);
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	ck_assert_ptr_null(procpool_first_failed(pool));
	end_fault(pool, 10);
}
END_TEST

/* W21 */
START_TEST(a_worker_that_dies_idle_is_replaced_without_a_task)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	ck_assert(await_end(pids[0], SEEN));
	await_restarts(pool, 1, SEEN);
	await_workers(pool, 2, SEEN);
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

/* W21: by a blocking caller, who drives the idle worker himself. */
START_TEST(a_call_succeeds_though_the_idle_workers_were_killed)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_result result;
	const int64_t x = 12;
	pid_t pids[2];

	for (int i = 0; i < 4; i++) {
		pool_pids(pool, pids);
		kill(pids[0], SIGKILL);
		kill(pids[1], SIGKILL);
		ok(procpool_call_task(pool,
		    &(struct procpool_task){
			.arg = &x, .len = sizeof(x), .function = t_square },
		    &result));
		ck_assert_int_eq(*(const int64_t *)result.data, 144);
		procpool_result_done(&result);
	}
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------- The process that keeps them */

static int
kill_parent(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)job;
	(void)len;
	ledger_start(op->id);
	kill(getppid(), SIGKILL);
	while (pause() != 0)
		;
	return 0;
}

/* flag[8]: lines of warning or worse. */
static void
count_grave_lines(enum procpool_level level, const char *line, void *user)
{
	(void)line;
	(void)user;
	if (level >= PROCPOOL_WARNING)
		atomic_fetch_add(&shared->flag[8], 1);
}

/* W30: two tasks run, ten are queued. */
START_TEST(tasks_that_run_when_the_spawner_is_killed_are_lost_unblamed)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 2, .log = count_grave_lines });
	struct procpool_stats stats;

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	ok(submit_op(pool, kill_parent, 1, 0));
	submit_ops(pool, t_ledger, 2, 11, 0);
	ledger_await(12, 8000);
	expect_end(0, PROCPOOL_ELOST, 0);
	expect_end(1, PROCPOOL_ELOST, 0);
	expect_success(2, 11);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.lost, 2);
	ck_assert_ptr_null(procpool_first_failed(pool));
	ck_assert_int_ge(atomic_load(&shared->flag[8]), 1);
	end_fault(pool, 12);
}
END_TEST

/* W30 */
START_TEST(the_workers_of_a_killed_spawner_are_gone)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(call_pid(pool, t_parent), SIGKILL);
	ck_assert(await_end(pids[0], 2000));
	ck_assert(await_end(pids[1], 2000));
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 8000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

/* W30: no task is there to be lost. */
START_TEST(a_spawner_killed_idle_costs_no_task)
{
	struct procpool *pool = begin_fault(2);

	kill(call_pid(pool, t_parent), SIGKILL);
	await_restarts(pool, 2, 2000);
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 8000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

static void
kill_spawner_twice(struct procpool *pool)
{
	const pid_t first = call_pid(pool, t_parent);
	pid_t second;

	kill(first, SIGKILL);
	await_restarts(pool, 2, 2000);
	pool_works(pool);
	second = call_pid(pool, t_parent);
	ck_assert_int_ne(first, second);
	submit_ops(pool, t_wait, 0, 9, 0);
	await_flag(&shared->flag[0], 2, 5000);
	kill(second, SIGKILL);
}

/* W30: a second time within the limit.  The two that ran may have been told
 * of either cause, whichever was seen first. */
START_TEST(a_pool_whose_spawner_is_killed_twice_says_that_it_is_broken)
{
	struct procpool *pool = begin_fault(2);

	kill_spawner_twice(pool);
	ledger_await(10, 8000);
	for (int id = 0; id < 10; id++)
		if (atomic_load(&shared->started[id]) == 0 ||
		    atomic_load(&shared->outcome[id]) != PROCPOOL_ELOST)
			expect_end(id, PROCPOOL_EBROKEN, 0);
	ck_assert_int_eq(procpool_is_running(pool), 0);
	expect(submit_op(pool, t_ledger, 10, 0), PROCPOOL_EBROKEN);
	close_pool(pool);
	end_fault_closed(10);
}
END_TEST

/* W30 */
START_TEST(a_broken_pool_works_again_after_shutdown_and_start)
{
	struct procpool *pool = begin_fault(2);

	kill_spawner_twice(pool);
	ledger_await(10, 8000);
	ok(procpool_shutdown(pool));
	ok(procpool_start(pool));
	end_fault(pool, 10);
}
END_TEST

RUN_TESTS("fault_worker", a_killed_worker_costs_the_one_task_it_ran,
    a_killed_worker_is_seen_soon, no_task_is_lost_in_a_storm_of_kills,
    a_segmentation_fault_is_reported_with_its_signal,
    a_raised_segmentation_fault_runs_no_handler_of_the_host,
    a_bus_error_is_reported_with_its_signal,
    an_arithmetic_error_is_reported_with_its_signal,
    an_illegal_instruction_is_reported_with_its_signal,
    an_abort_runs_no_handler_of_the_host,
    a_job_that_calls_exit_0_has_not_succeeded,
    a_job_that_calls_exit_is_reported_with_its_status,
    exit_in_a_job_runs_no_exit_handler_of_the_host,
    exit_in_a_job_does_not_print_what_the_host_has_buffered,
    a_job_that_calls__exit_0_has_not_succeeded,
    a_job_that_calls__exit_is_reported_with_its_status,
    a_job_that_calls_quick_exit_0_has_not_succeeded,
    a_job_that_calls_quick_exit_is_reported_with_its_status,
    a_death_is_seen_though_a_grandchild_holds_the_pipes,
    a_worker_that_closes_everything_and_spins_is_killed,
    a_result_cut_off_by_a_death_is_never_delivered_in_part,
    a_large_result_is_there_whole_or_not_at_all,
    a_finished_result_outlives_the_worker,
    the_death_of_the_only_worker_costs_one_task,
    the_death_of_both_workers_costs_two_tasks,
    the_death_of_5_workers_at_once_costs_5_tasks,
    the_death_of_13_workers_at_once_costs_13_tasks,
    a_worker_that_kills_others_costs_only_what_they_ran,
    a_worker_that_dies_idle_is_blamed_on_no_task,
    a_worker_that_dies_idle_is_replaced_without_a_task,
    a_call_succeeds_though_the_idle_workers_were_killed,
    tasks_that_run_when_the_spawner_is_killed_are_lost_unblamed,
    the_workers_of_a_killed_spawner_are_gone,
    a_spawner_killed_idle_costs_no_task,
    a_pool_whose_spawner_is_killed_twice_says_that_it_is_broken,
    a_broken_pool_works_again_after_shutdown_and_start)
