/*
 * Debug mode: every job in this process.  Row P16, and L08 for jobs.
 */
#include "testing.h"

static struct procpool *
open_debug(procpool_job_fn entry_point)
{
	return open_with((struct procpool_options){
	    .entry_point = entry_point, .n_jobs = 4, .debug = true });
}

/* P16 */
START_TEST(the_job_runs_in_this_process)
{
	struct procpool *pool = open_debug(t_pid);
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_int_eq(*(const pid_t *)result.data, getpid());
	ck_assert_int_eq(result.pid, getpid());
	procpool_result_done(&result);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	close_pool(pool);
}
END_TEST

/* P16 */
START_TEST(there_is_one_job_at_a_time_whatever_was_asked)
{
	struct procpool *pool = open_debug(t_pid);

	ck_assert_int_eq(procpool_n_jobs(pool), 1);
	ck_assert_str_eq(procpool_name(pool), "procpool");
	ck_assert_int_eq(procpool_is_running(pool), 1);
	close_pool(pool);
}
END_TEST

/* Both kinds of pool, asked for the same. */
struct pair {
	struct procpool *processes;
	struct procpool *debug;
};

static struct pair
open_pair(struct procpool_options options)
{
	struct pair pair;

	options.n_jobs = 1;
	pair.processes = open_with(options);
	options.debug = true;
	pair.debug = open_with(options);
	return pair;
}

static void
close_pair(struct pair pair)
{
	close_pool(pair.processes);
	close_pool(pair.debug);
}

/* P16: one call gives the same in both. */
static void
expect_same(struct pair pair, const struct procpool_task *task)
{
	struct procpool_result a;
	struct procpool_result b;
	const int rc = procpool_call_task(pair.processes, task, &a);

	expect(procpool_call_task(pair.debug, task, &b), rc);
	expect(b.outcome, a.outcome);
	ck_assert_int_eq(b.code, a.code);
	ck_assert_str_eq(b.message, a.message);
	ck_assert_uint_eq(b.len, a.len);
	ck_assert_ptr_nonnull(b.data);
	ck_assert_mem_eq(b.data, a.data, a.len);
	ck_assert_uint_eq((uintptr_t)b.data % 16, 0);
	ck_assert_uint_eq(b.task, a.task);
	ck_assert_int_eq(b.worker, a.worker);
	ck_assert_str_eq(b.worker_name, a.worker_name);
	ck_assert_int_eq(b.attempt, a.attempt);
	ck_assert_int_eq(b.phase, a.phase);
	procpool_result_done(&a);
	procpool_result_done(&b);
}

/* P16 */
START_TEST(results_are_the_same_as_from_processes)
{
	const struct pair pair =
	    open_pair((struct procpool_options){ .entry_point = t_echo });
	static const char bytes[100000] = "some bytes";

	for (size_t len = 0; len <= sizeof(bytes); len = len * 3 + 1)
		expect_same(
		    pair, &(struct procpool_task){ .arg = bytes, .len = len });
	expect_same(pair, &(struct procpool_task){ 0 });
	expect_same(pair,
	    &(struct procpool_task){ .arg = &(int64_t){ 0 },
		.len = sizeof(int64_t),
		.function = t_square });
	close_pair(pair);
}
END_TEST

static int
fail_bare(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	return 11;
}

/* Says that it fails after it has given a result. */
static int
return_and_fail(struct procpool_job *job, const void *arg, size_t len)
{
	(void)procpool_return(job, arg, len);
	return procpool_fail(job, 4, "after %zu bytes", len);
}

static int
return_too_much(struct procpool_job *job, const void *arg, size_t len)
{
	(void)len;
	return procpool_return(job, arg, 1001);
}

/* P16 */
START_TEST(failures_are_the_same_as_from_processes)
{
	const struct pair pair = open_pair((struct procpool_options){
	    .entry_point = fail_bare, .max_payload = 1000 });
	const struct op op = { 0, 9 };

	expect_same(pair, &(struct procpool_task){ 0 });
	expect_same(pair,
	    &(struct procpool_task){
		.arg = &op, .len = sizeof(op), .function = t_fail });
	expect_same(pair,
	    &(struct procpool_task){
		.arg = "xy", .len = 2, .function = return_and_fail });
	expect_same(
	    pair, &(struct procpool_task){ .function = return_too_much });
	close_pair(pair);
}
END_TEST

/* P16, P12 */
START_TEST(the_size_limit_holds)
{
	static const char bytes[1001];
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_echo, .debug = true, .max_payload = 1000 });
	struct procpool_result result;

	expect(procpool_call(pool, bytes, 1001, &result), PROCPOOL_ETOOBIG);
	procpool_result_done(&result);
	ok(procpool_call(pool, bytes, 1000, &result));
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* P16 */
START_TEST(a_thousand_callbacks_and_a_batch_come_through)
{
	struct procpool *pool = open_debug(t_ledger);
	struct procpool_batch *batch;
	const struct procpool_result *result;

	for (int id = 0; id < 1000; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	drain_pool(pool);
	ledger_check(1000);
	ck_assert_int_eq(ledger_count(1000, 0), 1000);
	ok(procpool_batch_open(&batch, pool, 10));
	for (int64_t x = 0; x < 10; x++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .arg = &x,
			.len = sizeof(x),
			.function = t_square,
			.batch = batch }));
	ok(procpool_batch_wait(batch, bound(5000)));
	for (int64_t x = 0; x < 10; x++) {
		ok(procpool_batch_result(batch, (size_t)x, &result));
		ck_assert_int_eq(*(const int64_t *)result->data, x * x);
	}
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

static int
count_entered(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	if (atomic_fetch_add(&shared->flag[0], 1) != 0)
		flag_add(&shared->flag[1], 1);
	sched_yield();
	atomic_fetch_sub(&shared->flag[0], 1);
	flag_add(&shared->flag[2], 1);
	return 0;
}

static int
call_a_hundred(struct aside *aside)
{
	int failed = 0;

	for (int i = 0; i < 100; i++) {
		struct procpool_result result;

		failed += procpool_call(aside->pool, NULL, 0, &result) != 0;
		procpool_result_done(&result);
	}
	return failed;
}

/* P16: one at a time, from however many threads. */
START_TEST(jobs_of_several_threads_run_one_after_the_other)
{
	struct procpool *pool = open_debug(count_entered);
	struct aside callers[4];

	for (int i = 0; i < 4; i++) {
		callers[i].pool = pool;
		callers[i].call = call_a_hundred;
		aside_start(&callers[i]);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(aside_join(&callers[i]), 0);
	ck_assert_int_eq(shared->flag[1], 0);
	ck_assert_int_eq(shared->flag[2], 400);
	close_pool(pool);
}
END_TEST

static int
read_foo(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, getenv("FOO") ? "set" : "not", 4);
}

/* P16: the environment of this process is not touched. */
START_TEST(no_environment_is_applied)
{
	static const char *const env[] = { "FOO=bar", NULL };
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = read_foo, .debug = true, .env = env });
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_str_eq(result.data, "not");
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static int
set_up_seven(struct procpool_job *job, void **state)
{
	static int seven;

	(void)job;
	seven = 7;
	*state = &seven;
	flag_add(&shared->flag[0], 1);
	return 0;
}

static void
clear_up(struct procpool_job *job, void *state)
{
	(void)job;
	flag_add(&shared->flag[1], *(int *)state);
}

static int
read_state(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, procpool_job_state(job), sizeof(int));
}

/* P16: set-up and clear-up run as in a worker. */
START_TEST(the_only_worker_is_set_up_and_cleared_up)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = read_state,
		.debug = true,
		.worker_start = set_up_seven,
		.worker_exit = clear_up });
	struct procpool_result result;

	for (int i = 0; i < 3; i++) {
		ok(procpool_call(pool, NULL, 0, &result));
		ck_assert_int_eq(*(const int *)result.data, 7);
		procpool_result_done(&result);
	}
	close_pool(pool);
	ck_assert_int_eq(shared->flag[0], 1);
	ck_assert_int_eq(shared->flag[1], 7);
}
END_TEST

/* P16, S3, S4 */
START_TEST(it_is_shut_down_and_started_again)
{
	struct procpool *pool = open_debug(t_pid);
	struct procpool_result result;

	expect(procpool_start(pool), PROCPOOL_ERUNNING);
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(procpool_is_running(pool), 0);
	expect(procpool_call(pool, NULL, 0, &result), PROCPOOL_ENOTRUNNING);
	ok(procpool_shutdown(pool));
	ok(procpool_start(pool));
	ok(procpool_call(pool, NULL, 0, &result));
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* The pool of the job below. */
static struct procpool *own;

static int
wait_for_itself(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool_result result;
	const int rc = procpool_call(own, NULL, 0, &result);

	(void)arg;
	(void)len;
	return procpool_return(job, &rc, sizeof(rc));
}

/* L08 */
START_TEST(a_job_that_would_wait_for_itself_is_refused)
{
	struct procpool_result result;

	own = open_debug(wait_for_itself);
	ok(procpool_call(own, NULL, 0, &result));
	expect(*(const int *)result.data, PROCPOOL_EDEADLOCK);
	procpool_result_done(&result);
	close_pool(own);
}
END_TEST

static atomic_int refused;

static int
shut_down_at_the_start(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	refused += procpool_shutdown(own) == PROCPOOL_EDEADLOCK;
	return 0;
}

static void
shut_down_at_the_end(struct procpool_job *job, void *state)
{
	(void)job;
	(void)state;
	refused += procpool_shutdown(own) == PROCPOOL_EDEADLOCK;
}

/* L08: it would wait for the start, or the shutdown, that calls it. */
START_TEST(what_sets_the_worker_up_or_clears_it_up_cannot_wait_for_that)
{
	own =
	    open_with((struct procpool_options){ .entry_point = wait_for_itself,
		.worker_start = shut_down_at_the_start,
		.worker_exit = shut_down_at_the_end,
		.start_later = true,
		.debug = true });
	ok(procpool_start(own));
	ck_assert_int_eq(atomic_load(&refused), 1);
	close_pool(own);
	ck_assert_int_eq(atomic_load(&refused), 2);
}
END_TEST

/* E7, P16 */
START_TEST(statistics_and_first_failure_are_kept)
{
	struct procpool *pool = open_debug(t_ledger);
	struct procpool_stats stats;
	uint64_t busy;

	ok(submit_op(pool, t_ledger, 0, 0));
	ck_assert_ptr_null(procpool_first_failed(pool));
	ok(submit_op(pool, t_fail, 1, 1));
	drain_pool(pool);
	ck_assert_str_eq(procpool_first_failed(pool), "procpool-w0");
	ok(procpool_get_stats(pool, &stats, &busy));
	ck_assert_uint_eq(stats.submitted, 2);
	ck_assert_uint_eq(stats.succeeded, 1);
	ck_assert_uint_eq(stats.failed, 1);
	ck_assert_uint_eq(stats.queued + stats.running, 0);
	ck_assert_uint_eq(stats.busy_ns, busy);
	close_pool(pool);
}
END_TEST

struct chain {
	struct procpool *pool;
	int left;
	int refused;
};

static void
submit_next(const struct procpool_result *result, void *user)
{
	struct chain *chain = user;

	(void)result;
	if (chain->left-- > 0)
		chain->refused += procpool_submit(chain->pool, NULL, 0,
				      submit_next, chain) != 0;
}

/* P16, L07: without growing the stack by each link. */
START_TEST(callbacks_submit_a_long_chain)
{
	struct chain chain = { .pool = open_debug(t_pid), .left = 100000 };

	ok(procpool_submit(chain.pool, NULL, 0, submit_next, &chain));
	drain_pool(chain.pool);
	ck_assert_int_eq(chain.refused, 0);
	ck_assert_int_eq(chain.left, -1);
	close_pool(chain.pool);
}
END_TEST

RUN_TESTS("debug", the_job_runs_in_this_process,
    there_is_one_job_at_a_time_whatever_was_asked,
    results_are_the_same_as_from_processes,
    failures_are_the_same_as_from_processes, the_size_limit_holds,
    a_thousand_callbacks_and_a_batch_come_through,
    jobs_of_several_threads_run_one_after_the_other, no_environment_is_applied,
    the_only_worker_is_set_up_and_cleared_up, it_is_shut_down_and_started_again,
    a_job_that_would_wait_for_itself_is_refused,
    what_sets_the_worker_up_or_clears_it_up_cannot_wait_for_that,
    statistics_and_first_failure_are_kept, callbacks_submit_a_long_chain)
