/*
 * Broadcasts: run once in every worker, and in each replacement before
 * anything else; rows B1 to B7.
 */
#include "hurry.h"
#include "order.h"
#include "sabotage.h"

enum {
	RUNS = 0, /* flags: how often a broadcast was run, */
	TOLD, /* and how often done was called */
	SUCCESSES,
	CRASHES,
	FAILURES,
	SHUTDOWNS,
	WORKERS, /* of its runs, as bits */
	STALE, /* tasks that did not find what they should have */
	ARMED, /* what some jobs ask before they misbehave */
	GATE /* t_wait: has begun; the next one lets it go on */
};

/* What a worker has been told; a worker's own, as all its memory is. */
static int known;
static int known_beside;
static int runs_here;

static void
set_flag_of(const struct procpool_result *result, void *user)
{
	(void)user;
	switch (result->outcome) {
	case 0:
		flag_add(&shared->flag[SUCCESSES], 1);
		break;
	case PROCPOOL_EFAILED:
		flag_add(&shared->flag[FAILURES], 1);
		break;
	case PROCPOOL_ECRASHED:
		flag_add(&shared->flag[CRASHES], 1);
		break;
	case PROCPOOL_ESHUTDOWN:
	case PROCPOOL_EBROKEN:
		flag_add(&shared->flag[SHUTDOWNS], 1);
		break;
	default:
		break;
	}
	if (result->worker >= 0)
		atomic_fetch_or(&shared->flag[WORKERS], 1 << result->worker);
	flag_add(&shared->flag[TOLD], 1);
}

/* The arg is the int to be known from now on. */
static int
b_know(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	known = *(const int *)arg;
	runs_here++;
	flag_add(&shared->flag[RUNS], 1);
	return 0;
}

/* Takes 100 times what is known already, so that the order shows. */
static int
b_know_beside(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	known_beside = known * 100 + *(const int *)arg;
	return 0;
}

static int
b_crash(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	flag_add(&shared->flag[RUNS], 1);
	if (atomic_load(&shared->flag[ARMED]) == 0)
		return 0;
	return kill(getpid(), SIGKILL);
}

/* The same, but the flag is a number of times. */
static int
b_crash_once(struct procpool_job *job, const void *arg, size_t len)
{
	known = *(const int *)arg;
	if (atomic_fetch_sub(&shared->flag[ARMED], 1) > 0)
		kill(getpid(), SIGKILL);
	return t_echo(job, arg, len);
}

static int
b_fail(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_fail(job, 3, "not here");
}

/* A struct op: its value must be known, or less, or it counts as stale. */
static int
t_knows(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	if (known < op->value)
		flag_add(&shared->flag[STALE], 1);
	return t_ledger(job, arg, len);
}

/* Returns known, known_beside and runs_here. */
static int
t_tell(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(
	    job, &(int[3]){ known, known_beside, runs_here }, 3 * sizeof(int));
}

static int
broadcast(struct procpool *pool, procpool_job_fn function, int value)
{
	return procpool_broadcast(pool,
	    &(struct procpool_task){ .function = function,
		.arg = &value,
		.len = sizeof(value),
		.done = set_flag_of });
}

/* What a worker has been told, by its index. */
static void
ask(struct procpool *pool, int worker, int told[3])
{
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = t_tell,
		.key = (uint64_t)(worker + procpool_n_jobs(pool)) },
	    &result));
	ck_assert_int_eq(result.worker, worker);
	memcpy(told, result.data, 3 * sizeof(int));
	procpool_result_done(&result);
}

static void
check_known(struct procpool *pool, int value)
{
	int told[3];

	for (int i = 0; i < procpool_n_jobs(pool); i++) {
		ask(pool, i, told);
		ck_assert_int_eq(told[0], value);
	}
}

/* ------------------------------------------------------- Who runs it */

/* B1 */
START_TEST(every_worker_runs_it_once_and_done_is_told_of_each)
{
	struct procpool *pool = begin_fault(4);
	struct procpool_stats stats;

	ok(broadcast(pool, b_know, 7));
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[RUNS], 4);
	ck_assert_int_eq(shared->flag[TOLD], 4);
	ck_assert_int_eq(shared->flag[SUCCESSES], 4);
	ck_assert_int_eq(shared->flag[WORKERS], 15);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.submitted, 4);
	ck_assert_uint_eq(stats.succeeded, 4);
	check_known(pool, 7);
	end_fault(pool, 0);
}
END_TEST

/* B2: tasks of before and after are sent ahead, stolen and mixed all along. */
START_TEST(what_is_submitted_after_it_finds_its_effect)
{
	const int rounds = 150, each = 40;
	struct procpool *pool = begin_fault(4);

	for (int i = 0; i < rounds; i++) {
		ok(broadcast(pool, b_know, i + 1));
		for (int j = 0; j < each; j++)
			ok(submit_op(pool, t_knows, i * each + j, i + 1));
		if (i % 10 == 0) {
			struct procpool_result result;

			ok(call_op(pool, t_knows, IDS / 2 + i, i + 1, &result));
			procpool_result_done(&result);
		}
	}
	ledger_await(rounds * each, 20000);
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[STALE], 0);
	ck_assert_int_eq(shared->flag[RUNS], 4 * rounds);
	end_fault(pool, rounds * each);
}
END_TEST

/* B2: it does not wait behind what was sent to a worker before, once that has
 * been taken back. */
START_TEST(it_goes_before_all_that_waits)
{
	const int n = 200;
	struct procpool *pool = begin_fault(2);

	hold_workers(pool, n, GATE);
	for (int i = 0; i < n; i++)
		ok(submit_op(pool, t_knows, i, 1));
	ok(broadcast(pool, b_know, 1));
	await_none_ahead(pool);
	let_go(GATE);
	ledger_await(n + 2, 10000);
	ck_assert_int_eq(shared->flag[STALE], 0);
	end_fault(pool, n + 2);
}
END_TEST

/* ------------------------------------------------------- Replacements */

/* B3, W01: a worker dies of every tenth task. */
START_TEST(a_replacement_runs_it_before_anything_else)
{
	const int n = 300;
	struct procpool *pool = begin_fault(3);

	ok(broadcast(pool, b_know, 5));
	for (int i = 0; i < n; i++)
		ok(submit_op(pool, i % 10 == 4 ? t_kill : t_knows, i,
		    i % 10 == 4 ? SIGKILL : 5));
	ledger_await(n, 20000);
	await_workers(pool, 3, 5000);
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[STALE], 0);
	ck_assert_int_eq(shared->flag[RUNS], 3 + n / 10);
	ck_assert_int_eq(shared->flag[TOLD], 3 + n / 10);
	check_known(pool, 5);
	end_fault(pool, n);
}
END_TEST

/* B3, W21 */
START_TEST(a_worker_that_dies_idle_is_replaced_by_one_that_runs_it)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	ok(broadcast(pool, b_know, 5));
	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	await_flag(&shared->flag[TOLD], 3, 10000);
	check_known(pool, 5);
	ck_assert_int_eq(shared->flag[RUNS], 3);
	end_fault(pool, 0);
}
END_TEST

/* B3: it is still waiting for the worker when that dies: the next one has it,
 * and has it once. */
START_TEST(one_that_waited_for_a_worker_is_run_once_by_the_next)
{
	struct procpool *pool = begin_fault(1);
	int told[3];

	hold_workers(pool, 0, GATE);
	ok(broadcast(pool, b_know, 5));
	ok(broadcast(pool, b_know_beside, 6));
	kill(atomic_load(&shared->ran_in[0]), SIGKILL);
	ask(pool, 0, told);
	ck_assert_int_eq(told[0], 5);
	ck_assert_int_eq(told[1], 506);
	ck_assert_int_eq(told[2], 1);
	ck_assert_int_eq(shared->flag[RUNS], 1);
	ck_assert_int_eq(shared->flag[TOLD], 2);
	end_fault(pool, 1);
}
END_TEST

/* B4: the older one is made again for the new worker, the later one still
 * waits for it: their order is that of the broadcasts. */
START_TEST(later_workers_run_several_in_their_order)
{
	struct procpool *pool = begin_fault(1);
	int told[3];

	ok(broadcast(pool, b_know, 5));
	hold_workers(pool, 0, GATE);
	ok(broadcast(pool, b_know_beside, 6));
	kill(atomic_load(&shared->ran_in[0]), SIGKILL);
	ask(pool, 0, told);
	ck_assert_int_eq(told[1], 506);
	ck_assert_int_eq(told[2], 1);
	end_fault(pool, 1);
}
END_TEST

static void
know_by_key(struct procpool *pool, int value, uint64_t key)
{
	ok(procpool_broadcast(pool,
	    &(struct procpool_task){ .function = b_know,
		.arg = &value,
		.len = sizeof(value),
		.key = key }));
}

/* B4 */
START_TEST(of_several_of_one_function_and_key_later_workers_run_the_latest)
{
	struct procpool *pool = begin_fault(1);
	struct procpool_result result;
	int told[3];

	know_by_key(pool, 1, 0);
	know_by_key(pool, 2, 9);
	know_by_key(pool, 3, 0);
	know_by_key(pool, 4, 9);
	know_by_key(pool, 5, 0);
	ask(pool, 0, told);
	ck_assert_int_eq(told[2], 5);
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	ask(pool, 0, told);
	ck_assert_int_eq(told[0], 5);
	ck_assert_int_eq(told[2], 2);
	end_fault(pool, 0);
}
END_TEST

/* B3 */
START_TEST(a_refresh_brings_workers_that_run_it)
{
	struct procpool *pool = begin_fault(3);

	ok(broadcast(pool, b_know, 5));
	drain_pool(pool);
	ok(procpool_refresh(pool));
	check_known(pool, 5);
	ck_assert_int_eq(shared->flag[RUNS], 6);
	end_fault(pool, 0);
}
END_TEST

/* B3 */
START_TEST(workers_of_another_spawner_run_it)
{
	struct procpool *pool = begin_fault(2);

	ok(broadcast(pool, b_know, 5));
	drain_pool(pool);
	kill(call_pid(pool, t_parent), SIGKILL);
	await_flag(&shared->flag[TOLD], 4, 10000);
	check_known(pool, 5);
	end_fault(pool, 0);
}
END_TEST

static int
start_at_gate(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	flag_add(&shared->flag[GATE], 1);
	return !flag_await(&shared->flag[GATE + 1], 1, PATIENCE_MS);
}

/* B2 */
START_TEST(workers_that_are_still_starting_run_it_first)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .worker_start = start_at_gate });

	for (int i = 0; i < 20; i++)
		ok(submit_op(pool, t_knows, i, 5));
	ok(broadcast(pool, b_know, 5));
	flag_set(&shared->flag[GATE + 1], 1);
	ledger_await(20, 10000);
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[STALE], 0);
	ck_assert_int_eq(shared->flag[RUNS], 2);
	end_fault(pool, 20);
}
END_TEST

/* ------------------------------------------------------------- Failures */

/* B5 */
START_TEST(one_that_fails_has_told_so_and_the_worker_goes_on)
{
	struct procpool *pool = begin_fault(2);
	pid_t before[2];

	pool_pids(pool, before);
	ok(broadcast(pool, b_fail, 0));
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[FAILURES], 2);
	ck_assert(!has_ended(before[0]) && !has_ended(before[1]));
	end_fault(pool, 0);
}
END_TEST

/* B5 */
START_TEST(a_worker_that_dies_of_it_is_replaced_and_the_next_has_it_again)
{
	struct procpool *pool = begin_fault(2);

	flag_set(&shared->flag[ARMED], 3);
	ok(broadcast(pool, b_crash_once, 5));
	await_flag(&shared->flag[TOLD], 5, 10000);
	ck_assert_int_eq(shared->flag[CRASHES], 3);
	ck_assert_int_eq(shared->flag[SUCCESSES], 2);
	check_known(pool, 5);
	end_fault(pool, 0);
}
END_TEST

/* B5, W22, W24: that every worker dies of it is no reason to fork for ever;
 * that another broadcast succeeds each time is none either. */
START_TEST(one_that_kills_every_worker_breaks_the_pool_in_bounded_time)
{
	const int64_t start = now_ms();
	struct procpool *pool = begin_fault(2);

	hurry();
	ok(broadcast(pool, b_know, 1));
	drain_pool(pool);
	flag_set(&shared->flag[ARMED], 1);
	flag_set(&shared->flag[TOLD], 0);
	ok(broadcast(pool, b_crash, 0));
	for (int i = 0; i < 10; i++)
		(void)submit_op(pool, t_ledger, i, 0);
	drain_pool(pool);
	ck_assert_int_eq(procpool_is_running(pool), 0);
	took_less(start, 20000);
	ck_assert_int_le(shared->flag[CRASHES], 12);
	expect(broadcast(pool, b_know, 1), PROCPOOL_EBROKEN);
	flag_set(&shared->flag[ARMED], 0);
	ok(procpool_shutdown(pool));
	ok(procpool_start(pool));
	end_fault(pool, 10);
}
END_TEST

/* B5: more deaths than break a pool, but with tasks in between. */
START_TEST(a_task_that_succeeds_ends_the_row_of_deaths)
{
	struct procpool *pool = begin_fault(1);

	for (int i = 0; i < 6; i++) {
		flag_set(&shared->flag[ARMED], 4);
		ok(broadcast(pool, b_crash_once, i + 1));
		check_known(pool, i + 1);
	}
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------------- What is refused */

/* B4, B6: in whatever way it is refused. */
START_TEST(one_that_is_refused_replaces_none_for_later_workers)
{
	static const int values[4] = { 7 };
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .max_payload = 3 * sizeof(int) });
	struct procpool_task task = {
		.function = b_know, .arg = values, .len = sizeof(values)
	};
	struct procpool_result result;

	ok(broadcast(pool, b_know, 1));
	drain_pool(pool);
	expect(procpool_broadcast(pool, &task), PROCPOOL_ETOOBIG);
	task.len = sizeof(values[0]);
	task.priority = 1;
	expect(procpool_broadcast(pool, &task), PROCPOOL_EBROADCAST);
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	check_known(pool, 1);
	end_fault(pool, 0);
}
END_TEST

/* B6 */
START_TEST(what_cannot_be_broadcast_is_refused)
{
	static const char bytes[8];
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .max_payload = 4 });
	struct procpool_task task = { .arg = bytes, .len = 8 };
	struct procpool_batch *batch;

	expect(procpool_broadcast(NULL, &task), PROCPOOL_ENULL);
	expect(procpool_broadcast(pool, NULL), PROCPOOL_ENULL);
	expect(procpool_broadcast(pool, &task), PROCPOOL_ETOOBIG);
	task = (struct procpool_task){ .len = 1 };
	expect(procpool_broadcast(pool, &task), PROCPOOL_ENULL);
	task = (struct procpool_task){ .function = b_fail, .priority = 1 };
	expect(procpool_broadcast(pool, &task), PROCPOOL_EBROADCAST);
	ok(procpool_batch_open(&batch, pool, 1));
	task = (struct procpool_task){ .function = b_fail, .batch = batch };
	expect(procpool_broadcast(pool, &task), PROCPOOL_EBROADCAST);
	procpool_batch_close(batch);
	ok(procpool_shutdown(pool));
	task = (struct procpool_task){ .function = b_fail };
	expect(procpool_broadcast(pool, &task), PROCPOOL_ENOTRUNNING);
	close_pool(pool);
	end_fault_closed(0);
}
END_TEST

static int
aside_broadcast(struct aside *aside)
{
	return broadcast(aside->pool, b_know, 5);
}

/* B6 */
START_TEST(it_waits_for_room_as_a_task_does)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 2, .queue_tasks = 2 });
	struct aside aside = { .call = aside_broadcast, .pool = pool };

	ok(submit_op(pool, t_wait, 0, GATE));
	ok(submit_op(pool, t_wait, 1, GATE));
	aside_start(&aside);
	ck_assert_int_eq(shared->flag[RUNS], 0);
	flag_set(&shared->flag[GATE + 1], 1);
	ck_assert_int_eq(aside_join(&aside), 0);
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[RUNS], 2);
	end_fault(pool, 2);
}
END_TEST

/* ------------------------------------------------------ The pool's life */

/* B7 */
START_TEST(a_shutdown_ends_it_and_the_next_life_knows_nothing_of_it)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	hold_workers(pool, 0, GATE);
	ok(broadcast(pool, b_know, 5));
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(shared->flag[SHUTDOWNS], 2);
	ok(procpool_start(pool));
	check_known(pool, 0);
	pool_pids(pool, pids);
	kill(pids[0], SIGKILL);
	await_restarts(pool, 1, 5000);
	check_known(pool, 0);
	end_fault(pool, 2);
}
END_TEST

/* B7 */
START_TEST(a_close_finishes_it)
{
	struct procpool *pool = begin_fault(3);

	ok(broadcast(pool, b_know, 5));
	close_pool(pool);
	ck_assert_int_eq(shared->flag[SUCCESSES], 3);
	end_fault_closed(0);
}
END_TEST

static void
broadcast_again(const struct procpool_result *result, void *user)
{
	struct procpool *pool = user;

	if (atomic_fetch_add(&shared->flag[TOLD], 1) == 0 &&
	    broadcast(pool, b_know, result->outcome + 9) == 0)
		flag_add(&shared->flag[SUCCESSES], 100);
}

/* B1 */
START_TEST(a_callback_may_broadcast)
{
	struct procpool *pool = begin_fault(2);

	ok(procpool_submit(pool, &(struct op){ 0, 0 }, sizeof(struct op),
	    broadcast_again, pool));
	await_flag(&shared->flag[SUCCESSES], 100, 5000);
	drain_pool(pool);
	check_known(pool, 9);
	ck_assert_int_eq(shared->flag[SUCCESSES], 102);
	atomic_store(&shared->completed[0], 1);
	end_fault(pool, 1);
}
END_TEST

/* B1 */
START_TEST(in_debug_mode_the_one_worker_runs_it_at_once)
{
	struct procpool *pool =
	    begin_fault_with((struct procpool_options){ .debug = true });

	known = 0;
	ok(broadcast(pool, b_know, 5));
	ck_assert_int_eq(known, 5);
	ck_assert_int_eq(shared->flag[TOLD], 1);
	close_pool(pool);
	end_fault_closed(0);
}
END_TEST

/* Knows the length when each of the bytes has come. */
static int
b_pattern(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	known = pattern_matches(arg, len) ? (int)len : -1;
	return 0;
}

static void
broadcast_pattern(size_t len)
{
	struct procpool *pool = begin_fault(2);
	char *bytes = malloc(len);
	pid_t pids[2];

	pattern_fill(bytes, len);
	ok(procpool_broadcast(pool,
	    &(struct procpool_task){ .function = b_pattern,
		.arg = bytes,
		.len = len,
		.done = set_flag_of }));
	free(bytes);
	pool_pids(pool, pids);
	kill(pids[1], SIGKILL);
	await_flag(&shared->flag[TOLD], 3, 10000);
	check_known(pool, (int)len);
	end_fault(pool, 0);
}

/* B1 */
START_TEST(its_argument_may_be_of_any_size_and_is_kept)
{
	static const size_t sizes[] = { 48, 49, 4000, 32 * 1024, 3000000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		flag_set(&shared->flag[TOLD], 0);
		broadcast_pattern(sizes[i]);
	}
}
END_TEST

/* B2, W02: what is broadcast, keyed or neither, while workers are killed at
 * any moment, ends, and nobody finds less than it should. */
START_TEST(nothing_is_lost_or_stale_in_a_storm_of_kills)
{
	const int n = 2000;
	struct procpool *pool = begin_fault(4);
	struct procpool_stats s;
	struct trouble killer;

	trouble_start(&killer, kill_a_worker, NULL);
	for (int i = 0; i < n; i++) {
		if (i % 20 == 0)
			ok(broadcast(pool, b_know, i / 20 + 1));
		if (i % 2 == 0)
			ok(submit_op(pool, t_work, i, 100));
		else
			ok(submit_op(pool, t_knows, i, i / 20 + 1));
	}
	ledger_await(n, 30000);
	trouble_stop(&killer);
	drain_pool(pool);
	check_known(pool, n / 20);
	ck_assert_int_eq(shared->flag[STALE], 0);
	ck_assert_int_ge(shared->flag[TOLD], 4 * (n / 20));
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.submitted,
	    (uint64_t)(n + procpool_n_jobs(pool) + shared->flag[TOLD]));
	end_fault(pool, n);
}
END_TEST

RUN_TESTS("broadcast", every_worker_runs_it_once_and_done_is_told_of_each,
    what_is_submitted_after_it_finds_its_effect, it_goes_before_all_that_waits,
    a_replacement_runs_it_before_anything_else,
    a_worker_that_dies_idle_is_replaced_by_one_that_runs_it,
    one_that_waited_for_a_worker_is_run_once_by_the_next,
    later_workers_run_several_in_their_order,
    of_several_of_one_function_and_key_later_workers_run_the_latest,
    a_refresh_brings_workers_that_run_it, workers_of_another_spawner_run_it,
    workers_that_are_still_starting_run_it_first,
    one_that_fails_has_told_so_and_the_worker_goes_on,
    a_worker_that_dies_of_it_is_replaced_and_the_next_has_it_again,
    one_that_kills_every_worker_breaks_the_pool_in_bounded_time,
    a_task_that_succeeds_ends_the_row_of_deaths,
    one_that_is_refused_replaces_none_for_later_workers,
    what_cannot_be_broadcast_is_refused, it_waits_for_room_as_a_task_does,
    a_shutdown_ends_it_and_the_next_life_knows_nothing_of_it,
    a_close_finishes_it, a_callback_may_broadcast,
    in_debug_mode_the_one_worker_runs_it_at_once,
    its_argument_may_be_of_any_size_and_is_kept,
    nothing_is_lost_or_stale_in_a_storm_of_kills)
