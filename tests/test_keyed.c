/*
 * Keys: tasks of one key run in one worker, in the order of submission; rows
 * K1 to K5.
 */
#include "hurry.h"
#include "order.h"
#include "sabotage.h"

#include <time.h>

static struct procpool_task
keyed(procpool_job_fn function, const struct op *op, uint64_t key)
{
	struct procpool_task task = op_task(function, op);

	task.key = key;
	return task;
}

static void
submit_keyed(struct procpool *pool, procpool_job_fn function, int id, int value,
    uint64_t key)
{
	const struct op op = { id, value };
	const struct procpool_task task = keyed(function, &op, key);

	ok(procpool_submit_task(pool, &task));
}

/* ------------------------------------------------------ Which and when */

/* The order within each key, among the ids i with i % keys + 1 as their key:
 * of those that succeeded, since only they have a place. */
static void
check_order(int n, int keys)
{
	for (int id = keys; id < n; id++)
		for (int before = id - keys; before >= 0; before -= keys)
			if (place(id) > 0 && place(before) > 0) {
				ck_assert_int_lt(place(before), place(id));
				break;
			}
}

static atomic_int misplaced;

static void
judge_worker(const struct procpool_result *result, void *user)
{
	const int id = (int)(uintptr_t)user;

	if (result->outcome != 0 || result->worker != (id % 7 + 1) % 3 ||
	    *(const int *)result->data != result->worker)
		atomic_fetch_add(&misplaced, 1);
	ledger_done(result, user);
}

/* K1 */
START_TEST(tasks_of_a_key_run_in_its_worker_in_their_order)
{
	const int n = 3000;
	struct procpool *pool = begin_fault(3);

	for (int i = 0; i < n; i++) {
		const struct op op = { i, 0 };
		struct procpool_task task =
		    keyed(t_place, &op, (uint64_t)(i % 7 + 1));

		task.done = judge_worker;
		ok(procpool_submit_task(pool, &task));
	}
	ledger_await(n, 20000);
	ck_assert_int_eq(misplaced, 0);
	check_order(n, 7);
	end_fault(pool, n);
}
END_TEST

/* Pass some time without sleeping. */
static void
spin_us(int64_t us)
{
	struct timespec now;
	int64_t end = 0;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (end == 0)
			end = now.tv_sec * 1000000 + now.tv_nsec / 1000 + us;
	} while (now.tv_sec * 1000000 + now.tv_nsec / 1000 < end);
}

/* K3: each round lets the workers go to sleep before it wakes them again; the
 * second task of a round comes at any moment between. */
START_TEST(a_sleeping_worker_is_woken_for_its_key)
{
	const int rounds = 4000;
	struct procpool *pool = begin_fault(4);

	for (int i = 0; i < rounds; i++) {
		const uint64_t key = (uint64_t)(i % 4 + 1);

		submit_keyed(pool, t_place, 2 * i, 0, key);
		spin_us(i % 80);
		submit_keyed(pool, t_place, 2 * i + 1, 0, key);
		drain_pool(pool);
	}
	expect_success(0, 2 * rounds - 1);
	end_fault(pool, 2 * rounds);
}
END_TEST

/* K2: the others have nothing to do, and steal what anybody may run, but no
 * more, from a worker that is held up. */
START_TEST(a_keyed_task_is_never_stolen)
{
	const int n = 200;
	struct procpool *pool = begin_fault(3);

	submit_keyed(pool, t_wait, n, 0, 1);
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, i % 2 == 0 ? 1 : 0);
	ledger_await(n / 2, 10000);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(place(i) > 0, i % 2 == 1);
	flag_set(&shared->flag[1], 1);
	ledger_await(n + 1, 10000);
	expect_success(0, n);
	end_fault(pool, n + 1);
}
END_TEST

/* K2: the same with tasks that were sent to it before it was held up.  The other
 * one is let go only when it has them. */
START_TEST(what_others_may_run_is_stolen_from_between_keyed_tasks)
{
	const int n = 200;
	struct procpool *pool = begin_fault(2);

	submit_keyed(pool, t_wait, n, 0, 1); /* hold both ... */
	submit_keyed(pool, t_wait, n + 1, 4, 2);
	await_flag(&shared->flag[0], 1, 5000);
	await_flag(&shared->flag[4], 1, 5000);
	submit_keyed(pool, t_wait, n + 2, 2, 1); /* then worker 1 again */
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, i % 2 == 0 ? 1 : 0);
	flag_set(&shared->flag[1], 1);
	await_flag(&shared->flag[2], 1, 5000);
	flag_set(&shared->flag[5], 1);
	ledger_await(2 + n / 2, 10000);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(place(i) > 0, i % 2 == 1);
	flag_set(&shared->flag[3], 1);
	ledger_await(n + 3, 10000);
	expect_success(0, n + 2);
	/* (Those without a key have no order among two workers.) */
	for (int i = 2; i < n; i += 2)
		ck_assert_int_lt(place(i - 2), place(i));
	end_fault(pool, n + 3);
}
END_TEST

/* K3: keyed tasks that came later do not keep one from its turn that anybody
 * may run. */
START_TEST(keyed_tasks_and_others_take_turns_as_they_were_submitted)
{
	const int n = 60;
	struct procpool *pool = begin_fault(1);

	submit_keyed(pool, t_wait, n, 0, 1);
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, i % 3 == 0 ? 5 : 0);
	flag_set(&shared->flag[1], 1);
	ledger_await(n + 1, 5000);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(place(i), i + 1);
	end_fault(pool, n + 1);
}
END_TEST

enum {
	CALLBACK = 6 /* flags: whose monitor is in it; it may return */
};

/* Any monitor may call it: which one, its name tells ("pp-m0"). */
static void
done_slowly(const struct procpool_result *result, void *user)
{
	char name[16] = "";

	(void)pthread_getname_np(pthread_self(), name, sizeof(name));
	flag_set(&shared->flag[CALLBACK], strcmp(name, "pp-m0") == 0 ? 1 : 2);
	(void)flag_await(&shared->flag[CALLBACK + 1], 1, PATIENCE_MS);
	ledger_done(result, user);
}

/* K3: the other worker has nothing to do, but its monitor is in a callback; so
 * the one with keyed tasks has to take what anybody may run. */
START_TEST(keyed_tasks_do_not_starve_others_behind_a_long_callback)
{
	const int n = 50, slow = n, first = n + 1, plain = n + 4;
	const struct op op = { slow, 0 };
	struct procpool *pool = begin_fault(2);
	struct procpool_task task = keyed(t_ledger, &op, 1);
	uint64_t key;

	task.done = done_slowly;
	ok(procpool_submit_task(pool, &task));
	await_flag(&shared->flag[CALLBACK], 1, 5000);
	key = atomic_load(&shared->flag[CALLBACK]) == 1 ? 1 : 2;
	/* The second and the third are sent together. */
	for (int i = 0; i < 3; i++)
		submit_keyed(pool, t_wait, first + i, 2 * i, key);
	await_flag(&shared->flag[0], 1, 5000);
	flag_set(&shared->flag[1], 1);
	await_flag(&shared->flag[2], 1, 5000);
	submit_keyed(pool, t_place, plain, 0, 0);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, key);
	flag_set(&shared->flag[3], 1);
	await_flag(&shared->flag[4], 1, 5000);
	usleep(50000); /* until the result of the second has been seen */
	flag_set(&shared->flag[5], 1);
	await_flag(&shared->flag[PLACES], n + 1, 5000);
	ck_assert_int_eq(place(plain), 1);
	flag_set(&shared->flag[CALLBACK + 1], 1);
	ledger_await(n + 5, 5000);
	end_fault(pool, n + 5);
}
END_TEST

static int
aside_waiting_call(struct aside *aside)
{
	struct procpool_result result;
	const int rc = call_op(aside->pool, t_wait, aside->id, 0, &result);

	procpool_result_done(&result);
	return rc;
}

/* K3: the only worker is driven by a caller, who gives it back to a monitor
 * that sleeps. */
START_TEST(a_key_waits_for_a_blocking_call_and_no_longer)
{
	struct procpool *pool = begin_fault(1);
	struct aside aside = { .call = aside_waiting_call, .pool = pool };

	pool_works(pool);
	aside.id = 1;
	aside_start(&aside);
	await_flag(&shared->flag[0], 1, 5000);
	submit_keyed(pool, t_place, 0, 0, 1);
	flag_set(&shared->flag[1], 1);
	ck_assert_int_eq(aside_join(&aside), 0);
	ledger_await(1, 5000);
	end_fault(pool, 1);
}
END_TEST

static int
aside_keyed_calls(struct aside *aside)
{
	int rc = 0;

	for (int i = 0; i < 100 && rc == 0; i++) {
		const struct op op = { aside->id * 100 + i, 0 };
		struct procpool_result result;

		rc = procpool_call_task(aside->pool,
		    &(struct procpool_task){ .arg = &op,
			.len = sizeof(op),
			.function = t_place,
			.key = (uint64_t)aside->id + 1 },
		    &result);
		if (rc == 0 && result.worker != (aside->id + 1) % 3)
			rc = -ERANGE;
		procpool_result_done(&result);
	}
	return rc;
}

/* K1 */
START_TEST(blocking_calls_with_a_key_run_in_its_worker)
{
	struct procpool *pool = begin_fault(3);
	struct aside asides[6];

	for (int i = 0; i < 6; i++) {
		asides[i] =
		    (struct aside){ .call = aside_keyed_calls, .pool = pool };
		asides[i].id = i;
		aside_start(&asides[i]);
	}
	for (int i = 0; i < 1000; i++)
		submit_keyed(pool, t_place, 1000 + i, 0, i % 2 == 0 ? 1 : 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(aside_join(&asides[i]), 0);
	ledger_await(1000, 10000);
	end_fault(pool, 0);
}
END_TEST

/* ---------------------------------------------------------------- Deaths */

/* K4, W01, W18 */
START_TEST(when_a_worker_dies_its_keys_go_on_in_the_next_in_order)
{
	const int n = 400;
	struct procpool *pool = begin_fault(2);

	for (int i = 0; i < n; i++)
		submit_keyed(pool, i % 40 == 7 ? t_kill : t_place, i, SIGKILL,
		    (uint64_t)(i % 5 + 1));
	ledger_await(n, 20000);
	ck_assert_int_eq(ledger_count(n, PROCPOOL_ECRASHED), n / 40);
	ck_assert_int_eq(ledger_count(n, 0), n - n / 40);
	check_order(n, 5);
	end_fault(pool, n);
}
END_TEST

/* K4, W21: it dies while it sleeps, and a key waits for nobody else. */
START_TEST(a_worker_that_died_idle_is_replaced_for_its_key)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[2];

	for (int i = 0; i < 20; i++) {
		pool_pids(pool, pids);
		kill(pids[i % 2], SIGKILL);
		submit_keyed(pool, t_place, 2 * i, 0, 1);
		submit_keyed(pool, t_place, 2 * i + 1, 0, 2);
		drain_pool(pool);
	}
	end_fault(pool, 40);
}
END_TEST

/* W24: what waits for a worker that cannot be started ends with the pool. */
static int
start_unless_flagged(struct procpool_job *job, void **state)
{
	(void)state;
	return procpool_job_worker(job) == 1 &&
	    atomic_load(&shared->flag[5]) != 0;
}

/* K5 */
START_TEST(a_key_whose_worker_cannot_be_started_ends_with_the_pool)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .worker_start = start_unless_flagged });
	pid_t pids[2];

	pool_pids(pool, pids); /* both have started */
	flag_set(&shared->flag[5], 1);
	hurry();
	submit_keyed(pool, t_kill, 0, SIGKILL, 1);
	for (int i = 1; i < 20; i++)
		submit_keyed(pool, t_place, i, 0, 1);
	ledger_await(20, 20000);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	for (int i = 1; i < 20; i++)
		expect_end(i, PROCPOOL_EBROKEN, 0);
	flag_set(&shared->flag[5], 0);
	ok(procpool_shutdown(pool));
	ok(procpool_start(pool));
	end_fault(pool, 20);
}
END_TEST

/* K4: with the process that forks workers these die, too. */
START_TEST(keys_go_on_when_the_process_that_forks_workers_was_killed)
{
	const int n = 100;
	struct procpool *pool = begin_fault(2);

	submit_keyed(pool, t_wait, n, 0, 1);
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, 1);
	kill(call_pid(pool, t_parent), SIGKILL);
	ledger_await(n + 1, 10000);
	expect_end(n, PROCPOOL_ELOST, 0);
	expect_success(0, n - 1);
	check_order(n, 1);
	end_fault(pool, n + 1);
}
END_TEST

/* ----------------------------------------------------- The pool's life */

/* K4 */
START_TEST(a_refresh_lets_keys_go_on_in_new_workers)
{
	const int n = 100;
	struct procpool *pool = begin_fault(2);
	struct aside aside = { .call = aside_refresh, .pool = pool };

	for (int i = 0; i < 2; i++)
		submit_keyed(pool, t_wait, n + i, 0, (uint64_t)i + 1);
	await_flag(&shared->flag[0], 2, 5000);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_ledger, i, 0, (uint64_t)(i % 2) + 1);
	aside_start(&aside);
	flag_set(&shared->flag[1], 1);
	ck_assert_int_eq(aside_join(&aside), 0);
	ledger_await(n + 2, 10000);
	expect_success(0, n + 1);
	/* The first worker is renewed before anything else runs in it. */
	for (int i = 0; i < n; i += 2)
		ck_assert_int_eq(shared->ran_in[i], shared->ran_in[0]);
	end_fault(pool, n + 2);
}
END_TEST

/* K5 */
START_TEST(a_shutdown_ends_what_waits_for_its_worker)
{
	const int n = 100;
	struct procpool *pool = begin_fault(2);

	submit_keyed(pool, t_wait, n, 0, 1);
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, 1);
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(ledger_count(n, PROCPOOL_ESHUTDOWN), n);
	ok(procpool_start(pool));
	end_fault(pool, n + 1);
}
END_TEST

/* K5 */
START_TEST(a_close_finishes_what_waits_for_its_worker)
{
	const int n = 100;
	struct procpool *pool = begin_fault(2);

	for (int i = 0; i < n; i++)
		submit_keyed(pool, t_place, i, 0, (uint64_t)(i % 3) + 1);
	close_pool(pool);
	expect_success(0, n - 1);
	end_fault_closed(n);
}
END_TEST

/* K3 */
START_TEST(keyed_tasks_that_wait_fill_the_queue_and_are_counted)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 2, .queue_tasks = 10 });
	const struct op op = { 10, 0 };
	const struct procpool_task one = keyed(t_place, &op, 1);
	struct procpool_stats stats;

	submit_keyed(pool, t_wait, 0, 0, 1);
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 1; i < 10; i++)
		submit_keyed(pool, t_place, i, 0, 1);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.queued + stats.running, 10);
	expect(procpool_try_submit(pool, &one), PROCPOOL_EFULL);
	expect(procpool_drain(pool, 0), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	ok(procpool_try_submit(pool, &one));
	drain_pool(pool);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.queued + stats.running, 0);
	end_fault(pool, 11);
}
END_TEST

/* K1 */
START_TEST(a_batch_may_have_keyed_tasks)
{
	struct procpool *pool = begin_fault(3);
	struct procpool_batch *batch;
	const struct procpool_result *result;

	ok(procpool_batch_open(&batch, pool, 30));
	for (int i = 0; i < 30; i++) {
		const struct op op = { i, 0 };
		struct procpool_task task =
		    keyed(t_place, &op, (uint64_t)i + 1);

		task.batch = batch;
		ok(procpool_submit_task(pool, &task));
	}
	ok(procpool_batch_wait(batch, bound(10000)));
	for (size_t i = 0; i < 30; i++) {
		ok(procpool_batch_result(batch, i, &result));
		ck_assert_int_eq(result->worker, (int)(i + 1) % 3);
	}
	ledger_await(30, 5000);
	procpool_batch_close(batch);
	end_fault(pool, 30);
}
END_TEST

/* K1 */
START_TEST(in_debug_mode_a_key_changes_nothing)
{
	struct procpool *pool =
	    begin_fault_with((struct procpool_options){ .debug = true });

	for (int i = 0; i < 20; i++)
		submit_keyed(pool, t_place, i, 0, (uint64_t)i);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(place(i), i + 1);
	close_pool(pool);
	end_fault_closed(20);
}
END_TEST

/* K1: a large argument is sent to a worker that has nothing else to do: also
 * when it has to be that one. */
START_TEST(large_arguments_reach_the_worker_of_their_key)
{
	const size_t len = 100 * 1000;
	struct procpool *pool = begin_fault(2);
	char *bytes = calloc(1, len);

	for (int i = 0; i < 200; i++) {
		struct procpool_task task =
		    keyed(t_place, &(struct op){ i, 0 }, (uint64_t)(i % 4) + 1);

		if (i % 3 == 0) {
			memcpy(bytes, task.arg, task.len);
			task.arg = bytes;
			task.len = len;
		}
		ok(procpool_submit_task(pool, &task));
	}
	ledger_await(200, 10000);
	expect_success(0, 199);
	check_order(200, 4);
	free(bytes);
	end_fault(pool, 200);
}
END_TEST

RUN_TESTS("keyed", tasks_of_a_key_run_in_its_worker_in_their_order,
    a_sleeping_worker_is_woken_for_its_key, a_keyed_task_is_never_stolen,
    what_others_may_run_is_stolen_from_between_keyed_tasks,
    keyed_tasks_and_others_take_turns_as_they_were_submitted,
    keyed_tasks_do_not_starve_others_behind_a_long_callback,
    a_key_waits_for_a_blocking_call_and_no_longer,
    blocking_calls_with_a_key_run_in_its_worker,
    when_a_worker_dies_its_keys_go_on_in_the_next_in_order,
    a_worker_that_died_idle_is_replaced_for_its_key,
    a_key_whose_worker_cannot_be_started_ends_with_the_pool,
    keys_go_on_when_the_process_that_forks_workers_was_killed,
    a_refresh_lets_keys_go_on_in_new_workers,
    a_shutdown_ends_what_waits_for_its_worker,
    a_close_finishes_what_waits_for_its_worker,
    keyed_tasks_that_wait_fill_the_queue_and_are_counted,
    a_batch_may_have_keyed_tasks, in_debug_mode_a_key_changes_nothing,
    large_arguments_reach_the_worker_of_their_key)
