/*
 * A pool's life: open, start, drain, refresh, prepare, close, and what can be
 * asked of it.  Rows P13, P14, P15, L01, L03, L19, L20, and what the header
 * says of worker_start, refresh and prepare.
 */
#include "testing.h"

#include <dlfcn.h>
#include <sys/mman.h>

/* ------------------------------------------------------ Start (P13) */

static struct procpool *
open_later(int n)
{
	return open_with((struct procpool_options){ .entry_point = t_ledger,
	    .n_jobs = n,
	    .oversubscribe = true,
	    .start_later = true });
}

/* P13 */
START_TEST(a_pool_opened_to_start_later_has_no_process)
{
	struct procpool *pool = open_later(2);

	ck_assert_int_eq(procpool_is_running(pool), 0);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	expect(
	    procpool_submit(pool, NULL, 0, NULL, NULL), PROCPOOL_ENOTRUNNING);
	close_pool(pool);
}
END_TEST

/* P13 */
START_TEST(a_pool_works_once_it_is_started)
{
	struct procpool *pool = open_later(2);

	ok(procpool_start(pool));
	ck_assert_int_eq(procpool_is_running(pool), 1);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* P13 */
START_TEST(a_second_start_is_refused_and_harms_nothing)
{
	struct procpool *pool = open_later(2);
	pid_t before[2];

	ok(procpool_start(pool));
	pool_pids(pool, before);
	expect(procpool_start(pool), PROCPOOL_ERUNNING);
	ck_assert(!has_ended(before[0]) && !has_ended(before[1]));
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* P13 */
START_TEST(a_pool_opened_without_more_runs_at_once)
{
	struct procpool *pool = open_pool(1, t_echo);

	ck_assert_int_eq(procpool_is_running(pool), 1);
	expect(procpool_start(pool), PROCPOOL_ERUNNING);
	close_pool(pool);
}
END_TEST

/* The header: by the time open returns every worker has been forked. */
START_TEST(all_workers_are_there_when_open_returns)
{
	struct procpool *pool = open_pool(4, t_echo);
	struct procpool_stats stats;

	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.workers, 4);
	ck_assert_int_ge(our_processes(NULL, 0), 4);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------ Scoped use (P14) */

/* P14: each of these is what the oracle checks after every test; here it is
 * checked the moment that close returns. */
START_TEST(nothing_is_left_when_close_returns)
{
	const int descriptors = count_descriptors();
	struct procpool *pool = open_pool(4, t_ledger);
	struct procpool_result result;

	pool_works(pool);
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	close_pool(pool);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	ck_assert_int_eq(count_descriptors(), descriptors);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* P14 */
START_TEST(a_pool_that_was_never_started_leaves_nothing)
{
	close_pool(open_later(2));
}
END_TEST

/* P14 */
START_TEST(a_pool_that_was_shut_down_leaves_nothing)
{
	const int descriptors = count_descriptors();
	struct procpool *pool = open_pool(2, t_ledger);

	ok(procpool_shutdown(pool));
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	ck_assert_int_eq(count_descriptors(), descriptors);
	close_pool(pool);
}
END_TEST

static int64_t
resident_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	long pages = 0;

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%*d %ld", &pages), 1);
	fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
cycle(int times)
{
	for (int i = 0; i < times; i++) {
		struct procpool *a = open_pool(1, t_square);
		struct procpool *b = open_pool(1, t_square);
		struct procpool_result result;
		const int64_t x = i;

		ok(procpool_call(a, &x, sizeof(x), &result));
		procpool_result_done(&result);
		ok(procpool_call(b, &x, sizeof(x), &result));
		ck_assert_int_eq(*(const int64_t *)result.data, x * x);
		procpool_result_done(&result);
		close_pool(a);
		close_pool(b);
	}
}

/* L20: the fifty are in every run; PP_TEST_LONG makes it the thousand. */
START_TEST(two_pools_come_and_go_many_times)
{
	const int times = is_long() ? 1000 : 50;
	const int descriptors = count_descriptors();
	int64_t before;

	/* What the first ones leave cached is no leak. */
	cycle(10);
	before = resident_kib();
	cycle(times);
	ck_assert_int_eq(count_descriptors(), descriptors);
	if (!WITH_ASAN && !WITH_TSAN)
		ck_assert_int_lt(resident_kib() - before, 1024);
}
END_TEST

/* Two at once do not see each other. */
START_TEST(two_pools_work_side_by_side)
{
	struct procpool *a = open_pool(2, t_echo);
	struct procpool *b = open_pool(2, t_echo);
	pid_t pids[4];

	pool_pids(a, pids);
	pool_pids(b, pids + 2);
	for (int i = 0; i < 2; i++)
		for (int j = 2; j < 4; j++)
			ck_assert_int_ne(pids[i], pids[j]);
	close_pool(a);
	pool_works(b);
	close_pool(b);
}
END_TEST

/* -------------------------------------------- What can be asked (P15) */

/* P15 */
START_TEST(name_and_count_are_as_configured)
{
	char name[] = "quarry";
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = t_echo,
		.n_jobs = 3,
		.oversubscribe = true,
		.name = name });

	memset(name, 'x', sizeof(name) - 1);
	ck_assert_str_eq(procpool_name(pool), "quarry");
	ck_assert_int_eq(procpool_n_jobs(pool), 3);
	ok(procpool_shutdown(pool));
	ck_assert_str_eq(procpool_name(pool), "quarry");
	ck_assert_int_eq(procpool_n_jobs(pool), 3);
	close_pool(pool);
}
END_TEST

/* P15 */
START_TEST(a_pool_without_a_name_is_called_procpool)
{
	struct procpool *pool = open_later(2);

	ck_assert_str_eq(procpool_name(pool), "procpool");
	ck_assert_int_eq(procpool_n_jobs(pool), 2);
	close_pool(pool);
}
END_TEST

/* Statistics in one struct, compared with the test's own count. */
START_TEST(the_statistics_equal_the_tests_own_count)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_stats s;
	uint64_t busy[2];

	for (int id = 0; id < 100; id++)
		ok(submit_op(pool,
		    id % 10 == 3       ? t_fail
			: id % 25 == 7 ? t__exit
				       : t_ledger,
		    id, 1));
	drain_pool(pool);
	ok(procpool_get_stats(pool, &s, busy));
	ck_assert_uint_eq(s.submitted, 100);
	ck_assert_uint_eq(s.failed, 10);
	ck_assert_uint_eq(s.crashed, 4);
	ck_assert_uint_eq(s.succeeded, 86);
	ck_assert_uint_eq(s.queued + s.running, 0);
	ck_assert_uint_eq(s.protocol + s.lost + s.shutdown, 0);
	ck_assert_uint_eq(s.bytes_in, 100 * sizeof(struct op));
	ck_assert_uint_eq(s.bytes_out, 86 * sizeof(struct op));
	ck_assert_uint_eq(s.busy_ns, busy[0] + busy[1]);
	await_workers(pool, 2, 5000);
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(s.restarts, 4);
	close_pool(pool);
}
END_TEST

static uint64_t
ended(const struct procpool_stats *s)
{
	return s->succeeded + s->failed + s->crashed + s->protocol + s->lost +
	    s->shutdown;
}

/* D03: the sum holds at every moment. */
START_TEST(the_statistics_always_add_up)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_stats s;

	for (int id = 0; id < 2000; id++) {
		ok(submit_op(pool, id % 100 == 50 ? t__exit : t_ledger, id, 1));
		ok(procpool_get_stats(pool, &s, NULL));
		ck_assert_uint_eq(s.submitted, (uint64_t)id + 1);
		ck_assert_uint_eq(
		    ended(&s) + s.queued + s.running, s.submitted);
	}
	ok(procpool_shutdown(pool));
	ok(procpool_get_stats(pool, &s, NULL));
	ck_assert_uint_eq(ended(&s), 2000);
	ck_assert_uint_eq(s.workers, 0);
	ck_assert_uint_eq(
	    s.shutdown, (uint64_t)ledger_count(2000, PROCPOOL_ESHUTDOWN));
	close_pool(pool);
}
END_TEST

START_TEST(the_time_in_jobs_is_counted_for_each_worker)
{
	struct procpool *pool = open_pool(2, t_sleep);
	struct procpool_stats s;
	uint64_t busy[2];

	ok(submit_op(pool, t_sleep, 0, 40));
	drain_pool(pool);
	ok(procpool_get_stats(pool, &s, busy));
	ck_assert_uint_ge(s.busy_ns, 40 * 1000000);
	ck_assert_uint_lt(s.busy_ns, (uint64_t)bound(5000) * 1000000);
	ck_assert(busy[0] == 0 || busy[1] == 0);
	close_pool(pool);
}
END_TEST

/* ---------------------------------------------------------- Drain */

START_TEST(draining_an_idle_pool_returns_at_once)
{
	struct procpool *pool = open_pool(1, t_echo);

	ok(procpool_drain(pool, 0));
	ok(procpool_drain(pool, -1));
	close_pool(pool);
}
END_TEST

START_TEST(a_drain_times_out_and_changes_nothing)
{
	struct procpool *pool = open_pool(1, t_wait);
	int64_t start;

	ok(submit_op(pool, t_wait, 0, 0));
	expect(procpool_drain(pool, 0), PROCPOOL_ETIMEDOUT);
	start = now_ms();
	expect(procpool_drain(pool, 50), PROCPOOL_ETIMEDOUT);
	ck_assert_int_ge(now_ms() - start, 49);
	took_less(start, 5000);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	ck_assert_int_eq(shared->outcome[0], 0);
	close_pool(pool);
}
END_TEST

/* Waits for flag[3] in the callback. */
static void
linger(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
	flag_set(&shared->flag[2], 1);
	flag_await(&shared->flag[3], 1, PATIENCE_MS);
}

START_TEST(a_drain_waits_for_callbacks_too)
{
	struct procpool *pool = open_pool(1, t_echo);

	ok(procpool_submit(pool, NULL, 0, linger, NULL));
	await_flag(&shared->flag[2], 1, 5000);
	expect(procpool_drain(pool, 20), PROCPOOL_ETIMEDOUT);
	flag_set(&shared->flag[3], 1);
	drain_pool(pool);
	close_pool(pool);
}
END_TEST

/* Everything accepted before the call; what comes later is not waited for. */
START_TEST(a_drain_does_not_wait_for_later_tasks)
{
	struct procpool *pool = open_pool(2, t_wait);
	struct aside drainer = { .pool = pool, .call = aside_drain };

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	aside_start(&drainer);
	ok(submit_op(pool, t_wait, 1, 2));
	await_flag(&shared->flag[2], 1, 5000);
	flag_set(&shared->flag[1], 1);
	ok(aside_join(&drainer));
	ck_assert_int_eq(shared->completed[0], 1);
	ck_assert_int_eq(shared->completed[1], 0);
	flag_set(&shared->flag[3], 1);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------- Close (L01, L03) */

/* L01 */
START_TEST(a_close_finishes_all_that_was_accepted)
{
	struct procpool *pool = open_pool(2, t_sleep);
	const int64_t start = now_ms();

	for (int id = 0; id < 50; id++)
		ok(submit_op(pool, t_sleep, id, 10));
	close_pool(pool);
	took_less(start, 250 + 2000);
	ledger_check(50);
	ck_assert_int_eq(ledger_count(50, 0), 50);
}
END_TEST

/* L03: the only worker dies while close waits for it. */
START_TEST(a_close_survives_the_death_of_a_worker)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct aside closer = { .pool = pool, .call = aside_close };

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	for (int id = 1; id < 20; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	aside_start(&closer);
	kill(shared->ran_in[0], SIGKILL);
	ok(aside_join(&closer));
	ledger_check(20);
	ck_assert_int_eq(shared->outcome[0], PROCPOOL_ECRASHED);
	ck_assert_int_eq(ledger_count(20, 0), 19);
}
END_TEST

/* L03: each of many jobs kills its worker while close waits. */
START_TEST(a_close_works_off_a_queue_of_deaths)
{
	struct procpool *pool = open_pool(2, t_kill);

	for (int id = 0; id < 20; id++)
		ok(submit_op(pool, id % 2 ? t_ledger : t_kill, id, SIGKILL));
	close_pool(pool);
	ledger_check(20);
	ck_assert_int_eq(ledger_count(20, 0), 10);
	ck_assert_int_eq(ledger_count(20, PROCPOOL_ECRASHED), 10);
}
END_TEST

static void
submit_again(const struct procpool_result *result, void *user)
{
	(void)result;
	flag_await(&shared->flag[3], 1, PATIENCE_MS);
	atomic_store(
	    &shared->flag[4], procpool_submit(user, NULL, 0, NULL, NULL));
}

/* L06: the task whose callback it is was accepted, a new one is not. */
START_TEST(a_pool_that_closes_takes_nothing_new)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct aside closer = { .pool = pool, .call = aside_close };

	ok(procpool_submit(pool, NULL, 0, submit_again, pool));
	aside_start(&closer);
	flag_set(&shared->flag[3], 1);
	ok(aside_join(&closer));
	expect(shared->flag[4], PROCPOOL_ECLOSING);
}
END_TEST

/* ------------------------------------------- Set-up of workers */

/* The state is the worker's own counter; its start is told in flag[0]. */
static int
set_up_counter(struct procpool_job *job, void **state)
{
	int *counter = calloc(1, sizeof(*counter));

	if (counter == NULL || *state != NULL ||
	    procpool_job_user(job) != (void *)shared)
		return 1;
	*counter = 100 * procpool_job_worker(job);
	*state = counter;
	flag_add(&shared->flag[0], 1);
	return 0;
}

static void
clear_up_counter(struct procpool_job *job, void *state)
{
	(void)job;
	flag_add(&shared->flag[1], 1);
	flag_add(&shared->flag[2], *(int *)state);
	free(state);
}

static int
count_up(struct procpool_job *job, const void *arg, size_t len)
{
	int *counter = procpool_job_state(job);

	(void)arg;
	(void)len;
	++*counter;
	return procpool_return(job, counter, sizeof(*counter));
}

static struct procpool *
open_counting(int n)
{
	return open_with((struct procpool_options){ .entry_point = count_up,
	    .n_jobs = n,
	    .oversubscribe = true,
	    .worker_start = set_up_counter,
	    .worker_exit = clear_up_counter,
	    .user = shared });
}

/* Start and exit functions with per-worker state. */
START_TEST(a_worker_keeps_its_state_from_start_to_exit)
{
	struct procpool *pool = open_counting(1);
	struct procpool_result result;

	for (int i = 1; i <= 10; i++) {
		ok(procpool_call(pool, NULL, 0, &result));
		ck_assert_int_eq(*(const int *)result.data, i);
		procpool_result_done(&result);
	}
	ck_assert_int_eq(shared->flag[0], 1);
	ck_assert_int_eq(shared->flag[1], 0);
	close_pool(pool);
	ck_assert_int_eq(shared->flag[1], 1);
	ck_assert_int_eq(shared->flag[2], 10);
}
END_TEST

/* The header: worker_exit is not called for a worker that dies. */
START_TEST(a_replacement_is_set_up_anew)
{
	struct procpool *pool = open_counting(1);
	struct procpool_result result;

	ok(procpool_call(pool, NULL, 0, &result));
	procpool_result_done(&result);
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	ok(procpool_call(pool, NULL, 0, &result));
	ck_assert_int_eq(*(const int *)result.data, 1);
	procpool_result_done(&result);
	ck_assert_int_eq(shared->flag[0], 2);
	close_pool(pool);
	ck_assert_int_eq(shared->flag[1], 1);
}
END_TEST

START_TEST(idle_workers_are_cleared_up_at_shutdown_too)
{
	struct procpool *pool = open_counting(2);

	await_flag(&shared->flag[0], 2, 5000);
	pool_works(pool);
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(shared->flag[1], 2);
	ck_assert_int_eq(shared->flag[2], 100);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------------- Refresh */

static int loaded = 1;

static int
read_loaded(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, &loaded, sizeof(loaded));
}

static void
expect_loaded(struct procpool *pool, int value)
{
	struct procpool_result result;

	for (int i = 0; i < 4; i++) {
		ok(procpool_call(pool, NULL, 0, &result));
		ck_assert_int_eq(*(const int *)result.data, value);
		procpool_result_done(&result);
	}
}

/* A new snapshot. */
START_TEST(workers_see_the_memory_of_the_last_refresh)
{
	struct procpool *pool;

	loaded = 1;
	pool = open_pool(2, read_loaded);
	loaded = 2;
	expect_loaded(pool, 1);
	ok(procpool_refresh(pool));
	expect_loaded(pool, 2);
	loaded = 3;
	ok(procpool_refresh(pool));
	expect_loaded(pool, 3);
	close_pool(pool);
}
END_TEST

/* Also a worker that is replaced later has that memory. */
START_TEST(a_replacement_has_the_memory_of_the_refresh)
{
	struct procpool *pool;
	struct procpool_result result;

	loaded = 1;
	pool = open_pool(1, read_loaded);
	loaded = 2;
	ok(procpool_refresh(pool));
	loaded = 3;
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	expect_loaded(pool, 2);
	close_pool(pool);
}
END_TEST

START_TEST(a_refresh_replaces_every_worker_and_leaves_no_old_one)
{
	struct procpool *pool = open_pool(3, t_ledger);
	const int processes = our_processes(NULL, 0);
	struct procpool_stats stats;
	pid_t old[3];
	pid_t fresh[3];

	pool_pids(pool, old);
	ok(procpool_refresh(pool));
	pool_pids(pool, fresh);
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			ck_assert_int_ne(old[i], fresh[j]);
		ck_assert(await_end(old[i], 1000));
	}
	await_processes(processes, 1000);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	ck_assert_uint_eq(stats.workers, 3);
	close_pool(pool);
}
END_TEST

static void *
submit_three_thousand(void *pool)
{
	for (int id = 0; id < 3000; id++) {
		if (submit_op(pool, t_ledger, id, 0) != 0)
			return pool;
		flag_add(&shared->flag[9], 1);
	}
	return NULL;
}

/* Replaced one after the other, no task lost. */
START_TEST(refreshes_amid_a_stream_lose_no_task)
{
	struct procpool *pool = open_pool(2, t_ledger);
	pthread_t thread;
	void *failed;

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, submit_three_thousand, pool), 0);
	await_flag(&shared->flag[9], 100, 5000);
	for (int i = 0; i < 5; i++)
		ok(procpool_refresh(pool));
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	drain_pool(pool);
	ledger_check(3000);
	ck_assert_int_eq(ledger_count(3000, 0), 3000);
	close_pool(pool);
}
END_TEST

/* Each old worker ends the task it runs; what waits behind goes to others. */
START_TEST(a_refresh_lets_the_running_task_end)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct aside refresher = { .pool = pool, .call = aside_refresh };

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	ok(submit_op(pool, t_ledger, 1, 0));
	aside_start(&refresher);
	ck_assert_int_eq(shared->completions, 0);
	flag_set(&shared->flag[1], 1);
	ok(aside_join(&refresher));
	drain_pool(pool);
	ledger_check(2);
	ck_assert_int_eq(ledger_count(2, 0), 2);
	close_pool(pool);
}
END_TEST

/* The header: a refresh that waits returns when the pool is shut down. */
START_TEST(a_shutdown_ends_a_refresh_that_waits)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct aside refresher = { .pool = pool, .call = aside_refresh };

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	aside_start(&refresher);
	ok(procpool_shutdown(pool));
	expect(aside_join(&refresher), PROCPOOL_ESHUTDOWN);
	close_pool(pool);
}
END_TEST

/*
 * A function that was not in the program before.  It takes nothing and returns
 * a number, so that it can stand for a job: of the libraries that come with the
 * C library, this is one that nothing else has loaded.
 */
static void *
load_module(procpool_job_fn *function)
{
	void *module = dlopen("libBrokenLocale.so.1", RTLD_NOW | RTLD_LOCAL);

	*function = module != NULL ? (procpool_job_fn)(uintptr_t)dlsym(
					 module, "__ctype_get_mb_cur_max")
				   : NULL;
	return *function != NULL ? module : NULL;
}

/* Bad input: a function the workers do not have; and what to do about it. */
START_TEST(a_function_loaded_later_is_refused_until_a_refresh)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_task task = { .arg = NULL };
	struct procpool_result result;
	void *module = load_module(&task.function);

	if (module == NULL) {
		close_pool(pool);
		SKIP("no libBrokenLocale.so.1 to load");
	}
	expect(procpool_call_task(pool, &task, &result), PROCPOOL_EFUNCTION);
	expect(procpool_submit_task(pool, &task), PROCPOOL_EFUNCTION);
	expect(procpool_try_submit(pool, &task), PROCPOOL_EFUNCTION);
	ok(procpool_refresh(pool));
	expect(procpool_call_task(pool, &task, &result), PROCPOOL_EFAILED);
	ck_assert_int_eq(result.code, task.function(NULL, NULL, 0));
	procpool_result_done(&result);
	close_pool(pool);
	dlclose(module);
}
END_TEST

/* --------------------------------------------------------- Prepare */

static int
prepare_twice(void *arg)
{
	(void)arg;
	need(procpool_prepare() == 0);
	need(procpool_prepare() == PROCPOOL_EPREPARED);
	return 0;
}

START_TEST(a_second_prepare_is_refused_and_nothing_outlives_the_program)
{
	expect_host(fork_host(prepare_twice, NULL), 0, 5000);
	await_processes(0, 1000);
}
END_TEST

static int
loaded_in_worker(struct procpool *pool)
{
	struct procpool_result result;
	int value = -1;

	if (procpool_call(pool, NULL, 0, &result) == 0)
		value = *(const int *)result.data;
	procpool_result_done(&result);
	return value;
}

static int
work_from_prepared(void *arg)
{
	struct procpool *pool;

	(void)arg;
	loaded = 5;
	need(procpool_prepare() == 0);
	loaded = 6;
	for (int i = 0; i < 3; i++) {
		need(procpool_open(&pool,
			 &(struct procpool_options){
			     .entry_point = read_loaded, .n_jobs = 1 }) == 0);
		need(loaded_in_worker(pool) == 5);
		need(procpool_refresh(pool) == 0);
		need(loaded_in_worker(pool) == 5);
		need(procpool_close(pool) == 0);
	}
	return 0;
}

/* The header: the memory of that moment, also after a refresh. */
START_TEST(pools_of_a_prepared_program_have_the_memory_of_that_moment)
{
	expect_host(fork_host(work_from_prepared, NULL), 0, 10000);
	await_processes(0, 1000);
}
END_TEST

static int
point_to_later_memory(void *arg)
{
	struct procpool *pool = NULL;
	struct procpool_options options = { .entry_point = t_pid, .n_jobs = 1 };

	(void)arg;
	need(procpool_prepare() == 0);
	options.user = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(options.user != MAP_FAILED);
	need(procpool_open(&pool, &options) == PROCPOOL_EUNPREPARED);
	need(pool == NULL);
	options.user = &loaded;
	need(procpool_open(&pool, &options) == 0);
	need(procpool_close(pool) == 0);
	if (load_module(&options.entry_point) != NULL)
		need(procpool_open(&pool, &options) == PROCPOOL_EUNPREPARED);
	return 0;
}

/* Bad input */
START_TEST(pointers_newer_than_the_preparation_are_refused)
{
	expect_host(fork_host(point_to_later_memory, NULL), 0, 5000);
	await_processes(0, 1000);
}
END_TEST

static int
die_prepared(void *arg)
{
	(void)arg;
	need(procpool_prepare() == 0);
	flag_set(&shared->flag[20], 1);
	while (pause() < 0)
		;
	return 1;
}

/* S6: the dormant process ends with the program too. */
START_TEST(the_prepared_process_ends_when_the_program_is_killed)
{
	const pid_t host = fork_host(die_prepared, NULL);

	await_flag(&shared->flag[20], 1, 5000);
	ck_assert_int_ge(our_processes(NULL, 0), 2);
	kill(host, SIGKILL);
	reap_host(host, 1000);
	await_processes(0, 1000);
}
END_TEST

/* ------------------------------------------------------ Nested (L19) */

/* Opens a pool of its own for the next depth, and returns the sum of what the
 * levels below return and its own depth. */
static int
nest(struct procpool_job *job, const void *arg, size_t len)
{
	const int depth = *(const int *)arg;
	struct procpool *pool;
	struct procpool_result result;
	int sum = depth;
	int rc = 0;

	(void)len;
	if (depth < 5) {
		rc = procpool_open(&pool,
		    &(struct procpool_options){
			.entry_point = nest, .n_jobs = 1 });
		if (rc != 0)
			return procpool_fail(job, depth, "open %d", rc);
		rc = procpool_call(
		    pool, &(int){ depth + 1 }, sizeof(int), &result);
		if (rc == 0)
			sum += *(const int *)result.data;
		procpool_result_done(&result);
		procpool_close(pool);
	}
	if (rc != 0)
		return procpool_fail(job, depth, "call %d", rc);
	return procpool_return(job, &sum, sizeof(sum));
}

/* L19 */
START_TEST(workers_open_pools_of_their_own_five_deep)
{
	struct procpool *pool = open_pool(1, nest);
	const int processes = our_processes(NULL, 0);
	struct procpool_result result;

	expect(procpool_call(pool, &(int){ 1 }, sizeof(int), &result), 0);
	ck_assert_int_eq(*(const int *)result.data, 1 + 2 + 3 + 4 + 5);
	procpool_result_done(&result);
	ck_assert_int_eq(our_processes(NULL, 0), processes);
	close_pool(pool);
}
END_TEST

/* Opens a pool, fills it, and is never done. */
static int
nest_and_hang(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool *pool;

	(void)arg;
	(void)len;
	if (procpool_open(&pool,
		&(struct procpool_options){ .entry_point = t_wait,
		    .n_jobs = 2,
		    .oversubscribe = true }) != 0)
		return procpool_fail(job, 1, "open");
	for (int id = 0; id < 2; id++)
		if (submit_op(pool, t_wait, id, 0) != 0)
			return procpool_fail(job, 1, "submit");
	flag_await(&shared->flag[30], 1, PATIENCE_MS);
	return 0;
}

/* L19: a nested pool dies with its worker, however that dies. */
START_TEST(a_nested_pool_ends_when_its_worker_is_killed)
{
	struct procpool *pool = open_pool(1, t_pid);
	const int processes = our_processes(NULL, 0);
	pid_t pid;

	pool_pids(pool, &pid);
	ok(procpool_submit_task(
	    pool, &(struct procpool_task){ .function = nest_and_hang }));
	await_flag(&shared->flag[0], 2, 5000);
	ck_assert_int_gt(our_processes(NULL, 0), processes + 1);
	kill(pid, SIGKILL);
	pool_works(pool);
	await_processes(processes, 1000);
	close_pool(pool);
}
END_TEST

/* L19 */
START_TEST(a_nested_pool_ends_at_shutdown)
{
	struct procpool *pool = open_pool(1, nest_and_hang);

	ok(procpool_submit(pool, NULL, 0, NULL, NULL));
	await_flag(&shared->flag[0], 2, 5000);
	ok(procpool_shutdown(pool));
	await_processes(0, 1000);
	close_pool(pool);
}
END_TEST

/* For use_the_parents(): the snapshot has it when it is set before a start. */
static struct procpool *parents;

static int
use_the_parents(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool_result result;
	struct procpool_stats stats;

	(void)arg;
	(void)len;
	if (procpool_submit(parents, NULL, 0, NULL, NULL) != PROCPOOL_EFORKED)
		return procpool_fail(job, 1, "submit");
	if (procpool_call(parents, NULL, 0, &result) != PROCPOOL_EFORKED)
		return procpool_fail(job, 2, "call");
	if (procpool_drain(parents, -1) != PROCPOOL_EFORKED)
		return procpool_fail(job, 3, "drain");
	if (procpool_refresh(parents) != PROCPOOL_EFORKED)
		return procpool_fail(job, 4, "refresh");
	if (procpool_shutdown(parents) != PROCPOOL_EFORKED)
		return procpool_fail(job, 5, "shutdown");
	if (procpool_start(parents) != PROCPOOL_EFORKED)
		return procpool_fail(job, 6, "start");
	if (procpool_get_stats(parents, &stats, NULL) != PROCPOOL_EFORKED)
		return procpool_fail(job, 7, "get_stats");
	if (procpool_close(parents) != PROCPOOL_EFORKED)
		return procpool_fail(job, 8, "close");
	return procpool_is_running(parents);
}

/* L19 */
START_TEST(the_parents_pool_is_refused_in_a_worker)
{
	struct procpool_result result;

	parents = open_later(1);
	ok(procpool_start(parents));
	expect(procpool_call_task(parents,
		   &(struct procpool_task){ .function = use_the_parents },
		   &result),
	    0);
	procpool_result_done(&result);
	pool_works(parents);
	close_pool(parents);
}
END_TEST

RUN_TESTS("life", a_pool_opened_to_start_later_has_no_process,
    a_pool_works_once_it_is_started,
    a_second_start_is_refused_and_harms_nothing,
    a_pool_opened_without_more_runs_at_once,
    all_workers_are_there_when_open_returns, nothing_is_left_when_close_returns,
    a_pool_that_was_never_started_leaves_nothing,
    a_pool_that_was_shut_down_leaves_nothing, two_pools_come_and_go_many_times,
    two_pools_work_side_by_side, name_and_count_are_as_configured,
    a_pool_without_a_name_is_called_procpool,
    the_statistics_equal_the_tests_own_count, the_statistics_always_add_up,
    the_time_in_jobs_is_counted_for_each_worker,
    draining_an_idle_pool_returns_at_once,
    a_drain_times_out_and_changes_nothing, a_drain_waits_for_callbacks_too,
    a_drain_does_not_wait_for_later_tasks,
    a_close_finishes_all_that_was_accepted,
    a_close_survives_the_death_of_a_worker, a_close_works_off_a_queue_of_deaths,
    a_pool_that_closes_takes_nothing_new,
    a_worker_keeps_its_state_from_start_to_exit, a_replacement_is_set_up_anew,
    idle_workers_are_cleared_up_at_shutdown_too,
    workers_see_the_memory_of_the_last_refresh,
    a_replacement_has_the_memory_of_the_refresh,
    a_refresh_replaces_every_worker_and_leaves_no_old_one,
    refreshes_amid_a_stream_lose_no_task, a_refresh_lets_the_running_task_end,
    a_shutdown_ends_a_refresh_that_waits,
    a_function_loaded_later_is_refused_until_a_refresh,
    a_second_prepare_is_refused_and_nothing_outlives_the_program,
    pools_of_a_prepared_program_have_the_memory_of_that_moment,
    pointers_newer_than_the_preparation_are_refused,
    the_prepared_process_ends_when_the_program_is_killed,
    workers_open_pools_of_their_own_five_deep,
    a_nested_pool_ends_when_its_worker_is_killed,
    a_nested_pool_ends_at_shutdown, the_parents_pool_is_refused_in_a_worker)
