/*
 * Jobs that fail and workers that die.  Rows F1 to F5, and F6 where a callback
 * misbehaves (test_submit.c has what it may call).  F7, no hang ever, is what
 * the watchdog of testing.c sees to around every test of every program.
 */
#include "testing.h"

static struct procpool_result
failed_call(
    struct procpool *pool, procpool_job_fn function, int value, int outcome)
{
	struct procpool_result result;

	expect(call_op(pool, function, 0, value, &result), outcome);
	ck_assert_int_eq(result.outcome, outcome);
	ck_assert_ptr_nonnull(result.message);
	return result;
}

/* F1 */
START_TEST(code_and_text_of_a_failed_job_reach_the_caller)
{
	struct procpool *pool = open_pool(1, t_fail);
	struct procpool_result result =
	    failed_call(pool, t_fail, 42, PROCPOOL_EFAILED);

	ck_assert_int_eq(result.code, 42);
	ck_assert_str_eq(result.message, "code 42");
	ck_assert_uint_eq(result.len, 0);
	ck_assert_int_eq(result.phase, PROCPOOL_ENDED);
	ck_assert_int_eq(result.worker, 0);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* F1 */
START_TEST(a_negative_code_reaches_the_caller)
{
	struct procpool *pool = open_pool(1, t_fail);
	struct procpool_result result =
	    failed_call(pool, t_fail, -7, PROCPOOL_EFAILED);

	ck_assert_int_eq(result.code, -7);
	ck_assert_str_eq(result.message, "code -7");
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static int
return_nine(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	return 9;
}

/* F1 */
START_TEST(a_job_may_fail_without_a_text)
{
	struct procpool *pool = open_pool(1, t_fail);
	struct procpool_result result =
	    failed_call(pool, return_nine, 0, PROCPOOL_EFAILED);

	ck_assert_int_eq(result.code, 9);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* Fails with the code 0, and tells what procpool_fail() returned. */
static int
fail_with_zero(struct procpool_job *job, const void *arg, size_t len)
{
	const int rc = procpool_fail(job, 0, "nothing");

	(void)arg;
	(void)len;
	atomic_store(&shared->flag[0], rc);
	return rc;
}

/* F1 */
START_TEST(a_code_of_zero_is_a_failure_too)
{
	struct procpool *pool = open_pool(1, t_fail);
	struct procpool_result result =
	    failed_call(pool, fail_with_zero, 0, PROCPOOL_EFAILED);

	ck_assert_int_eq(shared->flag[0], -1);
	ck_assert_str_eq(result.message, "nothing");
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static int
fail_at_length(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_fail(job, 1, "%s%04000d", "%n%s\033[31m", 0);
}

/* F1: the text is bytes, cut at 1000, and never a format. */
START_TEST(a_long_text_is_cut_and_is_no_format)
{
	struct procpool *pool = open_pool(1, t_fail);
	struct procpool_result result =
	    failed_call(pool, fail_at_length, 0, PROCPOOL_EFAILED);

	ck_assert_uint_eq(strncmp(result.message, "%n%s", 4), 0);
	ck_assert_uint_gt(strlen(result.message), 900);
	ck_assert_uint_le(strlen(result.message), 1000);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* F2: id 500 fails, by function or by death; the other 999 do not notice. */
static void
expect_one_of_a_thousand(procpool_job_fn function, int value, int outcome)
{
	struct procpool *pool = open_pool(2, t_ledger);

	for (int id = 0; id < 1000; id++)
		ok(submit_op(pool, id == 500 ? function : t_ledger, id, value));
	drain_pool(pool);
	ledger_check(1000);
	ck_assert_int_eq(ledger_count(1000, 0), 999);
	expect(shared->outcome[500], outcome);
	ck_assert_int_eq(shared->code[500], value);
	pool_works(pool);
	close_pool(pool);
}

/* F2 */
START_TEST(one_failing_job_of_a_thousand_costs_only_itself)
{
	expect_one_of_a_thousand(t_fail, 3, PROCPOOL_EFAILED);
}
END_TEST

/* F2, F3 */
START_TEST(one_killed_worker_of_a_thousand_jobs_costs_one_job)
{
	expect_one_of_a_thousand(t_kill, SIGKILL, PROCPOOL_ECRASHED);
}
END_TEST

/* F3: the death is told within a second, the worker is replaced, and the next
 * job runs. */
static void
expect_death(procpool_job_fn function, int value, int outcome, int code)
{
	struct procpool *pool = open_pool(2, t_ledger);
	const int64_t start = now_ms();
	struct procpool_result result =
	    failed_call(pool, function, value, outcome);
	struct procpool_stats stats;

	took_less(start, 1000);
	ck_assert_int_eq(result.code, code);
	ck_assert_int_eq(result.pid, shared->ran_in[0]);
	ck_assert_int_eq(result.phase, PROCPOOL_RUNNING);
	ck_assert_int_eq(result.attempt, 1);
	ck_assert_str_ne(result.worker_name, "");
	ck_assert_str_ne(result.message, "");
	procpool_result_done(&result);
	ok(call_op(pool, t_ledger, 1, 0, &result));
	procpool_result_done(&result);
	await_workers(pool, 2, 5000);
	pool_works(pool);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.crashed, 1);
	ck_assert_uint_eq(stats.restarts, 1);
	close_pool(pool);
}

/* F3 */
START_TEST(a_job_killed_by_sigkill_tells_the_signal)
{
	expect_death(t_kill, SIGKILL, PROCPOOL_ECRASHED, SIGKILL);
}
END_TEST

/* F3 */
START_TEST(a_job_that_writes_to_no_memory_tells_the_signal)
{
	expect_death(t_segv, 0, PROCPOOL_ECRASHED, SIGSEGV);
}
END_TEST

/* F3 */
START_TEST(a_job_that_aborts_tells_the_signal)
{
	expect_death(t_abort, 0, PROCPOOL_ECRASHED, SIGABRT);
}
END_TEST

/* F3 */
START_TEST(a_job_that_exits_with_zero_has_not_succeeded)
{
	expect_death(t_exit, 0, PROCPOOL_EEXITED, 0);
}
END_TEST

/* F3 */
START_TEST(a_job_that_exits_tells_the_status)
{
	expect_death(t_exit, 3, PROCPOOL_EEXITED, 3);
}
END_TEST

/* F3 */
START_TEST(a_job_that_exits_without_clean_up_tells_the_status)
{
	expect_death(t__exit, 3, PROCPOOL_EEXITED, 3);
}
END_TEST

/* F4 */
START_TEST(jobs_after_the_death_of_an_idle_worker_all_succeed)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_result result;
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	for (int id = 0; id < 2; id++) {
		ok(call_op(pool, t_ledger, id, 0, &result));
		procpool_result_done(&result);
	}
	ck_assert(await_end(pids[0], 1000));
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* F4: as often as a pool takes deaths outside of tasks before it gives up. */
START_TEST(eight_deaths_of_idle_workers_blame_no_job)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_stats stats;
	pid_t pids[2];

	for (int i = 0; i < 8; i++) {
		pool_pids(pool, pids);
		kill(pids[i % 2], SIGKILL);
		ok(submit_op(pool, t_ledger, 2 * i, 0));
		ok(submit_op(pool, t_ledger, 2 * i + 1, 0));
		drain_pool(pool);
	}
	ledger_check(16);
	ck_assert_int_eq(ledger_count(16, 0), 16);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.crashed, 0);
	ck_assert_ptr_null(procpool_first_failed(pool));
	close_pool(pool);
}
END_TEST

/* F4: a replacement comes without a new task that asks for it. */
START_TEST(an_idle_worker_is_replaced_while_nothing_is_asked)
{
	struct procpool *pool = open_pool(2, t_ledger);
	pid_t pids[2];

	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	await_that(stats_of(pool).restarts > 0, 2000);
	ck_assert_uint_eq(stats_of(pool).restarts, 1);
	ck_assert_uint_eq(stats_of(pool).workers, 2);
	close_pool(pool);
}
END_TEST

/* F5 */
START_TEST(all_workers_killed_at_once_lose_what_they_ran_and_no_more)
{
	struct procpool *pool = open_pool(4, t_ledger);

	for (int id = 0; id < 4; id++)
		ok(submit_op(pool, t_wait, id, 0));
	await_flag(&shared->flag[0], 4, 5000);
	for (int id = 4; id < 500; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	for (int id = 0; id < 4; id++)
		kill(shared->ran_in[id], SIGKILL);
	drain_pool(pool);
	ledger_check(500);
	ck_assert_int_eq(ledger_count(4, PROCPOOL_ECRASHED), 4);
	ck_assert_int_eq(ledger_count(500, 0), 496);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* F5: again and again; what waits behind a killed job is not lost with it. */
START_TEST(killing_all_workers_ten_times_under_load_hangs_nothing)
{
	struct procpool *pool = open_pool(4, t_ledger);
	int id = 0;

	for (int round = 0; round < 10; round++) {
		const int first = id;

		while (id < first + 4)
			ok(submit_op(pool, t_wait, id++, 0));
		while (id < first + 200)
			ok(submit_op(pool, t_ledger, id++, 0));
		await_flag(&shared->flag[0], 4 * (round + 1), 5000);
		for (int i = first; i < first + 4; i++)
			kill(shared->ran_in[i], SIGKILL);
		drain_pool(pool);
	}
	ledger_check(id);
	ck_assert_int_eq(ledger_count(id, PROCPOOL_ECRASHED), 40);
	ck_assert_int_eq(ledger_count(id, 0), id - 40);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

static void
hold_up(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
	flag_set(&shared->flag[0], 1);
	flag_await(&shared->flag[1], 1, PATIENCE_MS);
}

static int
set_flag_two(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	flag_add(&shared->flag[2], 1);
	return 0;
}

/* F6: a callback that takes long holds up other callbacks and, at worst, its
 * own worker; other jobs run. */
START_TEST(a_callback_that_blocks_does_not_stop_the_other_worker)
{
	struct procpool *pool = open_pool(2, set_flag_two);

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){
		.function = set_flag_two, .done = hold_up }));
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < 20; i++)
		ok(procpool_submit(pool, NULL, 0, NULL, NULL));
	await_flag(&shared->flag[2], 21, 5000);
	expect(procpool_drain(pool, 0), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	close_pool(pool);
}
END_TEST

/* The callback of a crashed task submits it again, three times. */
struct again {
	struct procpool *pool;
	atomic_int deaths;
	atomic_int refused;
};

static void
try_again(const struct procpool_result *result, void *user)
{
	struct again *again = user;
	const int deaths = atomic_fetch_add(&again->deaths, 1) + 1;

	if (result->outcome == PROCPOOL_ECRASHED && deaths < 3)
		again->refused += procpool_submit(again->pool,
				      &(struct op){ deaths, SIGKILL },
				      sizeof(struct op), try_again, again) != 0;
	flag_add(&shared->flag[0], 1);
}

/* F6 */
START_TEST(the_callback_of_a_crash_may_submit_again)
{
	struct again again = { .pool = open_pool(1, t_kill) };

	ok(procpool_submit(again.pool, &(struct op){ 0, SIGKILL },
	    sizeof(struct op), try_again, &again));
	await_flag(&shared->flag[0], 3, 5000);
	ck_assert_int_eq(again.deaths, 3);
	ck_assert_int_eq(again.refused, 0);
	for (int id = 0; id < 3; id++)
		ck_assert_int_eq(shared->started[id], 1);
	close_pool(again.pool);
}
END_TEST

/* What a log function or worker_env is told by calls that would wait for it;
 * 0 before it has made them. */
struct inward {
	struct procpool *pool;
	atomic_int refused; /* calls */
	atomic_int from_log, from_env; /* it has made them */
};

static void
call_inwards(struct inward *in, atomic_int *made)
{
	struct procpool_result result;

	if (in->pool == NULL || atomic_exchange(made, 1) != 0)
		return;
	in->refused += procpool_drain(in->pool, -1) == PROCPOOL_EDEADLOCK;
	in->refused += procpool_refresh(in->pool) == PROCPOOL_EDEADLOCK;
	in->refused += procpool_shutdown(in->pool) == PROCPOOL_EDEADLOCK;
	in->refused += procpool_close(in->pool) == PROCPOOL_EDEADLOCK;
	in->refused +=
	    procpool_call(in->pool, NULL, 0, &result) == PROCPOOL_EDEADLOCK;
}

static void
log_inwards(enum procpool_level level, const char *message, void *user)
{
	struct inward *in = user;

	(void)message;
	if (level == PROCPOOL_ERROR)
		call_inwards(in, &in->from_log);
}

static int
env_inwards(struct procpool_env *env, int worker, void *user)
{
	struct inward *in = user;

	(void)env;
	(void)worker;
	call_inwards(in, &in->from_env);
	return 0;
}

/* F6, L04: at the death of a worker and before its replacement. */
START_TEST(a_log_function_and_an_environment_cannot_wait_for_themselves)
{
	struct inward in = { .pool = NULL };
	struct procpool_result result;

	in.pool = open_with((struct procpool_options){ .entry_point = t_ledger,
	    .n_jobs = 1,
	    .log = log_inwards,
	    .worker_env = env_inwards,
	    .user = &in });
	expect(
	    call_op(in.pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	await_that(atomic_load(&in.from_env) != 0, 5000);
	pool_works(in.pool);
	ck_assert_int_eq(atomic_load(&in.from_log), 1);
	ck_assert_int_eq(atomic_load(&in.refused), 10);
	close_pool(in.pool);
}
END_TEST

RUN_TESTS("failure", code_and_text_of_a_failed_job_reach_the_caller,
    a_negative_code_reaches_the_caller, a_job_may_fail_without_a_text,
    a_code_of_zero_is_a_failure_too, a_long_text_is_cut_and_is_no_format,
    one_failing_job_of_a_thousand_costs_only_itself,
    one_killed_worker_of_a_thousand_jobs_costs_one_job,
    a_job_killed_by_sigkill_tells_the_signal,
    a_job_that_writes_to_no_memory_tells_the_signal,
    a_job_that_aborts_tells_the_signal,
    a_job_that_exits_with_zero_has_not_succeeded,
    a_job_that_exits_tells_the_status,
    a_job_that_exits_without_clean_up_tells_the_status,
    jobs_after_the_death_of_an_idle_worker_all_succeed,
    eight_deaths_of_idle_workers_blame_no_job,
    an_idle_worker_is_replaced_while_nothing_is_asked,
    all_workers_killed_at_once_lose_what_they_ran_and_no_more,
    killing_all_workers_ten_times_under_load_hangs_nothing,
    a_callback_that_blocks_does_not_stop_the_other_worker,
    the_callback_of_a_crash_may_submit_again,
    a_log_function_and_an_environment_cannot_wait_for_themselves)
