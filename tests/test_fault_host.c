/*
 * Hosts that steal children, ignore SIGCHLD, have children of their own, let
 * the thread end that opened the pool, and fork.
 *
 * Rows of the fault catalogue: H01 H02 H03 H04 H05 H08 H10, each with the
 * oracle U1 to U11.  (H06 and H09 are in orphans.sh; H16, H17 and H18 in
 * test_fault_io.c.)
 */
#include "sabotage.h"

#include <sys/wait.h>

/* A death as it may be told when somebody else reaps the host's children. */
static void
expect_death(int id)
{
	if (atomic_load(&shared->outcome[id]) == PROCPOOL_EDIED)
		expect_end(id, PROCPOOL_EDIED, 0);
	else
		expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
}

/* What row W01 does: one task of 100 is killed. */
static void
kill_one_of_100(struct procpool *pool)
{
	submit_ops(pool, t_ledger, 0, 49, 0);
	submit_ops(pool, t_kill, 50, 50, SIGKILL);
	submit_ops(pool, t_ledger, 51, 99, 0);
	ledger_await(100, 5000);
	expect_death(50);
	expect_success(0, 49);
	expect_success(51, 99);
}

/* --------------------------------------------------------- Stolen children */

/* H01 with W01. */
START_TEST(a_host_that_waits_for_any_child_loses_no_task)
{
	struct trouble thief;
	struct procpool *pool;

	trouble_start(&thief, steal_children, NULL);
	pool = begin_fault(2);
	kill_one_of_100(pool);
	end_fault(pool, 100);
	trouble_stop(&thief);
}
END_TEST

/* H01 with W02. */
START_TEST(a_host_that_waits_for_any_child_loses_no_task_in_a_storm)
{
	enum {
		N = 1000
	};
	struct trouble thief;
	struct trouble storm;
	struct procpool *pool;
	int dead;

	trouble_start(&thief, steal_children, NULL);
	pool = begin_fault(2);
	trouble_start(&storm, kill_a_worker, NULL);
	submit_ops(pool, t_work, 0, N - 1, 200);
	ledger_await(N, 8000);
	trouble_stop(&storm);
	dead = ledger_count(N, PROCPOOL_ECRASHED) +
	    ledger_count(N, PROCPOOL_EDIED);
	ck_assert_int_eq(dead + ledger_count(N, 0), N);
	end_fault(pool, N);
	trouble_stop(&thief);
}
END_TEST

/* H01: starting waits for a child of the library's own. */
START_TEST(pools_open_and_close_while_a_thief_waits_for_any_child)
{
	struct trouble thief;

	trouble_start(&thief, steal_children, NULL);
	for (int i = 0; i < 20; i++) {
		const int64_t start = now_ms();
		struct procpool *pool = begin_fault(2);

		end_fault(pool, 0);
		took_less(start, 2000);
	}
	trouble_stop(&thief);
}
END_TEST

/* H01 */
START_TEST(a_shutdown_is_quick_while_a_thief_waits_for_any_child)
{
	struct trouble thief;
	struct procpool *pool;
	int64_t start;

	trouble_start(&thief, steal_children, NULL);
	pool = begin_fault(2);
	submit_ops(pool, t_spin, 0, 9, 0);
	await_flag(&shared->flag[0], 2, 5000);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	ck_assert_int_eq(ledger_count(10, PROCPOOL_ESHUTDOWN), 10);
	close_pool(pool);
	end_fault_closed(10);
	trouble_stop(&thief);
}
END_TEST

/* H01: `while (wait(NULL) > 0)` ends, though a pool is open. */
START_TEST(an_open_pool_is_no_child_that_the_host_could_wait_for)
{
	struct procpool *pool = begin_fault(2);

	kill_one_of_100(pool);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
	end_fault(pool, 100);
}
END_TEST

/* ---------------------------------------------------------------- SIGCHLD */

static void
set_sigchld(void (*handler)(int), int flags, struct sigaction *old)
{
	const struct sigaction action = { .sa_handler = handler,
		.sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGCHLD, &action, old), 0);
}

static void
expect_sigchld(void (*handler)(int), int flags)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);
	ck_assert(now.sa_handler == handler);
	ck_assert_int_eq(now.sa_flags & (SA_NOCLDWAIT | SA_RESTART), flags);
}

static void
pool_under_sigchld(void (*handler)(int), int flags)
{
	struct sigaction old;
	struct procpool *pool;

	set_sigchld(handler, flags, &old);
	pool = begin_fault(2);
	kill_one_of_100(pool);
	end_fault(pool, 100);
	expect_sigchld(handler, flags);
	sigaction(SIGCHLD, &old, NULL);
}

/* H02 */
START_TEST(a_host_that_ignores_sigchld_loses_no_task)
{
	pool_under_sigchld(SIG_IGN, 0);
}
END_TEST

/* H02 */
START_TEST(a_host_that_wants_no_zombies_loses_no_task)
{
	pool_under_sigchld(SIG_DFL, SA_NOCLDWAIT);
}
END_TEST

/* H02: after the pool was opened. */
START_TEST(a_host_may_ignore_sigchld_later)
{
	struct procpool *pool = begin_fault(2);
	struct sigaction old;

	set_sigchld(SIG_IGN, 0, &old);
	kill_one_of_100(pool);
	end_fault(pool, 100);
	expect_sigchld(SIG_IGN, 0);
	sigaction(SIGCHLD, &old, NULL);
}
END_TEST

/* H02: a wait for a child that is nowhere could be tried for ever. */
START_TEST(an_idle_pool_under_ignored_sigchld_does_not_spin)
{
	enum {
		IDLE_MS = 300
	};
	struct sigaction old;
	struct procpool *pool;
	int64_t used;

	set_sigchld(SIG_IGN, 0, &old);
	pool = begin_fault(2);
	kill_one_of_100(pool);
	await_workers(pool, 2, 2000);
	used = cpu_ms();
	usleep(IDLE_MS * 1000);
	ck_assert_int_lt(cpu_ms() - used, IDLE_MS / 3);
	end_fault(pool, 100);
	sigaction(SIGCHLD, &old, NULL);
}
END_TEST

/* ------------------------------------------------------------ Own children */

enum {
	CHILDREN = 50
};

/* Children that end with the codes 1 to CHILDREN when the pipe's other end is
 * closed, which is returned. */
static int
fork_children(pid_t *pids)
{
	int gate[2];
	char byte;

	ck_assert_int_eq(pipe(gate), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] > 0)
			continue;
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? i + 1 : 99);
	}
	close(gate[0]);
	return gate[1];
}

/* H03: half of the deaths of workers before, half after those of children. */
START_TEST(the_host_gets_every_child_of_its_own)
{
	struct procpool *pool = begin_fault(2);
	pid_t pids[CHILDREN];
	const int gate = fork_children(pids);
	int status;

	kill_one_of_100(pool);
	close(gate);
	submit_ops(pool, t_kill, 100, 109, SIGKILL);
	for (int i = 0; i < CHILDREN; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), i + 1);
	}
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1);
	ledger_await(110, 5000);
	end_fault(pool, 110);
}
END_TEST

/* ---------------------------------------------- A handler, system, popen */

static void
count_sigchld(int signal)
{
	(void)signal;
	atomic_fetch_add(&shared->flag[0], 1);
}

/* flag[1]: commands that gave another status than theirs. */
static void *
run_commands(void *unused)
{
	(void)unused;
	for (int i = 0; i < 50; i++) {
		const int status = system(i % 2 ? "exit 3" : "true");

		if (!WIFEXITED(status) ||
		    WEXITSTATUS(status) != (i % 2 ? 3 : 0))
			atomic_fetch_add(&shared->flag[1], 1);
	}
	return NULL;
}

/* H04: 100 commands from two threads, while workers die and are replaced. */
START_TEST(system_gives_the_right_status_while_workers_die)
{
	struct sigaction old;
	struct procpool *pool;
	pthread_t thread[2];

	set_sigchld(count_sigchld, SA_RESTART, &old);
	pool = begin_fault(2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, run_commands, NULL), 0);
	for (int i = 0; i < 10; i++) {
		submit_ops(pool, t_work, 10 * i, 10 * i + 8, 500);
		ok(submit_op(pool, t_kill, 10 * i + 9, SIGKILL));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ledger_await(100, 8000);
	ck_assert_int_eq(ledger_count(100, PROCPOOL_ECRASHED), 10);
	ck_assert_int_eq(ledger_count(100, 0), 90);
	ck_assert_int_eq(atomic_load(&shared->flag[1]), 0);
	end_fault(pool, 100);
	expect_sigchld(count_sigchld, SA_RESTART);
	sigaction(SIGCHLD, &old, NULL);
}
END_TEST

/* H04 */
START_TEST(the_hosts_sigchld_handler_tells_of_its_own_children_only)
{
	struct sigaction old;
	struct procpool *pool;
	char line[16] = "";
	int before;
	FILE *command;

	set_sigchld(count_sigchld, SA_RESTART, &old);
	pool = begin_fault(2);
	before = atomic_load(&shared->flag[0]);
	kill_one_of_100(pool);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), before);
	command = popen("echo hello", "re");
	ck_assert_ptr_nonnull(command);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), command));
	ck_assert_str_eq(line, "hello\n");
	ck_assert_int_eq(pclose(command), 0);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), before + 1);
	end_fault(pool, 100);
	sigaction(SIGCHLD, &old, NULL);
}
END_TEST

/* ---------------------------------------------------------------- SIGPIPE */

enum {
	MUCH = 8 << 20 /* bytes, far more than a pipe takes */
};

static int
check_much(struct procpool_job *job, const void *arg, size_t len)
{
	if (len != MUCH || !pattern_matches(arg, len))
		return procpool_fail(job, 1, "%zu bytes, not as sent", len);
	ledger_start(1);
	ledger_finish(1);
	return 0;
}

/* H05: the worker waits in a task and so reads nothing of the next one, which
 * the host is writing when the worker dies. */
START_TEST(a_host_with_default_sigpipe_survives_a_death_while_it_writes)
{
	struct procpool *pool = begin_fault(1);
	char *much = malloc(MUCH);
	struct sigaction action;

	ck_assert_ptr_nonnull(much);
	pattern_fill(much, MUCH);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &action), 0);
	ck_assert(action.sa_handler == SIG_DFL);
	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = much,
		.len = MUCH,
		.function = check_much,
		.done = ledger_done,
		.user = (void *)1 }));
	kill(atomic_load(&shared->ran_in[0]), SIGKILL);
	ledger_await(2, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	expect_end(1, 0, 0);
	free(much);
	end_fault(pool, 2);
}
END_TEST

/* ---------------------------------------------------------------- Threads */

static void *
open_in_thread(void *pool)
{
	*(struct procpool **)pool = begin_fault(2);
	return NULL;
}

static void *
use_in_thread(void *pool)
{
	kill_one_of_100(pool);
	return NULL;
}

/* H08: a death signal set at the fork would follow the thread. */
START_TEST(a_pool_outlives_the_thread_that_opened_it)
{
	struct procpool *pool = NULL;
	pthread_t thread;

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, open_in_thread, &pool), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_in_thread, pool), 0);
	pthread_join(thread, NULL);
	end_fault(pool, 100);
}
END_TEST

/* H08: a replacement is forked while that thread is gone. */
START_TEST(no_worker_dies_with_the_thread_that_opened_the_pool)
{
	struct procpool *pool = NULL;
	struct procpool_stats stats;
	pthread_t thread;
	pid_t pids[2];
	pid_t pids_later[2];

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, open_in_thread, &pool), 0);
	pthread_join(thread, NULL);
	pool_pids(pool, pids);
	pool_pids(pool, pids_later);
	ck_assert((pids[0] == pids_later[0] && pids[1] == pids_later[1]) ||
	    (pids[0] == pids_later[1] && pids[1] == pids_later[0]));
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	end_fault(pool, 0);
}
END_TEST

/* ----------------------------------------------------------- Forked copies */

static void
never_done(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
	atomic_fetch_add(&shared->flag[0], 1);
}

/* Which call in a copy of the host did not say PROCPOOL_EFORKED; 0: none. */
static int
use_copied_pool(struct procpool *pool, struct procpool_batch *batch)
{
	const struct procpool_task task = { .done = never_done };
	struct procpool_batch *another;
	struct procpool_result result;
	struct procpool_stats stats;

	if (procpool_submit(pool, NULL, 0, never_done, NULL) !=
	    PROCPOOL_EFORKED)
		return 1;
	if (procpool_submit_task(pool, &task) != PROCPOOL_EFORKED)
		return 2;
	if (procpool_try_submit(pool, &task) != PROCPOOL_EFORKED)
		return 3;
	if (procpool_call(pool, NULL, 0, &result) != PROCPOOL_EFORKED)
		return 4;
	if (procpool_batch_open(&another, pool, 1) != PROCPOOL_EFORKED)
		return 5;
	if (procpool_batch_add(batch, NULL, 0) != PROCPOOL_EFORKED)
		return 6;
	if (procpool_drain(pool, -1) != PROCPOOL_EFORKED)
		return 7;
	if (procpool_start(pool) != PROCPOOL_EFORKED)
		return 8;
	if (procpool_refresh(pool) != PROCPOOL_EFORKED)
		return 9;
	if (procpool_shutdown(pool) != PROCPOOL_EFORKED)
		return 10;
	if (procpool_get_stats(pool, &stats, NULL) != PROCPOOL_EFORKED)
		return 11;
	if (procpool_is_running(pool) != 0)
		return 12;
	if (procpool_close(pool) != PROCPOOL_EFORKED)
		return 13;
	return 0;
}

/* Run use_copied_pool() in a copy and take its verdict. */
static void
expect_forked(struct procpool *pool, struct procpool_batch *batch)
{
	const int64_t start = now_ms();
	const pid_t copy = fork();
	int status;

	ck_assert_int_ge(copy, 0);
	if (copy == 0)
		_exit(use_copied_pool(pool, batch));
	ck_assert_int_eq(waitpid(copy, &status, 0), copy);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 0, "call %d of use_copied_pool()",
	    WEXITSTATUS(status));
	took_less(start, 1000);
}

/* H10 */
START_TEST(a_forked_copy_of_the_host_is_told_that_the_pool_is_not_its_own)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_batch *batch;

	ok(procpool_batch_open(&batch, pool, 1));
	expect_forked(pool, batch);
	procpool_batch_close(batch);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	end_fault(pool, 0);
}
END_TEST

/* H10: with tasks running and queued. */
START_TEST(the_hosts_pool_is_unharmed_by_a_copy_that_used_it)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_batch *batch;
	pid_t pids[2];

	pool_pids(pool, pids);
	ok(procpool_batch_open(&batch, pool, 1));
	submit_ops(pool, t_wait, 0, 9, 0);
	await_flag(&shared->flag[0], 2, 5000);
	expect_forked(pool, batch);
	flag_set(&shared->flag[1], 1);
	ledger_await(10, 5000);
	expect_success(0, 9);
	ck_assert(!has_ended(pids[0]));
	ck_assert(!has_ended(pids[1]));
	procpool_batch_close(batch);
	end_fault(pool, 10);
}
END_TEST

/* The handle in a worker's copy of the memory, set before the pool starts. */
static struct procpool *inherited;

static int
use_inherited(struct procpool_job *job, const void *arg, size_t len)
{
	const int rc = procpool_submit(inherited, arg, len, NULL, NULL);

	return procpool_return(job, &rc, sizeof(rc));
}

/* H10: a worker is a copy too. */
START_TEST(a_job_is_told_that_the_pool_of_its_host_is_not_its_own)
{
	struct procpool_result result;

	inherited = begin_fault_with((struct procpool_options){
	    .entry_point = use_inherited, .n_jobs = 2, .start_later = true });
	ok(procpool_start(inherited));
	ok(procpool_call(inherited, NULL, 0, &result));
	expect(*(const int *)result.data, PROCPOOL_EFORKED);
	procpool_result_done(&result);
	end_fault(inherited, 0);
}
END_TEST

RUN_TESTS("fault_host", a_host_that_waits_for_any_child_loses_no_task,
    a_host_that_waits_for_any_child_loses_no_task_in_a_storm,
    pools_open_and_close_while_a_thief_waits_for_any_child,
    a_shutdown_is_quick_while_a_thief_waits_for_any_child,
    an_open_pool_is_no_child_that_the_host_could_wait_for,
    a_host_that_ignores_sigchld_loses_no_task,
    a_host_that_wants_no_zombies_loses_no_task, a_host_may_ignore_sigchld_later,
    an_idle_pool_under_ignored_sigchld_does_not_spin,
    the_host_gets_every_child_of_its_own,
    system_gives_the_right_status_while_workers_die,
    the_hosts_sigchld_handler_tells_of_its_own_children_only,
    a_host_with_default_sigpipe_survives_a_death_while_it_writes,
    a_pool_outlives_the_thread_that_opened_it,
    no_worker_dies_with_the_thread_that_opened_the_pool,
    the_hosts_pool_is_unharmed_by_a_copy_that_used_it,
    a_forked_copy_of_the_host_is_told_that_the_pool_is_not_its_own,
    a_job_is_told_that_the_pool_of_its_host_is_not_its_own)
