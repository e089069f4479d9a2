/*
 * Tasks that wait for others.  Rows F-10 to F-12, and what the header says of
 * them.
 */
#include "testing.h"

#include "hurry.h"

/* A task in full, for a future. */
static struct procpool_future *
open_with_inputs(struct procpool *pool, procpool_job_fn function, int id,
    struct procpool_future *const *inputs, size_t n)
{
	const struct op op = { id, 0 };
	struct procpool_future *future = NULL;

	ok(procpool_future_open_task(&future, pool,
	    &(struct procpool_task){ .function = function,
		.arg = &op,
		.len = sizeof(op),
		.inputs = inputs,
		.n_inputs = n }));
	return future;
}

static void
close_all(struct procpool_future *const *futures, size_t n)
{
	for (size_t i = 0; i < n; i++)
		procpool_future_close(futures[i]);
}

/* A number: 1 and those of its inputs. */
static int
t_sum(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const void *input;
	int64_t sum = 1;

	if (len != sizeof(*op))
		return 1;
	ledger_start(op->id);
	for (size_t i = 0; procpool_job_input(job, i, &input, &len) == 0; i++) {
		if (len != sizeof(sum) || (uintptr_t)input % 16 != 0)
			return 2;
		sum += *(const int64_t *)input;
	}
	ledger_finish(op->id);
	return procpool_return(job, &sum, sizeof(sum));
}

static int64_t
sum_of(struct procpool_future *future)
{
	return *(const int64_t *)await_future(future, 0)->data;
}

/* ------------------------------------------------------------ The results */

/* F-10: a diamond. */
START_TEST(a_task_runs_after_its_inputs_and_has_their_results)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *all[4];

	all[0] = open_with_inputs(pool, NULL, 0, NULL, 0);
	all[1] = open_with_inputs(pool, NULL, 1, &all[0], 1);
	all[2] = open_with_inputs(pool, NULL, 2, &all[0], 1);
	all[3] = open_with_inputs(pool, NULL, 3, &all[1], 2);
	ck_assert_int_eq(sum_of(all[3]), 5);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(procpool_future_is_ready(all[i]), 1);
	close_all(all, 4);
	close_pool(pool);
}
END_TEST

static const size_t lengths[] = { 0, 1, 15, 16, 17, 48, 49, 4096, 40000,
	1000000 };

enum {
	LENGTHS = sizeof(lengths) / sizeof(lengths[0])
};

/* Returns as many bytes as inputs were as they should be; touches them all. */
static int
look_at_inputs(struct procpool_job *job, const void *arg, size_t len)
{
	char *mine = (char *)(uintptr_t)arg;
	const void *input;
	size_t i, right = 0, n;

	if (!pattern_matches(arg, len))
		return procpool_fail(job, 1, "the argument is not right");
	memset(mine, 7, len);
	for (i = 0; procpool_job_input(job, i, &input, &n) == 0; i++) {
		right += input != NULL && (uintptr_t)input % 16 == 0 &&
		    n == lengths[i % LENGTHS] && pattern_matches(input, n);
		memset((char *)(uintptr_t)input, 7, n);
	}
	if (i != LENGTHS)
		return procpool_fail(job, 2, "%zu inputs", i);
	return procpool_return(job, &right, sizeof(right));
}

static void
check_lengths(struct procpool *pool)
{
	struct procpool_future *inputs[LENGTHS], *future;
	static char arg[1000000];

	pattern_fill(arg, sizeof(arg));
	for (int i = 0; i < LENGTHS; i++)
		inputs[i] =
		    open_future(pool, t_alloc_result, i, (int)lengths[i]);
	for (int i = 0; i < LENGTHS; i++) {
		ok(procpool_future_open_task(&future, pool,
		    &(struct procpool_task){ .function = look_at_inputs,
			.arg = arg,
			.len = lengths[i],
			.inputs = inputs,
			.n_inputs = LENGTHS }));
		ck_assert_uint_eq(
		    *(const size_t *)await_future(future, 0)->data, LENGTHS);
		procpool_future_close(future);
	}
	close_all(inputs, LENGTHS);
}

/* F-10, L21 */
START_TEST(inputs_of_every_awkward_length_arrive_as_they_were)
{
	struct procpool *pool = open_pool(2, t_echo);

	check_lengths(pool);
	close_pool(pool);
}
END_TEST

/* F-10, P16 */
START_TEST(inputs_are_the_same_in_debug_mode)
{
	struct procpool *pool = open_with(
	    (struct procpool_options){ .entry_point = t_echo, .debug = true });

	check_lengths(pool);
	close_pool(pool);
}
END_TEST

/* F-10 */
START_TEST(a_thousand_inputs_are_added_up)
{
	enum {
		MANY = 1000
	};
	static struct procpool_future *inputs[MANY];
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *sum;

	for (int i = 0; i < MANY; i++)
		inputs[i] = open_with_inputs(pool, NULL, i, NULL, 0);
	sum = open_with_inputs(pool, NULL, MANY, inputs, MANY);
	close_all(inputs, MANY);
	ck_assert_int_eq(sum_of(sum), MANY + 1);
	procpool_future_close(sum);
	close_pool(pool);
}
END_TEST

/* A row of which each waits for the one before. */
static struct procpool_future *
open_row(struct procpool *pool, struct procpool_future *first, int n)
{
	struct procpool_future *last = first;

	for (int i = 1; i < n; i++) {
		struct procpool_future *next =
		    open_with_inputs(pool, NULL, i, &last, 1);

		procpool_future_close(last);
		last = next;
	}
	return last;
}

enum {
	LONG = 5000
};

/* F-10 */
START_TEST(a_long_row_runs_from_end_to_end)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *last =
	    open_row(pool, open_with_inputs(pool, NULL, 0, NULL, 0), LONG);

	ck_assert_int_eq(sum_of(last), LONG);
	procpool_future_close(last);
	close_pool(pool);
}
END_TEST

/* F-11: and takes no stack. */
START_TEST(a_long_row_fails_from_end_to_end)
{
	enum {
		ROW = 60000
	};
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_sum, .n_jobs = 1, .queue_tasks = ROW + 1 });
	struct procpool_future *first = open_future(pool, t_wait, 0, 0), *last;
	struct procpool_stats stats;

	last = open_row(pool, procpool_future_ref(first), ROW);
	ok(procpool_future_cancel(first));
	await_future(last, PROCPOOL_EDEPENDENCY);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.cancelled, ROW);
	procpool_future_close(first);
	procpool_future_close(last);
	close_pool(pool);
}
END_TEST

/* F-10: when they have ended long ago, and one of them twice. */
START_TEST(inputs_may_have_ended_before)
{
	struct procpool *pool = open_pool(1, t_sum);
	struct procpool_future *inputs[3], *sum;

	inputs[0] = open_with_inputs(pool, NULL, 0, NULL, 0);
	inputs[1] = inputs[2] = open_with_inputs(pool, NULL, 1, inputs, 1);
	await_future(inputs[1], 0);
	sum = open_with_inputs(pool, NULL, 2, inputs, 3);
	close_all(inputs, 2);
	ck_assert_int_eq(sum_of(sum), 1 + 1 + 2 + 2);
	procpool_future_close(sum);
	close_pool(pool);
}
END_TEST

/* F-10: in each way to submit; with a key, a priority and a callback. */
START_TEST(any_task_that_is_submitted_may_have_inputs)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	const struct procpool_result *result;
	struct procpool_batch *batch;
	const struct op op = { 1, 0 };
	struct procpool_task task = { .function = t_ledger,
		.arg = &op,
		.len = sizeof(op),
		.inputs = &first,
		.n_inputs = 1,
		.done = ledger_done,
		.user = (void *)(uintptr_t)1 };

	ok(procpool_batch_open(&batch, pool, 3));
	ok(procpool_submit_task(pool, &task));
	task.done = NULL;
	ok(procpool_try_submit(pool, &task));
	task.batch = batch;
	ok(procpool_submit_task(pool, &task));
	task.key = 1;
	ok(procpool_submit_task(pool, &task));
	task.priority = 7;
	ok(procpool_submit_task(pool, &task));
	flag_set(&shared->flag[1], 1);
	ok(procpool_batch_wait(batch, bound(5000)));
	for (size_t i = 0; i < 3; i++) {
		ok(procpool_batch_result(batch, i, &result));
		ck_assert_int_eq(result->outcome, 0);
		ck_assert_int_eq(((const struct op *)result->data)->id, 1);
		if (i > 0)
			ck_assert_int_eq(result->worker, 1);
	}
	ok(procpool_drain(pool, bound(5000)));
	ck_assert_int_eq(shared->completed[1], 1);
	ck_assert_int_eq(shared->finished[1], 5);
	procpool_batch_close(batch);
	procpool_future_close(first);
	close_pool(pool);
}
END_TEST

/* -------------------------------------------------------------- Failures */

/* F-11: at once, though another input goes on. */
START_TEST(a_task_whose_input_fails_is_not_run_and_says_which)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *inputs[2], *sum, *next;
	const struct procpool_result *failed, *result;
	char text[256];

	inputs[0] = open_future(pool, t_wait, 0, 0);
	inputs[1] = open_future(pool, t_fail, 1, 7);
	sum = open_with_inputs(pool, NULL, 2, inputs, 2);
	next = open_with_inputs(pool, NULL, 3, &sum, 1);
	result = await_future(sum, PROCPOOL_EDEPENDENCY);
	failed = await_future(inputs[1], PROCPOOL_EFAILED);
	(void)snprintf(text, sizeof(text),
	    "input 1 (task %llu) ended with PROCPOOL_EFAILED: code 7",
	    (unsigned long long)failed->task);
	ck_assert_str_eq(result->message, text);
	ck_assert_int_eq(result->attempt, 0);
	ck_assert_int_eq(result->worker, -1);
	ck_assert_int_eq(result->phase, PROCPOOL_QUEUED);
	ck_assert_uint_eq(result->len, 0);
	result = await_future(next, PROCPOOL_EDEPENDENCY);
	ck_assert_ptr_nonnull(strstr(result->message, text));
	ck_assert_int_eq(procpool_future_is_ready(inputs[0]), 0);
	flag_set(&shared->flag[1], 1);
	await_future(inputs[0], 0);
	ck_assert_int_eq(shared->started[2] + shared->started[3], 0);
	/* And when it had failed before. */
	procpool_future_close(next);
	next = open_with_inputs(pool, NULL, 4, &inputs[1], 1);
	await_future(next, PROCPOOL_EDEPENDENCY);
	close_all(inputs, 2);
	procpool_future_close(sum);
	procpool_future_close(next);
	close_pool(pool);
}
END_TEST

/* F-11: with its callback, though no thread of the pool is awake. */
START_TEST(the_callback_of_a_task_that_cannot_run_is_called)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_future *failed = open_future(pool, t_fail, 0, 7);

	await_future(failed, PROCPOOL_EFAILED);
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .inputs = &failed,
		.n_inputs = 1,
		.done = ledger_done,
		.user = (void *)(uintptr_t)1 }));
	ledger_await(1, 5000);
	ck_assert_int_eq(shared->outcome[1], PROCPOOL_EDEPENDENCY);
	procpool_future_close(failed);
	close_pool(pool);
}
END_TEST

/* F-11 */
START_TEST(the_death_of_a_worker_is_told_to_what_waits_for_its_task)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *dies = open_future(pool, t_kill, 0, SIGKILL);
	struct procpool_future *sum = open_with_inputs(pool, NULL, 1, &dies, 1);

	ck_assert_ptr_nonnull(
	    strstr(await_future(sum, PROCPOOL_EDEPENDENCY)->message,
		"ended with PROCPOOL_ECRASHED: worker procpool-w"));
	procpool_future_close(dies);
	procpool_future_close(sum);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* F-10, P12 */
START_TEST(more_than_max_payload_together_is_too_big)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = look_at_inputs, .n_jobs = 1, .max_payload = 1000 });
	struct procpool_future *inputs[2], *future;

	inputs[0] = open_future(pool, t_alloc_result, 0, 496);
	inputs[1] = open_future(pool, t_alloc_result, 1, 496);
	future = open_with_inputs(pool, t_echo, 2, inputs, 2);
	await_future(future, 0);
	procpool_future_close(future);
	ok(procpool_future_open_task(&future, pool,
	    &(struct procpool_task){ .arg = "123456789",
		.len = 9,
		.inputs = inputs,
		.n_inputs = 2 }));
	await_future(future, PROCPOOL_ETOOBIG);
	procpool_future_close(future);
	close_all(inputs, 2);
	close_pool(pool);
}
END_TEST

static int
ask_for_inputs(struct procpool_job *job, const void *arg, size_t len)
{
	const void *data;
	int rc[4];

	rc[0] = procpool_job_input(job, 0, &data, &len);
	rc[1] = procpool_job_input(NULL, 0, &data, &len);
	rc[2] = procpool_job_input(job, 0, NULL, &len);
	rc[3] = procpool_job_input(job, 0, &data, NULL);
	(void)arg;
	return procpool_return(job, rc, sizeof(rc));
}

/* F-11 */
START_TEST(what_cannot_be_an_input_is_refused)
{
	struct procpool *pool = open_pool(1, t_echo),
			*other = open_pool(1, t_echo);
	struct procpool_future *mine = open_future(pool, NULL, 0, 0);
	struct procpool_future *inputs[2] = { mine, NULL };
	struct procpool_result result;
	struct procpool_task task = { .inputs = inputs, .n_inputs = 2 };
	struct procpool_future *future;
	const int *rc;

	expect(procpool_submit_task(pool, &task), PROCPOOL_ENULL);
	task.n_inputs = 1;
	expect(procpool_submit_task(other, &task), PROCPOOL_EFOREIGN);
	expect(procpool_broadcast(pool, &task), PROCPOOL_EBROADCAST);
	expect(procpool_call_task(pool, &task, &result), PROCPOOL_ECALL);
	task.inputs = NULL;
	expect(procpool_submit_task(pool, &task), PROCPOOL_ENULL);
	future = open_future(pool, ask_for_inputs, 0, 0);
	rc = await_future(future, 0)->data;
	expect(rc[0], PROCPOOL_EINDEX);
	expect(rc[1], PROCPOOL_ENULL);
	expect(rc[2], PROCPOOL_ENULL);
	expect(rc[3], PROCPOOL_ENULL);
	procpool_future_close(future);
	procpool_future_close(mine);
	close_pool(pool);
	close_pool(other);
}
END_TEST

/* ------------------------------------------------------- While they wait */

/* F-12, D03 */
START_TEST(what_waits_for_inputs_is_accepted_and_counted)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_ledger, .n_jobs = 1, .queue_tasks = 3 });
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	struct procpool_future *second =
	    open_with_inputs(pool, NULL, 1, &first, 1);
	struct procpool_future *third =
	    open_with_inputs(pool, NULL, 2, &second, 1);
	struct procpool_stats stats;

	await_flag(&shared->flag[0], 1, 5000);
	expect(procpool_try_submit(pool, &(struct procpool_task){ .len = 0 }),
	    PROCPOOL_EFULL);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.submitted, 3);
	ck_assert_uint_eq(stats.queued, 2);
	ck_assert_uint_eq(stats.running, 1);
	expect(procpool_drain(pool, 20), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[1], 1);
	ok(procpool_drain(pool, bound(5000)));
	await_future(third, 0);
	procpool_future_close(first);
	procpool_future_close(second);
	procpool_future_close(third);
	close_pool(pool);
}
END_TEST

/* F-12, P9: results that are sent as an argument count as one, and not longer. */
START_TEST(inputs_count_in_the_bytes_of_the_queue_while_they_are_sent)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_echo, .n_jobs = 1, .queue_bytes = 5000 });
	struct procpool_future *first, *waits, *blocks;
	char bytes[1000] = { 0 };
	const struct procpool_task more = { .arg = bytes,
		.len = sizeof(bytes) };

	for (int i = 0; i < 3; i++) {
		first = open_future(pool, t_alloc_result, 0, 4800);
		await_future(first, 0);
		blocks = open_future(pool, t_wait, 1, 0);
		waits = open_with_inputs(pool, NULL, 2, &first, 1);
		expect(procpool_try_submit(pool, &more), PROCPOOL_EFULL);
		flag_set(&shared->flag[1], 1);
		await_future(waits, 0);
		await_future(blocks, 0);
		flag_set(&shared->flag[1], 0);
		procpool_future_close(blocks);
		blocks = open_future(pool, t_wait, 1, 0);
		ok(procpool_try_submit(pool, &more));
		flag_set(&shared->flag[1], 1);
		ok(procpool_drain(pool, bound(5000)));
		flag_set(&shared->flag[1], 0);
		procpool_future_close(blocks);
		procpool_future_close(first);
		procpool_future_close(waits);
	}
	close_pool(pool);
}
END_TEST

/* F-12 */
START_TEST(a_close_finishes_what_waits_for_inputs)
{
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	struct procpool_future *last;
	struct aside closer = { .call = aside_close, .pool = pool };

	/* t_wait's result is no number. */
	last = open_with_inputs(pool, t_ledger, 1, &first, 1);
	last = open_row(pool, last, 1);
	aside_start(&closer);
	flag_set(&shared->flag[1], 1);
	expect(aside_join(&closer), 0);
	await_future(last, 0);
	procpool_future_close(first);
	procpool_future_close(last);
}
END_TEST

/* F-12 */
START_TEST(a_shutdown_ends_what_waits_for_inputs)
{
	enum {
		MANY = 500
	};
	struct procpool *pool = open_pool(2, t_sum);
	struct procpool_future *first = open_future(pool, t_spin, 0, 0);
	static struct procpool_future *futures[MANY];

	for (int i = 0; i < MANY; i++) {
		futures[i] = open_with_inputs(pool, NULL, i + 1,
		    i % 2 == 0 ? &first : &futures[i - 1], 1);
		ok(procpool_future_then(
		    futures[i], ledger_done, (void *)(uintptr_t)(i + 1)));
	}
	ok(procpool_shutdown(pool));
	for (int i = 0; i < MANY; i++) {
		await_future(futures[i], PROCPOOL_ESHUTDOWN);
		ck_assert_int_eq(shared->completed[i + 1], 1);
	}
	ok(procpool_start(pool));
	pool_works(pool);
	close_all(futures, MANY);
	procpool_future_close(first);
	close_pool(pool);
}
END_TEST

/* A worker_start that works as long as flag 5 is not set. */
static int
start_at_first(struct procpool_job *job, void **state)
{
	(void)state;
	return atomic_load(&shared->flag[5]) == 0
	    ? 0
	    : procpool_fail(job, 1, "no more");
}

/* F-12 */
START_TEST(a_pool_that_breaks_ends_what_waits_for_inputs)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = t_sum,
		.n_jobs = 2,
		.oversubscribe = true,
		.worker_start = start_at_first });
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	struct procpool_future *waits =
	    open_with_inputs(pool, NULL, 1, &first, 1);

	hurry();
	await_flag(&shared->flag[0], 1, 5000);
	flag_set(&shared->flag[5], 1);
	/* The idle worker dies, and none can take its place. */
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .function = t__exit,
		.arg = &(struct op){ 2, 3 },
		.len = sizeof(struct op) }));
	ck_assert_ptr_nonnull(
	    strstr(await_future(waits, PROCPOOL_EBROKEN)->message, "no more"));
	await_future(first, PROCPOOL_EBROKEN);
	procpool_future_close(first);
	procpool_future_close(waits);
	close_pool(pool);
}
END_TEST

/* F-12 */
START_TEST(what_waits_for_inputs_can_be_cancelled)
{
	struct procpool *pool = open_pool(1, t_sum);
	struct procpool_future *first = open_future(pool, t_wait, 0, 0);
	struct procpool_future *second =
	    open_with_inputs(pool, NULL, 1, &first, 1);
	struct procpool_future *third =
	    open_with_inputs(pool, NULL, 2, &second, 1);

	await_flag(&shared->flag[0], 1, 5000);
	ok(procpool_future_cancel(second));
	await_future(second, PROCPOOL_ECANCELLED);
	await_future(third, PROCPOOL_EDEPENDENCY);
	ck_assert_int_eq(procpool_future_is_ready(first), 0);
	flag_set(&shared->flag[1], 1);
	await_future(first, 0);
	procpool_future_close(first);
	procpool_future_close(second);
	procpool_future_close(third);
	close_pool(pool);
}
END_TEST

struct chaos {
	struct procpool_future *futures[300];
	atomic_int next;
};

static void *
cancel_some(void *arg)
{
	struct chaos *chaos = arg;
	int i;

	while ((i = atomic_fetch_add(&chaos->next, 3)) < 300)
		(void)procpool_future_cancel(chaos->futures[i]);
	return NULL;
}

/* F-12, F-9, U1: cancels, failures and the end of the pool in a web. */
START_TEST(in_a_storm_what_waits_ends_once)
{
	static struct chaos chaos;
	pthread_t threads[2];

	for (int round = 0; round < 6; round++) {
		struct procpool *pool = open_pool(2, t_ledger);

		chaos.next = 1;
		for (int i = 0; i < 300; i++) {
			const int id = round * 300 + i;
			const struct op op = { id, 1 };

			ok(procpool_future_open_task(&chaos.futures[i], pool,
			    &(struct procpool_task){
				.function = i % 40 == 7 ? t_fail : t_ledger,
				.arg = &op,
				.len = sizeof(op),
				.done = ledger_done,
				.user = (void *)(uintptr_t)id,
				.key = i % 7 == 0,
				.inputs = i < 4 ? NULL
						: &chaos.futures[i - i % 4 - 4],
				.n_inputs = i < 4 ? 0 : (size_t)(i % 3) }));
		}
		for (int i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, cancel_some, &chaos);
		if (round % 2 == 1)
			ok(procpool_shutdown(pool));
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		ok(procpool_future_wait_all(chaos.futures, 300, bound(10000)));
		close_all(chaos.futures, 300);
		close_pool(pool);
	}
	ledger_check(1800);
}
END_TEST

RUN_TESTS("inputs", a_task_runs_after_its_inputs_and_has_their_results,
    inputs_of_every_awkward_length_arrive_as_they_were,
    inputs_are_the_same_in_debug_mode, a_thousand_inputs_are_added_up,
    a_long_row_runs_from_end_to_end, a_long_row_fails_from_end_to_end,
    inputs_may_have_ended_before, any_task_that_is_submitted_may_have_inputs,
    a_task_whose_input_fails_is_not_run_and_says_which,
    the_callback_of_a_task_that_cannot_run_is_called,
    the_death_of_a_worker_is_told_to_what_waits_for_its_task,
    more_than_max_payload_together_is_too_big,
    what_cannot_be_an_input_is_refused,
    what_waits_for_inputs_is_accepted_and_counted,
    inputs_count_in_the_bytes_of_the_queue_while_they_are_sent,
    a_close_finishes_what_waits_for_inputs,
    a_shutdown_ends_what_waits_for_inputs,
    a_pool_that_breaks_ends_what_waits_for_inputs,
    what_waits_for_inputs_can_be_cancelled, in_a_storm_what_waits_ends_once)
