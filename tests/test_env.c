/*
 * What workers find in their environment, and what the log tells.
 * Rows E1, E2, E3, E6, E7, E8.
 */
#include "testing.h"

/* -------------------------------------------------- Environment */

/* Returns the value of the variable that its argument names. */
static int
read_variable(struct procpool_job *job, const void *arg, size_t len)
{
	const char *value = getenv(arg);

	(void)len;
	if (value == NULL)
		value = "(unset)";
	return procpool_return(job, value, strlen(value) + 1);
}

static void
expect_variable(struct procpool *pool, const char *name, const char *value)
{
	struct procpool_result result;

	ok(procpool_call(pool, name, strlen(name) + 1, &result));
	ck_assert_msg(strcmp(result.data, value) == 0,
	    "%s is \"%s\" in the worker, expected \"%s\"", name,
	    (const char *)result.data, value);
	procpool_result_done(&result);
}

static struct procpool *
open_env(struct procpool_options options)
{
	options.entry_point = read_variable;
	if (options.n_jobs == 0)
		options.n_jobs = 1;
	options.oversubscribe = true;
	return open_with(options);
}

/* Sets or, with NULL, unsets a variable; put_back() undoes all. */
static struct {
	const char *name;
	char *value;
} changed[8];

static int n_changed;

static void
change(const char *name, const char *value)
{
	const char *old = getenv(name);

	ck_assert_int_lt(n_changed, 8);
	changed[n_changed].name = name;
	changed[n_changed++].value = old != NULL ? strdup(old) : NULL;
	if (value != NULL)
		ck_assert_int_eq(setenv(name, value, 1), 0);
	else
		ck_assert_int_eq(unsetenv(name), 0);
}

static void
put_back(void)
{
	while (n_changed > 0) {
		n_changed--;
		if (changed[n_changed].value != NULL)
			setenv(changed[n_changed].name,
			    changed[n_changed].value, 1);
		else
			unsetenv(changed[n_changed].name);
		free(changed[n_changed].value);
	}
}

/* E1; that the host's environment is unchanged is seen after each test. */
START_TEST(the_environment_option_reaches_workers_only)
{
	static const char *const env[] = { "FOO=bar", "EMPTY=", "EQ=a=b",
		NULL };
	struct procpool *pool;

	change("FOO", NULL);
	pool = open_env((struct procpool_options){ .env = env });
	ck_assert_ptr_null(getenv("FOO"));
	expect_variable(pool, "FOO", "bar");
	expect_variable(pool, "EMPTY", "");
	expect_variable(pool, "EQ", "a=b");
	ck_assert_ptr_null(getenv("FOO"));
	close_pool(pool);
	put_back();
}
END_TEST

/* E1 */
START_TEST(the_environment_option_wins_over_the_hosts_own)
{
	static const char *const env[] = { "FOO=theirs", NULL };
	struct procpool *pool;

	change("FOO", "ours");
	change("OTHER", "kept");
	pool = open_env((struct procpool_options){ .env = env });
	expect_variable(pool, "FOO", "theirs");
	expect_variable(pool, "OTHER", "kept");
	ck_assert_str_eq(getenv("FOO"), "ours");
	close_pool(pool);
	put_back();
}
END_TEST

/* E1: the strings are copied, so a later start has them still. */
START_TEST(the_environment_option_is_copied)
{
	char entry[] = "FOO=bar";
	const char *env[] = { entry, NULL };
	struct procpool *pool =
	    open_env((struct procpool_options){ .env = env });

	memset(entry, 'x', sizeof(entry) - 1);
	env[0] = NULL;
	ok(procpool_shutdown(pool));
	ok(procpool_start(pool));
	expect_variable(pool, "FOO", "bar");
	close_pool(pool);
}
END_TEST

/* E2 */
START_TEST(gpus_are_hidden_whatever_the_environment_says)
{
	static const char *const env[] = { "CUDA_VISIBLE_DEVICES=1",
		"HIP_VISIBLE_DEVICES=1", "TF_CPP_MIN_LOG_LEVEL=0", NULL };
	struct procpool *pool;

	change("CUDA_VISIBLE_DEVICES", "2");
	change("ROCR_VISIBLE_DEVICES", "2");
	pool = open_env((struct procpool_options){ .env = env });
	expect_variable(pool, "CUDA_VISIBLE_DEVICES", "-1");
	expect_variable(pool, "HIP_VISIBLE_DEVICES", "-1");
	expect_variable(pool, "ROCR_VISIBLE_DEVICES", "-1");
	expect_variable(pool, "ONEAPI_DEVICE_SELECTOR", "*:cpu");
	expect_variable(pool, "TF_CPP_MIN_LOG_LEVEL", "3");
	close_pool(pool);
	put_back();
}
END_TEST

/* E2 */
START_TEST(kept_gpus_leave_the_variables_alone)
{
	static const char *const env[] = { "HIP_VISIBLE_DEVICES=5", NULL };
	struct procpool *pool;

	change("CUDA_VISIBLE_DEVICES", "2");
	change("ROCR_VISIBLE_DEVICES", NULL);
	change("ONEAPI_DEVICE_SELECTOR", NULL);
	change("TF_CPP_MIN_LOG_LEVEL", NULL);
	pool = open_env(
	    (struct procpool_options){ .env = env, .keep_gpus = true });
	expect_variable(pool, "CUDA_VISIBLE_DEVICES", "2");
	expect_variable(pool, "HIP_VISIBLE_DEVICES", "5");
	expect_variable(pool, "ROCR_VISIBLE_DEVICES", "(unset)");
	expect_variable(pool, "ONEAPI_DEVICE_SELECTOR", "(unset)");
	expect_variable(pool, "TF_CPP_MIN_LOG_LEVEL", "(unset)");
	close_pool(pool);
	put_back();
}
END_TEST

static const char *const limits[7] = { "OMP_NUM_THREADS",
	"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
	"VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS" };

/* E3 */
START_TEST(thread_limits_are_one_by_default)
{
	struct procpool *pool;

	for (int i = 0; i < 7; i++)
		change(limits[i], NULL);
	pool = open_env((struct procpool_options){ 0 });
	for (int i = 0; i < 7; i++)
		expect_variable(pool, limits[i], "1");
	close_pool(pool);
	put_back();
}
END_TEST

/* E3 */
START_TEST(thread_limits_of_the_host_are_kept)
{
	struct procpool *pool;

	for (int i = 0; i < 7; i++)
		change(limits[i], "3");
	pool = open_env((struct procpool_options){ 0 });
	for (int i = 0; i < 7; i++)
		expect_variable(pool, limits[i], "3");
	close_pool(pool);
	put_back();
}
END_TEST

/* E3 */
START_TEST(thread_limits_of_the_option_win)
{
	static const char *const env[] = { "OMP_NUM_THREADS=5",
		"OPENBLAS_NUM_THREADS=6", "MKL_NUM_THREADS=7",
		"BLIS_NUM_THREADS=8", "VECLIB_MAXIMUM_THREADS=9",
		"NUMBA_NUM_THREADS=10", "NUMEXPR_NUM_THREADS=11", NULL };
	static const char *const expected[7] = { "5", "6", "7", "8", "9", "10",
		"11" };
	struct procpool *pool;

	for (int i = 0; i < 7; i++)
		change(limits[i], i % 2 ? "3" : NULL);
	pool = open_env((struct procpool_options){ .env = env });
	for (int i = 0; i < 7; i++)
		expect_variable(pool, limits[i], expected[i]);
	close_pool(pool);
	put_back();
}
END_TEST

static int
give_gpu(struct procpool_env *env, int worker, void *user)
{
	(void)user;
	return procpool_env_set(env, "CUDA_VISIBLE_DEVICES", "%d", worker);
}

/* Waits until as many have met as its argument says, then notes what worker
 * this is and what it reads: value + 1 in flag[1 + worker]. */
static int
meet_and_note(struct procpool_job *job, const void *arg, size_t len)
{
	const char *value = getenv("CUDA_VISIBLE_DEVICES");

	(void)len;
	atomic_store(&shared->flag[1 + procpool_job_worker(job)],
	    value != NULL ? atoi(value) + 1 : -1);
	flag_add(&shared->flag[0], 1);
	return flag_await(&shared->flag[0], *(const int *)arg, PATIENCE_MS) ? 0
									    : 1;
}

static void
expect_own_gpus(struct procpool *pool, int n)
{
	for (int i = 0; i <= n; i++)
		atomic_store(&shared->flag[i], 0);
	for (int i = 0; i < n; i++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .arg = &n,
			.len = sizeof(n),
			.function = meet_and_note }));
	drain_pool(pool);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(shared->flag[1 + i], i + 1);
}

/* E8 */
START_TEST(each_worker_and_its_replacement_has_its_own_environment)
{
	struct procpool *pool = open_env((struct procpool_options){
	    .n_jobs = 3, .keep_gpus = true, .worker_env = give_gpu });
	pid_t pids[3];

	expect_own_gpus(pool, 3);
	pool_pids(pool, pids);
	for (int i = 0; i < 3; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < 3; i++)
		ck_assert(await_end(pids[i], 1000));
	expect_own_gpus(pool, 3);
	close_pool(pool);
}
END_TEST

static int
set_over(struct procpool_env *env, int worker, void *user)
{
	return procpool_env_set(
	    env, "FOO", "%s of %d", (const char *)user, worker);
}

/* E8: a worker's own environment comes after that of all. */
START_TEST(the_workers_own_environment_wins_over_that_of_all)
{
	static const char *const env[] = { "FOO=all", "BAR=all", NULL };
	static char user[] = "own";
	struct procpool *pool = open_env((struct procpool_options){
	    .env = env, .worker_env = set_over, .user = user });

	expect_variable(pool, "FOO", "own of 0");
	expect_variable(pool, "BAR", "all");
	close_pool(pool);
}
END_TEST

/* Tries names that cannot be one; the last value is good. */
static int
set_wrongly(struct procpool_env *env, int worker, void *user)
{
	int *answers = user;

	(void)worker;
	answers[0] = procpool_env_set(env, "", "x");
	answers[1] = procpool_env_set(env, "A=B", "x");
	answers[2] = procpool_env_set(env, "BIG", "%70000d", 1);
	return procpool_env_set(env, "GOOD", "yes");
}

/* E8, bad input */
START_TEST(a_wrong_setting_for_one_worker_is_refused)
{
	static int answers[3];
	struct procpool *pool = open_env((struct procpool_options){
	    .worker_env = set_wrongly, .user = answers });

	expect(answers[0], PROCPOOL_EENV);
	expect(answers[1], PROCPOOL_EENV);
	expect(answers[2], PROCPOOL_EENVSIZE);
	expect_variable(pool, "GOOD", "yes");
	expect_variable(pool, "BIG", "(unset)");
	close_pool(pool);
}
END_TEST

static int
refuse(struct procpool_env *env, int worker, void *user)
{
	(void)env;
	(void)user;
	return worker == 1 ? -EPERM : 0;
}

/* E8 */
START_TEST(a_start_fails_with_what_the_function_returned)
{
	struct procpool *pool = NULL;

	expect(procpool_open(&pool,
		   &(struct procpool_options){ .entry_point = t_echo,
		       .n_jobs = 2,
		       .oversubscribe = true,
		       .worker_env = refuse }),
	    -EPERM);
	ck_assert_ptr_null(pool);
}
END_TEST

struct failure {
	atomic_int error, calls;
};

static int
fail_to_set(struct procpool_env *env, int worker, void *user)
{
	struct failure *failure = user;

	(void)env;
	(void)worker;
	atomic_fetch_add(&failure->calls, 1);
	return atomic_load(&failure->error);
}

/* E8: whatever it is, even what would say that there is no spawner. */
START_TEST(what_the_function_returns_for_a_replacement_is_a_shortage)
{
	static const int errors[] = { -EPIPE, PROCPOOL_ELOST,
		PROCPOOL_ESPAWNER };
	struct procpool_result result;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct failure failure = { 0 };
		struct procpool *pool = open_with(
		    (struct procpool_options){ .entry_point = t_ledger,
			.n_jobs = 1,
			.worker_env = fail_to_set,
			.user = &failure });

		atomic_store(&failure.error, errors[i]);
		expect(call_op(pool, t_kill, 0, SIGKILL, &result),
		    PROCPOOL_ECRASHED);
		procpool_result_done(&result);
		/* At a start, and then twice in vain. */
		await_that(atomic_load(&failure.calls) >= 3, 5000);
		ck_assert(procpool_is_running(pool));
		atomic_store(&failure.error, 0);
		pool_works(pool);
		close_pool(pool);
		atomic_store(&failure.error, errors[i]);
		expect(procpool_open(&pool,
			   &(struct procpool_options){ .entry_point = t_echo,
			       .n_jobs = 1,
			       .worker_env = fail_to_set,
			       .user = &failure }),
		    errors[i]);
	}
}
END_TEST

/* -------------------------------------------------------------- Log */

/* What was logged: lines, each with a digit for its level before it. */
static struct {
	pthread_mutex_t lock;
	char text[WORLD_TEXT]; /* under lock */
} logged = { .lock = PTHREAD_MUTEX_INITIALIZER };

static char log_user[] = "user";

static void
keep_line(enum procpool_level level, const char *message, void *user)
{
	size_t used;

	pthread_mutex_lock(&logged.lock);
	used = strlen(logged.text);
	snprintf(logged.text + used, sizeof(logged.text) - used, "%d%s%s\n",
	    (int)level, user == log_user ? " " : "?", message);
	pthread_mutex_unlock(&logged.lock);
}

/* A copy, which the caller frees. */
static char *
log_so_far(void)
{
	char *text;

	pthread_mutex_lock(&logged.lock);
	text = strdup(logged.text);
	pthread_mutex_unlock(&logged.lock);
	return text;
}

/* Whether a line of this level has all these words in it. */
static bool
has_line(enum procpool_level level, const char *const words[])
{
	char *text = log_so_far();
	bool found = false;
	char *rest = text;
	char *line;

	while (!found && (line = strsep(&rest, "\n")) != NULL) {
		found = line[0] == '0' + (int)level;
		for (int i = 0; found && words[i] != NULL; i++)
			found = strstr(line, words[i]) != NULL;
	}
	free(text);
	return found;
}

static void
await_line(enum procpool_level level, const char *const words[])
{
	const int64_t end = now_ms() + bound(5000);

	while (!has_line(level, words) && now_ms() < end)
		usleep(1000);
	ck_assert_msg(has_line(level, words),
	    "no line of level %d with \"%s\" and the like in:\n%s", (int)level,
	    words[0], logged.text);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct procpool *
open_logged(int n, enum procpool_level level)
{
	return open_with((struct procpool_options){ .entry_point = t_ledger,
	    .n_jobs = n,
	    .oversubscribe = true,
	    .name = "harbour",
	    .log = keep_line,
	    .log_level = level,
	    .user = log_user });
}

/* E6 */
START_TEST(the_start_is_told_with_name_and_worker_count)
{
	struct procpool *pool = open_logged(3, PROCPOOL_DEBUG);

	await_line(PROCPOOL_INFO, WORDS("harbour", "3"));
	close_pool(pool);
}
END_TEST

/* E6 */
START_TEST(a_death_by_signal_is_told_with_worker_and_signal)
{
	struct procpool *pool = open_logged(1, PROCPOOL_DEBUG);
	struct procpool_result result;

	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	await_line(PROCPOOL_ERROR, WORDS("harbour-w0", "signal 9"));
	close_pool(pool);
}
END_TEST

/* E6 */
START_TEST(a_death_by_exit_is_told_with_worker_and_status)
{
	struct procpool *pool = open_logged(1, PROCPOOL_DEBUG);
	struct procpool_result result;

	expect(call_op(pool, t_exit, 0, 37, &result), PROCPOOL_EEXITED);
	procpool_result_done(&result);
	await_line(PROCPOOL_ERROR, WORDS("harbour-w0", "status 37"));
	close_pool(pool);
}
END_TEST

/* E6 */
START_TEST(the_death_of_an_idle_worker_is_told)
{
	struct procpool *pool = open_logged(1, PROCPOOL_DEBUG);
	pid_t pid;

	pool_pids(pool, &pid);
	kill(pid, SIGKILL);
	await_line(PROCPOOL_ERROR, WORDS("harbour-w0", "signal 9"));
	close_pool(pool);
}
END_TEST

/* E6 */
START_TEST(lines_below_the_wanted_level_are_not_given)
{
	struct procpool *pool = open_logged(2, PROCPOOL_ERROR);
	struct procpool_result result;
	char *text;

	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	await_line(PROCPOOL_ERROR, WORDS("harbour-w"));
	close_pool(pool);
	text = log_so_far();
	for (const char *line = text; line != NULL && *line != '\0';) {
		ck_assert_msg(*line == '0' + PROCPOOL_ERROR, "%s", line);
		line = strchr(line, '\n') + 1;
	}
	free(text);
}
END_TEST

static int
log_all_levels(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	procpool_job_log(job, PROCPOOL_DEBUG, "detail %d", 1);
	procpool_job_log(job, PROCPOOL_INFO, "%s", "news %n%s");
	procpool_job_log(job, PROCPOOL_WARNING, "careful");
	procpool_job_log(job, PROCPOOL_ERROR, "bad");
	return 0;
}

/* E6: a job's lines are there when its result is. */
START_TEST(a_jobs_lines_come_with_its_workers_name_before_its_result)
{
	struct procpool *pool = open_logged(1, PROCPOOL_DEBUG);
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = log_all_levels }, &result));
	ck_assert(has_line(PROCPOOL_DEBUG, WORDS("harbour-w0", "detail 1")));
	ck_assert(has_line(PROCPOOL_INFO, WORDS("harbour-w0", "news %n%s")));
	ck_assert(has_line(PROCPOOL_WARNING, WORDS("harbour-w0", "careful")));
	ck_assert(has_line(PROCPOOL_ERROR, WORDS("harbour-w0", "bad")));
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

static int
log_much(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	procpool_job_log(job, PROCPOOL_INFO, "%05000d", 7);
	procpool_job_log(job, PROCPOOL_INFO, "next");
	return 0;
}

/* E6 */
START_TEST(a_long_line_is_cut_at_a_thousand_bytes)
{
	struct procpool *pool = open_logged(1, PROCPOOL_DEBUG);
	struct procpool_result result;
	char *text;

	ok(procpool_call_task(
	    pool, &(struct procpool_task){ .function = log_much }, &result));
	procpool_result_done(&result);
	ck_assert(has_line(PROCPOOL_INFO, WORDS("next")));
	close_pool(pool);
	text = log_so_far();
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1)
		ck_assert_int_le(end - line, 1100);
	free(text);
}
END_TEST

/* U11: nobody asked for lines, so nothing is written anywhere. */
START_TEST(without_a_log_function_nothing_is_printed)
{
	struct capture capture;
	struct procpool *pool;
	struct procpool_result result;
	char *text;

	capture_begin(&capture);
	pool = open_pool(1, log_all_levels);
	(void)procpool_call(pool, NULL, 0, &result);
	procpool_result_done(&result);
	(void)call_op(pool, t_kill, 0, SIGKILL, &result);
	procpool_result_done(&result);
	(void)procpool_close(pool);
	text = capture_end(&capture);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

/* ------------------------------------------------ First failure */

/* E7: it is told for this way to fail, and stays. */
static void
expect_first_failed(procpool_job_fn function, int value, int outcome)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_result result;
	char name[64];

	ok(call_op(pool, t_ledger, 0, 0, &result));
	procpool_result_done(&result);
	ck_assert_ptr_null(procpool_first_failed(pool));
	expect(call_op(pool, function, 1, value, &result), outcome);
	snprintf(name, sizeof(name), "%s", result.worker_name);
	procpool_result_done(&result);
	ck_assert_str_ne(name, "");
	ck_assert_ptr_nonnull(procpool_first_failed(pool));
	ck_assert_str_eq(procpool_first_failed(pool), name);
	close_pool(pool);
}

/* E7 */
START_TEST(the_first_worker_to_fail_is_named)
{
	expect_first_failed(t_fail, 5, PROCPOOL_EFAILED);
	expect_first_failed(t_kill, SIGKILL, PROCPOOL_ECRASHED);
	expect_first_failed(t_exit, 3, PROCPOOL_EEXITED);
}
END_TEST

/* E7: worker 1 fails while worker 0 is held, then worker 0 fails. */
START_TEST(a_later_failure_does_not_change_the_name)
{
	struct procpool *pool = open_pool(2, t_wait);
	struct procpool_result result;
	char first[64];

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	expect(call_op(pool, t_fail, 1, 1, &result), PROCPOOL_EFAILED);
	snprintf(first, sizeof(first), "%s", result.worker_name);
	procpool_result_done(&result);
	kill(shared->ran_in[0], SIGKILL);
	ledger_await(1, 5000);
	ck_assert_int_eq(shared->outcome[0], PROCPOOL_ECRASHED);
	ck_assert_str_eq(procpool_first_failed(pool), first);
	close_pool(pool);
}
END_TEST

static int
print_traceback(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	fprintf(stderr, "Traceback (most recent call last):\n");
	return 0;
}

/* E7 */
START_TEST(printing_alone_is_no_failure)
{
	struct capture capture;
	struct procpool *pool;
	struct procpool_result result;
	const char *failed;
	int rc;

	capture_begin(&capture);
	pool = open_pool(1, print_traceback);
	rc = procpool_call(pool, NULL, 0, &result);
	procpool_result_done(&result);
	failed = procpool_first_failed(pool);
	(void)procpool_close(pool);
	free(capture_end(&capture));
	ok(rc);
	ck_assert_ptr_null(failed);
}
END_TEST

RUN_TESTS("environment and log", the_environment_option_reaches_workers_only,
    the_environment_option_wins_over_the_hosts_own,
    the_environment_option_is_copied,
    gpus_are_hidden_whatever_the_environment_says,
    kept_gpus_leave_the_variables_alone, thread_limits_are_one_by_default,
    thread_limits_of_the_host_are_kept, thread_limits_of_the_option_win,
    each_worker_and_its_replacement_has_its_own_environment,
    the_workers_own_environment_wins_over_that_of_all,
    a_wrong_setting_for_one_worker_is_refused,
    a_start_fails_with_what_the_function_returned,
    what_the_function_returns_for_a_replacement_is_a_shortage,
    the_start_is_told_with_name_and_worker_count,
    a_death_by_signal_is_told_with_worker_and_signal,
    a_death_by_exit_is_told_with_worker_and_status,
    the_death_of_an_idle_worker_is_told,
    lines_below_the_wanted_level_are_not_given,
    a_jobs_lines_come_with_its_workers_name_before_its_result,
    a_long_line_is_cut_at_a_thousand_bytes,
    without_a_log_function_nothing_is_printed,
    the_first_worker_to_fail_is_named, a_later_failure_does_not_change_the_name,
    printing_alone_is_no_failure)
