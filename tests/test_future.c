/*
 * Futures.  Rows D4 and F-1 to F-6, and what the header says of them.
 */
#include "testing.h"

/* Waits until its own flag is set, so that a test decides who ends when. */
static int
wait_for_own_flag(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	flag_add(&shared->flag[30], 1);
	if (!flag_await(&shared->flag[op->value], 1, PATIENCE_MS))
		return 1;
	return procpool_return(job, arg, len);
}

/* ------------------------------------------------------------ The result */

/* D4, F-1 */
START_TEST(the_program_goes_on_while_a_future_is_not_ready)
{
	struct procpool *pool = open_pool(1, t_wait);
	const int64_t start = now_ms();
	struct procpool_future *future = open_future(pool, NULL, 0, 0);
	const struct procpool_result *result;

	took_less(start, 1000);
	await_flag(&shared->flag[0], 1, 5000);
	ck_assert_int_eq(procpool_future_is_ready(future), 0);
	expect(procpool_future_result(future, &result), PROCPOOL_EPENDING);
	expect(procpool_future_wait(future, 0), PROCPOOL_ETIMEDOUT);
	expect(procpool_future_wait(future, 20), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[1], 1);
	result = await_future(future, 0);
	ck_assert_uint_eq(result->len, sizeof(struct op));
	ck_assert_int_eq(((const struct op *)result->data)->id, 0);
	ok(procpool_future_wait(future, 0));
	procpool_future_close(future);
	close_pool(pool);
}
END_TEST

/* F-1 */
START_TEST(a_future_tells_each_outcome)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_future *fails = open_future(pool, t_fail, 0, 7);
	struct procpool_future *dies = open_future(pool, t_kill, 1, SIGKILL);
	struct procpool_future *exits = open_future(pool, t__exit, 2, 3);
	const struct procpool_result *result;

	result = await_future(fails, PROCPOOL_EFAILED);
	ck_assert_int_eq(result->code, 7);
	ck_assert_str_eq(result->message, "code 7");
	ck_assert_int_eq(await_future(dies, PROCPOOL_ECRASHED)->code, SIGKILL);
	ck_assert_int_eq(await_future(exits, PROCPOOL_EEXITED)->code, 3);
	pool_works(pool);
	procpool_future_close(fails);
	procpool_future_close(dies);
	procpool_future_close(exits);
	close_pool(pool);
}
END_TEST

/* F-1: with what its result refers to. */
START_TEST(a_future_outlives_its_pool)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_future *small = open_future(pool, NULL, 0, 0);
	struct procpool_future *large =
	    open_future(pool, t_alloc_result, 1, 1000000);
	char name[64];

	(void)snprintf(name, sizeof(name), "%s-w0", procpool_name(pool));
	close_pool(pool);
	ck_assert_str_eq(await_future(small, 0)->worker_name, name);
	ck_assert(pattern_matches(await_future(large, 0)->data, 1000000));
	expect(procpool_future_cancel(small), PROCPOOL_EENDED);
	procpool_future_close(small);
	procpool_future_close(large);
}
END_TEST

static void *
close_it(void *future)
{
	procpool_future_close(future);
	return NULL;
}

/* F-2 */
START_TEST(a_future_lives_as_long_as_there_is_a_reference)
{
	enum {
		THREADS = 8
	};
	struct procpool *pool = open_pool(2, t_ledger);
	pthread_t threads[THREADS];

	for (int id = 0; id < 50; id++) {
		struct procpool_future *future = open_future(pool, NULL, id, 0);

		for (int i = 0; i < THREADS; i++) {
			ck_assert_ptr_eq(procpool_future_ref(future), future);
			ck_assert_int_eq(
			    pthread_create(&threads[i], NULL, close_it, future),
			    0);
		}
		await_future(future, 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		ck_assert_int_eq(
		    ((const struct op *)await_future(future, 0)->data)->id, id);
		procpool_future_close(future);
	}
	ck_assert_ptr_null(procpool_future_ref(NULL));
	procpool_future_close(NULL);
	close_pool(pool);
}
END_TEST

/* F-2 */
START_TEST(a_future_may_be_given_back_before_its_end)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_future *future = open_future(pool, NULL, 0, 0);
	struct procpool_future *other = open_future(pool, NULL, 1, 0);
	struct aside waiter = { .call = aside_future_wait, .future = future };

	ok(procpool_future_then(future, ledger_done, (void *)(uintptr_t)0));
	ok(procpool_future_then(other, ledger_done, (void *)(uintptr_t)1));
	aside_start(&waiter);
	procpool_future_close(future);
	procpool_future_close(other);
	flag_set(&shared->flag[1], 1);
	expect(aside_join(&waiter), 0);
	ledger_await(2, 5000);
	ledger_check(2);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------- Completion functions */

/* What was called, in which order and where. */
static struct {
	atomic_int count;
	int order[16];
	pthread_t thread[16];
} calls;

static void
note(const struct procpool_result *result, void *user)
{
	const int i = atomic_load(&calls.count);

	(void)result;
	calls.order[i] = (int)(uintptr_t)user;
	calls.thread[i] = pthread_self();
	atomic_store(&calls.count, i + 1);
}

static void *
number(int n)
{
	return (void *)(uintptr_t)n;
}

/* F-3 */
START_TEST(functions_run_in_their_order_before_the_future_is_ready)
{
	const struct op op = { 0, 0 };
	struct procpool *pool = open_pool(1, t_wait);
	struct procpool_future *future;

	calls.count = 0;
	ok(procpool_future_open_task(&future, pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.done = note,
		.user = number(1) }));
	for (int i = 2; i < 5; i++)
		ok(procpool_future_then(future, note, number(i)));
	ck_assert_int_eq(calls.count, 0);
	flag_set(&shared->flag[1], 1);
	await_future(future, 0);
	ck_assert_int_eq(calls.count, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(calls.order[i], i + 1);
		ck_assert(!pthread_equal(calls.thread[i], pthread_self()));
	}

	/* Afterwards, at once and here. */
	ok(procpool_future_then(future, note, number(5)));
	ck_assert_int_eq(calls.count, 5);
	ck_assert_int_eq(calls.order[4], 5);
	ck_assert(pthread_equal(calls.thread[4], pthread_self()));
	procpool_future_close(future);
	close_pool(pool);
}
END_TEST

static struct procpool_future *the_future;

static void
attach_another(const struct procpool_result *result, void *user)
{
	note(result, user);
	if (procpool_future_then(the_future, note, number(2)) != 0)
		note(result, number(99));
}

/* F-3 */
START_TEST(a_function_may_attach_another_to_its_own_future)
{
	struct procpool *pool = open_pool(1, t_wait);

	calls.count = 0;
	the_future = open_future(pool, NULL, 0, 0);
	ok(procpool_future_then(the_future, attach_another, number(1)));
	flag_set(&shared->flag[1], 1);
	await_future(the_future, 0);
	ck_assert_int_eq(calls.count, 2);
	ck_assert_int_eq(calls.order[1], 2);
	procpool_future_close(the_future);
	close_pool(pool);
}
END_TEST

struct race {
	struct procpool_future *future;
	atomic_int calls;
};

static void
count_call(const struct procpool_result *result, void *user)
{
	struct race *race = user;

	if (result->outcome == 0 && result->len == sizeof(struct op))
		atomic_fetch_add(&race->calls, 1);
}

static void *
attach_two(void *arg)
{
	struct race *race = arg;

	for (int i = 0; i < 2; i++)
		if (procpool_future_then(race->future, count_call, race) != 0)
			abort();
	return NULL;
}

/* F-3: whether the end or the function comes first. */
START_TEST(a_function_that_races_with_the_end_is_called_once)
{
	struct procpool *pool = open_pool(2, t_echo);
	pthread_t thread;

	for (int i = 0; i < 300; i++) {
		struct race race = { .future = open_future(pool, NULL, i, 0) };

		ck_assert_int_eq(
		    pthread_create(&thread, NULL, attach_two, &race), 0);
		if (i % 2 == 0)
			ok(procpool_future_then(
			    race.future, count_call, &race));
		await_future(race.future, 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(race.calls, i % 2 == 0 ? 3 : 2);
		procpool_future_close(race.future);
	}
	close_pool(pool);
}
END_TEST

/* F-4 */
START_TEST(a_future_without_functions_waits_for_nobodys)
{
	struct procpool *pool = open_pool(2, t_echo);
	struct procpool_future *future;

	ok(procpool_submit(pool, NULL, 0, hold_callback, NULL));
	await_flag(&shared->flag[10], 1, 5000);
	for (int i = 0; i < 100; i++) {
		future = open_future(pool, NULL, i, 0);
		await_future(future, 0);
		procpool_future_close(future);
	}
	flag_set(&shared->flag[11], 1);
	close_pool(pool);
}
END_TEST

/* ---------------------------------------------------- Several futures */

/* F-5 */
START_TEST(all_of_several_pools_are_waited_for)
{
	struct procpool *pools[] = { open_pool(1, t_wait),
		open_pool(1, t_echo) };
	struct procpool_future *futures[40] = { NULL };

	futures[1] = open_future(pools[0], NULL, 0, 0);
	for (int i = 2; i < 40; i++)
		futures[i] = open_future(pools[1], NULL, i, 0);
	ok(procpool_future_wait_all(futures + 2, 38, bound(5000)));
	expect(procpool_future_wait_all(futures, 40, 0), PROCPOOL_ETIMEDOUT);
	expect(procpool_future_wait_all(futures, 40, 20), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[1], 1);
	ok(procpool_future_wait_all(futures, 40, bound(5000)));
	ok(procpool_future_wait_all(futures, 1, -1));
	ok(procpool_future_wait_all(NULL, 0, -1));
	for (int i = 0; i < 40; i++)
		procpool_future_close(futures[i]);
	close_pool(pools[0]);
	close_pool(pools[1]);
}
END_TEST

/* F-5 */
START_TEST(any_gives_those_of_several_pools_in_the_order_of_their_ends)
{
	static const size_t ends[4] = { 3, 1, 2, 0 };
	struct procpool *pools[] = { open_pool(2, wait_for_own_flag),
		open_pool(2, wait_for_own_flag) };
	struct procpool_future *futures[4];
	size_t i, index;

	for (i = 0; i < 4; i++)
		futures[i] = open_future(pools[i % 2], NULL, (int)i, (int)i);
	expect(procpool_future_wait_any(futures, 4, 20, &index),
	    PROCPOOL_ETIMEDOUT);
	for (i = 0; i < 4; i++) {
		flag_set(&shared->flag[ends[i]], 1);
		await_future(futures[ends[i]], 0);
	}
	for (i = 0; i < 4; i++) {
		ok(procpool_future_wait_any(futures, 4, -1, &index));
		ck_assert_uint_eq(index, ends[i]);
		procpool_future_close(futures[index]);
		futures[index] = NULL;
	}
	expect(
	    procpool_future_wait_any(futures, 4, -1, &index), PROCPOOL_ENULL);
	close_pool(pools[0]);
	close_pool(pools[1]);
}
END_TEST

/* F-5: while they end. */
START_TEST(any_gives_each_of_five_hundred_once)
{
	enum {
		MANY = 500
	};
	struct procpool *pool = open_pool(2, t_ledger);
	static struct procpool_future *futures[MANY];
	uint64_t seen = 0;
	size_t index;
	int n = 0;

	for (int i = 0; i < MANY; i++)
		futures[i] = open_future(pool, NULL, i, 0);
	while (
	    procpool_future_wait_any(futures, MANY, bound(5000), &index) == 0) {
		ck_assert_ptr_nonnull(futures[index]);
		seen += index;
		n++;
		procpool_future_close(futures[index]);
		futures[index] = NULL;
	}
	ck_assert_int_eq(n, MANY);
	ck_assert_uint_eq(seen, MANY * (MANY - 1) / 2);
	close_pool(pool);
}
END_TEST

struct any {
	struct procpool_future *const *futures;
	size_t n, index;
	int rc;
	pthread_t thread;
};

static void *
wait_any(void *arg)
{
	struct any *any = arg;

	any->rc = procpool_future_wait_any(
	    any->futures, any->n, bound(10000), &any->index);
	return NULL;
}

/* F-5 */
START_TEST(many_threads_may_wait_for_any)
{
	struct procpool *pool = open_pool(2, wait_for_own_flag);
	struct procpool_future *futures[20];
	struct any any[6];

	/* All but one wait for the same. */
	for (int i = 0; i < 20; i++) {
		futures[i] = open_future(pool, NULL, i, i == 1 ? 1 : 0);
		if (i == 1)
			await_flag(&shared->flag[30], 2, 5000);
	}
	for (int i = 0; i < 6; i++) {
		any[i] = (struct any){ .futures = futures, .n = 20 };
		ck_assert_int_eq(
		    pthread_create(&any[i].thread, NULL, wait_any, &any[i]), 0);
	}
	flag_set(&shared->flag[1], 1);
	for (int i = 0; i < 6; i++) {
		pthread_join(any[i].thread, NULL);
		expect(any[i].rc, 0);
		ck_assert_uint_eq(any[i].index, 1);
	}
	flag_set(&shared->flag[0], 1);
	ok(procpool_future_wait_all(futures, 20, bound(5000)));
	for (int i = 0; i < 20; i++)
		procpool_future_close(futures[i]);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------------- In callbacks */

static struct procpool *the_pool;
static struct procpool_future *pending, *foreign;

/* In a callback: tells the line of what went wrong in flag 20. */
#define in_callback(condition) \
	do { \
		if (!(condition)) \
			flag_set(&shared->flag[20], __LINE__); \
	} while (0)

static void
try_everything(const struct procpool_result *result, void *user)
{
	struct procpool_future *both[2] = { pending, foreign };
	struct procpool_future *other = NULL;
	const struct procpool_result *mine;
	size_t index;

	(void)user;
	/* Its own is ready, as far as it is concerned. */
	in_callback(procpool_future_is_ready(the_future) == 1);
	in_callback(procpool_future_wait(the_future, -1) == 0);
	in_callback(
	    procpool_future_result(the_future, &mine) == 0 && mine == result);

	/* What could not end before it returns is not waited for. */
	in_callback(procpool_future_wait(pending, -1) == PROCPOOL_EDEADLOCK);
	in_callback(procpool_future_wait(pending, 0) == PROCPOOL_EDEADLOCK);
	in_callback(
	    procpool_future_wait_all(both, 2, -1) == PROCPOOL_EDEADLOCK);
	in_callback(procpool_future_wait_any(&pending, 1, -1, &index) ==
	    PROCPOOL_EDEADLOCK);

	/* Another pool's can. */
	in_callback(
	    procpool_future_wait_any(both, 2, -1, &index) == 0 && index == 1);
	in_callback(procpool_future_wait(foreign, -1) == 0);

	in_callback(procpool_future_open_task(&other, the_pool,
			&(struct procpool_task){ .function = t_echo }) == 0);
	in_callback(procpool_future_then(other, ledger_done, number(1)) == 0);
	procpool_future_close(procpool_future_ref(other));
	procpool_future_close(other);
	in_callback(procpool_future_cancel(pending) == 0);
	flag_set(&shared->flag[21], 1);
}

/* F-6, F6 */
START_TEST(a_callback_may_do_all_but_wait_for_itself)
{
	struct procpool *other = open_pool(1, t_wait);

	the_pool = open_pool(1, wait_for_own_flag);
	the_future = open_future(the_pool, NULL, 0, 2);
	pending = open_future(the_pool, NULL, 1, 3);
	foreign = open_future(other, NULL, 0, 0);
	ok(procpool_future_then(the_future, try_everything, NULL));
	flag_set(&shared->flag[2], 1);
	flag_set(&shared->flag[1], 1);
	await_flag(&shared->flag[21], 1, 10000);
	ck_assert_int_eq(shared->flag[20], 0);
	await_future(pending, PROCPOOL_ECANCELLED);
	ledger_await(1, 5000);
	procpool_future_close(the_future);
	procpool_future_close(pending);
	procpool_future_close(foreign);
	close_pool(the_pool);
	close_pool(other);
}
END_TEST

/* ------------------------------------------------------------- The rest */

/* F-1 */
START_TEST(a_shutdown_makes_every_future_ready)
{
	struct procpool *pool = open_pool(2, t_spin);
	struct procpool_future *futures[50];
	struct aside waiter = { .call = aside_future_wait };

	for (int i = 0; i < 50; i++)
		futures[i] = open_future(pool, NULL, i, 0);
	waiter.future = futures[49];
	aside_start(&waiter);
	ok(procpool_shutdown(pool));
	expect(aside_join(&waiter), 0);
	for (int i = 0; i < 50; i++) {
		await_future(futures[i], PROCPOOL_ESHUTDOWN);
		procpool_future_close(futures[i]);
	}
	close_pool(pool);
}
END_TEST

/* F-1: with a full queue, as any submit. */
START_TEST(a_future_waits_for_room_as_any_task_does)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait, .n_jobs = 1, .queue_tasks = 2 });
	struct procpool_future *futures[3];

	futures[0] = open_future(pool, NULL, 0, 0);
	futures[1] = open_future(pool, NULL, 1, 0);
	expect(procpool_try_submit(pool, &(struct procpool_task){ .len = 0 }),
	    PROCPOOL_EFULL);
	flag_set(&shared->flag[1], 1);
	futures[2] = open_future(pool, NULL, 2, 0);
	for (int i = 0; i < 3; i++) {
		await_future(futures[i], 0);
		procpool_future_close(futures[i]);
	}
	close_pool(pool);
}
END_TEST

/* In a worker, with what the program had: 0, or a line. */
static int
try_in_a_copy(struct procpool_job *job, const void *arg, size_t len)
{
	const struct procpool_result *result;
	size_t index;
	int line = 0;

	(void)arg;
	(void)len;
#define refused(call) \
	if ((call) != PROCPOOL_EFORKED) \
	line = __LINE__
	refused(procpool_future_wait(the_future, 0));
	refused(procpool_future_wait_all(&the_future, 1, 0));
	refused(procpool_future_wait_any(&the_future, 1, 0, &index));
	refused(procpool_future_result(the_future, &result));
	refused(procpool_future_then(the_future, note, NULL));
	refused(procpool_future_cancel(the_future));
#undef refused
	if (procpool_future_is_ready(the_future) != 0)
		line = __LINE__;
	procpool_future_close(procpool_future_ref(the_future));
	procpool_future_close(the_future);
	return procpool_return(job, &line, sizeof(line));
}

/* H10, F-1 */
START_TEST(a_copy_of_the_program_is_told_that_the_future_is_not_its_own)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_future *probe;

	the_future = open_future(pool, NULL, 0, 0);
	await_future(the_future, 0);
	ok(procpool_refresh(pool));
	probe = open_future(pool, try_in_a_copy, 0, 0);
	ck_assert_int_eq(*(const int *)await_future(probe, 0)->data, 0);
	procpool_future_close(probe);
	procpool_future_close(the_future);
	close_pool(pool);
}
END_TEST

/* F-1 */
START_TEST(what_cannot_be_a_future_is_refused)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_future *none = NULL, *future = NULL;
	const struct procpool_result *result;
	struct procpool_batch *batch;
	size_t index;

	ok(procpool_batch_open(&batch, pool, 1));
	expect(procpool_future_open_task(
		   &future, pool, &(struct procpool_task){ .batch = batch }),
	    PROCPOOL_EFUTURE);
	expect(procpool_future_open(NULL, pool, NULL, 0), PROCPOOL_ENULL);
	expect(procpool_future_open(&future, NULL, NULL, 0), PROCPOOL_ENULL);
	expect(procpool_future_open(&future, pool, NULL, 1), PROCPOOL_ENULL);
	expect(procpool_future_open_task(&future, pool, NULL), PROCPOOL_ENULL);
	ck_assert_ptr_null(future);
	expect(procpool_future_wait(NULL, 0), PROCPOOL_ENULL);
	expect(procpool_future_wait_all(NULL, 1, 0), PROCPOOL_ENULL);
	expect(procpool_future_wait_any(NULL, 1, 0, &index), PROCPOOL_ENULL);
	expect(procpool_future_wait_any(&none, 1, -1, &index), PROCPOOL_ENULL);
	expect(procpool_future_wait_any(NULL, 0, -1, &index), PROCPOOL_ENULL);
	expect(procpool_future_result(NULL, &result), PROCPOOL_ENULL);
	expect(procpool_future_then(NULL, note, NULL), PROCPOOL_ENULL);
	expect(procpool_future_cancel(NULL), PROCPOOL_ENULL);
	ck_assert_int_eq(procpool_future_is_ready(NULL), 0);

	future = open_future(pool, NULL, 0, 0);
	await_future(future, 0);
	expect(procpool_future_then(future, NULL, NULL), PROCPOOL_ENULL);
	expect(procpool_future_result(future, NULL), PROCPOOL_ENULL);
	expect(procpool_future_wait_any(&future, 1, 0, NULL), PROCPOOL_ENULL);
	procpool_future_close(future);
	procpool_batch_close(batch);
	ok(procpool_shutdown(pool));
	expect(
	    procpool_future_open(&future, pool, NULL, 0), PROCPOOL_ENOTRUNNING);
	close_pool(pool);
}
END_TEST

/* In debug mode: waits for another future of its pool. */
static int
wait_in_job(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool_future *other = NULL;
	const struct op op = { 1, 0 };
	int rc[2] = { 0, 0 };

	(void)arg;
	(void)len;
	rc[0] = procpool_future_open_task(&other, the_pool,
	    &(struct procpool_task){
		.function = t_ledger, .arg = &op, .len = sizeof(op) });
	if (rc[0] == 0)
		rc[1] = procpool_future_wait(other, -1);
	procpool_future_close(other);
	return procpool_return(job, rc, sizeof(rc));
}

/* F-6, P16 */
START_TEST(futures_are_the_same_in_debug_mode)
{
	struct procpool_future *future, *fails;
	const int *rc;

	calls.count = 0;
	the_pool = open_with(
	    (struct procpool_options){ .entry_point = t_echo, .debug = true });
	future = open_future(the_pool, wait_in_job, 0, 0);
	fails = open_future(the_pool, t_fail, 2, 5);
	rc = await_future(future, 0)->data;
	ck_assert_int_eq(rc[0], 0);
	expect(rc[1], PROCPOOL_EDEADLOCK);
	ck_assert_int_eq(shared->finished[1], 1);
	ck_assert_int_eq(await_future(fails, PROCPOOL_EFAILED)->code, 5);
	ok(procpool_future_then(fails, note, number(1)));
	ck_assert_int_eq(calls.count, 1);
	expect(procpool_future_cancel(fails), PROCPOOL_EENDED);
	close_pool(the_pool);
	procpool_future_close(future);
	procpool_future_close(fails);
}
END_TEST

RUN_TESTS("future", the_program_goes_on_while_a_future_is_not_ready,
    a_future_tells_each_outcome, a_future_outlives_its_pool,
    a_future_lives_as_long_as_there_is_a_reference,
    a_future_may_be_given_back_before_its_end,
    functions_run_in_their_order_before_the_future_is_ready,
    a_function_may_attach_another_to_its_own_future,
    a_function_that_races_with_the_end_is_called_once,
    a_future_without_functions_waits_for_nobodys,
    all_of_several_pools_are_waited_for,
    any_gives_those_of_several_pools_in_the_order_of_their_ends,
    any_gives_each_of_five_hundred_once, many_threads_may_wait_for_any,
    a_callback_may_do_all_but_wait_for_itself,
    a_shutdown_makes_every_future_ready,
    a_future_waits_for_room_as_any_task_does,
    a_copy_of_the_program_is_told_that_the_future_is_not_its_own,
    what_cannot_be_a_future_is_refused, futures_are_the_same_in_debug_mode)
