/*
 * Batches.  Rows P4, P5, P6, P7, P8, L16, and what the header says of them.
 */
#include "testing.h"

static struct procpool_batch *
open_batch(struct procpool *pool, size_t size)
{
	struct procpool_batch *batch = NULL;

	ok(procpool_batch_open(&batch, pool, size));
	ck_assert_ptr_nonnull(batch);
	return batch;
}

static void
add_op(struct procpool_batch *batch, int id, int value)
{
	const struct op op = { id, value };

	ok(procpool_batch_add(batch, &op, sizeof(op)));
}

static const struct procpool_result *
result_of(struct procpool_batch *batch, size_t index)
{
	const struct procpool_result *result = NULL;

	ok(procpool_batch_result(batch, index, &result));
	ck_assert_ptr_nonnull(result);
	return result;
}

/* Waits until its own flag is set, so that a test decides who ends when. */
static int
wait_for_own_flag(struct procpool_job *job, const void *arg, size_t len)
{
	const int own = *(const int *)arg;

	if (!flag_await(&shared->flag[own], 1, PATIENCE_MS))
		return 1;
	return procpool_return(job, arg, len);
}

/* P4: they end in the order 3, 1, 2, 0. */
START_TEST(results_are_in_the_order_of_submission)
{
	static const int ends[4] = { 3, 1, 2, 0 };
	struct procpool *pool = open_pool(4, wait_for_own_flag);
	struct procpool_batch *batch = open_batch(pool, 4);

	for (int i = 0; i < 4; i++)
		ok(procpool_batch_add(batch, &i, sizeof(i)));
	for (size_t i = 0; i < 4; i++) {
		flag_set(&shared->flag[ends[i]], 1);
		await_that(procpool_batch_ended(batch) > i, 5000);
		ck_assert_uint_eq(procpool_batch_ended(batch), i + 1);
	}
	ok(procpool_batch_wait(batch, 0));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
		    *(const int *)result_of(batch, (size_t)i)->data, i);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P4: many, of different duration. */
START_TEST(two_thousand_results_are_in_order)
{
	struct procpool *pool = open_pool(2, t_square);
	struct procpool_batch *batch = open_batch(pool, 2000);

	for (int64_t x = 0; x < 2000; x++)
		ok(procpool_batch_add(batch, &x, sizeof(x)));
	ok(procpool_batch_wait(batch, bound(10000)));
	for (int64_t x = 0; x < 2000; x++)
		ck_assert_int_eq(
		    *(const int64_t *)result_of(batch, (size_t)x)->data, x * x);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

static void
start_waiters(struct aside *waiters, int n, struct procpool_batch *batch)
{
	for (int i = 0; i < n; i++) {
		waiters[i].call = aside_batch_wait;
		waiters[i].batch = batch;
		aside_start(&waiters[i]);
	}
}

static void
expect_waiters(struct aside *waiters, int n, int rc)
{
	for (int i = 0; i < n; i++)
		expect(aside_join(&waiters[i]), rc);
}

/* P5 */
START_TEST(three_threads_wait_on_one_batch)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_batch *batch = open_batch(pool, 1);
	struct aside waiters[3];

	add_op(batch, 0, 0);
	start_waiters(waiters, 3, batch);
	ck_assert_uint_eq(procpool_batch_ended(batch), 0);
	flag_set(&shared->flag[1], 1);
	expect_waiters(waiters, 3, 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P5 */
START_TEST(a_later_wait_returns_the_same_at_once)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 2);
	const struct procpool_result *first;

	add_op(batch, 0, 0);
	add_op(batch, 1, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	first = result_of(batch, 1);
	ok(procpool_batch_wait(batch, 0));
	ok(procpool_batch_wait(batch, -1));
	ck_assert_ptr_eq(result_of(batch, 1), first);
	ck_assert_int_eq(((const struct op *)first->data)->id, 1);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P5: results outlive the pool, the header says. */
START_TEST(a_batch_is_read_after_its_pool_was_closed)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 3);

	for (int id = 0; id < 3; id++)
		add_op(batch, id, 0);
	close_pool(pool);
	ok(procpool_batch_wait(batch, 0));
	for (int id = 0; id < 3; id++)
		ck_assert_int_eq(
		    ((const struct op *)result_of(batch, (size_t)id)->data)->id,
		    id);
	procpool_batch_close(batch);
}
END_TEST

/* P6, while the first tasks have not ended */
START_TEST(one_task_too_many_is_refused_while_others_run)
{
	struct procpool *pool = open_pool(2, t_wait);
	struct procpool_batch *batch = open_batch(pool, 2);
	struct procpool_stats stats;

	add_op(batch, 0, 0);
	add_op(batch, 1, 0);
	expect(
	    procpool_batch_add(batch, &(struct op){ 2, 0 }, sizeof(struct op)),
	    PROCPOOL_EOVERFLOW);
	flag_set(&shared->flag[1], 1);
	ok(procpool_batch_wait(batch, bound(5000)));
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.submitted, 2);
	pool_works(pool);
	ck_assert_int_eq(shared->started[2], 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P6, after they have */
START_TEST(one_task_too_many_is_refused_after_the_others_ended)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 1);

	add_op(batch, 0, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	expect(
	    procpool_batch_add(batch, &(struct op){ 1, 0 }, sizeof(struct op)),
	    PROCPOOL_EOVERFLOW);
	expect(procpool_submit_task(
		   pool, &(struct procpool_task){ .batch = batch }),
	    PROCPOOL_EOVERFLOW);
	expect(procpool_try_submit(
		   pool, &(struct procpool_task){ .batch = batch }),
	    PROCPOOL_EOVERFLOW);
	ok(procpool_batch_wait(batch, 0));
	ck_assert_int_eq(((const struct op *)result_of(batch, 0)->data)->id, 0);
	pool_works(pool);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P7 */
START_TEST(a_wait_on_an_underfilled_batch_times_out_as_incomplete)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 2);
	int64_t start;

	add_op(batch, 0, 0);
	drain_pool(pool);
	start = now_ms();
	expect(procpool_batch_wait(batch, 50), PROCPOOL_EINCOMPLETE);
	ck_assert_int_ge(now_ms() - start, 49);
	took_less(start, 5000);
	expect(procpool_batch_wait(batch, 0), PROCPOOL_EINCOMPLETE);
	ck_assert_uint_eq(procpool_batch_ended(batch), 1);
	add_op(batch, 1, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P7: told apart from a batch that is only slow. */
START_TEST(a_wait_on_running_tasks_times_out_and_changes_nothing)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_batch *batch = open_batch(pool, 1);
	const struct procpool_result *result;

	add_op(batch, 0, 0);
	expect(procpool_batch_wait(batch, 0), PROCPOOL_ETIMEDOUT);
	expect(procpool_batch_wait(batch, 20), PROCPOOL_ETIMEDOUT);
	expect(procpool_batch_result(batch, 0, &result), PROCPOOL_EINCOMPLETE);
	flag_set(&shared->flag[1], 1);
	ok(procpool_batch_wait(batch, bound(5000)));
	ck_assert_int_eq(result_of(batch, 0)->outcome, 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* P7 */
START_TEST(a_batch_of_nothing_is_complete_at_once)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 0);
	const struct procpool_result *result;

	ok(procpool_batch_wait(batch, -1));
	ok(procpool_batch_wait(batch, 0));
	ck_assert_uint_eq(procpool_batch_size(batch), 0);
	ck_assert_uint_eq(procpool_batch_ended(batch), 0);
	expect(procpool_batch_result(batch, 0, &result), PROCPOOL_EINDEX);
	expect(procpool_batch_add(batch, "x", 1), PROCPOOL_EOVERFLOW);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* Notes how many of the batch had ended when the callback ran. */
struct both {
	struct procpool_batch *batch;
	atomic_int calls;
	atomic_int filled_before; /* callbacks that found their slot filled */
};

static void
look_at_the_slot(const struct procpool_result *result, void *user)
{
	struct both *both = user;
	const size_t index = (size_t)((const struct op *)result->data)->id;
	const struct procpool_result *slot;

	if (procpool_batch_result(both->batch, index, &slot) !=
	    PROCPOOL_EINCOMPLETE)
		atomic_fetch_add(&both->filled_before, 1);
	atomic_fetch_add(&both->calls, 1);
}

/* P8 */
START_TEST(the_callback_runs_and_then_the_slot_is_filled)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct both both = { .batch = open_batch(pool, 100) };

	for (int id = 0; id < 100; id++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .arg = &(struct op){ id, 0 },
			.len = sizeof(struct op),
			.done = look_at_the_slot,
			.user = &both,
			.batch = both.batch }));
	ok(procpool_batch_wait(both.batch, bound(5000)));
	ck_assert_int_eq(both.calls, 100);
	ck_assert_int_eq(both.filled_before, 0);
	for (int id = 0; id < 100; id++)
		ck_assert_int_eq(
		    ((const struct op *)result_of(both.batch, (size_t)id)->data)
			->id,
		    id);
	procpool_batch_close(both.batch);
	close_pool(pool);
}
END_TEST

/* Results of all kinds have their place: F2's part in a batch. */
START_TEST(a_batch_holds_failures_beside_successes)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 3);
	const struct op op = { 1, 42 };

	add_op(batch, 0, 0);
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = t_fail,
		.batch = batch }));
	add_op(batch, 2, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	ck_assert_int_eq(result_of(batch, 0)->outcome, 0);
	ck_assert_int_eq(result_of(batch, 1)->outcome, PROCPOOL_EFAILED);
	ck_assert_int_eq(result_of(batch, 1)->code, 42);
	ck_assert_str_eq(result_of(batch, 1)->message, "code 42");
	ck_assert_int_eq(result_of(batch, 2)->outcome, 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

START_TEST(size_and_progress_can_be_asked_for)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_batch *batch = open_batch(pool, 5);

	ck_assert_uint_eq(procpool_batch_size(batch), 5);
	ck_assert_uint_eq(procpool_batch_ended(batch), 0);
	flag_set(&shared->flag[1], 1);
	for (int id = 0; id < 5; id++)
		add_op(batch, id, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	ck_assert_uint_eq(procpool_batch_ended(batch), 5);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* L16 */
START_TEST(a_batch_given_back_early_still_runs_its_tasks)
{
	struct procpool *pool = open_pool(2, t_wait);
	struct procpool_batch *batch = open_batch(pool, 20);

	for (int id = 0; id < 20; id++)
		add_op(batch, id, 0);
	await_flag(&shared->flag[0], 1, 5000);
	procpool_batch_close(batch);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	for (int id = 0; id < 20; id++)
		ck_assert_int_eq(shared->finished[id], 1);
	close_pool(pool);
}
END_TEST

/* L16 */
START_TEST(a_batch_may_be_given_back_before_it_is_full)
{
	struct procpool *pool = open_pool(2, t_wait);
	struct procpool_batch *batch = open_batch(pool, 20);

	add_op(batch, 0, 0);
	procpool_batch_close(batch);
	flag_set(&shared->flag[1], 1);
	close_pool(pool);
	ck_assert_int_eq(shared->finished[0], 1);
}
END_TEST

/* L16 */
START_TEST(waiters_go_on_when_their_batch_is_given_back)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_batch *batch = open_batch(pool, 1);
	struct aside waiters[3];

	add_op(batch, 0, 0);
	start_waiters(waiters, 3, batch);
	procpool_batch_close(batch);
	flag_set(&shared->flag[1], 1);
	expect_waiters(waiters, 3, 0);
	close_pool(pool);
}
END_TEST

/* L16 */
START_TEST(a_batch_may_outlive_its_pool_and_be_given_back_then)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 2);
	int rc;

	add_op(batch, 0, 0);
	close_pool(pool);
	ck_assert_uint_eq(procpool_batch_ended(batch), 1);
	rc = procpool_batch_wait(batch, 0);
	ck_assert_msg(rc == PROCPOOL_EINCOMPLETE || rc == PROCPOOL_ESHUTDOWN,
	    "%s", procpool_errname(rc));
	procpool_batch_close(batch);
}
END_TEST

START_TEST(a_batch_of_another_pool_is_refused)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool *other = open_pool(1, t_ledger);
	struct procpool_batch *batch = open_batch(other, 1);

	expect(procpool_submit_task(
		   pool, &(struct procpool_task){ .batch = batch }),
	    PROCPOOL_EFOREIGN);
	ck_assert_uint_eq(procpool_batch_ended(batch), 0);
	add_op(batch, 0, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	procpool_batch_close(batch);
	close_pool(pool);
	close_pool(other);
}
END_TEST

START_TEST(an_index_beyond_the_batch_is_refused)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_batch *batch = open_batch(pool, 1);
	const struct procpool_result *const untouched = (void *)batch;
	const struct procpool_result *result = untouched;

	add_op(batch, 0, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	expect(procpool_batch_result(batch, 1, &result), PROCPOOL_EINDEX);
	expect(
	    procpool_batch_result(batch, SIZE_MAX, &result), PROCPOOL_EINDEX);
	ck_assert_ptr_eq(result, untouched);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* A submit that is refused takes no place in the batch. */
START_TEST(a_refused_task_takes_no_place)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_ledger, .n_jobs = 1, .max_payload = 100 });
	struct procpool_batch *batch = open_batch(pool, 1);
	static const char bytes[101];

	expect(procpool_batch_add(batch, bytes, 101), PROCPOOL_ETOOBIG);
	expect(procpool_batch_add(batch, NULL, 1), PROCPOOL_ENULL);
	add_op(batch, 0, 0);
	ok(procpool_batch_wait(batch, bound(5000)));
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

RUN_TESTS("batch", results_are_in_the_order_of_submission,
    two_thousand_results_are_in_order, three_threads_wait_on_one_batch,
    a_later_wait_returns_the_same_at_once,
    a_batch_is_read_after_its_pool_was_closed,
    one_task_too_many_is_refused_while_others_run,
    one_task_too_many_is_refused_after_the_others_ended,
    a_wait_on_an_underfilled_batch_times_out_as_incomplete,
    a_wait_on_running_tasks_times_out_and_changes_nothing,
    a_batch_of_nothing_is_complete_at_once,
    the_callback_runs_and_then_the_slot_is_filled,
    a_batch_holds_failures_beside_successes, size_and_progress_can_be_asked_for,
    a_batch_given_back_early_still_runs_its_tasks,
    a_batch_may_be_given_back_before_it_is_full,
    waiters_go_on_when_their_batch_is_given_back,
    a_batch_may_outlive_its_pool_and_be_given_back_then,
    a_batch_of_another_pool_is_refused, an_index_beyond_the_batch_is_refused,
    a_refused_task_takes_no_place)
