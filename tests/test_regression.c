/*
 * What was wrong once, and must not come back.  Rows S1 and H13, and what the
 * header says of copies of the process, broken pools, times and refresh.
 */
#include "testing.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "channel/crew.h"
#include "engine/pool.h"

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------------------------ Shutdown */

enum {
	LINE_NS = 10 * 1000
};

static int
log_without_end(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	signal(SIGTERM, SIG_IGN);
	for (unsigned long i = 0;; i++) {
		procpool_job_log(job, PROCPOOL_INFO, "line %lu", i);
		if (i == 100)
			flag_set(&shared->flag[0], 1);
	}
	return 0;
}

/* Takes its time for a line, but not so much that what is in a full pipe takes
 * long: a shutdown hands that over too. */
static void
read_lines(enum procpool_level level, const char *message, void *user)
{
	const int64_t end = now_ns() + LINE_NS;

	(void)level;
	(void)message;
	(void)user;
	while (now_ns() < end)
		;
}

/* S1: shutdown returns within grace and a second, whatever the worker says. */
START_TEST(a_shutdown_ends_a_worker_that_never_stops_logging)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = log_without_end, .n_jobs = 1, .log = read_lines });
	int64_t start;

	ok(procpool_submit(pool, NULL, 0, ledger_done, NULL));
	await_flag(&shared->flag[0], 1, 5000);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 500 + 1000);
	ck_assert_int_eq(shared->completed[0], 1);
	ck_assert_int_eq(shared->outcome[0], PROCPOOL_ESHUTDOWN);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------------- Descriptors */

/* Open a pool while only so many descriptors may be had. */
static int
open_within(struct procpool **pool, int workers, int descriptors)
{
	struct rlimit before;
	struct rlimit few;
	int rc;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)descriptors;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rc = procpool_open(pool,
	    &(struct procpool_options){ .entry_point = t_ledger,
		.n_jobs = workers,
		.oversubscribe = true });
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	return rc;
}

static void
expect_nothing_left(int descriptors, int spare)
{
	const int left = our_processes(NULL, 0);
	const pid_t child = waitpid(-1, NULL, WNOHANG | __WALL);

	ck_assert_msg(child == -1 && errno == ECHILD,
	    "with %d to spare a child is left: waitpid gave %d", spare,
	    (int)child);
	ck_assert_msg(
	    left == 0, "with %d to spare %d processes are left", spare, left);
	ck_assert_int_eq(count_descriptors(), descriptors);
}

/* Open it with more and more descriptors, until it opens. */
static void
open_with_too_few(int workers)
{
	const int descriptors = count_descriptors();
	struct procpool *pool = NULL;
	int spare;

	for (spare = 0; pool == NULL; spare++) {
		const int rc = open_within(&pool, workers, descriptors + spare);

		ck_assert_int_lt(spare, 20 * workers);
		if (rc == 0)
			break;
		expect(rc, -EMFILE);
		ck_assert_ptr_null(pool);
		expect_nothing_left(descriptors, spare);
	}
	ck_assert_int_gt(spare, workers);
	/* Its workers have that limit, and may die of it. */
	close_pool(pool);
	expect_nothing_left(descriptors, spare);
}

/* H13, and the header: on failure no process, thread or descriptor is left. */
START_TEST(an_open_with_too_few_descriptors_fails_and_leaves_nothing)
{
	open_with_too_few(2);
	open_with_too_few(8);
	close_pool(open_pool(2, t_ledger));
}
END_TEST

/* ---------------------------------------------------- Libraries and forks */

/* A library that has descriptors, and makes them again in a forked process,
 * closing the old ones by their numbers. */
static int library_pipe[2];

static void
make_own_again(void)
{
	close(library_pipe[0]);
	close(library_pipe[1]);
	if (pipe(library_pipe) < 0)
		abort();
}

/* Fails unless what is written to the library's pipe comes out of it. */
static int
use_own(struct procpool_job *job, const void *arg, size_t len)
{
	char byte = 'x';

	(void)arg;
	(void)len;
	if (write(library_pipe[1], &byte, 1) != 1 ||
	    read(library_pipe[0], &byte, 1) != 1)
		return procpool_fail(job, 1, "the library is broken");
	return 0;
}

static int
call_twice(procpool_job_fn function)
{
	const struct procpool_options options = {
		.n_jobs = 2, .oversubscribe = true, .entry_point = function
	};
	struct procpool *pool;
	struct procpool_result result;

	need(procpool_open(&pool, &options) == 0);
	for (int i = 0; i < 2; i++) {
		need(procpool_call(pool, NULL, 0, &result) == 0);
		procpool_result_done(&result);
	}
	need(procpool_close(pool) == 0);
	return 0;
}

static int
host_of_descriptors(void *unused)
{
	(void)unused;
	need(pipe(library_pipe) == 0);
	need(pthread_atfork(NULL, NULL, make_own_again) == 0);
	return call_twice(use_own);
}

/* libuv is such a library, as soon as there is a loop. */
START_TEST(workers_and_a_library_with_descriptors_leave_each_other_alone)
{
	expect_host(fork_host(host_of_descriptors, NULL), 0, 10000);
}
END_TEST

/* A library with a thread, which it stops before a fork and starts again on
 * both sides. */
static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
} helper = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER };

static void *
help(void *unused)
{
	pthread_mutex_lock(&helper.lock);
	while (!helper.stop)
		pthread_cond_wait(&helper.wake, &helper.lock);
	pthread_mutex_unlock(&helper.lock);
	return unused;
}

static void
start_helper(void)
{
	helper.stop = false;
	if (pthread_create(&helper.thread, NULL, help, NULL) != 0)
		abort();
}

static void
stop_helper(void)
{
	pthread_mutex_lock(&helper.lock);
	helper.stop = true;
	pthread_cond_signal(&helper.wake);
	pthread_mutex_unlock(&helper.lock);
	pthread_join(helper.thread, NULL);
}

static int
host_of_a_helper(void *unused)
{
	int rc;

	(void)unused;
	start_helper();
	need(pthread_atfork(stop_helper, start_helper, start_helper) == 0);
	rc = call_twice(t_pid);
	stop_helper();
	return rc;
}

START_TEST(a_library_may_stop_its_thread_for_a_fork)
{
	if (WITH_TSAN)
		SKIP("a sanitizer forbids threads in forked processes");
	expect_host(fork_host(host_of_a_helper, NULL), 0, 10000);
}
END_TEST

extern char **environ;

/* How many settings of this process are none, or not what is expected. */
static int
tell_wrong_settings(struct procpool_job *job, const void *arg, size_t len)
{
	static const char *const settings[][2] = { { "OUTER", "outer" },
		{ "CUDA_VISIBLE_DEVICES", "-1" },
		{ "TF_CPP_MIN_LOG_LEVEL", "3" } };
	int wrong = 0;

	(void)arg;
	(void)len;
	for (char **entry = environ; *entry != NULL; entry++)
		wrong += strchr(*entry, '=') == NULL;
	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(settings[i][0]);

		wrong += value == NULL || strcmp(value, settings[i][1]) != 0;
	}
	return procpool_return(job, &wrong, sizeof(wrong));
}

/* Passes on what a worker of its own tells. */
static int
ask_an_inner_pool(struct procpool_job *job, const void *arg, size_t len)
{
	const char *const env[] = { "INNER=a longer value than that", NULL };
	const struct procpool_options options = {
		.n_jobs = 1, .entry_point = tell_wrong_settings, .env = env
	};
	struct procpool_result result;
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	(void)arg;
	(void)len;
	if (rc < 0)
		return procpool_fail(job, rc, "%s", procpool_strerror(rc));
	rc = procpool_call(pool, NULL, 0, &result);
	if (rc == 0)
		rc = procpool_return(job, result.data, result.len);
	procpool_result_done(&result);
	(void)procpool_close(pool);
	return rc;
}

/* E1: a pool's settings reach the workers of a pool inside its workers. */
START_TEST(an_inner_pool_has_the_environment_of_its_worker)
{
	const char *const env[] = { "OUTER=outer", NULL };
	struct procpool *pool;
	struct procpool_result result;

	if (WITH_TSAN)
		SKIP("a sanitizer forbids threads in forked processes");
	pool = open_with((struct procpool_options){
	    .n_jobs = 1, .entry_point = ask_an_inner_pool, .env = env });
	for (int i = 0; i < 3; i++) {
		ok(procpool_call(pool, NULL, 0, &result));
		ck_assert_int_eq(*(const int *)result.data, 0);
		procpool_result_done(&result);
	}
	close_pool(pool);
}
END_TEST

static void
count_signal(int signal)
{
	(void)signal;
	flag_add(&shared->flag[0], 1);
}

/* H13: many requests, with long settings, fill the way to the process that
 * forks the workers. */
START_TEST(an_open_is_not_disturbed_by_signals)
{
	enum {
		LONG = 16 * 1024
	};
	const struct itimerval often = { { 0, 500 }, { 0, 500 } };
	const struct itimerval never = { 0 };
	const struct sigaction count = { .sa_handler = count_signal,
		.sa_flags = SA_RESTART };
	struct sigaction before;
	static char setting[LONG];
	const char *const env[] = { setting, NULL };

	memset(setting, 'x', sizeof(setting) - 1);
	memcpy(setting, "LONG=", 5);
	sigaction(SIGALRM, &count, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 3; i++)
		close_pool(open_with((struct procpool_options){ .n_jobs = 32,
		    .oversubscribe = true,
		    .entry_point = t_pid,
		    .env = env }));
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	ck_assert_int_gt(atomic_load(&shared->flag[0]), 0);
}
END_TEST

/* ------------------------------------------------------------ Snapshots */

static int loaded;

static int
tell_loaded(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, &loaded, sizeof(loaded));
}

/* What a worker has for loaded; -1 when none answers. */
static int
loaded_in_worker(struct procpool *pool)
{
	struct procpool_result result;
	int value = -1;

	if (procpool_call_task(pool,
		&(struct procpool_task){ .function = tell_loaded },
		&result) == 0)
		value = *(const int *)result.data;
	procpool_result_done(&result);
	return value;
}

/* The only process of ours beside this host and the test; 0 if there are
 * others. */
static pid_t
the_prepared_process(void)
{
	pid_t pids[3];

	if (our_processes(pids, 3) != 2)
		return 0;
	return pids[0] == getppid() ? pids[1] : pids[0];
}

static int
open_without_the_prepared(void *arg)
{
	struct procpool *pool;
	pid_t kept;

	(void)arg;
	loaded = 5;
	need(procpool_prepare() == 0);
	kept = the_prepared_process();
	need(kept > 0);
	need(kill(kept, SIGKILL) == 0);
	need(await_end(kept, 5000));
	loaded = 6;
	need(procpool_open(&pool,
		 &(struct procpool_options){
		     .entry_point = t_ledger, .n_jobs = 1 }) == 0);
	need(loaded_in_worker(pool) == 6);
	loaded = 7;
	need(procpool_refresh(pool) == 0);
	need(loaded_in_worker(pool) == 7);
	need(procpool_close(pool) == 0);
	return 0;
}

/* The header: that call is not needed for correctness. */
START_TEST(a_pool_opens_when_the_prepared_process_was_killed)
{
	expect_host(fork_host(open_without_the_prepared, NULL), 0, 5000);
	await_processes(0, 1000);
}
END_TEST

/* Let the second worker wait, before it is forked, until it is let. */
static int
hold_back_the_second(struct procpool_env *env, int worker, void *user)
{
	(void)env;
	(void)worker;
	(void)user;
	flag_add(&shared->flag[0], 1);
	if (atomic_load(&shared->flag[0]) == 2)
		(void)flag_await(&shared->flag[1], 1, PATIENCE_MS);
	return 0;
}

static bool
waits_for_a_renewal(struct procpool *pool)
{
	bool waits;

	uv_mutex_lock(&pool->lock);
	waits = pool->crew->channels[0].renew;
	uv_mutex_unlock(&pool->lock);
	return waits;
}

/* The header: every worker is replaced by one of the program as it is now. */
START_TEST(a_worker_that_was_on_its_way_when_a_refresh_began_is_replaced)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = t_ledger,
		.n_jobs = 1,
		.worker_env = hold_back_the_second });
	struct aside refresher = { .pool = pool, .call = aside_refresh };
	struct procpool_result result;

	loaded = 1;
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	await_flag(&shared->flag[0], 2, 5000);
	loaded = 2;
	aside_start(&refresher);
	await_that(waits_for_a_renewal(pool), 5000);
	flag_set(&shared->flag[1], 1);
	ok(aside_join(&refresher));
	ck_assert_int_eq(loaded_in_worker(pool), 2);
	close_pool(pool);
}
END_TEST

enum {
	CROWD = 3, /* workers that are killed amid refreshes */
	PIDS = 8 /* the first flag that name_myself() uses */
};

static int
name_myself(struct procpool_job *job, void **state)
{
	(void)state;
	flag_set(&shared->flag[PIDS + procpool_job_worker(job)], getpid());
	return 0;
}

/* Wait for all others, so that each worker has one of these, and say what this
 * one has. */
static int
meet_and_tell(struct procpool_job *job, const void *arg, size_t len)
{
	const int expected = *(const int *)arg;

	flag_add(&shared->flag[0], 1);
	if (!flag_await(&shared->flag[0], expected * CROWD, bound(8000)))
		return procpool_fail(job, 1, "the others did not come");
	return tell_loaded(job, arg, len);
}

static void
expect_loaded_everywhere(struct procpool *pool, int value)
{
	struct procpool_batch *batch;

	ok(procpool_batch_open(&batch, pool, CROWD));
	for (int i = 0; i < CROWD; i++)
		ok(procpool_batch_add(batch, &value, sizeof(value)));
	ok(procpool_batch_wait(batch, bound(10000)));
	for (size_t i = 0; i < CROWD; i++) {
		const struct procpool_result *result;

		ok(procpool_batch_result(batch, i, &result));
		ok(result->outcome);
		ck_assert_int_eq(*(const int *)result->data, value);
	}
	procpool_batch_close(batch);
}

/* Each pid is used once, as it may be another's when its worker is gone. */
static void
kill_worker(int i)
{
	const pid_t pid = atomic_exchange(&shared->flag[PIDS + i], 0);

	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	ck_assert(await_end(pid, 5000));
}

/* The header, as before. */
START_TEST(a_refresh_is_complete_although_workers_die_meanwhile)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = meet_and_tell,
		.n_jobs = CROWD,
		.oversubscribe = true,
		.worker_start = name_myself });

	for (int round = 1; round <= 5; round++) {
		struct aside refresher = { .pool = pool,
			.call = aside_refresh };

		for (int i = 0; i < CROWD; i++)
			await_flag(&shared->flag[PIDS + i], 1, 5000);
		loaded = round;
		aside_start(&refresher);
		for (int i = 0; i < 2 * CROWD; i++)
			kill_worker(i % CROWD);
		ok(aside_join(&refresher));
		expect_loaded_everywhere(pool, round);
	}
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------------------- Batches */

/* The snapshot has it when it is set before a start. */
static struct procpool_batch *inherited;

enum {
	INHERITED_CALLS = 5
};

static void
use_inherited(int codes[INHERITED_CALLS])
{
	const struct procpool_result *result;

	codes[0] = procpool_batch_wait(inherited, -1);
	codes[1] = procpool_batch_wait(inherited, 0);
	codes[2] = procpool_batch_add(inherited, NULL, 0);
	codes[3] = procpool_batch_result(inherited, 0, &result);
	codes[4] = procpool_batch_result(inherited, 7, &result);
}

/* Twice: at first, and when this process has a pool of its own. */
static int
tell_of_inherited(struct procpool_job *job, const void *arg, size_t len)
{
	int codes[2 * INHERITED_CALLS];
	struct procpool *own;

	(void)arg;
	(void)len;
	use_inherited(codes);
	if (procpool_open(&own,
		&(struct procpool_options){ .entry_point = t_ledger,
		    .n_jobs = 1,
		    .start_later = true }) != 0)
		return procpool_fail(job, 1, "open");
	use_inherited(codes + INHERITED_CALLS);
	procpool_close(own);
	procpool_batch_close(inherited);
	return procpool_return(job, codes, sizeof(codes));
}

static struct procpool *
open_later(void)
{
	return open_with((struct procpool_options){
	    .entry_point = t_ledger, .n_jobs = 1, .start_later = true });
}

/* The header: a pool belongs to the process that opened it. */
START_TEST(the_parents_batch_is_refused_in_a_worker)
{
	struct procpool *pool = open_later();
	const struct op op = { 0, 0 };
	struct procpool_result result;
	int64_t start;

	ok(procpool_batch_open(&inherited, pool, 1));
	ok(procpool_start(pool));
	start = now_ms();
	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = tell_of_inherited }, &result));
	took_less(start, 1000);
	for (int i = 0; i < 2 * INHERITED_CALLS; i++)
		expect(((const int *)result.data)[i], PROCPOOL_EFORKED);
	procpool_result_done(&result);
	ok(procpool_batch_add(inherited, &op, sizeof(op)));
	ok(procpool_batch_wait(inherited, bound(5000)));
	procpool_batch_close(inherited);
	close_pool(pool);
}
END_TEST

/* The header: of procpool_batch_wait(), and that what waits at a close returns
 * before it. */
START_TEST(a_wait_for_a_batch_of_a_pool_never_started_ends_at_its_close)
{
	struct procpool *pool = open_later();
	struct aside waiter = { .pool = pool, .call = aside_batch_wait };

	ok(procpool_batch_open(&waiter.batch, pool, 2));
	aside_start(&waiter);
	close_pool(pool);
	expect(aside_join(&waiter), PROCPOOL_ESHUTDOWN);
	expect(procpool_batch_wait(waiter.batch, 0), PROCPOOL_ESHUTDOWN);
	procpool_batch_close(waiter.batch);
}
END_TEST

/* ---------------------------------------------------------- Broken pools */

static int
start_when_allowed(struct procpool_job *job, void **state)
{
	(void)state;
	if (atomic_load(&shared->flag[0]) == 0)
		return procpool_fail(job, 3, "not allowed");
	return 0;
}

/* Of three workers, as those die side by side: it takes eleven deaths, with
 * pauses in between. */
static struct procpool *
open_unable_to_start(void)
{
	return open_with((struct procpool_options){ .entry_point = t_ledger,
	    .n_jobs = 3,
	    .oversubscribe = true,
	    .start_later = true,
	    .worker_start = start_when_allowed });
}

/* The header: of worker_start, PROCPOOL_EBROKEN and procpool_shutdown(). */
START_TEST(a_pool_that_breaks_says_so_to_waits_and_starts_until_shut_down)
{
	struct procpool *pool = open_unable_to_start();
	struct aside waiter = { .pool = pool, .call = aside_batch_wait };

	ok(procpool_batch_open(&waiter.batch, pool, 2));
	aside_start(&waiter);
	ok(procpool_start(pool));
	expect(aside_join(&waiter), PROCPOOL_EBROKEN);
	procpool_batch_close(waiter.batch);
	ck_assert_int_eq(procpool_is_running(pool), 0);
	expect(procpool_start(pool), PROCPOOL_EBROKEN);
	ok(procpool_shutdown(pool));
	flag_set(&shared->flag[0], 1);
	ok(procpool_start(pool));
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------------------------ Jobs */

enum {
	WORK_NS = 30 * 1000000
};

/* Works, notes how long by its own clock, and dies. */
static int
work_and_die(struct procpool_job *job, const void *arg, size_t len)
{
	const int64_t start = now_ns();

	(void)job;
	(void)arg;
	(void)len;
	while (now_ns() - start < WORK_NS)
		;
	flag_set(&shared->flag[0], (int)(now_ns() - start));
	kill(getpid(), SIGKILL);
	return 0;
}

/* The header: started_ns and the others of a result, busy_ns of the statistics. */
START_TEST(a_task_that_crashes_has_the_times_that_it_took)
{
	struct procpool *pool = open_pool(1, work_and_die);
	struct procpool_result result;
	struct procpool_stats stats;
	uint64_t busy;
	const int64_t start = now_ns();
	int64_t wall;

	expect(procpool_call(pool, NULL, 0, &result), PROCPOOL_ECRASHED);
	wall = now_ns() - start;
	ck_assert_uint_ge(result.started_ns, (uint64_t)start);
	ck_assert_uint_le(
	    result.started_ns + result.ran_ns, (uint64_t)(start + wall));
	ck_assert_uint_ge(result.ran_ns, (uint64_t)shared->flag[0]);
	ck_assert_uint_le(result.queued_ns + result.ran_ns, (uint64_t)wall);
	ok(procpool_get_stats(pool, &stats, &busy));
	ck_assert_uint_eq(stats.busy_ns, result.ran_ns);
	ck_assert_uint_eq(busy, result.ran_ns);
	procpool_result_done(&result);
	close_pool(pool);
}
END_TEST

/* The header: the function must be in the program; data is no function. */
START_TEST(an_entry_point_that_is_no_code_is_refused)
{
	struct procpool *pool = NULL;
	struct procpool_options options = {
		.entry_point = (procpool_job_fn)(uintptr_t)&loaded, .n_jobs = 1
	};

	expect(procpool_open(&pool, &options), PROCPOOL_EFUNCTION);
	ck_assert_ptr_null(pool);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
}
END_TEST

enum {
	SMALL = 100,
	LIMIT = 8192 /* max_payload */
};

static int
ask_for_too_much(struct procpool_job *job, const void *arg, size_t len)
{
	static char large[LIMIT + 1];
	char small[SMALL];

	(void)arg;
	(void)len;
	pattern_fill(small, sizeof(small));
	if (procpool_return(job, small, sizeof(small)) != 0)
		return procpool_fail(job, 1, "small");
	if (procpool_return(job, large, sizeof(large)) != PROCPOOL_ETOOBIG)
		return procpool_fail(job, 2, "large");
	if (procpool_reserve(job, sizeof(large)) != NULL)
		return procpool_fail(job, 3, "reserve");
	return 0;
}

/* The header: when a call fails nothing has changed. */
START_TEST(a_job_that_was_refused_a_large_result_keeps_the_small_one)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_pid, .n_jobs = 1, .max_payload = LIMIT });
	struct procpool_result result;
	pid_t before;
	pid_t after;

	pool_pids(pool, &before);
	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = ask_for_too_much }, &result));
	ck_assert_uint_eq(result.len, SMALL);
	ck_assert(pattern_matches(result.data, SMALL));
	procpool_result_done(&result);
	pool_pids(pool, &after);
	ck_assert_int_eq(before, after);
	close_pool(pool);
}
END_TEST

/* Gives a small result, and does not get the memory for a large one. */
static int
ask_for_memory(struct procpool_job *job, const void *arg, size_t len)
{
	const size_t much = (size_t)1 << 29;
	struct rlimit before;
	struct rlimit little;
	char small[SMALL];
	void *space;

	(void)arg;
	(void)len;
	pattern_fill(small, sizeof(small));
	if (procpool_return(job, small, sizeof(small)) != 0)
		return procpool_fail(job, 1, "small");
	getrlimit(RLIMIT_AS, &before);
	little = before;
	little.rlim_cur = much;
	setrlimit(RLIMIT_AS, &little);
	space = procpool_reserve(job, much);
	setrlimit(RLIMIT_AS, &before);
	return space == NULL ? 0 : procpool_fail(job, 2, "reserve");
}

/* The header, of procpool_reserve(): NULL when there is no memory. */
START_TEST(a_job_that_got_no_memory_for_its_result_can_end_well)
{
	struct procpool *pool;
	struct procpool_result result;
	pid_t before;
	pid_t after;

	if (WITH_ASAN || WITH_TSAN)
		SKIP("a sanitizer needs all the address space");
	pool = open_pool(1, t_pid);
	pool_pids(pool, &before);
	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = ask_for_memory }, &result));
	ck_assert(result.len == 0 || pattern_matches(result.data, result.len));
	procpool_result_done(&result);
	pool_pids(pool, &after);
	ck_assert_int_eq(before, after);
	close_pool(pool);
}
END_TEST

RUN_TESTS("regression", a_shutdown_ends_a_worker_that_never_stops_logging,
    an_open_with_too_few_descriptors_fails_and_leaves_nothing,
    workers_and_a_library_with_descriptors_leave_each_other_alone,
    a_library_may_stop_its_thread_for_a_fork,
    an_inner_pool_has_the_environment_of_its_worker,
    an_open_is_not_disturbed_by_signals,
    a_pool_opens_when_the_prepared_process_was_killed,
    a_worker_that_was_on_its_way_when_a_refresh_began_is_replaced,
    a_refresh_is_complete_although_workers_die_meanwhile,
    the_parents_batch_is_refused_in_a_worker,
    a_wait_for_a_batch_of_a_pool_never_started_ends_at_its_close,
    a_pool_that_breaks_says_so_to_waits_and_starts_until_shut_down,
    a_task_that_crashes_has_the_times_that_it_took,
    an_entry_point_that_is_no_code_is_refused,
    a_job_that_was_refused_a_large_result_keeps_the_small_one,
    a_job_that_got_no_memory_for_its_result_can_end_well)
