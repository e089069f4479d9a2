/*
 * Priorities: of the tasks that wait a higher one is started first, wherever
 * it waits; rows Q1 to Q3.
 */
#include "order.h"
#include "sabotage.h"

#include <limits.h>

#include "engine/queue.h"

/* ------------------------------------------------ The order, on its own */

enum {
	MANY = 2000
};

static int
by_rank(const void *a, const void *b)
{
	const struct task *const *x = a;
	const struct task *const *y = b;

	return pp_ranks_before(*x, *y) ? -1 : pp_ranks_before(*y, *x);
}

START_TEST(ranks_come_out_in_order_however_they_went_in)
{
	static struct task tasks[MANY];
	struct task *sorted[MANY];
	struct ranks ranks = { 0 };
	size_t pressing = 0;
	unsigned seed = 1;

	for (int i = 0; i < MANY; i++) {
		tasks[i].turn = (uint64_t)(i * 7919 % MANY);
		tasks[i].priority = rand_r(&seed) % 5 - 2;
		tasks[i].tie =
		    rand_r(&seed) % 20 == 0 ? TIE_BROADCAST : TIE_NONE;
		pressing += pp_task_presses(&tasks[i]);
		sorted[i] = &tasks[i];
		pp_ranks_push(&ranks, &tasks[i]);
		/* In between some come out and go in again. */
		if (i % 3 == 0)
			pp_ranks_push(&ranks, pp_ranks_pop(&ranks));
	}
	qsort(sorted, MANY, sizeof(sorted[0]), by_rank);
	ck_assert_uint_eq(ranks.count, MANY);
	ck_assert_uint_eq(ranks.pressing, pressing);
	for (int i = 0; i < MANY; i++)
		ck_assert_ptr_eq(pp_ranks_pop(&ranks), sorted[i]);
	ck_assert_ptr_null(ranks.first);
	ck_assert_uint_eq(ranks.pressing, 0);
}
END_TEST

/* Half a million in the order of submission, as with many keyed tasks: it
 * goes neither deep nor slow. */
START_TEST(ranks_take_many_in_the_order_of_submission)
{
	const size_t n = 500000;
	struct task *tasks = calloc(n, sizeof(*tasks));
	struct ranks ranks = { 0 };
	const int64_t start = now_ms();
	size_t in_order = 0;

	for (size_t i = 0; i < n; i++) {
		tasks[i].turn = i;
		pp_ranks_push(&ranks, &tasks[i]);
	}
	for (size_t i = 0; i < n; i++)
		in_order += pp_ranks_pop(&ranks) == &tasks[i];
	ck_assert_uint_eq(in_order, n);
	took_less(start, 5000);
	free(tasks);
}
END_TEST

/* Q1: which task a worker is given next, out of all three kinds. */
START_TEST(a_worker_is_given_the_first_of_what_it_may_run)
{
	static struct task tasks[] = {
		{ .id = 1, .turn = 1 },
		{ .id = 2, .turn = 2, .tie = TIE_KEY, .worker = 0 },
		{ .id = 3, .turn = 3 },
		{ .id = 4, .turn = 4, .priority = -1 },
		{ .id = 5, .turn = 5, .priority = 2 },
		{ .id = 6, .turn = 6, .tie = TIE_KEY, .worker = 1 },
		{ .id = 7, .turn = 7, .tie = TIE_BROADCAST, .worker = 0 },
		{ .id = 8, .turn = 8, .tie = TIE_KEY, .priority = 2 },
	};
	static const uint64_t expected[] = { 7, 5, 8, 1, 2, 3, 4 };
	struct queue queue;
	struct choice choice;

	ok(pp_queue_init(&queue, 2));
	ok(pp_queue_reserve(&queue, 8));
	for (int i = 0; i < 8; i++)
		pp_queue_push(&queue, &tasks[i]);
	ck_assert_uint_eq(pp_queue_shared(&queue), 4);
	for (int i = 0; i < 7; i++) {
		ck_assert(pp_queue_choose(&queue, 0, true, &choice));
		ck_assert_uint_eq(
		    pp_queue_take(&queue, &choice)->id, expected[i]);
	}
	ck_assert(!pp_queue_choose(&queue, 0, true, &choice));
	ck_assert(pp_queue_choose(&queue, 1, false, &choice));
	ck_assert(!choice.shared);
	ck_assert_uint_eq(pp_queue_take(&queue, &choice)->id, 6);
	ck_assert_uint_eq(queue.count, 0);
	pp_queue_done(&queue);
}
END_TEST

/* -------------------------------------------------------------- In a pool */

static void
submit_ranked(
    struct procpool *pool, procpool_job_fn function, int id, int priority)
{
	const struct op op = { id, SIGKILL };
	struct procpool_task task = op_task(function, &op);

	task.priority = priority;
	ok(procpool_submit_task(pool, &task));
}

/* Q1 */
START_TEST(of_tasks_that_wait_higher_ones_start_first)
{
	static const int priorities[] = { 0, 5, -3, 5, 0, INT_MAX, INT_MIN, -3,
		1, INT_MAX, INT_MIN, 0 };
	static const int order[] = { 5, 9, 1, 3, 8, 0, 4, 11, 2, 7, 6, 10 };
	const int n = sizeof(priorities) / sizeof(priorities[0]);
	struct procpool *pool = begin_fault(1);

	hold_workers(pool, n, 0);
	for (int i = 0; i < n; i++)
		submit_ranked(pool, t_place, i, priorities[i]);
	let_go(0);
	ledger_await(n + 1, 5000);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(place(order[i]), i + 1);
	end_fault(pool, n + 1);
}
END_TEST

/* The same as t_place, once flag[3] is set. */
static int
t_place_later(struct procpool_job *job, const void *arg, size_t len)
{
	flag_add(&shared->flag[2], 1);
	(void)flag_await(&shared->flag[3], 1, PATIENCE_MS);
	return t_place(job, arg, len);
}

static int
by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The ids from first on were started before all others, but for those that
 * each worker was at.  A worker may note a start late, when it is not given a
 * CPU: so each but one may be behind with its last one. */
static void
check_first(int first, int n, int workers)
{
	int places[IDS / 4];

	for (int i = 0; i < n; i++)
		places[i] = place(first + i);
	qsort(places, (size_t)n, sizeof(places[0]), by_value);
	for (int i = 0; i <= n - workers; i++)
		ck_assert_int_le(places[i], i + 1 + 2 * workers - 1);
}

/* Some tasks behind many plain ones that the workers have and have not begun:
 * each is at the first one that it got. */
static void
overtake(int workers, int higher)
{
	const int n = 300;
	struct procpool *pool = begin_fault(workers);

	hold_workers(pool, IDS / 4, 0);
	for (int i = 0; i < n; i++)
		submit_ranked(pool, t_place_later, i, 0);
	let_go(0);
	await_flag(&shared->flag[2], workers, 5000);
	await_ahead(pool);
	/* Long enough for the monitors to be at rest: then they have to be
	 * woken to take it back. */
	usleep(20000);
	for (int i = 0; i < higher; i++)
		submit_ranked(pool, t_place, n + i, 1);
	await_none_ahead(pool);
	flag_set(&shared->flag[3], 1);
	ledger_await(n + higher + workers, 5000);
	check_first(n, higher, workers);
	expect_success(0, n + higher - 1);
	end_fault(pool, n + higher);
}

/* Q2 */
START_TEST(a_higher_task_overtakes_what_was_sent_ahead)
{
	overtake(1, 1);
}
END_TEST

/* Q2 */
START_TEST(higher_tasks_overtake_what_was_sent_ahead_to_several_workers)
{
	overtake(4, 40);
}
END_TEST

/* Q2: the highest that wait are given to whoever is free next, never to one
 * worker behind each other. */
START_TEST(higher_tasks_do_not_wait_behind_each_other)
{
	struct procpool *pool = begin_fault(2);

	hold_workers(pool, 100, 0);
	submit_ranked(pool, t_wait, 0, 2); /* for flag[SIGKILL + 1] */
	for (int i = 1; i <= 10; i++)
		submit_ranked(pool, t_place, i, 1);
	for (int i = 11; i <= 20; i++)
		submit_ranked(pool, t_place, i, 0);
	let_go(0);
	/* One worker is held by the first one; the other does all the rest.  (Of
	 * those of priority 0 some may be sent to the first, and come back.) */
	ledger_await(22, 5000);
	for (int i = 1; i <= 10; i++)
		ck_assert_int_eq(place(i), i);
	for (int i = 11; i <= 20; i++)
		ck_assert_int_gt(place(i), 10);
	flag_set(&shared->flag[SIGKILL + 1], 1);
	ledger_await(23, 5000);
	end_fault(pool, 21);
}
END_TEST

/* Q3, W01, W18: a worker that dies has had one of them. */
START_TEST(the_order_outlives_workers)
{
	const int n = 100;
	struct procpool *pool = begin_fault(1);

	hold_workers(pool, n, 0);
	for (int i = 0; i < n; i++)
		submit_ranked(pool, i % 10 == 5 ? t_kill : t_place, i, i % 3);
	let_go(0);
	ledger_await(n + 1, 20000);
	for (int i = 0; i < n; i++) {
		expect_end(i, i % 10 == 5 ? PROCPOOL_ECRASHED : 0,
		    i % 10 == 5 ? SIGKILL : 0);
		for (int j = 0; j < i && i % 10 != 5; j++)
			if (j % 10 != 5)
				ck_assert_int_eq(
				    place(j) < place(i), j % 3 >= i % 3);
	}
	end_fault(pool, n);
}
END_TEST

static int
aside_call(struct aside *aside)
{
	const struct op op = { aside->id, 0 };
	struct procpool_result result;
	const int rc = procpool_call_task(aside->pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = t_place,
		.priority = aside->id },
	    &result);

	procpool_result_done(&result);
	return rc;
}

/* Each of them wakes the monitor for what was sent ahead, and so before it is
 * time to look for results that wait behind a long task. */
START_TEST(a_stream_of_higher_tasks_does_not_hold_up_results)
{
	struct procpool *pool = begin_fault(1);
	int n = 6;

	ok(submit_op(pool, t_wait, 0, 1));
	await_flag(&shared->flag[1], 1, 5000);
	for (int id = 1; id < 5; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	ok(submit_op(pool, t_wait, 5, 3));
	flag_set(&shared->flag[2], 1);
	while (n < 200 && ledger_count(5, 0) < 5) {
		submit_ranked(pool, t_ledger, n++, 1);
		usleep(200);
	}
	ck_assert_int_lt(n, 200);
	flag_set(&shared->flag[4], 1);
	ledger_await(n, 5000);
	expect_success(0, n - 1);
	end_fault(pool, n);
}
END_TEST

/* Q1 */
START_TEST(blocking_calls_have_priorities_too)
{
	struct procpool *pool = begin_fault(1);
	struct aside asides[4];

	hold_workers(pool, 100, 0);
	for (int i = 0; i < 4; i++) {
		asides[i] = (struct aside){ .call = aside_call, .pool = pool };
		asides[i].id = i + 1;
		aside_start(&asides[i]);
	}
	let_go(0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(aside_join(&asides[i]), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(place(i + 1), 4 - i);
	end_fault(pool, 0);
}
END_TEST

/* Q3: what waits ends with the pool, and a new life begins without it. */
START_TEST(a_shutdown_ends_what_waits_whatever_its_priority)
{
	const int n = 50;
	struct procpool *pool = begin_fault(1);

	hold_workers(pool, n, 0);
	for (int i = 0; i < n; i++)
		submit_ranked(pool, t_place, i, i % 5 - 2);
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(ledger_count(n, PROCPOOL_ESHUTDOWN), n);
	ok(procpool_start(pool));
	end_fault(pool, n + 1);
}
END_TEST

/* In debug mode what a job submits waits until it has returned. */
static struct procpool *debugged;

static int
t_submits(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	for (int i = 0; i < 6; i++)
		submit_ranked(debugged, t_place, i, i % 3);
	return 0;
}

/* Q1 */
START_TEST(debug_mode_has_priorities)
{
	static const int order[] = { 2, 5, 1, 4, 0, 3 };

	debugged = begin_fault_with((struct procpool_options){ .debug = true });
	ok(procpool_submit_task(
	    debugged, &(struct procpool_task){ .function = t_submits }));
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(place(order[i]), i + 1);
	close_pool(debugged);
	end_fault_closed(6);
}
END_TEST

/* W02 */
START_TEST(no_task_of_any_priority_is_lost_in_a_storm_of_kills)
{
	const int n = 3000;
	struct procpool *pool = begin_fault(4);
	struct trouble killer;

	trouble_start(&killer, kill_a_worker, NULL);
	for (int i = 0; i < n; i++) {
		const struct op op = { i, 100 };
		struct procpool_task task = op_task(t_work, &op);

		task.priority = i % 7 == 0 ? i % 5 - 2 : 0;
		task.key = i % 3 == 0 ? (uint64_t)i : 0;
		ok(procpool_submit_task(pool, &task));
	}
	ledger_await(n, 30000);
	trouble_stop(&killer);
	ck_assert_int_gt(ledger_count(n, 0), n / 2);
	end_fault(pool, n);
}
END_TEST

/* Q1: which one is taken out makes no difference to the order of the rest. */
START_TEST(a_heap_without_one_task_is_in_order)
{
	enum {
		LOTS = 40
	};
	static struct task tasks[LOTS];
	struct ranks ranks;
	struct task absent = { .priority = 1 };

	for (int gone = 0; gone < LOTS; gone++) {
		const struct task *last = NULL;

		ranks = (struct ranks){ 0 };
		srand((unsigned)gone);
		for (int i = 0; i < LOTS; i++) {
			tasks[i] = (struct task){ .priority = rand() % 7,
				.turn = (uint64_t)i };
			pp_ranks_push(&ranks, &tasks[i]);
		}
		ck_assert(!pp_ranks_remove(&ranks, &absent));
		ck_assert(pp_ranks_remove(&ranks, &tasks[gone]));
		ck_assert(!pp_ranks_remove(&ranks, &tasks[gone]));
		ck_assert_uint_eq(ranks.count, LOTS - 1);
		for (int i = 1; i < LOTS; i++) {
			const struct task *task = pp_ranks_pop(&ranks);

			ck_assert_ptr_ne(task, &tasks[gone]);
			ck_assert(last == NULL || pp_ranks_before(last, task));
			last = task;
		}
		ck_assert_ptr_null(ranks.first);
		ck_assert_uint_eq(ranks.pressing, 0);
	}
	ck_assert(!pp_ranks_remove(&ranks, &absent));
}
END_TEST

/* Q1: the same of the ring, wherever it begins. */
START_TEST(a_ring_without_one_task_is_in_order)
{
	enum {
		LOTS = 50
	};
	static struct task tasks[LOTS];
	struct queue queue;
	struct choice choice;

	for (int gone = 0; gone < LOTS; gone++) {
		ok(pp_queue_init(&queue, 1));
		ok(pp_queue_reserve(&queue, LOTS));
		queue.first = (size_t)gone * 7 % queue.capacity;
		for (int i = 0; i < LOTS; i++) {
			tasks[i] = (struct task){ .id = (uint64_t)i };
			pp_queue_push(&queue, &tasks[i]);
		}
		ck_assert(pp_queue_remove(&queue, &tasks[gone]));
		ck_assert(!pp_queue_remove(&queue, &tasks[gone]));
		for (int i = 0; i < LOTS; i++) {
			if (i == gone)
				continue;
			ck_assert(pp_queue_choose(&queue, 0, true, &choice));
			ck_assert_ptr_eq(
			    pp_queue_take(&queue, &choice), &tasks[i]);
		}
		ck_assert(!pp_queue_choose(&queue, 0, true, &choice));
		pp_queue_done(&queue);
	}
}
END_TEST

RUN_TESTS("priority", ranks_come_out_in_order_however_they_went_in,
    ranks_take_many_in_the_order_of_submission,
    a_worker_is_given_the_first_of_what_it_may_run,
    of_tasks_that_wait_higher_ones_start_first,
    a_higher_task_overtakes_what_was_sent_ahead,
    higher_tasks_overtake_what_was_sent_ahead_to_several_workers,
    higher_tasks_do_not_wait_behind_each_other,
    a_stream_of_higher_tasks_does_not_hold_up_results,
    the_order_outlives_workers, blocking_calls_have_priorities_too,
    a_shutdown_ends_what_waits_whatever_its_priority, debug_mode_has_priorities,
    no_task_of_any_priority_is_lost_in_a_storm_of_kills,
    a_heap_without_one_task_is_in_order, a_ring_without_one_task_is_in_order)
