/*
 * Cancelled tasks.  Rows F-7 to F-9, and what the header says of them.
 */
#include "testing.h"

/* What a done function was told of the task of that id: see ledger_done(). */
static struct procpool_future *
open_told(struct procpool *pool, procpool_job_fn function, int id, int value)
{
	struct procpool_future *future = open_future(pool, function, id, value);

	ok(procpool_future_then(future, ledger_done, (void *)(uintptr_t)id));
	return future;
}

/* ---------------------------------------------------- What has not begun */

/* F-7: in the ring, and sent ahead to the worker. */
START_TEST(what_no_worker_has_begun_ends_at_once_and_never_runs)
{
	enum {
		MANY = 2000
	};
	static struct procpool_future *futures[MANY];
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *first = open_told(pool, t_wait, 0, 0);
	struct procpool_stats stats;

	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 1; i < MANY; i++)
		futures[i] = open_future(pool, NULL, i, 0);
	for (int i = 1; i < MANY; i += 3) {
		ok(procpool_future_cancel(futures[i]));
		await_future(futures[i], PROCPOOL_ECANCELLED);
	}
	flag_set(&shared->flag[1], 1);
	await_future(first, 0);
	for (int i = 1; i < MANY; i++) {
		const bool cancelled = i % 3 == 1;

		await_future(futures[i], cancelled ? PROCPOOL_ECANCELLED : 0);
		ck_assert_int_eq(shared->started[i], cancelled ? 0 : 1);
		expect(procpool_future_cancel(futures[i]), PROCPOOL_EENDED);
		procpool_future_close(futures[i]);
	}
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.cancelled, (MANY + 1) / 3);
	ck_assert_uint_eq(stats.restarts, 0);
	ck_assert_uint_eq(stats.queued + stats.running, 0);
	procpool_future_close(first);
	close_pool(pool);
}
END_TEST

/* F-7: in the heaps of priorities and keys, whose order stays. */
START_TEST(what_waits_with_a_priority_or_a_key_can_be_cancelled)
{
	enum {
		MANY = 60
	};
	struct procpool_future *futures[MANY];
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	uint64_t last = 0;

	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < MANY; i++) {
		const struct op op = { i + 1, 0 };

		ok(procpool_future_open_task(&futures[i], pool,
		    &(struct procpool_task){ .arg = &op,
			.len = sizeof(op),
			.priority = i % 2 == 0 ? MANY - i : 0,
			.key = (uint64_t)(i % 2) }));
	}
	for (int i = 0; i < MANY; i += 5) {
		ok(procpool_future_cancel(futures[i]));
		await_future(futures[i], PROCPOOL_ECANCELLED);
	}
	flag_set(&shared->flag[1], 1);
	for (int i = 0; i < MANY; i++)
		if (i % 5 != 0)
			await_future(futures[i], 0);
	for (int i = 0; i < MANY; i += 2) {
		const struct procpool_result *result;

		ok(procpool_future_result(futures[i], &result));
		if (i % 5 == 0)
			continue;
		ck_assert_uint_gt(result->started_ns, last);
		last = result->started_ns;
	}
	for (int i = 0; i < MANY; i++)
		procpool_future_close(futures[i]);
	procpool_future_close(first);
	close_pool(pool);
}
END_TEST

/* F-7: although nothing wakes a thread of the pool. */
START_TEST(functions_of_a_cancelled_task_run_while_all_workers_are_busy)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_future *future;
	struct aside caller = { .call = aside_drain, .pool = pool };
	struct procpool_future *first = open_future(pool, NULL, 0, 0);

	await_flag(&shared->flag[0], 1, 5000);
	usleep(20000); /* for the last look at the ring */
	future = open_told(pool, t_ledger, 1, 0);
	aside_start(&caller);
	ok(procpool_future_cancel(future));
	ledger_await(1, 5000);
	ck_assert_int_eq(shared->outcome[1], PROCPOOL_ECANCELLED);
	flag_set(&shared->flag[1], 1);
	expect(aside_join(&caller), 0);
	procpool_future_close(first);
	procpool_future_close(future);
	close_pool(pool);
}
END_TEST

static int
aside_call_op(struct aside *aside)
{
	struct procpool_result result;
	const int rc = call_op(aside->pool, t_wait, aside->id, 0, &result);

	procpool_result_done(&result);
	return rc;
}

/* F-7: the same behind a blocking call. */
START_TEST(functions_of_a_cancelled_task_run_during_a_blocking_call)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct aside caller = { .call = aside_call_op, .pool = pool };
	struct procpool_future *future;

	/* The worker sleeps, and the caller drives it himself. */
	pool_works(pool);
	usleep(20000);
	aside_start(&caller);
	await_flag(&shared->flag[0], 1, 5000);
	usleep(20000);
	future = open_told(pool, NULL, 1, 0);
	ok(procpool_future_cancel(future));
	ledger_await(1, 5000);
	ck_assert_int_eq(shared->outcome[1], PROCPOOL_ECANCELLED);
	flag_set(&shared->flag[1], 1);
	expect(aside_join(&caller), 0);
	procpool_future_close(future);
	close_pool(pool);
}
END_TEST

/* -------------------------------------------------------- What is running */

/* F-8: SIGKILL needs nobody's consent. */
START_TEST(the_worker_of_a_running_task_is_replaced)
{
	const procpool_job_fn jobs[] = { t_spin, t_spin_blocked };
	struct procpool *pool = open_pool(1, t_pid);
	struct procpool_stats stats;
	pid_t before, after;

	for (int i = 0; i < 2; i++) {
		struct procpool_future *future;
		const struct procpool_result *result;
		const int64_t start = now_ms();

		pool_pids(pool, &before);
		future = open_future(pool, jobs[i], i, 0);
		while (atomic_load(&shared->started[i]) == 0)
			usleep(500);
		ok(procpool_future_cancel(future));
		result = await_future(future, PROCPOOL_ECANCELLED);
		took_less(start, 5000);
		ck_assert_int_eq(result->pid, before);
		ck_assert_int_eq(result->phase, PROCPOOL_RUNNING);
		ck_assert_int_eq(result->code, 0);
		ck_assert(await_end(before, bound(5000)));
		pool_pids(pool, &after);
		ck_assert_int_ne(before, after);
		expect(procpool_future_cancel(future), PROCPOOL_EENDED);
		procpool_future_close(future);
	}
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.cancelled, 2);
	ck_assert_uint_eq(stats.restarts, 2);
	ck_assert_uint_eq(stats.crashed, 0);
	ck_assert_ptr_null(procpool_first_failed(pool));
	close_pool(pool);
}
END_TEST

/* F-8: more than would break a pool, and each with others behind it. */
START_TEST(what_waits_behind_a_cancelled_task_runs_elsewhere)
{
	enum {
		ROUNDS = 30,
		BEHIND = 40
	};
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_stats stats;
	int id = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct procpool_future *spins =
		    open_future(pool, t_wait, id++, 0);

		for (int j = 0; j < BEHIND; j++)
			ok(submit_op(pool, t_ledger, id++, 0));
		await_flag(&shared->flag[0], i + 1, 5000);
		ok(procpool_future_cancel(spins));
		await_future(spins, PROCPOOL_ECANCELLED);
		procpool_future_close(spins);
	}
	ok(procpool_drain(pool, bound(10000)));
	ck_assert_int_eq(ledger_count(id, 0), id - ROUNDS);
	for (int i = 0; i < id; i++) {
		const bool cancelled = i % (BEHIND + 1) == 0;

		ck_assert_int_eq(shared->completed[i], cancelled ? 0 : 1);
		ck_assert_int_eq(shared->started[i], 1);
		ck_assert_int_eq(shared->finished[i], cancelled ? 0 : 1);
	}
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.cancelled, ROUNDS);
	ck_assert_uint_eq(stats.crashed, 0);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* F-8: its worker ends although its monitor is in somebody's callback. */
START_TEST(a_slow_callback_does_not_keep_a_cancelled_job_running)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_future *spins;
	pid_t worker;

	pool_pids(pool, &worker);
	ok(procpool_submit(pool, NULL, 0, hold_callback, NULL));
	spins = open_future(pool, t_spin, 0, 0);
	await_flag(&shared->flag[10], 1, 5000);
	/* It was sent ahead, or it waits for the callback. */
	ok(procpool_future_cancel(spins));
	if (atomic_load(&shared->started[0]) > 0)
		ck_assert(await_end(worker, bound(5000)));
	flag_set(&shared->flag[11], 1);
	await_future(spins, PROCPOOL_ECANCELLED);
	procpool_future_close(spins);
	close_pool(pool);
}
END_TEST

/* F-8, F-7: large arguments have their own way to a worker. */
START_TEST(a_task_with_a_large_argument_can_be_cancelled)
{
	enum {
		MIB = 1 << 20,
		MANY = 40
	};
	struct procpool *pool = open_pool(2, t_ledger);
	static char large[MIB];

	for (int i = 0; i < MANY; i++) {
		struct procpool_future *future;
		const struct op op = { i, 0 };

		memcpy(large, &op, sizeof(op));
		ok(procpool_future_open(&future, pool, large, MIB));
		if (i % 2 == 0)
			usleep((useconds_t)(i * 50));
		if (procpool_future_cancel(future) == 0)
			await_future(future, PROCPOOL_ECANCELLED);
		else
			await_future(future, 0);
		procpool_future_close(future);
	}
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* F-7, R18: the worker stands still with the one task that it was sent; then
 * nothing but the cancel tells its monitor that it has none. */
START_TEST(a_worker_that_has_begun_nothing_serves_on)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *future;
	pid_t worker;

	for (int i = 0; i < 5; i++) {
		pool_pids(pool, &worker);
		ck_assert_int_eq(kill(worker, SIGSTOP), 0);
		future = open_future(pool, NULL, 2 * i, 0);
		usleep(20000); /* for it to be sent, most likely */
		ok(procpool_future_cancel(future));
		await_future(future, PROCPOOL_ECANCELLED);
		procpool_future_close(future);
		ck_assert_int_eq(kill(worker, SIGCONT), 0);
		future = open_future(pool, NULL, 2 * i + 1, 0);
		await_future(future, 0);
		procpool_future_close(future);
		ck_assert_int_eq(shared->started[2 * i], 0);
	}
	close_pool(pool);
}
END_TEST

/* F-8, F-9: what the worker has begun since is nobody's to end. */
START_TEST(a_task_that_has_just_returned_does_not_end_its_worker)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *first, *second;
	struct procpool_stats stats;

	for (int i = 0; i < 50; i++) {
		flag_set(&shared->flag[1], 0);
		first = open_future(pool, t_ledger, 2 * i, 0);
		second = open_future(pool, t_wait, 2 * i + 1, 0);
		await_flag(&shared->flag[0], i + 1, 5000);
		/* Its result is in the ring, and will be fetched soon. */
		if (procpool_future_cancel(first) == 0)
			await_future(first, PROCPOOL_ECANCELLED);
		else
			await_future(first, 0);
		flag_set(&shared->flag[1], 1);
		await_future(second, 0);
		procpool_future_close(first);
		procpool_future_close(second);
	}
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------------------------ Races */

struct race {
	struct procpool_future *future;
	int canceller; /* what it was told */
	pthread_barrier_t *start;
};

static void *
cancel_it(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(race->start);
	race->canceller = procpool_future_cancel(race->future);
	return NULL;
}

/* F-9, U1, U2: what the call says is what comes, once; and nobody else is
 * touched. */
START_TEST(a_cancel_that_races_with_the_end_is_told_which_was_first)
{
	enum {
		ROUNDS = 300,
		OTHERS = 6,
		EACH = OTHERS + 1
	};
	struct procpool *pool = open_pool(2, t_ledger);
	int cancelled = 0;

	for (int i = 0; i < ROUNDS; i++) {
		const int id = i * EACH;
		pthread_barrier_t start;
		pthread_t threads[2];
		struct race race[2];
		struct procpool_future *future;

		pthread_barrier_init(&start, NULL, 3);
		for (int j = 1; j < EACH / 2; j++)
			ok(submit_op(pool, t_ledger, id + j, 0));
		future = open_told(pool, NULL, id, 0);
		for (int j = EACH / 2; j < EACH; j++)
			ok(submit_op(pool, t_ledger, id + j, 0));
		for (int j = 0; j < 2; j++) {
			race[j] = (struct race){ future, 1, &start };
			pthread_create(&threads[j], NULL, cancel_it, &race[j]);
		}
		pthread_barrier_wait(&start);
		for (int j = 0; j < 2; j++)
			pthread_join(threads[j], NULL);
		ok(procpool_future_wait(future, bound(5000)));
		for (int j = 0; j < 2; j++) {
			const int outcome = shared->outcome[id];

			if (race[j].canceller == 0)
				expect(outcome, PROCPOOL_ECANCELLED);
			else
				expect(race[j].canceller, PROCPOOL_EENDED);
		}
		cancelled += shared->outcome[id] == PROCPOOL_ECANCELLED;
		procpool_future_close(future);
		pthread_barrier_destroy(&start);
	}
	ok(procpool_drain(pool, bound(5000)));
	for (int id = 0; id < ROUNDS * EACH; id++) {
		ck_assert_int_eq(shared->completed[id], 1);
		ck_assert_int_le(shared->started[id], 1);
		if (id % EACH != 0)
			expect(shared->outcome[id], 0);
	}
	ck_assert_int_eq(
	    ledger_count(ROUNDS * EACH, PROCPOOL_ECANCELLED), cancelled);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* Nobody is waited for: just some time, in microseconds. */
static void
spin(long us)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += us * 1000;
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
}

/* F-8, F-9, U2: the task returns while its worker is being killed, and the next
 * one was there to be begun. */
START_TEST(what_waits_behind_a_task_that_just_returns_does_not_die)
{
	enum {
		ROUNDS = 200
	};
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *first, *second;

	for (int i = 0; i < ROUNDS; i++) {
		flag_set(&shared->flag[1], 0);
		first = open_future(pool, t_wait, 2 * i, 0);
		second = open_future(pool, NULL, 2 * i + 1, 0);
		await_flag(&shared->flag[0], i + 1, 5000);
		flag_set(&shared->flag[1], 1);
		spin(i % 100 * 2);
		if (procpool_future_cancel(first) == 0)
			await_future(first, PROCPOOL_ECANCELLED);
		else
			await_future(first, 0);
		await_future(second, 0);
		ck_assert_int_eq(shared->started[2 * i + 1], 1);
		procpool_future_close(first);
		procpool_future_close(second);
	}
	close_pool(pool);
}
END_TEST

struct storm {
	struct procpool *pool;
	atomic_int next, stop;
	struct procpool_future *futures[1000];
};

static void *
cancel_all(void *arg)
{
	struct storm *storm = arg;
	int i;

	while ((i = atomic_fetch_add(&storm->next, 1)) < 1000)
		(void)procpool_future_cancel(storm->futures[i]);
	return NULL;
}

/* F-9, L06: thieves, yields, requeues and the end of the pool meanwhile. */
START_TEST(cancels_that_race_with_a_shutdown_end_each_task_once)
{
	static struct storm storm;
	pthread_t threads[3];

	for (int round = 0; round < 3; round++) {
		storm.pool = open_pool(3, t_ledger);
		storm.next = 0;
		for (int i = 0; i < 1000; i++) {
			const int id = round * 1000 + i;
			const struct op op = { id, 0 };

			ok(procpool_future_open_task(&storm.futures[i],
			    storm.pool,
			    &(struct procpool_task){ .arg = &op,
				.len = sizeof(op),
				.done = ledger_done,
				.user = (void *)(uintptr_t)id,
				.priority = i % 50 == 0,
				.key = i % 20 == 0 ? (uint64_t)i : 0 }));
		}
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, cancel_all, &storm);
		if (round > 0)
			ok(procpool_shutdown(storm.pool));
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < 1000; i++) {
			ok(procpool_future_wait(storm.futures[i], bound(5000)));
			procpool_future_close(storm.futures[i]);
		}
		close_pool(storm.pool);
	}
	ledger_check(3000);
}
END_TEST

/* F-9: and then it is started again. */
START_TEST(a_close_waits_for_what_was_cancelled)
{
	struct procpool *pool = open_pool(2, t_spin);
	struct procpool_future *futures[20];
	const int64_t start = now_ms();

	for (int i = 0; i < 20; i++)
		futures[i] = open_told(pool, NULL, i, 0);
	for (int i = 0; i < 20; i++)
		ok(procpool_future_cancel(futures[i]));
	close_pool(pool);
	took_less(start, 5000);
	ck_assert_int_eq(ledger_count(20, PROCPOOL_ECANCELLED), 20);
	for (int i = 0; i < 20; i++)
		procpool_future_close(futures[i]);
}
END_TEST

/* ------------------------------------------------------------ Debug mode */

static struct procpool_future *the_future;

static int
cancel_in_job(struct procpool_job *job, const void *arg, size_t len)
{
	const int rc = procpool_future_cancel(the_future);

	(void)arg;
	(void)len;
	return procpool_return(job, &rc, sizeof(rc));
}

static int
submit_and_cancel(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool *pool = procpool_job_user(job);
	const struct op op = { 1, 0 };

	pool = *(struct procpool **)pool;
	if (procpool_future_open_task(&the_future, pool,
		&(struct procpool_task){
		    .function = t_ledger, .arg = &op, .len = sizeof(op) }) != 0)
		return 1;
	return cancel_in_job(job, arg, len);
}

/* F-7, P16 */
START_TEST(a_task_that_waits_in_debug_mode_can_be_cancelled)
{
	struct procpool *pool;
	struct procpool_future *future;

	pool = open_with((struct procpool_options){
	    .entry_point = submit_and_cancel, .debug = true, .user = &pool });
	future = open_future(pool, NULL, 0, 0);
	ck_assert_int_eq(*(const int *)await_future(future, 0)->data, 0);
	await_future(the_future, PROCPOOL_ECANCELLED);
	ck_assert_int_eq(shared->started[1], 0);
	procpool_future_close(the_future);
	procpool_future_close(future);
	close_pool(pool);
}
END_TEST

RUN_TESTS("cancel", what_no_worker_has_begun_ends_at_once_and_never_runs,
    what_waits_with_a_priority_or_a_key_can_be_cancelled,
    functions_of_a_cancelled_task_run_while_all_workers_are_busy,
    functions_of_a_cancelled_task_run_during_a_blocking_call,
    the_worker_of_a_running_task_is_replaced,
    what_waits_behind_a_cancelled_task_runs_elsewhere,
    a_slow_callback_does_not_keep_a_cancelled_job_running,
    a_task_with_a_large_argument_can_be_cancelled,
    a_worker_that_has_begun_nothing_serves_on,
    a_task_that_has_just_returned_does_not_end_its_worker,
    what_waits_behind_a_task_that_just_returns_does_not_die,
    a_cancel_that_races_with_the_end_is_told_which_was_first,
    cancels_that_race_with_a_shutdown_end_each_task_once,
    a_close_waits_for_what_was_cancelled,
    a_task_that_waits_in_debug_mode_can_be_cancelled)
