/*
 * Stopping: at once, with waiters, twice, again; by Ctrl-C; by the death of the
 * host.  Rows S1 to S7, L02, L05, L06.
 */
#include "testing.h"

/* ------------------------------------------------- Immediate shutdown */

/* Blocks all signals, as a worker that ignores SIGTERM does, then waits. */
static int
wait_deaf(struct procpool_job *job, const void *arg, size_t len)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return t_wait(job, arg, len);
}

/* Fill all workers with jobs that nobody lets go on. */
static struct procpool *
open_busy(int n, procpool_job_fn function, int64_t grace_ms)
{
	struct procpool *pool =
	    open_with((struct procpool_options){ .entry_point = function,
		.n_jobs = n,
		.oversubscribe = true,
		.grace_ms = grace_ms,
		.queue_tasks = 20000 });

	for (int id = 0; id < n; id++)
		ok(submit_op(pool, function, id, 0));
	await_flag(&shared->flag[0], n, 5000);
	return pool;
}

/* S1 */
START_TEST(a_shutdown_ends_long_jobs_within_two_seconds)
{
	struct procpool *pool = open_busy(2, t_wait, 0);
	const int64_t start = now_ms();

	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	ck_assert_int_eq(procpool_is_running(pool), 0);
	/* By then the workers are gone and the callbacks have run. */
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	ledger_check(2);
	ck_assert_int_eq(ledger_count(2, PROCPOOL_ESHUTDOWN), 2);
	close_pool(pool);
}
END_TEST

/* S1: the grace time is that of all workers together. */
START_TEST(workers_deaf_to_sigterm_share_one_grace_time)
{
	struct procpool *pool = open_busy(8, wait_deaf, 300);
	const int64_t start = now_ms();

	ok(procpool_shutdown(pool));
	took_less(start, 300 + 1000);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	ck_assert_int_eq(ledger_count(8, PROCPOOL_ESHUTDOWN), 8);
	close_pool(pool);
}
END_TEST

/* S1: a worker that computes, and never looks up, too. */
START_TEST(a_shutdown_ends_workers_that_spin)
{
	struct procpool *pool = open_busy(2, t_spin_blocked, 100);
	const int64_t start = now_ms();

	ok(procpool_shutdown(pool));
	took_less(start, 100 + 1000);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	close_pool(pool);
}
END_TEST

static int
tell_of_sigterm(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = *(const struct op *)arg;
	sigset_t term;
	int received;

	(void)job;
	(void)len;
	ledger_start(op.id);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	flag_add(&shared->flag[0], 1);
	sigwait(&term, &received);
	flag_add(&shared->flag[5], 1);
	return 0;
}

/* S1: the header says that busy workers get SIGTERM first. */
START_TEST(a_busy_worker_gets_sigterm_and_its_grace_time)
{
	struct procpool *pool = open_busy(1, tell_of_sigterm, 15000);
	const int64_t start = now_ms();

	ok(procpool_shutdown(pool));
	/* One that ends its task in time is not waited for any longer. */
	took_less(start, 5000);
	ck_assert_int_eq(shared->flag[5], 1);
	/* It may still end well, or be too late for that. */
	ck_assert_int_eq(shared->completed[0], 1);
	close_pool(pool);
}
END_TEST

/* L02: a long queue, of which nothing but the first jobs has begun. */
START_TEST(a_shutdown_settles_ten_thousand_queued_tasks)
{
	struct procpool *pool = open_busy(2, t_wait, 0);
	int64_t start;
	int begun = 0;

	for (int id = 2; id < 10000; id++)
		ok(submit_op(pool, t_wait, id, 0));
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	ledger_check(10000);
	ck_assert_int_eq(ledger_count(10000, PROCPOOL_ESHUTDOWN), 10000);
	for (int id = 0; id < 10000; id++)
		begun += shared->started[id];
	ck_assert_int_eq(begun, 2);
	close_pool(pool);
}
END_TEST

/* What a task that never ran tells. */
static void
keep_phase(const struct procpool_result *result, void *user)
{
	atomic_int *kept = user;

	kept[0] = result->outcome;
	kept[1] = (int)result->phase;
	kept[2] = result->attempt;
	kept[3] = result->message != NULL && result->data != NULL;
}

/* S1, D01 */
START_TEST(a_task_ended_by_shutdown_tells_whether_it_ran)
{
	struct procpool *pool = open_with(
	    (struct procpool_options){ .entry_point = t_wait, .n_jobs = 1 });
	atomic_int ran[4] = { 0 };
	atomic_int queued[4] = { 0 };

	ok(procpool_submit(
	    pool, &(struct op){ 0, 0 }, sizeof(struct op), keep_phase, ran));
	await_flag(&shared->flag[0], 1, 5000);
	ok(procpool_submit(
	    pool, &(struct op){ 1, 0 }, sizeof(struct op), keep_phase, queued));
	ok(procpool_shutdown(pool));
	expect(ran[0], PROCPOOL_ESHUTDOWN);
	ck_assert_int_eq(ran[1], PROCPOOL_RUNNING);
	ck_assert_int_eq(ran[2], 1);
	expect(queued[0], PROCPOOL_ESHUTDOWN);
	ck_assert_int_eq(queued[1], PROCPOOL_QUEUED);
	ck_assert_int_eq(queued[2], 0);
	ck_assert_int_eq(ran[3] + queued[3], 2);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------------- Waiters (S2) */

static int
call_that_waits(struct aside *aside)
{
	struct procpool_result result;
	const int rc = call_op(aside->pool, t_wait, aside->id, 0, &result);

	procpool_result_done(&result);
	return rc;
}

static int
submit_that_waits(struct aside *aside)
{
	return submit_op(aside->pool, t_wait, aside->id, 0);
}

/* S2: one worker, a queue of two; the first runs, the second waits in a batch,
 * the third does not fit. */
START_TEST(whoever_waits_is_told_of_the_shutdown)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait, .n_jobs = 1, .queue_tasks = 2 });
	struct aside caller = { .pool = pool, .call = call_that_waits };
	struct aside waiter = { .call = aside_batch_wait };
	struct aside submitter = {
		.pool = pool, .call = submit_that_waits, .id = 2
	};
	struct aside drainer = { .pool = pool, .call = aside_drain };

	aside_start(&caller);
	await_flag(&shared->flag[0], 1, 5000);
	ok(procpool_batch_open(&waiter.batch, pool, 1));
	ok(procpool_batch_add(
	    waiter.batch, &(struct op){ 1, 0 }, sizeof(struct op)));
	aside_start(&waiter);
	aside_start(&submitter);
	aside_start(&drainer);
	ok(procpool_shutdown(pool));
	expect(aside_join(&caller), PROCPOOL_ESHUTDOWN);
	expect(aside_join(&waiter), PROCPOOL_ESHUTDOWN);
	expect(aside_join(&submitter), PROCPOOL_ESHUTDOWN);
	expect(aside_join(&drainer), 0);
	ck_assert_int_eq(shared->started[1] + shared->started[2], 0);
	ck_assert_int_eq(shared->completed[2], 0);
	procpool_batch_close(waiter.batch);
	close_pool(pool);
}
END_TEST

/* S2: also when the batch could not have been complete. */
START_TEST(a_waiter_on_an_underfilled_batch_is_told_of_the_shutdown)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct aside waiter = { .call = aside_batch_wait };

	ok(procpool_batch_open(&waiter.batch, pool, 1));
	aside_start(&waiter);
	ok(procpool_shutdown(pool));
	expect(aside_join(&waiter), PROCPOOL_ESHUTDOWN);
	procpool_batch_close(waiter.batch);
	close_pool(pool);
}
END_TEST

/* L05: waits that began before a close return before it does. */
START_TEST(a_close_lets_waiters_have_their_results)
{
	struct procpool *pool = open_pool(1, t_wait);
	struct aside caller = { .pool = pool, .call = call_that_waits };
	struct aside waiter = { .call = aside_batch_wait };
	struct aside drainer = { .pool = pool, .call = aside_drain };

	aside_start(&caller);
	await_flag(&shared->flag[0], 1, 5000);
	ok(procpool_batch_open(&waiter.batch, pool, 1));
	ok(procpool_batch_add(
	    waiter.batch, &(struct op){ 1, 0 }, sizeof(struct op)));
	aside_start(&waiter);
	aside_start(&drainer);
	flag_set(&shared->flag[1], 1);
	close_pool(pool);
	expect(aside_join(&caller), 0);
	expect(aside_join(&waiter), 0);
	expect(aside_join(&drainer), 0);
	procpool_batch_close(waiter.batch);
}
END_TEST

/* L05: a shutdown from another thread makes a close quick. */
START_TEST(a_shutdown_meanwhile_makes_a_close_quick)
{
	struct procpool *pool = open_busy(1, t_wait, 0);
	struct aside closer = { .pool = pool, .call = aside_close };

	aside_start(&closer);
	ok(procpool_shutdown(pool));
	expect(aside_join(&closer), 0);
	ck_assert_int_eq(ledger_count(1, PROCPOOL_ESHUTDOWN), 1);
}
END_TEST

/* L05 */
START_TEST(a_submit_that_waits_when_the_pool_closes_returns)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_wait, .n_jobs = 1, .queue_tasks = 1 });
	struct aside submitter = {
		.pool = pool, .call = submit_that_waits, .id = 1
	};
	struct aside closer = { .pool = pool, .call = aside_close };
	int rc;

	ok(submit_op(pool, t_wait, 0, 0));
	aside_start(&submitter);
	aside_start(&closer);
	flag_set(&shared->flag[1], 1);
	expect(aside_join(&closer), 0);
	rc = aside_join(&submitter);
	ledger_check(rc == 0 ? 2 : 1);
	/* A close ends in a shutdown: it wakes up in the one or the other. */
	ck_assert_msg(
	    rc == 0 || rc == PROCPOOL_ECLOSING || rc == PROCPOOL_ESHUTDOWN,
	    "%s", procpool_errname(rc));
	ck_assert_int_eq(shared->started[1], rc == 0);
}
END_TEST

/* ------------------------------------------- After a shutdown (S3, S4) */

/* S3 */
START_TEST(every_use_after_a_shutdown_is_refused)
{
	struct procpool *pool = open_pool(1, t_ledger);
	struct procpool_batch *batch;
	struct procpool_result result;

	ok(procpool_batch_open(&batch, pool, 1));
	ok(procpool_shutdown(pool));
	expect(
	    procpool_submit(pool, NULL, 0, NULL, NULL), PROCPOOL_ENOTRUNNING);
	expect(procpool_try_submit(pool, &(struct procpool_task){ 0 }),
	    PROCPOOL_ENOTRUNNING);
	expect(procpool_batch_add(batch, NULL, 0), PROCPOOL_ENOTRUNNING);
	expect(procpool_call(pool, NULL, 0, &result), PROCPOOL_ENOTRUNNING);
	expect(procpool_refresh(pool), PROCPOOL_ENOTRUNNING);
	ok(procpool_drain(pool, -1));
	ck_assert_int_eq(procpool_is_running(pool), 0);
	procpool_batch_close(batch);
	close_pool(pool);
}
END_TEST

/* S3 */
START_TEST(a_second_shutdown_is_harmless)
{
	struct procpool *pool = open_pool(2, t_ledger);

	ok(procpool_shutdown(pool));
	ok(procpool_shutdown(pool));
	ok(procpool_shutdown(pool));
	close_pool(pool);
}
END_TEST

/* S3, L05 */
START_TEST(of_two_shutdowns_at_once_both_return_after_the_end)
{
	struct procpool *pool = open_busy(2, wait_deaf, 200);
	struct aside other = { .pool = pool, .call = aside_shutdown };

	aside_start(&other);
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	expect(aside_join(&other), 0);
	ledger_check(2);
	close_pool(pool);
}
END_TEST

/* S4: results of the earlier life must not come again. */
START_TEST(a_pool_starts_again_with_fresh_workers)
{
	struct procpool *pool = open_busy(2, t_wait, 0);
	pid_t old[2] = { shared->ran_in[0], shared->ran_in[1] };
	pid_t fresh[2];

	for (int id = 2; id < 50; id++)
		ok(submit_op(pool, t_wait, id, 0));
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(shared->completions, 50);
	ok(procpool_start(pool));
	ck_assert_int_eq(procpool_is_running(pool), 1);
	pool_pids(pool, fresh);
	for (int i = 0; i < 4; i++)
		ck_assert_int_ne(old[i / 2], fresh[i % 2]);
	for (int id = 50; id < 150; id++)
		ok(submit_op(pool, t_ledger, id, 0));
	drain_pool(pool);
	ledger_check(150);
	ck_assert_int_eq(ledger_count(50, PROCPOOL_ESHUTDOWN), 50);
	ck_assert_int_eq(ledger_count(150, 0), 100);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* S4 */
START_TEST(a_pool_starts_again_ten_times)
{
	struct procpool *pool = open_pool(2, t_ledger);

	for (int life = 0; life < 10; life++) {
		struct procpool_result result;

		ok(call_op(pool, t_ledger, life, 0, &result));
		procpool_result_done(&result);
		ok(procpool_shutdown(pool));
		ok(procpool_start(pool));
	}
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* One of eight threads that submit until they are refused. */
struct racer {
	struct procpool *pool;
	int first; /* id */
	int accepted;
	int refusal;
	pthread_t thread;
};

static void *
race(void *arg)
{
	struct racer *racer = arg;

	while (racer->accepted < 1000) {
		const int rc = submit_op(
		    racer->pool, t_ledger, racer->first + racer->accepted, 0);

		if (rc != 0) {
			racer->refusal = rc;
			break;
		}
		racer->accepted++;
		flag_add(&shared->flag[9], 1);
	}
	return NULL;
}

/* Each task of a racer was accepted and ended, or was not and never ran. */
static void
check_racer(const struct racer *racer)
{
	for (int i = 0; i < 1000; i++) {
		const int id = racer->first + i;
		const bool accepted = i < racer->accepted;

		ck_assert_int_eq(shared->completed[id], accepted);
		ck_assert_int_le(shared->started[id], accepted);
	}
	if (racer->accepted < 1000)
		ck_assert_msg(racer->refusal == PROCPOOL_ENOTRUNNING ||
			racer->refusal == PROCPOOL_ESHUTDOWN,
		    "%s", procpool_errname(racer->refusal));
}

/* L06 */
START_TEST(a_submit_that_races_with_a_shutdown_is_taken_or_refused)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct racer racers[8];

	for (int i = 0; i < 8; i++) {
		racers[i] = (struct racer){ .pool = pool, .first = i * 1000 };
		ck_assert_int_eq(
		    pthread_create(&racers[i].thread, NULL, race, &racers[i]),
		    0);
	}
	await_flag(&shared->flag[9], 500, 5000);
	ok(procpool_shutdown(pool));
	for (int i = 0; i < 8; i++)
		pthread_join(racers[i].thread, NULL);
	for (int i = 0; i < 8; i++)
		check_racer(&racers[i]);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------- Ctrl-C (S5) */

static atomic_int interrupted;

static void
note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void
handle_interrupt(void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGINT, &action, NULL);
}

/* Sleep until the handler has run; the mask closes the gap before the sleep. */
static void
await_interrupt(void)
{
	sigset_t block;
	sigset_t open;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &open);
	flag_set(&shared->flag[20], 1);
	while (!interrupted)
		sigsuspend(&open);
	sigprocmask(SIG_SETMASK, &open, NULL);
}

/* A program with long jobs on all workers, that stops in good order. */
static int
host_with_handler(void *arg)
{
	struct procpool *pool;

	(void)arg;
	handle_interrupt(note_interrupt);
	pool = open_busy(2, t_wait, 0);
	await_interrupt();
	need(ledger_count(2, 0) == 0);
	need(shared->completions == 0);
	need(procpool_shutdown(pool) == 0);
	need(procpool_close(pool) == 0);
	return 42;
}

/* One that has megabytes on the way when it is interrupted. */
static int
host_with_results_in_flight(void *arg)
{
	struct procpool *pool;

	(void)arg;
	handle_interrupt(note_interrupt);
	need(procpool_open(&pool,
		 &(struct procpool_options){ .entry_point = t_alloc_result,
		     .n_jobs = 2,
		     .oversubscribe = true,
		     .queue_tasks = 8 }) == 0);
	while (!interrupted) {
		need(submit_op(pool, t_alloc_result, 0, 1 << 20) == 0);
		if (shared->completions > 3)
			flag_set(&shared->flag[20], 1);
	}
	need(procpool_shutdown(pool) == 0);
	need(procpool_close(pool) == 0);
	return 42;
}

static void
exit_at_once(int signal)
{
	(void)signal;
	_exit(42);
}

/* One whose handler ends it without a word to the library. */
static int
host_that_just_exits(void *arg)
{
	(void)arg;
	handle_interrupt(exit_at_once);
	open_busy(2, t_wait, 0);
	await_interrupt();
	return 1;
}

/* Interrupt the host, or its whole group as a terminal does. */
static void
expect_interrupted(int (*body)(void *arg), bool group)
{
	const pid_t host = fork_host(body, NULL);
	int64_t start;

	await_flag(&shared->flag[20], 1, 5000);
	start = now_ms();
	ck_assert_int_eq(kill(group ? -host : host, SIGINT), 0);
	expect_host(host, 42, 2000);
	took_less(start, 1000);
	await_processes(0, 1000);
}

/* S5: the workers did not get the signal, the program decides. */
START_TEST(ctrl_c_in_a_terminal_is_the_programs_to_handle)
{
	expect_interrupted(host_with_handler, true);
}
END_TEST

/* S5 */
START_TEST(an_interrupt_of_the_parent_only_is_the_programs_to_handle)
{
	expect_interrupted(host_with_handler, false);
}
END_TEST

/* S5 */
START_TEST(ctrl_c_with_megabytes_in_flight_ends_the_program)
{
	expect_interrupted(host_with_results_in_flight, true);
}
END_TEST

/* S5 */
START_TEST(an_interrupt_of_the_parent_with_megabytes_in_flight_ends_it)
{
	expect_interrupted(host_with_results_in_flight, false);
}
END_TEST

/* S5 */
START_TEST(a_handler_that_exits_leaves_no_orphan)
{
	expect_interrupted(host_that_just_exits, true);
}
END_TEST

/* Tell the test that all is ready, and wait for a deadly signal. */
static int
await_death(void)
{
	flag_set(&shared->flag[20], 1);
	while (pause() < 0)
		;
	return 1;
}

static int
host_without_handler(void *arg)
{
	(void)arg;
	handle_interrupt(SIG_DFL);
	open_busy(2, t_wait, 0);
	return await_death();
}

/* S5 */
START_TEST(ctrl_c_without_a_handler_ends_everything)
{
	const pid_t host = fork_host(host_without_handler, NULL);
	int status;

	await_flag(&shared->flag[20], 1, 5000);
	kill(-host, SIGINT);
	status = reap_host(host, 1000);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGINT);
	await_processes(0, 1000);
}
END_TEST

/* --------------------------------------------- The host is killed (S6) */

static int
host_with_idle_workers(void *arg)
{
	struct procpool *pool = open_pool(2, t_ledger);

	(void)arg;
	pool_works(pool);
	return await_death();
}

static int
host_with_deaf_workers(void *arg)
{
	(void)arg;
	open_busy(4, wait_deaf, 0);
	return await_death();
}

static int
host_with_spinning_workers(void *arg)
{
	(void)arg;
	open_busy(2, t_spin_blocked, 0);
	return await_death();
}

static void
expect_nothing_after_kill(int (*body)(void *arg))
{
	const pid_t host = fork_host(body, NULL);
	int status;

	await_flag(&shared->flag[20], 1, 5000);
	/* The scan sees the workers, or it would see no orphan either. */
	ck_assert_int_gt(our_processes(NULL, 0), 2);
	kill(host, SIGKILL);
	status = reap_host(host, 1000);
	ck_assert(WIFSIGNALED(status));
	await_processes(0, 1000);
}

/* S6 */
START_TEST(idle_workers_end_when_the_program_is_killed)
{
	expect_nothing_after_kill(host_with_idle_workers);
}
END_TEST

/* S6 */
START_TEST(busy_workers_end_when_the_program_is_killed)
{
	expect_nothing_after_kill(host_with_deaf_workers);
}
END_TEST

/* S6 */
START_TEST(spinning_workers_end_when_the_program_is_killed)
{
	expect_nothing_after_kill(host_with_spinning_workers);
}
END_TEST

/* S6 */
START_TEST(workers_end_when_the_program_is_killed_amid_results)
{
	expect_nothing_after_kill(host_with_results_in_flight);
}
END_TEST

/* ------------------------------------- The process is left alone (S7) */

static atomic_int handled;

static void
count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&handled, 1);
}

static void
expect_handler(int signal, void (*handler)(int signal))
{
	struct sigaction action;

	ck_assert_int_eq(sigaction(signal, NULL, &action), 0);
	ck_assert_msg(action.sa_handler == handler,
	    "the handler of %s was changed", strsignal(signal));
}

static void
expect_handlers(void)
{
	expect_handler(SIGCHLD, count_signal);
	expect_handler(SIGINT, count_signal);
	expect_handler(SIGTERM, count_signal);
	expect_handler(SIGPIPE, SIG_DFL);
}

/* S7: at each step of a pool's life, with a death in it. */
START_TEST(the_programs_signal_handlers_stay)
{
	static const int signals[3] = { SIGCHLD, SIGINT, SIGTERM };
	struct sigaction old[3];
	struct sigaction mine = { .sa_handler = count_signal,
		.sa_flags = SA_RESTART };
	struct procpool *pool;
	struct procpool_result result;

	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &mine, &old[i]);
	pool = open_pool(2, t_ledger);
	expect_handlers();
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	pool_works(pool);
	expect_handlers();
	ok(procpool_shutdown(pool));
	expect_handlers();
	ok(procpool_start(pool));
	close_pool(pool);
	expect_handlers();
	handled = 0;
	raise(SIGTERM);
	ck_assert_int_eq(handled, 1);
	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &old[i], NULL);
}
END_TEST

static pid_t
fork_child(int status)
{
	const pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(status);
	return pid;
}

/* S7 */
START_TEST(the_programs_own_children_are_its_own_to_reap)
{
	const pid_t before = fork_child(7);
	struct procpool *pool = open_pool(2, t_ledger);
	const pid_t during = fork_child(8);
	struct procpool_result result;
	int status;

	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	pool_works(pool);
	close_pool(pool);
	ck_assert_int_eq(waitpid(before, &status, 0), before);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	ck_assert_int_eq(waitpid(during, &status, 0), during);
	ck_assert_int_eq(WEXITSTATUS(status), 8);
}
END_TEST

/* S7: a program that waits for all its children does not wait for ours. */
START_TEST(the_programs_wait_finds_no_child_of_the_library)
{
	struct procpool *pool = open_pool(2, t_ledger);
	struct procpool_result result;

	ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
	expect(call_op(pool, t_kill, 0, SIGKILL, &result), PROCPOOL_ECRASHED);
	procpool_result_done(&result);
	pool_works(pool);
	ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
	close_pool(pool);
}
END_TEST

/* S7: a worker's death while there is much to write to it. */
START_TEST(a_broken_pipe_does_not_reach_the_program)
{
	struct procpool *pool = open_pool(1, t_kill);
	char *bytes = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(bytes);
	((struct op *)bytes)->value = SIGKILL;
	for (int i = 0; i < 10; i++)
		ok(procpool_submit(pool, bytes, 1 << 20, ledger_done, NULL));
	drain_pool(pool);
	ck_assert_int_eq(shared->completions, 10);
	ck_assert_int_eq(shared->started[0], 10);
	free(bytes);
	close_pool(pool);
}
END_TEST

RUN_TESTS("shutdown", a_shutdown_ends_long_jobs_within_two_seconds,
    workers_deaf_to_sigterm_share_one_grace_time,
    a_shutdown_ends_workers_that_spin,
    a_busy_worker_gets_sigterm_and_its_grace_time,
    a_shutdown_settles_ten_thousand_queued_tasks,
    a_task_ended_by_shutdown_tells_whether_it_ran,
    whoever_waits_is_told_of_the_shutdown,
    a_waiter_on_an_underfilled_batch_is_told_of_the_shutdown,
    a_close_lets_waiters_have_their_results,
    a_shutdown_meanwhile_makes_a_close_quick,
    a_submit_that_waits_when_the_pool_closes_returns,
    every_use_after_a_shutdown_is_refused, a_second_shutdown_is_harmless,
    of_two_shutdowns_at_once_both_return_after_the_end,
    a_pool_starts_again_with_fresh_workers, a_pool_starts_again_ten_times,
    a_submit_that_races_with_a_shutdown_is_taken_or_refused,
    ctrl_c_in_a_terminal_is_the_programs_to_handle,
    an_interrupt_of_the_parent_only_is_the_programs_to_handle,
    ctrl_c_with_megabytes_in_flight_ends_the_program,
    an_interrupt_of_the_parent_with_megabytes_in_flight_ends_it,
    a_handler_that_exits_leaves_no_orphan,
    ctrl_c_without_a_handler_ends_everything,
    idle_workers_end_when_the_program_is_killed,
    busy_workers_end_when_the_program_is_killed,
    spinning_workers_end_when_the_program_is_killed,
    workers_end_when_the_program_is_killed_amid_results,
    the_programs_signal_handlers_stay,
    the_programs_own_children_are_its_own_to_reap,
    the_programs_wait_finds_no_child_of_the_library,
    a_broken_pipe_does_not_reach_the_program)
