/*
 * What the fault tests share: see sabotage.h.
 */
#include "sabotage.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* ------------------------------------------------------------ The oracle */

static struct capture capture;
static bool captures;

static void
begin_quiet(void)
{
	captures = getenv("PP_TEST_NOISY") == NULL;
	if (captures)
		capture_begin(&capture);
}

void
expect_quiet(void)
{
	char *text;

	if (!captures)
		return;
	captures = false;
	text = capture_end(&capture);
	ck_assert_msg(text[0] == '\0', "it was printed: \"%s\"", text);
	free(text);
}

struct procpool *
begin_fault_with(struct procpool_options options)
{
	begin_quiet();
	if (options.entry_point == NULL)
		options.entry_point = t_ledger;
	options.oversubscribe = true;
	return open_with(options);
}

struct procpool *
begin_fault(int n)
{
	return begin_fault_with((struct procpool_options){ .n_jobs = n });
}

void
end_fault_closed(int n)
{
	ledger_check(n);
	expect_quiet();
}

void
end_fault(struct procpool *pool, int n)
{
	int64_t start;

	ledger_check(n);
	pool_works(pool);
	start = now_ms();
	close_pool(pool);
	took_less(start, 2000);
	expect_quiet();
}

/* --------------------------------------------------------------- Helpers */

void
submit_ops(struct procpool *pool, procpool_job_fn function, int first, int last,
    int value)
{
	for (int id = first; id <= last; id++)
		ok(submit_op(pool, function, id, value));
}

void
expect_end(int id, int outcome, int code)
{
	const int got = atomic_load(&shared->outcome[id]);

	ck_assert_msg(atomic_load(&shared->completed[id]) == 1 &&
		got == outcome && atomic_load(&shared->code[id]) == code,
	    "task %d ended %d times, %s with code %d; expected %s with %d", id,
	    atomic_load(&shared->completed[id]), procpool_errname(got),
	    atomic_load(&shared->code[id]), procpool_errname(outcome), code);
}

void
expect_success(int first, int last)
{
	for (int id = first; id <= last; id++)
		expect_end(id, 0, 0);
}

void
await_restarts(struct procpool *pool, uint64_t n, int64_t ms)
{
	await_that(stats_of(pool).restarts >= n, ms);
}

void
allow_areas(bool allowed)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = allowed ? limit.rlim_max : 1 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

pid_t
call_pid(struct procpool *pool, procpool_job_fn function)
{
	struct procpool_result result;
	pid_t pid;

	ok(procpool_call_task(
	    pool, &(struct procpool_task){ .function = function }, &result));
	ck_assert_uint_eq(result.len, sizeof(pid));
	memcpy(&pid, result.data, sizeof(pid));
	procpool_result_done(&result);
	return pid;
}

int64_t
cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ Jobs */

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int
t_work(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = *(const struct op *)arg;
	const int64_t end = now_us() + op.value;

	(void)len;
	ledger_start(op.id);
	atomic_store(&shared->flag[PIDS + procpool_job_worker(job)], getpid());
	while (now_us() < end)
		;
	ledger_finish(op.id);
	return procpool_return(job, &op, sizeof(op));
}

int
t_parent(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, &(pid_t){ getppid() }, sizeof(pid_t));
}

/* --------------------------------------------------------------- Trouble */

static void *
make_trouble(void *arg)
{
	struct trouble *trouble = arg;

	while (!atomic_load(&trouble->stop))
		trouble->step(trouble->arg);
	return NULL;
}

void
trouble_start(struct trouble *trouble, void (*step)(void *arg), void *arg)
{
	sigset_t all;
	sigset_t old;

	trouble->step = step;
	trouble->arg = arg;
	atomic_store(&trouble->stop, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ck_assert_int_eq(
	    pthread_create(&trouble->thread, NULL, make_trouble, trouble), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
trouble_stop(struct trouble *trouble)
{
	atomic_store(&trouble->stop, true);
	pthread_join(trouble->thread, NULL);
}

void
steal_children(void *unused)
{
	(void)unused;
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	usleep(100);
}

/* Each pid is used once: a worker that is gone must not be killed again, as
 * its pid may be another's by then. */
void
kill_a_worker(void *unused)
{
	static unsigned seed = 1;
	const int first = rand_r(&seed) % (FLAGS - PIDS);
	int pid = 0;

	(void)unused;
	for (int i = 0; i < FLAGS - PIDS && pid == 0; i++)
		pid = atomic_exchange(
		    &shared->flag[PIDS + (first + i) % (FLAGS - PIDS)], 0);
	if (pid > 0)
		kill(pid, SIGKILL);
	usleep(5000);
}
