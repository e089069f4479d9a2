/*
 * Limits of the system: no more descriptors, processes, threads or memory, and
 * system calls that there are not.
 *
 * Rows of the fault catalogue: H11 H12 H13 H24 L02 L22, each with the oracle U1
 * to U11.  (Every single call that fails, and L22 in the host: test_fault_inject.c.
 * Too few descriptors for an open: test_regression.c.)
 */
#include "hurry.h"
#include "sabotage.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "inject.h"

/* What is short in this test, in memory that all processes share. */
static struct inject *
short_of(enum inject_call call, enum inject_who who, int error)
{
	struct inject *inject = mmap(NULL, sizeof(*inject),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(inject, MAP_FAILED);
	inject->call = call;
	inject->who = who;
	inject->first = 1;
	inject->for_good = true;
	inject->error = error;
	return inject;
}

/* A log function: counts in flag[user] the workers that could not be made. */
static void
count_missing(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	if (strstr(message, "no worker could be started") != NULL)
		flag_add(&shared->flag[(uintptr_t)user], 1);
}

static struct procpool *
begin_counted(int n, uintptr_t flag)
{
	return begin_fault_with((struct procpool_options){ .n_jobs = n,
	    .oversubscribe = true,
	    .entry_point = t_ledger,
	    .log = count_missing,
	    .log_level = PROCPOOL_DEBUG,
	    .user = (void *)flag });
}

/* --------------------------------------------------------- A long shortage */

enum {
	ENOUGH = 12 /* failures, more than a pool with no worker takes */
};

/*
 * H11, H13: a worker of each pool dies and cannot be replaced for some
 * seconds.  The pool that has another worker goes on with it; the one that has
 * none breaks; both are well when the shortage is over.
 */
START_TEST(only_a_pool_without_any_worker_breaks_in_a_shortage)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *two = begin_counted(2, 0);
	struct procpool *one;
	const int64_t start = now_ms();

	hurry();
	ok(procpool_open(&one,
	    &(struct procpool_options){ .entry_point = t_ledger,
		.n_jobs = 1,
		.log = count_missing,
		.log_level = PROCPOOL_DEBUG,
		.user = (void *)1 }));
	inject_begin(descriptors);
	submit_ops(two, t_kill, 0, 0, SIGKILL);
	submit_ops(one, t_kill, 1, 1, SIGKILL);
	ledger_await(2, 2000);
	submit_ops(one, t_ledger, 2, 4, 0);
	ledger_await(5, 8000);
	for (int id = 2; id <= 4; id++)
		expect_end(id, PROCPOOL_EBROKEN, 0);
	expect(procpool_submit(one, NULL, 0, NULL, NULL), PROCPOOL_EBROKEN);
	await_flag(&shared->flag[0], ENOUGH, 8000);
	submit_ops(two, t_ledger, 5, 20, 0);
	ledger_await(21, 2000);
	expect_success(5, 20);
	ck_assert(procpool_is_running(two));
	inject_stop();
	await_workers(two, 2, 3000);
	ok(procpool_shutdown(one));
	ok(procpool_start(one));
	ok(submit_op(one, t_ledger, 21, 0));
	ledger_await(22, 2000);
	expect_success(21, 21);
	took_less(start, 12000);
	close_pool(one);
	end_fault(two, 22);
}
END_TEST

/*
 * H13: a shortage that others have outlived for long is no reason to break at
 * once when the last of them dies: the pool tries as often as any other.
 */
START_TEST(the_last_worker_to_die_in_a_long_shortage_has_its_tries)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	int missing;

	hurry();
	inject_begin(descriptors);
	submit_ops(pool, t_kill, 0, 0, SIGKILL);
	await_flag(&shared->flag[0], ENOUGH, 8000);
	missing = atomic_load(&shared->flag[0]);
	submit_ops(pool, t_kill, 1, 1, SIGKILL);
	submit_ops(pool, t_ledger, 2, 9, 0);
	await_flag(&shared->flag[0], missing + 5, 8000);
	inject_stop();
	ledger_await(10, 5000);
	expect_success(2, 9);
	end_fault(pool, 10);
}
END_TEST

static void
submit_keyed(struct procpool *pool, procpool_job_fn function, int id, int value,
    uint64_t key)
{
	const struct op op = { id, value };

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = function,
		.done = ledger_done,
		.user = (void *)(uintptr_t)id,
		.key = key }));
}

static int
b_nothing(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	return 0;
}

/* H13: what was broadcast before is no task of a worker that cannot be made, and
 * so nothing that a drain or a close waits for. */
START_TEST(a_close_in_a_shortage_does_not_wait_for_a_worker)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	int64_t start;

	ok(procpool_broadcast(
	    pool, &(struct procpool_task){ .function = b_nothing }));
	ok(procpool_drain(pool, bound(5000)));
	inject_begin(descriptors);
	submit_ops(pool, t_kill, 0, 0, SIGKILL);
	await_flag(&shared->flag[0], 2, 5000);
	submit_ops(pool, t_ledger, 1, 9, 0);
	ok(procpool_drain(pool, bound(3000)));
	start = now_ms();
	close_pool(pool);
	took_less(start, 3000);
	inject_stop();
	expect_success(1, 9);
	end_fault_closed(10);
}
END_TEST

/* A procpool_done_fn: counts in flag[8] the runs that a worker has made, in
 * flag[9] those that had none for want of what pipe2() did not give. */
static void
count_runs(const struct procpool_result *result, void *user)
{
	(void)user;
	if (result->outcome == 0 && result->worker >= 0)
		flag_add(&shared->flag[8], 1);
	if (result->outcome == -EMFILE && result->worker < 0)
		flag_add(&shared->flag[9], 1);
}

/* H13: nor is what is broadcast meanwhile; the worker gets it once it is there.
 */
START_TEST(a_broadcast_in_a_shortage_passes_over_a_worker_that_is_not_there)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	const struct procpool_task task = { .function = b_nothing,
		.done = count_runs };

	inject_begin(descriptors);
	submit_ops(pool, t_kill, 0, 0, SIGKILL);
	await_flag(&shared->flag[0], 2, 5000);
	for (int i = 0; i < 20; i++)
		ok(procpool_broadcast(pool, &task));
	ok(procpool_drain(pool, bound(3000)));
	ck_assert_int_eq(atomic_load(&shared->flag[8]), 20);
	inject_stop();
	await_workers(pool, 2, 3000);
	ok(procpool_drain(pool, bound(3000)));
	ck_assert_int_eq(atomic_load(&shared->flag[8]), 20 + 1);
	ck_assert_int_eq(atomic_load(&shared->flag[9]), 0);
	end_fault(pool, 1);
}
END_TEST

/* H13: with no worker at all it is kept, and that is all. */
START_TEST(a_broadcast_to_no_worker_is_kept_for_the_first)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(1, 0);

	inject_begin(descriptors);
	submit_ops(pool, t_kill, 0, 0, SIGKILL);
	await_flag(&shared->flag[0], 2, 5000);
	ok(procpool_broadcast(pool,
	    &(struct procpool_task){
		.function = b_nothing, .done = count_runs }));
	ok(procpool_drain(pool, bound(3000)));
	inject_stop();
	await_flag(&shared->flag[8], 1, 3000);
	end_fault(pool, 1);
}
END_TEST

/* H13: one that waits for a worker that dies and cannot be replaced ends with
 * the reason; the next worker has it again. */
START_TEST(a_broadcast_that_waits_for_a_worker_ends_in_a_shortage)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);

	submit_ops(pool, t_wait, 0, 1, 1);
	await_flag(&shared->flag[1], 2, 5000);
	ok(procpool_broadcast(pool,
	    &(struct procpool_task){
		.function = b_nothing, .done = count_runs }));
	inject_begin(descriptors);
	ck_assert_int_eq(kill(atomic_load(&shared->ran_in[0]), SIGKILL), 0);
	await_flag(&shared->flag[9], 1, 5000);
	flag_set(&shared->flag[2], 1);
	ok(procpool_drain(pool, bound(3000)));
	ck_assert_int_eq(atomic_load(&shared->flag[8]), 1);
	inject_stop();
	await_flag(&shared->flag[8], 2, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	end_fault(pool, 2);
}
END_TEST

/* H13: tasks with a key go on in another worker, and when that one ends, at
 * home. */
START_TEST(keys_go_on_in_another_worker_in_a_shortage)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	pid_t other;

	submit_keyed(pool, t_wait, 0, 1, 2);
	submit_keyed(pool, t_wait, 1, 1, 3);
	await_flag(&shared->flag[1], 2, 5000);
	other = atomic_load(&shared->ran_in[1]);
	for (int i = 2; i < 10; i++)
		submit_keyed(pool, t_ledger, i, 0, 2);
	inject_begin(descriptors);
	ck_assert_int_eq(kill(atomic_load(&shared->ran_in[0]), SIGKILL), 0);
	await_flag(&shared->flag[0], 2, 5000);
	flag_set(&shared->flag[2], 1);
	for (int i = 10; i < 20; i++)
		submit_keyed(pool, t_ledger, i, 0, 2);
	ok(procpool_drain(pool, bound(3000)));
	inject_stop();
	await_workers(pool, 2, 3000);
	submit_keyed(pool, t_ledger, 20, 0, 2);
	ok(procpool_drain(pool, bound(3000)));
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(1, 20);
	for (int i = 2; i <= 20; i++)
		ck_assert_int_eq(atomic_load(&shared->ran_in[i]), other);
	ck_assert_int_eq(kill(other, SIGKILL), 0);
	await_restarts(pool, 2, 5000);
	submit_keyed(pool, t_ledger, 21, 0, 2);
	submit_keyed(pool, t_ledger, 22, 0, 3);
	ledger_await(23, 5000);
	ck_assert_int_ne(
	    atomic_load(&shared->ran_in[21]), atomic_load(&shared->ran_in[22]));
	end_fault(pool, 23);
}
END_TEST

/* H13: by the real limit; the pool has no worker for a while. */
START_TEST(a_pool_comes_back_when_descriptors_are_freed)
{
	struct procpool *pool = begin_counted(1, 0);
	struct rlimit limit, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)count_descriptors();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	submit_ops(pool, t_kill, 0, 0, SIGKILL);
	submit_ops(pool, t_ledger, 1, 9, 0);
	await_flag(&shared->flag[0], 4, 5000);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ledger_await(10, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGKILL);
	expect_success(1, 9);
	end_fault(pool, 10);
}
END_TEST

/* H13: a program that has locked itself out of opening anything, so far that
 * the kernel does not even poll() what is open. */
START_TEST(a_pool_serves_and_rests_whatever_the_limit_of_descriptors)
{
	static const rlim_t limits[] = { 0, 1, 4 };
	struct procpool *pool = begin_counted(2, 0);
	struct rlimit limit, none;
	int id = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	for (int i = 0; i < 3; i++) {
		struct procpool_result result;
		int64_t start, cpu;

		none.rlim_cur = limits[i];
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
		ok(call_op(pool, t_ledger, id, 0, &result));
		procpool_result_done(&result);
		ledger_done(
		    &(struct procpool_result){ 0 }, (void *)(uintptr_t)id++);
		submit_ops(pool, t_ledger, id, id + 99, 0);
		submit_ops(pool, t_kill, id + 100, id + 100, SIGKILL);
		ledger_await(id + 101, 5000);
		expect_success(id, id + 99);
		expect_end(id + 100, PROCPOOL_ECRASHED, SIGKILL);
		await_flag(&shared->flag[0], 4 * (i + 1), 5000);
		start = now_ms();
		cpu = cpu_ms();
		usleep(200 * 1000);
		ck_assert_int_lt(2 * (cpu_ms() - cpu), now_ms() - start);
		id += 101;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		await_workers(pool, 2, 3000);
	}
	end_fault(pool, id);
}
END_TEST

/* H11: neither a worker nor what forks workers can be made for a while. */
START_TEST(a_dead_spawner_is_replaced_when_there_are_processes_again)
{
	struct inject *processes = short_of(INJECT_fork, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	const pid_t spawner = call_pid(pool, t_parent);

	inject_begin(processes);
	ck_assert_int_eq(kill(spawner, SIGKILL), 0);
	await_flag(&shared->flag[0], 4, 5000);
	submit_ops(pool, t_ledger, 0, 9, 0);
	inject_stop();
	ledger_await(10, 5000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

/* While a refresh waits for a worker, others do the work; and it ends with the
 * shortage. */
START_TEST(a_refresh_in_a_shortage_waits_and_loses_no_task)
{
	struct inject *descriptors = short_of(INJECT_pipe2, INJECT_HOST, 0);
	struct procpool *pool = begin_counted(2, 0);
	struct aside aside = { .call = aside_refresh, .pool = pool };

	inject_begin(descriptors);
	aside_start(&aside);
	await_flag(&shared->flag[0], 3, 5000);
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 2000);
	expect_success(0, 9);
	inject_stop();
	ok(aside_join(&aside));
	end_fault(pool, 10);
}
END_TEST

/* ----------------------------------------------------- Too few processes */

enum {
	WORKERS = 3,
	NEEDED = 1 + 1 + 2 * WORKERS /* the host, a spawner; threads too */
};

/* Open a pool within n processes and threads, as a user who has no other ones,
 * most likely: not even dead ones that nobody has reaped yet. */
static int
host_with_few_processes(void *few)
{
	const rlim_t n = *(const rlim_t *)few;
	const struct rlimit limit = { n, n };
	const uid_t user = 50000 + (uid_t)getpid() % 10000;
	const struct procpool_options options = { .entry_point = t_ledger,
		.n_jobs = WORKERS,
		.oversubscribe = true };
	struct procpool *pool = NULL;
	int rc;

	need(setgroups(0, NULL) == 0);
	need(setgid(user) == 0 && setuid(user) == 0);
	need(setrlimit(RLIMIT_NPROC, &limit) == 0);
	rc = procpool_open(&pool, &options);
	need(rc == (n < NEEDED ? -EAGAIN : 0));
	need(rc == 0 || pool == NULL);
	need(rc < 0 || procpool_close(pool) == 0);
	need(await_threads(1, 1000));
	return 0;
}

/* H11, H12: no process, or no thread, of a user who is not root.  (With just
 * enough it may fail too: a process that has ended counts until it is reaped.)
 */
START_TEST(an_open_with_too_few_processes_fails_and_leaves_nothing)
{
	if (geteuid() != 0)
		SKIP("only root can become a user without processes");
	if (WITH_TSAN)
		SKIP("a sanitizer has a thread of its own");
	for (rlim_t n = 1; n <= NEEDED + 3; n++) {
		if (n == NEEDED)
			n = NEEDED + 3;
		expect_host(fork_host(host_with_few_processes, &n), 0, 5000);
		await_processes(0, 1000);
	}
}
END_TEST

/* --------------------------------------------- System calls there are not */

/* The open descriptors of the worker: a bit each, up to 63. */
static int
list_descriptors(struct procpool_job *job, const void *arg, size_t len)
{
	uint64_t open = 0;

	(void)arg;
	(void)len;
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= UINT64_C(1) << fd;
	return procpool_return(job, &open, sizeof(open));
}

/* H24: a kernel before 5.9, or a filter that does not know the call. */
START_TEST(workers_have_no_descriptors_of_the_host_without_close_range)
{
	static const int errors[] = { ENOSYS, EPERM };

	for (int i = 0; i < 2; i++) {
		struct inject *missing =
		    short_of(INJECT_close_range, INJECT_SPAWNER, errors[i]);
		struct procpool_result result;
		struct procpool *pool;
		int fds[4];

		ck_assert_int_eq(pipe(fds), 0);
		ck_assert_int_eq(pipe(fds + 2), 0);
		inject_begin(missing);
		pool = begin_fault_with((struct procpool_options){
		    .n_jobs = 2, .entry_point = list_descriptors });
		ok(procpool_call(pool, NULL, 0, &result));
		ck_assert_uint_eq(*(const uint64_t *)result.data, 0x1f);
		procpool_result_done(&result);
		ck_assert_int_gt(
		    missing->made[INJECT_close_range][INJECT_SPAWNER], 0);
		inject_stop();
		for (int j = 0; j < 4; j++)
			close(fds[j]);
		end_fault(pool, 0);
	}
}
END_TEST

static void
expect_no_open(enum inject_call call, enum inject_who who, int error, int rc)
{
	struct inject *missing = short_of(call, who, error);
	struct procpool *pool = NULL;

	inject_begin(missing);
	expect(procpool_open(&pool,
		   &(struct procpool_options){ .entry_point = t_ledger }),
	    rc);
	ck_assert_ptr_null(pool);
	inject_stop();
	await_processes(0, 1000);
}

/* H24: a kernel before 5.3, or a filter that does not know the call. */
START_TEST(a_pool_works_without_pidfd_open)
{
	static const int errors[] = { ENOSYS, EPERM };

	for (int i = 0; i < 2; i++) {
		struct inject *missing =
		    short_of(INJECT_pidfd_open, INJECT_SPAWNER, errors[i]);
		struct procpool_result result;
		struct procpool *pool;

		inject_begin(missing);
		pool = begin_fault(2);
		expect(call_op(pool, t_kill, i, SIGKILL, &result),
		    PROCPOOL_ECRASHED);
		procpool_result_done(&result);
		ck_assert_int_gt(
		    missing->made[INJECT_pidfd_open][INJECT_SPAWNER], 0);
		inject_stop();
		end_fault(pool, 0);
	}
}
END_TEST

/* A worker that could not catch exit() would run the host's handlers. */
START_TEST(there_is_no_worker_whose_exit_could_not_be_caught)
{
	expect_no_open(INJECT_on_exit, INJECT_SPAWNER, 0, PROCPOOL_ESPAWNER);
}
END_TEST

/* ------------------------------------------------------ Memory in a worker */

enum {
	GIANT = 100 << 20 /* bytes, more than an area has */
};

/* Fails to get memory when the op's value says so; returns its pid. */
static int
take_giant(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const struct rlimit little = { 1 << 20, RLIM_INFINITY };
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	void *space;

	(void)len;
	if (op->value == 0)
		return procpool_return(
		    job, &(pid_t){ getpid() }, sizeof(pid_t));
	if (setrlimit(RLIMIT_AS, &little) < 0)
		return 1;
	space = procpool_reserve(job, GIANT);
	(void)setrlimit(RLIMIT_AS, &all);
	return space == NULL ? -ENOMEM : 2;
}

static pid_t
call_giant(struct procpool *pool, int value, int outcome)
{
	struct procpool_result result;
	pid_t pid;

	expect(call_op(pool, take_giant, 0, value, &result), outcome);
	pid = result.pid;
	procpool_result_done(&result);
	return pid;
}

/* L22: the worker lives on, and so does the stream of its results. */
START_TEST(a_result_that_a_worker_has_no_memory_for_costs_that_task_alone)
{
	struct procpool *pool;
	struct rlimit limit;
	pid_t pid;

	if (WITH_ASAN || WITH_TSAN)
		SKIP("a sanitizer needs much address space");
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	if (limit.rlim_cur != RLIM_INFINITY)
		SKIP("the address space is limited here");
	pool = begin_fault(1);
	pid = call_giant(pool, 0, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(call_giant(pool, 1, -ENOMEM), pid);
		ck_assert_int_eq(call_giant(pool, 0, 0), pid);
	}
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------ A kill that is refused */

static int
aside_spin(struct aside *aside)
{
	struct procpool_result result;
	const int rc =
	    call_op(aside->pool, t_spin_blocked, aside->id, 0, &result);

	procpool_result_done(&result);
	return rc;
}

/*
 * L02: a worker that the host may not kill, as one that runs a program of
 * another user's, while a caller drives it: the shutdown leaves it behind (its
 * parent ends it here), and the caller returns too.
 */
START_TEST(a_shutdown_gives_up_a_leased_worker_that_it_cannot_kill)
{
	struct inject *refused =
	    short_of(INJECT_pidfd_send_signal, INJECT_HOST, EPERM);
	struct procpool *pool = begin_fault(1);
	struct aside aside = { .call = aside_spin, .pool = pool, .id = 1 };
	struct procpool_result result;
	int64_t start;

	/* Idle, so that the caller has it on lease. */
	ok(call_op(pool, t_ledger, 0, 0, &result));
	procpool_result_done(&result);
	usleep(100 * 1000);
	aside_start(&aside);
	await_flag(&shared->flag[0], 1, 5000);
	inject_begin(refused);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 4000);
	expect(aside_join(&aside), PROCPOOL_ESHUTDOWN);
	inject_stop();
	ok(procpool_start(pool));
	end_fault(pool, 0);
}
END_TEST

RUN_TESTS("fault_limits", only_a_pool_without_any_worker_breaks_in_a_shortage,
    the_last_worker_to_die_in_a_long_shortage_has_its_tries,
    a_close_in_a_shortage_does_not_wait_for_a_worker,
    a_broadcast_in_a_shortage_passes_over_a_worker_that_is_not_there,
    a_broadcast_to_no_worker_is_kept_for_the_first,
    a_broadcast_that_waits_for_a_worker_ends_in_a_shortage,
    keys_go_on_in_another_worker_in_a_shortage,
    a_pool_comes_back_when_descriptors_are_freed,
    a_pool_serves_and_rests_whatever_the_limit_of_descriptors,
    a_dead_spawner_is_replaced_when_there_are_processes_again,
    a_refresh_in_a_shortage_waits_and_loses_no_task,
    an_open_with_too_few_processes_fails_and_leaves_nothing,
    workers_have_no_descriptors_of_the_host_without_close_range,
    a_pool_works_without_pidfd_open,
    there_is_no_worker_whose_exit_could_not_be_caught,
    a_result_that_a_worker_has_no_memory_for_costs_that_task_alone,
    a_shutdown_gives_up_a_leased_worker_that_it_cannot_kill)
