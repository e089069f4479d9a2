/*
 * Bad input: each is refused with an error of its own, whose text says what was
 * wrong and what would be right; and nothing is left of the attempt.
 * (A wrong size is in test_size.c as well, a full queue in test_submit.c, a
 * function loaded too late and pointers newer than the preparation in
 * test_life.c; unreadable input and modules are the command's.)
 */
#include "testing.h"

/* Assert that a call is refused so, and that the text of the error has these
 * words: what was wrong, and what would be right. */
#define refused(call, error, ...) \
	do { \
		expect(call, error); \
		expect_words( \
		    error, (const char *const[]){ __VA_ARGS__, NULL }); \
	} while (0)

static void
expect_words(int error, const char *const words[])
{
	for (int i = 0; words[i] != NULL; i++)
		ck_assert_msg(
		    strstr(procpool_strerror(error), words[i]) != NULL,
		    "\"%s\" does not speak of \"%s\"", procpool_strerror(error),
		    words[i]);
}

/* --------------------------------------------------- Texts of errors */

static const struct {
	int error;
	const char *name;
} errors[] = {
#define X(name, number, text) { name, #name },
	PROCPOOL_ERROR_MAP(X)
#undef X
};

enum {
	ERRORS = sizeof(errors) / sizeof(errors[0])
};

START_TEST(each_error_has_its_name_and_one_line_of_text)
{
	for (int i = 0; i < ERRORS; i++) {
		const char *text = procpool_strerror(errors[i].error);

		ck_assert_str_eq(
		    procpool_errname(errors[i].error), errors[i].name);
		ck_assert_uint_gt(strlen(text), 10);
		ck_assert_ptr_null(strchr(text, '\n'));
		ck_assert_int_ne(text[strlen(text) - 1], '.');
	}
}
END_TEST

START_TEST(no_two_errors_share_number_or_text)
{
	for (int i = 0; i < ERRORS; i++)
		for (int j = 0; j < i; j++) {
			ck_assert_int_ne(errors[i].error, errors[j].error);
			ck_assert_str_ne(procpool_strerror(errors[i].error),
			    procpool_strerror(errors[j].error));
		}
}
END_TEST

START_TEST(success_and_system_errors_have_texts_too)
{
	ck_assert_str_eq(procpool_strerror(0), "success");
	ck_assert_str_eq(procpool_errname(0), "OK");
	ck_assert_str_eq(procpool_strerror(-ENOMEM), strerror(ENOMEM));
	ck_assert_str_eq(procpool_errname(-EMFILE), "EMFILE");
}
END_TEST

START_TEST(unknown_numbers_have_some_text)
{
	static const int unknown[] = { 1, 10001, -10000, -10999, -99999,
		INT32_MIN, INT32_MAX };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		ck_assert_str_ne(procpool_strerror(unknown[i]), "");
		ck_assert_str_ne(procpool_errname(unknown[i]), "");
	}
}
END_TEST

START_TEST(the_version_is_that_of_the_header)
{
	ck_assert_str_eq(procpool_version(), PROCPOOL_VERSION);
}
END_TEST

/* ------------------------------------------------------------ Options */

/* What open says to these options; the pool must stay as it was. */
static int
open_fails(struct procpool_options options)
{
	struct procpool *const untouched = (struct procpool *)&options;
	struct procpool *pool = untouched;
	const int rc = procpool_open(&pool, &options);

	ck_assert_ptr_eq(pool, untouched);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	return rc;
}

START_TEST(a_missing_entry_point_is_refused)
{
	refused(open_fails((struct procpool_options){ 0 }), PROCPOOL_ENOENTRY,
	    "entry_point", "NULL", "name the function");
}
END_TEST

START_TEST(wrong_sizes_are_refused)
{
	refused(open_fails((struct procpool_options){
		    .entry_point = t_echo, .n_jobs = -2 }),
	    PROCPOOL_ESIZE, "n_jobs", "from 1", "-1 for all");
	refused(open_fails((struct procpool_options){
		    .entry_point = t_echo, .fraction = 1.5 }),
	    PROCPOOL_EFRACTION, "fraction", "above 0", "at most 1");
	refused(open_fails((struct procpool_options){
		    .entry_point = t_echo, .n_jobs = 1, .fraction = 0.5 }),
	    PROCPOOL_ETWOSIZES, "n_jobs", "fraction", "one of them");
}
END_TEST

static int
open_with_env(const char *entry)
{
	const char *const env[] = { "GOOD=1", entry, NULL };

	return open_fails((struct procpool_options){
	    .entry_point = t_echo, .n_jobs = 1, .env = env });
}

START_TEST(environment_entries_without_name_or_value_are_refused)
{
	refused(open_with_env("FOO"), PROCPOOL_EENV, "NAME=VALUE");
	refused(open_with_env("=bar"), PROCPOOL_EENV, "NAME=VALUE");
	refused(open_with_env(""), PROCPOOL_EENV, "NAME=VALUE");
}
END_TEST

START_TEST(too_large_an_environment_is_refused)
{
	static char entry[70000];

	memset(entry, 'x', sizeof(entry) - 1);
	memcpy(entry, "FOO=", 4);
	refused(
	    open_with_env(entry), PROCPOOL_EENVSIZE, "environment", "64 KiB");
}
END_TEST

static int
open_named(const char *name)
{
	return open_fails((struct procpool_options){
	    .entry_point = t_echo, .n_jobs = 1, .name = name });
}

START_TEST(names_that_spoil_log_lines_are_refused)
{
	refused(open_named(""), PROCPOOL_ENAME, "name", "1 to 31 bytes",
	    "control character");
	expect(open_named("12345678901234567890123456789012"), PROCPOOL_ENAME);
	expect(open_named("two\nlines"), PROCPOOL_ENAME);
	expect(open_named("\033[31m"), PROCPOOL_ENAME);
	expect(open_named("del\177"), PROCPOOL_ENAME);
}
END_TEST

START_TEST(the_longest_name_is_accepted)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = t_echo,
		.n_jobs = 1,
		.name = "1234567890123456789012345678901" });

	ck_assert_uint_eq(strlen(procpool_name(pool)), 31);
	close_pool(pool);
}
END_TEST

START_TEST(too_large_a_limit_is_refused)
{
	refused(open_fails((struct procpool_options){ .entry_point = t_echo,
		    .max_payload = ((uint64_t)1 << 40) + 1 }),
	    PROCPOOL_ELIMIT, "max_payload", "at most 1 TiB");
}
END_TEST

START_TEST(a_negative_grace_time_is_refused)
{
	refused(open_fails((struct procpool_options){
		    .entry_point = t_echo, .grace_ms = -1 }),
	    PROCPOOL_EGRACE, "grace_ms", "0 (for the default) or more");
}
END_TEST

START_TEST(a_log_level_that_is_none_is_refused)
{
	refused(open_fails((struct procpool_options){
		    .entry_point = t_echo, .log_level = PROCPOOL_ERROR + 1 }),
	    PROCPOOL_ELEVEL, "log_level", "enum procpool_level");
	expect(open_fails((struct procpool_options){ .entry_point = t_echo,
		   .log_level = (enum procpool_level) - 1 }),
	    PROCPOOL_ELEVEL);
}
END_TEST

START_TEST(a_setting_of_nothing_is_refused)
{
	refused(procpool_env_set(NULL, "NAME", "value"), PROCPOOL_ENULL,
	    "must be given");
}
END_TEST

START_TEST(missing_arguments_of_open_are_refused)
{
	struct procpool *pool;

	refused(procpool_open(&pool, NULL), PROCPOOL_ENULL, "NULL",
	    "must be given");
	expect(procpool_open(
		   NULL, &(struct procpool_options){ .entry_point = t_echo }),
	    PROCPOOL_ENULL);
}
END_TEST

/* -------------------------------------------------------------- Calls */

START_TEST(every_function_refuses_a_missing_pool)
{
	struct procpool_result result;
	struct procpool_stats stats;
	struct procpool_batch *batch;

	expect(procpool_start(NULL), PROCPOOL_ENULL);
	expect(procpool_drain(NULL, -1), PROCPOOL_ENULL);
	expect(procpool_refresh(NULL), PROCPOOL_ENULL);
	expect(procpool_shutdown(NULL), PROCPOOL_ENULL);
	expect(procpool_n_jobs(NULL), PROCPOOL_ENULL);
	expect(procpool_submit(NULL, NULL, 0, NULL, NULL), PROCPOOL_ENULL);
	expect(procpool_submit_task(NULL, &(struct procpool_task){ 0 }),
	    PROCPOOL_ENULL);
	expect(procpool_try_submit(NULL, &(struct procpool_task){ 0 }),
	    PROCPOOL_ENULL);
	expect(procpool_call(NULL, NULL, 0, &result), PROCPOOL_ENULL);
	expect(procpool_batch_open(&batch, NULL, 1), PROCPOOL_ENULL);
	expect(procpool_get_stats(NULL, &stats, NULL), PROCPOOL_ENULL);
	ck_assert_int_eq(procpool_is_running(NULL), 0);
	ck_assert_ptr_null(procpool_name(NULL));
	ck_assert_ptr_null(procpool_first_failed(NULL));
	ok(procpool_close(NULL));
}
END_TEST

START_TEST(bytes_that_are_missing_are_refused)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;

	expect(procpool_submit(pool, NULL, 1, NULL, NULL), PROCPOOL_ENULL);
	expect(procpool_call(pool, NULL, 1, &result), PROCPOOL_ENULL);
	expect(procpool_submit_task(pool, NULL), PROCPOOL_ENULL);
	expect(procpool_try_submit(pool, NULL), PROCPOOL_ENULL);
	expect(procpool_call_task(pool, NULL, &result), PROCPOOL_ENULL);
	expect(procpool_call(pool, "x", 1, NULL), PROCPOOL_ENULL);
	expect(procpool_get_stats(pool, NULL, NULL), PROCPOOL_ENULL);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

START_TEST(missing_batches_are_refused)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_batch *batch;
	const struct procpool_result *result;

	expect(procpool_batch_open(NULL, pool, 1), PROCPOOL_ENULL);
	expect(procpool_batch_add(NULL, "x", 1), PROCPOOL_ENULL);
	expect(procpool_batch_wait(NULL, -1), PROCPOOL_ENULL);
	expect(procpool_batch_result(NULL, 0, &result), PROCPOOL_ENULL);
	ok(procpool_batch_open(&batch, pool, 1));
	expect(procpool_batch_result(batch, 0, NULL), PROCPOOL_ENULL);
	procpool_batch_close(batch);
	procpool_batch_close(NULL);
	close_pool(pool);
}
END_TEST

/* A refused call leaves a result that can be given back. */
START_TEST(the_result_of_a_refused_call_holds_nothing)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;

	memset(&result, 0xa5, sizeof(result));
	ok(procpool_shutdown(pool));
	expect(procpool_call(pool, "x", 1, &result), PROCPOOL_ENOTRUNNING);
	expect(result.outcome, PROCPOOL_ENOTRUNNING);
	ck_assert_uint_eq(result.len, 0);
	ck_assert_ptr_nonnull(result.data);
	ck_assert_ptr_nonnull(result.message);
	ck_assert_int_eq(result.worker, -1);
	ck_assert_str_eq(result.worker_name, "");
	ck_assert_int_eq(result.pid, 0);
	ck_assert_int_eq(result.attempt, 0);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static void
ignore(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
}

START_TEST(a_call_with_a_callback_or_a_batch_is_refused)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_batch *batch;
	struct procpool_result result;

	ok(procpool_batch_open(&batch, pool, 1));
	refused(procpool_call_task(
		    pool, &(struct procpool_task){ .done = ignore }, &result),
	    PROCPOOL_ECALL, "no done, no batch and no inputs",
	    "leave them zero");
	expect(result.outcome, PROCPOOL_ECALL);
	expect(procpool_call_task(
		   pool, &(struct procpool_task){ .batch = batch }, &result),
	    PROCPOOL_ECALL);
	ck_assert_uint_eq(procpool_batch_ended(batch), 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

START_TEST(calls_before_the_start_are_refused)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_echo, .start_later = true });
	struct procpool_result result;

	refused(procpool_submit(pool, NULL, 0, NULL, NULL),
	    PROCPOOL_ENOTRUNNING, "not running", "procpool_start()");
	expect(procpool_call(pool, NULL, 0, &result), PROCPOOL_ENOTRUNNING);
	expect(procpool_refresh(pool), PROCPOOL_ENOTRUNNING);
	close_pool(pool);
}
END_TEST

START_TEST(calls_after_a_shutdown_are_refused)
{
	struct procpool *pool = open_pool(1, t_echo);

	ok(procpool_shutdown(pool));
	refused(procpool_submit(pool, NULL, 0, NULL, NULL),
	    PROCPOOL_ENOTRUNNING, "not running", "procpool_start()");
	close_pool(pool);
}
END_TEST

/* Try everything in a copy of the process. */
static int
use_in_copy(void *arg)
{
	struct procpool *pool = arg;
	struct procpool_result result;
	struct procpool_stats stats;
	struct procpool_batch *batch;

	need(procpool_submit(pool, NULL, 0, NULL, NULL) == PROCPOOL_EFORKED);
	need(procpool_try_submit(pool, &(struct procpool_task){ 0 }) ==
	    PROCPOOL_EFORKED);
	need(procpool_call(pool, NULL, 0, &result) == PROCPOOL_EFORKED);
	need(procpool_batch_open(&batch, pool, 1) == PROCPOOL_EFORKED);
	need(procpool_drain(pool, -1) == PROCPOOL_EFORKED);
	need(procpool_start(pool) == PROCPOOL_EFORKED);
	need(procpool_refresh(pool) == PROCPOOL_EFORKED);
	need(procpool_get_stats(pool, &stats, NULL) == PROCPOOL_EFORKED);
	need(procpool_is_running(pool) == 0);
	need(procpool_shutdown(pool) == PROCPOOL_EFORKED);
	need(procpool_close(pool) == PROCPOOL_EFORKED);
	return 0;
}

START_TEST(calls_in_a_forked_copy_are_refused)
{
	struct procpool *pool = open_pool(1, t_echo);

	expect_host(fork_host(use_in_copy, pool), 0, 5000);
	expect_words(PROCPOOL_EFORKED,
	    (const char *const[]){ "copy", "open a pool of its own", NULL });
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* A copy may open one of its own, beside the one it cannot use. */
static int
open_own_in_copy(void *arg)
{
	struct procpool *pool;
	struct procpool_result result;

	(void)arg;
	need(procpool_open(&pool,
		 &(struct procpool_options){
		     .entry_point = t_echo, .n_jobs = 1 }) == 0);
	need(procpool_call(pool, "x", 1, &result) == 0);
	procpool_result_done(&result);
	need(procpool_close(pool) == 0);
	return 0;
}

START_TEST(a_forked_copy_may_open_a_pool_of_its_own)
{
	struct procpool *pool;

	if (WITH_TSAN)
		SKIP("the thread sanitizer allows a copy no threads");
	pool = open_pool(1, t_echo);
	/* Its threads are at rest by then: a sanitizer's heap is not to be
	 * forked while one of them allocates. */
	pool_works(pool);
	expect_host(fork_host(open_own_in_copy, NULL), 0, 5000);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

static void
call_inside(const struct procpool_result *result, void *user)
{
	struct procpool_result other;

	(void)result;
	atomic_store(&shared->flag[1], procpool_call(user, NULL, 0, &other));
	flag_set(&shared->flag[0], 1);
}

START_TEST(a_call_that_would_wait_for_its_callback_is_refused)
{
	struct procpool *pool = open_pool(2, t_echo);

	ok(procpool_submit(pool, NULL, 0, call_inside, pool));
	await_flag(&shared->flag[0], 1, 5000);
	refused(shared->flag[1], PROCPOOL_EDEADLOCK, "callback",
	    "procpool_try_submit()", "another thread");
	close_pool(pool);
}
END_TEST

/* Data is no function; nor is what no snapshot has. */
static int not_a_function;

START_TEST(a_function_the_workers_do_not_have_is_refused)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_task task = {
		.function = (procpool_job_fn)(uintptr_t)&not_a_function
	};

	refused(procpool_submit_task(pool, &task), PROCPOOL_EFUNCTION,
	    "do not have this function", "procpool_refresh()");
	task.function = (procpool_job_fn)(uintptr_t)8;
	expect(procpool_try_submit(pool, &task), PROCPOOL_EFUNCTION);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

START_TEST(a_batch_that_is_full_foreign_or_short_says_so)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool *other = open_pool(1, t_echo);
	struct procpool_batch *batch;
	const struct procpool_result *result;

	ok(procpool_batch_open(&batch, pool, 1));
	refused(procpool_submit_task(
		    other, &(struct procpool_task){ .batch = batch }),
	    PROCPOOL_EFOREIGN, "belongs to another pool");
	refused(procpool_batch_wait(batch, 0), PROCPOOL_EINCOMPLETE,
	    "not all tasks", "were submitted", "submit the others");
	refused(procpool_batch_result(batch, 0, &result), PROCPOOL_EINCOMPLETE,
	    "has not ended", "wait");
	ok(procpool_batch_add(batch, NULL, 0));
	refused(procpool_batch_add(batch, NULL, 0), PROCPOOL_EOVERFLOW,
	    "all its tasks", "open a larger one");
	refused(procpool_batch_result(batch, 1, &result), PROCPOOL_EINDEX,
	    "no such index", "below the batch's size");
	procpool_batch_close(batch);
	ok(procpool_batch_open(&batch, other, 1));
	close_pool(other);
	refused(
	    procpool_batch_add(batch, NULL, 0), PROCPOOL_ECLOSING, "is closed");
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

RUN_TESTS("bad input", each_error_has_its_name_and_one_line_of_text,
    no_two_errors_share_number_or_text,
    success_and_system_errors_have_texts_too, unknown_numbers_have_some_text,
    the_version_is_that_of_the_header, a_missing_entry_point_is_refused,
    wrong_sizes_are_refused,
    environment_entries_without_name_or_value_are_refused,
    too_large_an_environment_is_refused, names_that_spoil_log_lines_are_refused,
    the_longest_name_is_accepted, too_large_a_limit_is_refused,
    a_negative_grace_time_is_refused, a_log_level_that_is_none_is_refused,
    a_setting_of_nothing_is_refused, missing_arguments_of_open_are_refused,
    every_function_refuses_a_missing_pool, bytes_that_are_missing_are_refused,
    missing_batches_are_refused, the_result_of_a_refused_call_holds_nothing,
    a_call_with_a_callback_or_a_batch_is_refused,
    calls_before_the_start_are_refused, calls_after_a_shutdown_are_refused,
    calls_in_a_forked_copy_are_refused,
    a_forked_copy_may_open_a_pool_of_its_own,
    a_call_that_would_wait_for_its_callback_is_refused,
    a_function_the_workers_do_not_have_is_refused,
    a_batch_that_is_full_foreign_or_short_says_so)
