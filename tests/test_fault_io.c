/*
 * Pipes that take or give a byte at a time, pipes that hold 4096 bytes, calls
 * that are interrupted all the time, and workers that die at a given read or
 * write.
 *
 * Rows of the fault catalogue: H16 H17 H18, and W16 and W17 at the exact
 * system call, each with the oracle U1 to U11.
 *
 * This program is linked with short_io.c.  Where a build's pipes are not
 * reached by it, a test says so and is skipped.
 */
#include "sabotage.h"
#include "short_io.h"

#include <dirent.h>
#include <sys/syscall.h>

/* ------------------------------------------------------------ Transfers */

/* flag[3]: results of t_echo that are not what was sent. */
static void
judge_echo(const struct procpool_result *result, void *user)
{
	if (result->outcome == 0 && !pattern_matches(result->data, result->len))
		atomic_fetch_add(&shared->flag[3], 1);
	ledger_done(result, user);
}

static void
submit_echo(struct procpool *pool, const char *bytes, size_t len, int id)
{
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = bytes,
		.len = len,
		.function = t_echo,
		.done = judge_echo,
		.user = (void *)(uintptr_t)id }));
}

static void
call_echo(struct procpool *pool, const char *bytes, size_t len)
{
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){
		.arg = bytes, .len = len, .function = t_echo },
	    &result));
	ck_assert_uint_eq(result.len, len);
	ck_assert(pattern_matches(result.data, len));
	procpool_result_done(&result);
}

/* The ledger's other half, which t_echo does not write. */
static void
count_as_finished(int first, int last)
{
	for (int id = first; id <= last; id++)
		ledger_finish(id);
}

/* n bytes of the pattern, which the caller frees. */
static char *
pattern(size_t len)
{
	char *bytes = malloc(len);

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, len);
	return bytes;
}

/* Lengths up to `most`, in all positions to what is cut: n submitted at once,
 * then n calls. */
static void
transfer(struct procpool *pool, int n, size_t most)
{
	char *bytes = pattern(most);

	for (int id = 0; id < n; id++)
		submit_echo(pool, bytes, most * (size_t)id / (size_t)n, id);
	ledger_await(n, 10000);
	count_as_finished(0, n - 1);
	expect_success(0, n - 1);
	ck_assert_int_eq(atomic_load(&shared->flag[3]), 0);
	for (int i = 0; i < n; i++)
		call_echo(pool, bytes, most * (size_t)i / (size_t)n);
	free(bytes);
}

/* H17: whether the seam works in this build. */
static bool
are_short(void)
{
	return short_io_in_host() > 0 && short_io_in_workers() > 0;
}

static void
transfer_short(unsigned seed, size_t limit, int n, size_t most)
{
	struct procpool *pool;
	bool effective;

	short_io_begin(seed, limit, 0);
	pool = begin_fault(2);
	transfer(pool, n, most);
	effective = are_short();
	end_fault(pool, n);
	short_io_end();
	if (!effective)
		SKIP("no transfer of the library was cut short");
}

/* H17 */
START_TEST(data_is_identical_when_pipes_move_one_byte_at_a_time)
{
	transfer_short(1, 1, 40, 300);
}
END_TEST

/* H17 */
START_TEST(data_is_identical_when_pipes_move_up_to_100_bytes_at_a_time)
{
	transfer_short(2, 100, 60, 5000);
}
END_TEST

/* H17: large payloads may go another way. */
START_TEST(data_is_identical_when_pipes_move_up_to_20000_bytes_at_a_time)
{
	transfer_short(3, 20000, 30, 600000);
}
END_TEST

/* H17: a replacement, too, is told byte by byte. */
START_TEST(a_death_is_seen_when_pipes_move_one_byte_at_a_time)
{
	struct procpool *pool;

	short_io_begin(4, 1, 0);
	pool = begin_fault(2);
	for (int i = 0; i < 5; i++) {
		submit_ops(pool, t_ledger, 4 * i, 4 * i + 2, 0);
		ok(submit_op(pool, t_kill, 4 * i + 3, SIGKILL));
	}
	ledger_await(20, 5000);
	for (int i = 0; i < 5; i++) {
		expect_success(4 * i, 4 * i + 2);
		expect_end(4 * i + 3, PROCPOOL_ECRASHED, SIGKILL);
	}
	end_fault(pool, 20);
	short_io_end();
}
END_TEST

/* ------------------------------------------------------------ Tiny pipes */

/* H18: arguments and results are both larger than a pipe by far, so both
 * directions are full at once. */
START_TEST(full_pipes_of_4096_bytes_in_both_directions_do_not_block)
{
	struct procpool *pool;
	bool effective;

	short_io_begin(5, 0, 4096);
	pool = begin_fault(2);
	transfer(pool, 30, 1 << 20);
	effective = short_io_pipes() > 0;
	end_fault(pool, 30);
	short_io_end();
	if (!effective)
		SKIP("the library's pipes could not be made small");
}
END_TEST

/* H18: many small frames, which fill the pipes before anybody reads. */
START_TEST(many_small_tasks_pass_through_pipes_of_4096_bytes)
{
	enum {
		N = 3000
	};
	struct procpool *pool;
	bool effective;

	short_io_begin(6, 0, 4096);
	pool = begin_fault(2);
	submit_ops(pool, t_ledger, 0, N - 1, 0);
	ledger_await(N, 5000);
	expect_success(0, N - 1);
	effective = short_io_pipes() > 0;
	end_fault(pool, N);
	short_io_end();
	if (!effective)
		SKIP("the library's pipes could not be made small");
}
END_TEST

/* Hold one worker: with flag[4 * worker] set it has begun. */
static void
hold_one(struct procpool *pool, int worker, int id)
{
	const struct op op = { id, 4 * worker };
	struct procpool_task task = op_task(t_wait, &op);

	flag_set(&shared->flag[4 * worker], 0);
	flag_set(&shared->flag[4 * worker + 1], 0);
	task.key = (uint64_t)(2 + worker);
	ok(procpool_submit_task(pool, &task));
	await_flag(&shared->flag[4 * worker], 1, 5000);
}

/* H18: both workers are sent more than their pipes hold.  One runs what the
 * other has, too, which then skips those frames and has nothing else to do.  It
 * gets the next task all the same, whenever the last of them can be written. */
START_TEST(a_worker_that_skips_what_was_taken_back_gets_the_next_task)
{
	enum {
		ROUNDS = 20,
		N = 1000
	};
	struct procpool *pool;
	pid_t pids[2];

	short_io_begin(9, 0, 4096);
	short_io_refuse();
	pool = begin_fault(2);
	for (int round = 0, first = 0; round < ROUNDS; round++, first += N) {
		hold_one(pool, 0, first);
		hold_one(pool, 1, first + 1);
		submit_ops(pool, t_ledger, first + 2, first + N - 1, 0);
		flag_set(&shared->flag[5], 1);
		ledger_await(first + N - 1, 5000);
		flag_set(&shared->flag[1], 1);
		ledger_await(first + N, 5000);
		pool_pids(pool, pids);
	}
	end_fault(pool, ROUNDS * N);
	short_io_end();
}
END_TEST

/* ---------------------------------------------------------- Interruptions */

static void
count_interruption(int signal)
{
	(void)signal;
	atomic_fetch_add(&shared->flag[4], 1);
}

static void
handle_without_restart(struct sigaction *old)
{
	const struct sigaction action = { .sa_handler = count_interruption };

	sigaction(SIGUSR1, &action, old);
}

/* A step of a storm on all threads of this process. */
static void
interrupt_threads(void *unused)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	(void)unused;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (atoi(entry->d_name) > 0)
			(void)syscall(
			    SYS_tgkill, getpid(), atoi(entry->d_name), SIGUSR1);
	if (dir != NULL)
		closedir(dir);
	usleep(100);
}

/* A blocking caller, who gets the signals. */
static void *
call_many(void *pool)
{
	char *bytes = pattern(100000);

	for (int i = 0; i < 150; i++)
		call_echo(pool, bytes, i % 2 ? 100 : 100000);
	free(bytes);
	return NULL;
}

static void
call_from_two_threads(struct procpool *pool)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, call_many, pool), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* H16: from two threads, about 100 us apart. */
START_TEST(a_storm_of_signals_in_the_host_loses_nothing)
{
	struct trouble storms[2];
	struct sigaction old;
	struct procpool *pool;

	handle_without_restart(&old);
	for (int i = 0; i < 2; i++)
		trouble_start(&storms[i], interrupt_threads, NULL);
	pool = begin_fault(2);
	call_from_two_threads(pool);
	transfer(pool, 30, 300000);
	for (int i = 0; i < 2; i++)
		trouble_stop(&storms[i]);
	ck_assert_int_gt(atomic_load(&shared->flag[4]), 0);
	end_fault(pool, 30);
	sigaction(SIGUSR1, &old, NULL);
}
END_TEST

static int
handle_in_worker(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	handle_without_restart(NULL);
	return 0;
}

static void
interrupt_workers(void *pids)
{
	for (int i = 0; i < 2; i++)
		kill(((const pid_t *)pids)[i], SIGUSR1);
	usleep(100);
}

/* H16: a job, or a library it uses, has installed the handler. */
START_TEST(a_storm_of_signals_in_the_workers_loses_nothing)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .worker_start = handle_in_worker });
	struct procpool_stats stats;
	struct trouble storm;
	pid_t pids[2];

	pool_pids(pool, pids);
	trouble_start(&storm, interrupt_workers, pids);
	call_from_two_threads(pool);
	transfer(pool, 30, 300000);
	trouble_stop(&storm);
	ck_assert_int_gt(atomic_load(&shared->flag[4]), 0);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	end_fault(pool, 30);
}
END_TEST

/* ----------------------------------------- Death at a given system call */

enum {
	LARGE = 300000 /* bytes of a result that takes several writes */
};

/* flag[5]: results that are neither whole nor none. */
static void
judge_large(const struct procpool_result *result, void *user)
{
	if (result->outcome == 0
		? result->len != LARGE || !pattern_matches(result->data, LARGE)
		: result->len != 0)
		atomic_fetch_add(&shared->flag[5], 1);
	ledger_done(result, user);
}

static void
submit_large(struct procpool *pool, int id)
{
	const struct op op = { id, LARGE };

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = t_alloc_result,
		.done = judge_large,
		.user = (void *)(uintptr_t)id }));
}

/* Small and large results, one of which is cut off at the n-th write: at most
 * that one is lost, and everything else is as it was sent. */
static void
die_at_write(struct procpool *pool, int n, int first)
{
	const int before = ledger_count(first, 0);
	int all;

	short_io_kill_at_write(n);
	for (int id = first; id < first + 6; id += 2) {
		ok(submit_op(pool, t_ledger, id, 0));
		submit_large(pool, id + 1);
	}
	ledger_await(first + 6, 5000);
	short_io_kill_at_write(0);
	all = ledger_count(first + 6, 0);
	ck_assert_int_ge(all - before, 5);
	all += ledger_count(first + 6, PROCPOOL_ECRASHED);
	ck_assert_int_eq(all, first + 6);
	ck_assert_int_eq(atomic_load(&shared->flag[5]), 0);
}

/* W16 */
START_TEST(a_worker_that_dies_at_any_write_costs_one_task_at_most)
{
	enum {
		WRITES = 12
	};
	struct procpool *pool;
	int killed;

	short_io_begin(7, 0, 0);
	pool = begin_fault(1);
	for (int n = 1; n <= WRITES; n++)
		die_at_write(pool, n, 6 * (n - 1));
	killed = short_io_killed();
	end_fault(pool, 6 * WRITES);
	short_io_end();
	if (killed == 0)
		SKIP("no write of a worker was seen");
}
END_TEST

/* W17: the result is in the pipe, and the worker dies before its next read. */
START_TEST(a_result_in_the_pipe_outlives_the_worker)
{
	enum {
		N = 6
	}; /* fewer deaths than would say that the pool is broken */
	struct procpool *pool;
	int killed;

	short_io_begin(8, 0, 0);
	pool = begin_fault(1);
	for (int id = 0; id < N; id++) {
		pool_works(pool);
		short_io_kill_at_read(1);
		ok(submit_op(pool, t_ledger, id, 0));
		ledger_await(id + 1, 5000);
		expect_end(id, 0, 0);
	}
	killed = short_io_killed();
	short_io_kill_at_read(0);
	end_fault(pool, N);
	short_io_end();
	if (killed == 0)
		SKIP("no read of a worker was seen");
}
END_TEST

RUN_TESTS("fault_io", data_is_identical_when_pipes_move_one_byte_at_a_time,
    data_is_identical_when_pipes_move_up_to_100_bytes_at_a_time,
    data_is_identical_when_pipes_move_up_to_20000_bytes_at_a_time,
    a_death_is_seen_when_pipes_move_one_byte_at_a_time,
    full_pipes_of_4096_bytes_in_both_directions_do_not_block,
    many_small_tasks_pass_through_pipes_of_4096_bytes,
    a_worker_that_skips_what_was_taken_back_gets_the_next_task,
    a_storm_of_signals_in_the_host_loses_nothing,
    a_storm_of_signals_in_the_workers_loses_nothing,
    a_worker_that_dies_at_any_write_costs_one_task_at_most,
    a_result_in_the_pipe_outlives_the_worker)
