/*
 * Tasks in, results out: calls, callbacks, sizes, limits and back-pressure.
 * Rows P1, P2, P3, P9, P10, P11, P12, L07, L08, L21, and what the header says
 * about results, alignment and other functions.
 */
#include "testing.h"

/* P1 */
START_TEST(a_thousand_calls_return_the_right_squares)
{
	struct procpool *pool = open_pool(2, t_square);

	for (int64_t x = 0; x < 1000; x++) {
		struct procpool_result result;

		ok(procpool_call(pool, &x, sizeof(x), &result));
		ck_assert_uint_eq(result.len, sizeof(x));
		ck_assert_int_eq(*(const int64_t *)result.data, x * x);
		procpool_result_done(&result);
	}
	close_pool(pool);
}
END_TEST

/* What one of several calling threads does and saw. */
struct caller {
	struct procpool *pool;
	int index;
	int right;
	pthread_t thread;
};

static void *
call_a_hundred(void *arg)
{
	struct caller *caller = arg;

	for (int i = 0; i < 100; i++) {
		const int64_t x = caller->index * 1000 + i;
		struct procpool_result result;

		if (procpool_call(caller->pool, &x, sizeof(x), &result) == 0)
			caller->right += *(const int64_t *)result.data == x * x;
		procpool_result_done(&result);
	}
	return NULL;
}

/* P2 */
START_TEST(eight_threads_call_a_hundred_times_each)
{
	struct procpool *pool = open_pool(2, t_square);
	struct caller callers[8];

	for (int i = 0; i < 8; i++) {
		callers[i] = (struct caller){ .pool = pool, .index = i };
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL,
				     call_a_hundred, &callers[i]),
		    0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(callers[i].thread, NULL);
		ck_assert_int_eq(callers[i].right, 100);
	}
	close_pool(pool);
}
END_TEST

/* A call whose task waits until both of two have begun. */
static void *
call_and_meet(void *arg)
{
	struct caller *caller = arg;
	struct procpool_result result;

	caller->right =
	    call_op(caller->pool, t_wait, caller->index, 0, &result) == 0;
	procpool_result_done(&result);
	return NULL;
}

/* P2: two calls at once are in two processes. */
START_TEST(calls_of_two_threads_run_at_the_same_time)
{
	struct procpool *pool = open_pool(2, t_square);
	struct caller callers[2];

	for (int i = 0; i < 2; i++) {
		callers[i] = (struct caller){ .pool = pool, .index = i };
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL,
				     call_and_meet, &callers[i]),
		    0);
	}
	await_flag(&shared->flag[0], 2, 5000);
	ck_assert_int_ne(shared->ran_in[0], shared->ran_in[1]);
	flag_set(&shared->flag[1], 1);
	for (int i = 0; i < 2; i++) {
		pthread_join(callers[i].thread, NULL);
		ck_assert_int_eq(callers[i].right, 1);
	}
	close_pool(pool);
}
END_TEST

/* P2: however many short tasks come behind the long ones, each of these
 * has a worker of its own. */
START_TEST(long_tasks_amid_short_ones_all_run_at_once)
{
	struct procpool *pool = open_pool(4, t_wait);
	int id = 0;

	for (int round = 0; round < 20; round++) {
		flag_set(&shared->flag[0], 0);
		flag_set(&shared->flag[1], 0);
		for (int i = 0; i < 4; i++)
			ok(submit_op(pool, t_wait, id++, 0));
		for (int i = 0; i < 200; i++)
			ok(submit_op(pool, t_ledger, id++, 0));
		await_flag(&shared->flag[0], 4, 5000);
		flag_set(&shared->flag[1], 1);
		drain_pool(pool);
	}
	ledger_check(id);
	close_pool(pool);
}
END_TEST

static void
count_end(const struct procpool_result *result, void *user)
{
	(void)user;
	if (result->outcome == 0)
		flag_add(&shared->flag[4], 1);
}

/* P9: what was sent ahead to a worker that is held up goes to the other one
 * as soon as that is free. */
static void
expect_nothing_waits(size_t len)
{
	struct procpool *pool = open_pool(2, t_echo);
	char *bytes = calloc(1, len);

	ck_assert_ptr_nonnull(bytes);
	ok(submit_op(pool, t_wait, 0, 0));
	ok(submit_op(pool, t_wait, 1, 2));
	await_flag(&shared->flag[0], 1, 5000);
	await_flag(&shared->flag[2], 1, 5000);
	for (int i = 0; i < 20; i++)
		ok(procpool_submit(pool, bytes, len, count_end, NULL));
	flag_set(&shared->flag[3], 1);
	await_flag(&shared->flag[4], 20, 5000);
	ck_assert_int_eq(shared->completed[0], 0);
	flag_set(&shared->flag[1], 1);
	free(bytes);
	close_pool(pool);
}

/* P9 */
START_TEST(no_small_task_waits_behind_a_long_one_while_a_worker_is_idle)
{
	expect_nothing_waits(8);
}
END_TEST

/* P9 */
START_TEST(no_large_task_waits_behind_a_long_one_while_a_worker_is_idle)
{
	expect_nothing_waits(200000);
}
END_TEST

/* The sum and number of results, under no lock: callbacks come one at a time,
 * and the test reads them after the pool is drained. */
static struct {
	int64_t sum;
	int calls;
	int inside;
	int overlaps;
} seen;

static void
add_up(const struct procpool_result *result, void *user)
{
	(void)user;
	seen.overlaps += seen.inside != 0;
	seen.inside = 1;
	seen.calls++;
	seen.sum += *(const int64_t *)result->data;
	seen.inside = 0;
}

/* P3 */
START_TEST(each_of_a_thousand_tasks_has_its_callback)
{
	struct procpool *pool = open_pool(2, t_square);
	int64_t expected = 0;

	memset(&seen, 0, sizeof(seen));
	for (int64_t x = 0; x < 1000; x++) {
		ok(procpool_submit(pool, &x, sizeof(x), add_up, NULL));
		expected += x * x;
	}
	drain_pool(pool);
	ck_assert_int_eq(seen.calls, 1000);
	ck_assert_int_eq(seen.sum, expected);
	ck_assert_int_eq(seen.overlaps, 0);
	close_pool(pool);
}
END_TEST

/* P3, U1, U2 */
START_TEST(each_task_runs_once_and_completes_once)
{
	struct procpool *pool = open_pool(2, t_ledger);

	for (int id = 0; id < 1000; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	drain_pool(pool);
	ledger_check(1000);
	ck_assert_int_eq(ledger_count(1000, 0), 1000);
	close_pool(pool);
}
END_TEST

static void
note_thread(const struct procpool_result *result, void *user)
{
	sigset_t mask;
	sigset_t *blocked = user;

	(void)result;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	*blocked = mask;
	flag_set(&shared->flag[0], 1);
}

/* The header: callbacks run with all signals blocked. */
START_TEST(no_handler_of_the_program_runs_in_a_callback)
{
	struct procpool *pool = open_pool(1, t_echo);
	sigset_t mask;

	ok(procpool_submit(pool, NULL, 0, note_thread, &mask));
	await_flag(&shared->flag[0], 1, 5000);
	ck_assert_int_eq(sigismember(&mask, SIGINT), 1);
	ck_assert_int_eq(sigismember(&mask, SIGCHLD), 1);
	ck_assert_int_eq(sigismember(&mask, SIGALRM), 1);
	close_pool(pool);
}
END_TEST

/* The header: a task may go without a callback. */
START_TEST(a_task_without_a_callback_runs)
{
	struct procpool *pool = open_pool(1, t_ledger);

	ok(procpool_submit(
	    pool, &(struct op){ 3, 0 }, sizeof(struct op), NULL, NULL));
	drain_pool(pool);
	ck_assert_int_eq(shared->finished[3], 1);
	close_pool(pool);
}
END_TEST

/* P9: what is accepted and has not ended stays within queue_tasks. */
START_TEST(a_full_queue_refuses_what_would_block)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait,
	    .n_jobs = 2,
	    .oversubscribe = true,
	    .queue_tasks = 4,
	});
	struct procpool_stats stats;

	for (int id = 0; id < 4; id++)
		ok(submit_op(pool, t_wait, id, 0));
	expect(procpool_try_submit(pool,
		   &(struct procpool_task){
		       .arg = &(struct op){ 4, 0 }, .len = sizeof(struct op) }),
	    PROCPOOL_EFULL);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.submitted, 4);
	ck_assert_uint_eq(stats.queued + stats.running, 4);
	flag_set(&shared->flag[1], 1);
	ledger_await(4, 5000);
	drain_pool(pool);
	ok(procpool_try_submit(pool,
	    &(struct procpool_task){
		.arg = &(struct op){ 4, 0 }, .len = sizeof(struct op) }));
	close_pool(pool);
	ledger_check(4);
}
END_TEST

/* P9, U2: a refused task never runs. */
START_TEST(what_was_refused_is_not_run)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait, .n_jobs = 1, .queue_tasks = 1 });

	ok(submit_op(pool, t_wait, 0, 0));
	expect(procpool_try_submit(pool,
		   &(struct procpool_task){
		       .arg = &(struct op){ 1, 0 }, .len = sizeof(struct op) }),
	    PROCPOOL_EFULL);
	flag_set(&shared->flag[1], 1);
	close_pool(pool);
	ck_assert_int_eq(shared->started[0], 1);
	ck_assert_int_eq(shared->started[1], 0);
}
END_TEST

/* Submits ids 0 to 99, one after the other, and tells how far it is. */
static void *
submit_a_hundred(void *arg)
{
	struct procpool *pool = arg;

	for (int id = 0; id < 100; id++) {
		if (submit_op(pool, t_ledger, id, 0) != 0)
			return (void *)1;
		flag_add(&shared->flag[8], 1);
	}
	return NULL;
}

/* P9 */
START_TEST(a_blocking_submit_waits_for_space_and_goes_on)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait, .n_jobs = 1, .queue_tasks = 3 });
	struct procpool_stats stats;
	pthread_t thread;
	void *failed;

	ok(submit_op(pool, t_wait, 200, 0));
	await_flag(&shared->flag[0], 1, 5000);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, submit_a_hundred, pool), 0);
	/* Two more fit; the third submit cannot have returned. */
	await_flag(&shared->flag[8], 2, 5000);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.submitted, 3);
	ck_assert_uint_eq(stats.queued + stats.running, 3);
	ck_assert_int_eq(shared->flag[8], 2);
	flag_set(&shared->flag[1], 1);
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	drain_pool(pool);
	ledger_check(100);
	close_pool(pool);
}
END_TEST

/* P9: the bound holds at every moment of a long stream. */
START_TEST(the_queue_never_exceeds_its_bound)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_ledger,
	    .n_jobs = 2,
	    .oversubscribe = true,
	    .queue_tasks = 5,
	});

	for (int id = 0; id < 2000; id++) {
		struct procpool_stats stats;

		ok(submit_op(pool, t_ledger, id, 0));
		ok(procpool_get_stats(pool, &stats, NULL));
		ck_assert_uint_le(stats.queued + stats.running, 5);
	}
	drain_pool(pool);
	ledger_check(2000);
	close_pool(pool);
}
END_TEST

static int
try_bytes(struct procpool *pool, const void *bytes, size_t len)
{
	return procpool_try_submit(
	    pool, &(struct procpool_task){ .arg = bytes, .len = len });
}

/* P9 */
START_TEST(the_queue_is_bounded_in_bytes_too)
{
	static const char bytes[2000];
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_echo, .n_jobs = 1, .queue_bytes = 1000 });

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	ok(try_bytes(pool, bytes, 500));
	expect(try_bytes(pool, bytes, 600), PROCPOOL_EFULL);
	ok(try_bytes(pool, bytes, 400));
	expect(try_bytes(pool, bytes, 2000), PROCPOOL_EFULL);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	/* Alone, it is let in. */
	ok(try_bytes(pool, bytes, 2000));
	close_pool(pool);
}
END_TEST

/* P10, L21: what is sent comes back as it was. */
static void
expect_echo(struct procpool *pool, size_t len)
{
	unsigned char *bytes = malloc(len + 1);
	struct procpool_result result;

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, len);
	ok(procpool_call(pool, bytes, len, &result));
	ck_assert_uint_eq(result.len, len);
	ck_assert_ptr_nonnull(result.data);
	ck_assert_uint_eq((uintptr_t)result.data % 16, 0);
	ck_assert_msg(pattern_matches(result.data, len),
	    "%zu bytes came back changed", len);
	procpool_result_done(&result);
	free(bytes);
}

/* L21, P10, P11 */
START_TEST(bytes_of_every_awkward_length_come_back_identical)
{
	static const size_t lengths[] = { 0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33,
		4095, 4096, 4097, 65535, 65536, 65537, 131072, 262143, 262144,
		262145, 1048575, 1048576, 1048577 };
	struct procpool *pool = open_pool(2, t_echo);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		expect_echo(pool, lengths[i]);
	close_pool(pool);
}
END_TEST

/* L21: both directions of many sizes at once, so both pipes fill up. */
static void
check_echo(const struct procpool_result *result, void *user)
{
	const size_t len = (size_t)(uintptr_t)user;

	if (result->outcome == 0 && result->len == len &&
	    (uintptr_t)result->data % 16 == 0 &&
	    pattern_matches(result->data, len))
		flag_add(&shared->flag[0], 1);
	flag_add(&shared->flag[1], 1);
}

START_TEST(two_hundred_payloads_of_mixed_length_come_back_identical)
{
	struct procpool *pool = open_pool(2, t_echo);
	unsigned char *bytes = malloc(400000);

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, 400000);
	for (size_t i = 0; i < 200; i++) {
		const size_t len = i * i * 9;

		ok(procpool_submit(
		    pool, bytes, len, check_echo, (void *)(uintptr_t)len));
	}
	drain_pool(pool);
	ck_assert_int_eq(shared->flag[1], 200);
	ck_assert_int_eq(shared->flag[0], 200);
	free(bytes);
	close_pool(pool);
}
END_TEST

/* P10 */
START_TEST(a_result_of_fifty_megabytes_comes_back_identical)
{
	const int len = 50 * 1000 * 1000;
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;

	ok(call_op(pool, t_alloc_result, 0, len, &result));
	ck_assert_uint_eq(result.len, (size_t)len);
	ck_assert(pattern_matches(result.data, result.len));
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* P10, P12 */
START_TEST(an_argument_of_fifty_megabytes_arrives_identical)
{
	struct procpool *pool = open_pool(1, t_echo);

	expect_echo(pool, 50 * 1000 * 1000);
	close_pool(pool);
}
END_TEST

static int
return_nothing(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	return 0;
}

/* P10 */
START_TEST(a_job_that_returns_no_bytes_gives_an_empty_result)
{
	struct procpool *pool = open_pool(1, return_nothing);
	struct procpool_result result;

	ok(procpool_call(pool, "x", 1, &result));
	ck_assert_uint_eq(result.len, 0);
	ck_assert_ptr_nonnull(result.data);
	ck_assert_ptr_nonnull(result.message);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* Returns one byte: whether it got no bytes, at an aligned place. */
static int
expect_empty(struct procpool_job *job, const void *arg, size_t len)
{
	const char right =
	    len == 0 && arg != NULL && (uintptr_t)arg % 16 == 0 ? 'y' : 'n';

	return procpool_return(job, &right, 1);
}

/* P11, L21 */
START_TEST(an_empty_payload_runs_normally_and_ends_no_worker)
{
	struct procpool *pool = open_pool(1, expect_empty);
	pid_t before;
	pid_t after;

	pool_pids(pool, &before);
	for (int i = 0; i < 100; i++) {
		struct procpool_result result;

		ok(procpool_call(pool, i % 2 ? NULL : "", 0, &result));
		ck_assert_uint_eq(result.len, 1);
		ck_assert_int_eq(*(const char *)result.data, 'y');
		procpool_result_done(&result);
	}
	pool_pids(pool, &after);
	ck_assert_int_eq(after, before);
	close_pool(pool);
}
END_TEST

/* Returns len of its argument as the length of its own result. */
static int
return_as_many(struct procpool_job *job, const void *arg, size_t len)
{
	static const char bytes[4096];

	(void)len;
	return procpool_return(job, bytes, *(const size_t *)arg);
}

static struct procpool *
open_limited(procpool_job_fn entry_point)
{
	return open_with((struct procpool_options){
	    .entry_point = entry_point, .n_jobs = 1, .max_payload = 1000 });
}

/* P12, L21: to the worker. */
START_TEST(an_argument_one_byte_too_long_is_refused_alone)
{
	static const char bytes[1001];
	struct procpool *pool = open_limited(t_echo);
	struct procpool_result result;

	ok(procpool_call(pool, bytes, 1000, &result));
	ck_assert_uint_eq(result.len, 1000);
	procpool_result_done(&result);
	expect(procpool_call(pool, bytes, 1001, &result), PROCPOOL_ETOOBIG);
	ck_assert_int_eq(result.outcome, PROCPOOL_ETOOBIG);
	procpool_result_done(&result);
	expect(
	    procpool_submit(pool, bytes, 1001, NULL, NULL), PROCPOOL_ETOOBIG);
	expect(try_bytes(pool, bytes, 1001), PROCPOOL_ETOOBIG);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* P12, L21: from the worker. */
START_TEST(a_result_one_byte_too_long_fails_its_task_alone)
{
	struct procpool *pool = open_limited(return_as_many);
	struct procpool_result result;
	pid_t before;
	pid_t after;

	pool_pids(pool, &before);
	ok(procpool_call(pool, &(size_t){ 1000 }, sizeof(size_t), &result));
	ck_assert_uint_eq(result.len, 1000);
	procpool_result_done(&result);
	expect(procpool_call(pool, &(size_t){ 1001 }, sizeof(size_t), &result),
	    PROCPOOL_ETOOBIG);
	ck_assert_int_eq(result.outcome, PROCPOOL_ETOOBIG);
	ck_assert_uint_eq(result.len, 0);
	procpool_result_done(&result);
	pool_pids(pool, &after);
	ck_assert_int_eq(after, before);
	close_pool(pool);
}
END_TEST

/* Tells how reserve and return answer at and over the limit. */
static int
try_the_limit(struct procpool_job *job, const void *arg, size_t len)
{
	const bool right = procpool_reserve(job, 1001) == NULL &&
	    procpool_return(job, arg, 1001) == PROCPOOL_ETOOBIG &&
	    procpool_reserve(job, 1000) != NULL;

	(void)len;
	return procpool_return(job, right ? "y" : "n", 1);
}

/* P12: the job is told, and may still return something else. */
START_TEST(a_job_is_told_that_its_result_is_too_long)
{
	struct procpool *pool = open_limited(try_the_limit);
	struct procpool_result result;

	ok(procpool_call(pool, "x", 1, &result));
	ck_assert_uint_eq(result.len, 1);
	ck_assert_int_eq(*(const char *)result.data, 'y');
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* L21: lengths that need no memory to be refused.  The bytes are not read. */
START_TEST(lengths_beyond_the_default_limit_are_refused_unread)
{
	struct procpool *pool = open_pool(1, t_echo);

	expect(procpool_submit(pool, "", ((size_t)1 << 30) + 1, NULL, NULL),
	    PROCPOOL_ETOOBIG);
	expect(procpool_submit(pool, "", ((size_t)1 << 31) - 1, NULL, NULL),
	    PROCPOOL_ETOOBIG);
	expect(procpool_submit(pool, "", ((size_t)1 << 32) + 1, NULL, NULL),
	    PROCPOOL_ETOOBIG);
	expect(
	    procpool_submit(pool, "", SIZE_MAX, NULL, NULL), PROCPOOL_ETOOBIG);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* L21: lengths of more than 32 bits, where there is memory and patience. */
START_TEST(lengths_around_four_gigabytes_come_back_identical)
{
	struct procpool *pool;

	if (getenv("PP_TEST_BIG") == NULL)
		SKIP("lengths above 2 GiB need 20 GiB: set PP_TEST_BIG=1 and "
		     "PP_TEST_TIME_SCALE=10");
	pool = open_with((struct procpool_options){ .entry_point = t_echo,
	    .n_jobs = 1,
	    .max_payload = (uint64_t)1 << 40 });
	expect_echo(pool, ((size_t)1 << 31) - 1);
	expect_echo(pool, (size_t)1 << 31);
	expect_echo(pool, ((size_t)1 << 32) + 1);
	close_pool(pool);
}
END_TEST

/* Writes its result in place, in less space than it took. */
static int
write_in_place(struct procpool_job *job, const void *arg, size_t len)
{
	char *space = procpool_reserve(job, 1000);

	(void)arg;
	(void)len;
	if (space == NULL || (uintptr_t)space % 16 != 0)
		return 1;
	memcpy(space, "in place", 8);
	return procpool_return(job, space, 8);
}

/* Results written in place. */
START_TEST(a_result_may_be_written_in_place)
{
	struct procpool *pool = open_pool(1, write_in_place);
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_uint_eq(result.len, 8);
	ck_assert_mem_eq(result.data, "in place", 8);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* Reserves as many bytes as it was told, tries what is more, and returns one
 * byte too many. */
static int
return_too_many(struct procpool_job *job, const void *arg, size_t len)
{
	const size_t size = *(const size_t *)arg;
	char *space = procpool_reserve(job, size);

	(void)len;
	if (space == NULL ||
	    procpool_return(job, space + 50, size - 49) != PROCPOOL_ERESERVED ||
	    procpool_return(job, space, 2 * size) != PROCPOOL_ERESERVED ||
	    procpool_return(job, space + 50, size - 50) != 0 ||
	    procpool_return(job, space, size) != 0)
		return 1;
	return procpool_return(job, space, size + 1);
}

/* The header, of PROCPOOL_ERESERVED: of our own memory and of an area. */
START_TEST(more_than_was_reserved_is_no_result)
{
	static const size_t sizes[] = { 100, 4096, 1 << 20 };
	struct procpool *pool = open_pool(1, return_too_many);
	struct procpool_result result;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		expect(
		    procpool_call(pool, &sizes[i], sizeof(sizes[i]), &result),
		    PROCPOOL_ERESERVED);
		ck_assert_int_eq(result.phase, PROCPOOL_ENDED);
		ck_assert_uint_eq(result.len, 0);
		procpool_result_done(&result);
	}
	close_pool(pool);
}
END_TEST

static int
change_its_mind(struct procpool_job *job, const void *arg, size_t len)
{
	void *space = procpool_reserve(job, 100);

	(void)arg;
	(void)len;
	if (space == NULL)
		return 1;
	memset(space, 'a', 100);
	if (procpool_return(job, space, 100) != 0)
		return 2;
	return procpool_return(job, "the last one", 12);
}

START_TEST(the_last_of_several_results_counts)
{
	struct procpool *pool = open_pool(1, change_its_mind);
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_uint_eq(result.len, 12);
	ck_assert_mem_eq(result.data, "the last one", 12);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* Writes to its argument and says whether it was aligned. */
static int
overwrite(struct procpool_job *job, const void *arg, size_t len)
{
	memset((void *)(uintptr_t)arg, 'z', len);
	return procpool_return(job, (uintptr_t)arg % 16 == 0 ? "y" : "n", 1);
}

/* Bytes aligned for any type; many small ones in one frame too. */
START_TEST(arguments_are_aligned_and_may_be_written_to)
{
	struct procpool *pool = open_pool(1, overwrite);
	struct procpool_batch *batch;
	const struct procpool_result *result;

	ok(procpool_batch_open(&batch, pool, 100));
	for (size_t i = 0; i < 100; i++)
		ok(procpool_batch_add(batch,
		    "some bytes of some length, of "
		    "which a part is the argument and "
		    "the others are not for it at all",
		    i % 64));
	ok(procpool_batch_wait(batch, bound(5000)));
	for (size_t i = 0; i < 100; i++) {
		ok(procpool_batch_result(batch, i, &result));
		ck_assert_int_eq(result->outcome, 0);
		ck_assert_int_eq(*(const char *)result->data, 'y');
		ck_assert_uint_eq((uintptr_t)result->data % 16, 0);
	}
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* A job may name another function. */
START_TEST(a_task_may_name_another_function_than_the_entry_point)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .arg = &(int64_t){ 9 },
		.len = sizeof(int64_t),
		.function = t_square },
	    &result));
	ck_assert_int_eq(*(const int64_t *)result.data, 81);
	procpool_result_done(&result);
	ok(procpool_call(pool, "echo", 4, &result));
	ck_assert_mem_eq(result.data, "echo", 4);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* What a result tells. */
START_TEST(a_result_tells_who_ran_the_task_and_how_long)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_sleep, .n_jobs = 1, .name = "teller" });
	struct procpool_result result;
	const uint64_t before = (uint64_t)now_ms();
	uint64_t ended;

	ok(call_op(pool, NULL, 0, 20, &result));
	ck_assert_int_eq(result.outcome, 0);
	ck_assert_int_eq(result.code, 0);
	ck_assert_int_eq(result.worker, 0);
	ck_assert_int_eq(result.pid, shared->ran_in[0]);
	ck_assert_str_eq(result.worker_name, "teller-w0");
	ck_assert_uint_eq(result.task, 1);
	ck_assert_int_eq(result.attempt, 1);
	ck_assert_int_eq(result.phase, PROCPOOL_ENDED);
	ck_assert_uint_ge(result.ran_ns, 20 * 1000000);
	ck_assert_uint_lt(result.ran_ns, (uint64_t)bound(5000) * 1000000);
	ck_assert_uint_lt(result.queued_ns, (uint64_t)bound(5000) * 1000000);
	ended = result.started_ns + result.ran_ns;
	ck_assert_uint_ge(result.started_ns, before * 1000000);
	ck_assert_uint_lt(ended, ((uint64_t)now_ms() + 1) * 1000000);
	procpool_result_done(&result);
	ok(call_op(pool, NULL, 1, 0, &result));
	ck_assert_uint_eq(result.task, 2);
	ck_assert_uint_ge(result.started_ns, ended);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static void
keep_times(const struct procpool_result *result, void *user)
{
	uint64_t *times = user;

	times[0] = result->queued_ns;
	times[1] = result->ran_ns;
}

/* Time spent behind another task is told as queued. */
START_TEST(the_time_in_the_queue_is_told_apart)
{
	struct procpool *pool = open_pool(1, t_ledger);
	const int64_t start = now_ms();
	uint64_t times[2] = { 0, 0 };

	ok(submit_op(pool, t_wait, 0, 0));
	ok(procpool_submit(
	    pool, &(struct op){ 1, 0 }, sizeof(struct op), keep_times, times));
	usleep(30 * 1000);
	flag_set(&shared->flag[1], 1);
	close_pool(pool);
	ck_assert_uint_ge(times[0], 30 * 1000000);
	ck_assert_uint_le(
	    times[0] + times[1], (uint64_t)(now_ms() - start + 1) * 1000000);
}
END_TEST

START_TEST(a_result_is_given_back_twice_without_harm)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;

	ok(procpool_call(pool, "x", 1, &result));
	procpool_result_done(&result);
	procpool_result_done(&result);
	memset(&result, 0, sizeof(result));
	procpool_result_done(&result);
	procpool_result_done(NULL);
	close_pool(pool);
}
END_TEST

/* Returns its facts as text. */
static int
tell(struct procpool_job *job, const void *arg, size_t len)
{
	char text[128];

	(void)arg;
	(void)len;
	snprintf(text, sizeof(text), "%d %d %s", procpool_job_worker(job),
	    procpool_job_attempt(job), (const char *)procpool_job_user(job));
	return procpool_return(job, text, strlen(text) + 1);
}

/* Worker index, attempt and user data inside a job. */
START_TEST(a_job_knows_its_worker_attempt_and_user_data)
{
	static char text[] = "mine";
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = tell, .n_jobs = 1, .user = text });
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_str_eq(result.data, "0 1 mine");
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* Submits the next of a chain of a hundred, from its callback. */
struct chain {
	struct procpool *pool;
	int id;
	int failed;
};

static void
chain_on(const struct procpool_result *result, void *user)
{
	struct chain *chain = user;

	if (result->outcome != 0)
		chain->failed++;
	chain->id++;
	if (chain->id < 100 &&
	    procpool_submit(chain->pool, &(struct op){ chain->id, 0 },
		sizeof(struct op), chain_on, chain) != 0)
		chain->failed++;
	flag_add(&shared->flag[0], 1);
}

/* L07, F6 */
START_TEST(callbacks_submit_a_chain_of_a_hundred)
{
	struct chain chain = { .pool = open_pool(2, t_ledger) };

	ok(procpool_submit(chain.pool, &(struct op){ 0, 0 }, sizeof(struct op),
	    chain_on, &chain));
	await_flag(&shared->flag[0], 100, 10000);
	drain_pool(chain.pool);
	ck_assert_int_eq(chain.failed, 0);
	for (int id = 0; id < 100; id++)
		ck_assert_int_eq(shared->finished[id], 1);
	close_pool(chain.pool);
}
END_TEST

/* L07: the chain was accepted before the close, its links during it. */
START_TEST(a_callback_may_submit_while_the_queue_is_being_worked_off)
{
	struct chain chains[10];
	struct procpool *pool = open_pool(2, t_ledger);

	for (int i = 0; i < 10; i++) {
		chains[i] = (struct chain){ .pool = pool };
		ok(procpool_submit(pool, &(struct op){ 0, 0 },
		    sizeof(struct op), chain_on, &chains[i]));
	}
	await_flag(&shared->flag[0], 1000, 10000);
	close_pool(pool);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(chains[i].failed, 0);
	ck_assert_int_eq(shared->finished[99], 10);
}
END_TEST

/* What each call answers inside a callback. */
struct inside {
	struct procpool *pool;
	struct procpool_batch *batch;
	int call, drain, wait, start, refresh, shutdown, close;
};

static void
try_everything(const struct procpool_result *result, void *user)
{
	struct inside *in = user;
	struct procpool_result other;

	(void)result;
	in->call = procpool_call(in->pool, NULL, 0, &other);
	in->drain = procpool_drain(in->pool, -1);
	in->wait = procpool_batch_wait(in->batch, -1);
	in->start = procpool_start(in->pool);
	in->refresh = procpool_refresh(in->pool);
	in->shutdown = procpool_shutdown(in->pool);
	in->close = procpool_close(in->pool);
	flag_set(&shared->flag[0], 1);
}

/* L04, L08, F6 */
START_TEST(what_would_wait_for_the_callback_is_refused_in_it)
{
	struct inside in = { .pool = open_pool(1, t_echo) };

	ok(procpool_batch_open(&in.batch, in.pool, 1));
	ok(procpool_submit(in.pool, NULL, 0, try_everything, &in));
	await_flag(&shared->flag[0], 1, 5000);
	expect(in.call, PROCPOOL_EDEADLOCK);
	expect(in.drain, PROCPOOL_EDEADLOCK);
	expect(in.wait, PROCPOOL_EDEADLOCK);
	expect(in.start, PROCPOOL_EDEADLOCK);
	expect(in.refresh, PROCPOOL_EDEADLOCK);
	expect(in.shutdown, PROCPOOL_EDEADLOCK);
	expect(in.close, PROCPOOL_EDEADLOCK);
	pool_works(in.pool);
	procpool_batch_close(in.batch);
	close_pool(in.pool);
}
END_TEST

static atomic_int refused_within;

static void
drain_the_outer(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)message;
	refused_within += procpool_drain(user, -1) == PROCPOOL_EDEADLOCK;
}

static void
use_another_pool(const struct procpool_result *result, void *user)
{
	(void)result;
	close_pool(open_with((struct procpool_options){ .entry_point = t_echo,
	    .n_jobs = 1,
	    .log = drain_the_outer,
	    .log_level = PROCPOOL_INFO,
	    .user = user }));
}

/* L08: in the log function of a pool that a callback of another one uses. */
START_TEST(what_would_wait_for_the_callback_is_refused_inside_another_pool)
{
	struct procpool *pool = open_pool(1, t_echo);

	ok(procpool_submit(pool, NULL, 0, use_another_pool, pool));
	close_pool(pool);
	ck_assert_int_eq(atomic_load(&refused_within), 2);
}
END_TEST

/* Submits until the queue is full. */
static void
fill_the_queue(const struct procpool_result *result, void *user)
{
	struct procpool *pool = user;
	int rc;

	(void)result;
	do
		rc = procpool_submit(pool, NULL, 0, NULL, NULL);
	while (rc == 0);
	atomic_store(&shared->flag[1], rc);
	atomic_store(&shared->flag[2], try_bytes(pool, NULL, 0));
	flag_set(&shared->flag[0], 1);
}

/* L08, F6 */
START_TEST(a_submit_to_a_full_queue_is_refused_in_a_callback)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_echo, .n_jobs = 1, .queue_tasks = 1 });

	/* The task of the callback counts until the callback returns. */
	ok(procpool_submit(pool, NULL, 0, fill_the_queue, pool));
	await_flag(&shared->flag[0], 1, 5000);
	expect(shared->flag[1], PROCPOOL_EDEADLOCK);
	expect(shared->flag[2], PROCPOOL_EFULL);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

RUN_TESTS("submit", a_thousand_calls_return_the_right_squares,
    eight_threads_call_a_hundred_times_each,
    calls_of_two_threads_run_at_the_same_time,
    long_tasks_amid_short_ones_all_run_at_once,
    no_small_task_waits_behind_a_long_one_while_a_worker_is_idle,
    no_large_task_waits_behind_a_long_one_while_a_worker_is_idle,
    each_of_a_thousand_tasks_has_its_callback,
    each_task_runs_once_and_completes_once,
    no_handler_of_the_program_runs_in_a_callback,
    a_task_without_a_callback_runs, a_full_queue_refuses_what_would_block,
    what_was_refused_is_not_run, a_blocking_submit_waits_for_space_and_goes_on,
    the_queue_never_exceeds_its_bound, the_queue_is_bounded_in_bytes_too,
    bytes_of_every_awkward_length_come_back_identical,
    two_hundred_payloads_of_mixed_length_come_back_identical,
    a_result_of_fifty_megabytes_comes_back_identical,
    an_argument_of_fifty_megabytes_arrives_identical,
    a_job_that_returns_no_bytes_gives_an_empty_result,
    an_empty_payload_runs_normally_and_ends_no_worker,
    an_argument_one_byte_too_long_is_refused_alone,
    a_result_one_byte_too_long_fails_its_task_alone,
    a_job_is_told_that_its_result_is_too_long,
    lengths_beyond_the_default_limit_are_refused_unread,
    lengths_around_four_gigabytes_come_back_identical,
    a_result_may_be_written_in_place, more_than_was_reserved_is_no_result,
    the_last_of_several_results_counts,
    arguments_are_aligned_and_may_be_written_to,
    a_task_may_name_another_function_than_the_entry_point,
    a_result_tells_who_ran_the_task_and_how_long,
    the_time_in_the_queue_is_told_apart,
    a_result_is_given_back_twice_without_harm,
    a_job_knows_its_worker_attempt_and_user_data,
    callbacks_submit_a_chain_of_a_hundred,
    a_callback_may_submit_while_the_queue_is_being_worked_off,
    what_would_wait_for_the_callback_is_refused_in_it,
    what_would_wait_for_the_callback_is_refused_inside_another_pool,
    a_submit_to_a_full_queue_is_refused_in_a_callback)
