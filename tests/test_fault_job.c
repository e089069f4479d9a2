/*
 * What a job does to the process that it runs in, and how little of that
 * reaches the host, the pool and the next task.
 *
 * Rows of the fault catalogue: W07 W08 W25 W26 W27 W28 R05 R06 R09, each with
 * the oracle U1 to U11.
 */
#include "sabotage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <uv.h>

/* From a death to the end of the task, ms. */
#define SEEN 500

/* A pool of two runs this job, which ends so; and its process has ended. */
static void
expect_death(procpool_job_fn job, int value, int outcome, int code)
{
	struct procpool *pool = begin_fault(2);
	int64_t start = now_ms();

	ok(submit_op(pool, job, 0, value));
	ledger_await(1, 5000);
	took_less(start, SEEN);
	expect_end(0, outcome, code);
	ck_assert(await_end(atomic_load(&shared->ran_in[0]), SEEN));
	end_fault(pool, 1);
}

/* ---------------------------------------------- The end of a thread only */

static int
leave_the_thread(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)job;
	(void)len;
	ledger_start(op->id);
	pthread_exit(NULL);
}

/* W07 */
START_TEST(a_job_that_ends_its_thread_ends_its_worker)
{
	expect_death(leave_the_thread, 0, PROCPOOL_EEXITED, 0);
}
END_TEST

static void *
wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int
leave_another_thread(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	pthread_t thread;

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		return -1;
	pthread_exit(NULL);
}

/* W07: the other thread would keep a process that never ends the task. */
START_TEST(a_job_that_ends_its_thread_but_not_another_ends_its_worker)
{
	if (WITH_TSAN)
		SKIP("ThreadSanitizer forbids threads in forked processes");
	expect_death(leave_another_thread, 0, PROCPOOL_EEXITED, 0);
}
END_TEST

static int
leave_in_start(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	if (atomic_exchange(&shared->flag[0], 1) == 0)
		pthread_exit(NULL);
	return 0;
}

/* W07, W22 */
START_TEST(a_worker_whose_start_ends_its_thread_is_replaced)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .worker_start = leave_in_start });

	await_restarts(pool, 1, SEEN);
	submit_ops(pool, t_ledger, 0, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

/* --------------------------------------------------------------- Its stack */

/* Through a pointer, so that a compiler sees no recursion to warn of. */
static int deeper(volatile char *above);
static int (*volatile deeper_still)(volatile char *above) = deeper;

static int
deeper(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	return deeper_still(here) + here[0];
}

/* (Without a limit the stack would grow until there is no memory.) */
static int
t_stack(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const struct rlimit limit = { 8 << 20, RLIM_INFINITY };
	volatile char top = 0;

	(void)job;
	(void)len;
	ledger_start(op->id);
	(void)prlimit(0, RLIMIT_STACK, &limit, NULL);
	return deeper(&top);
}

/* W08 */
START_TEST(a_stack_overflow_is_reported_as_a_segmentation_fault)
{
	expect_death(t_stack, 0, PROCPOOL_ECRASHED, SIGSEGV);
}
END_TEST

static void *
open_aside(void *arg)
{
	struct procpool **pool = arg;

	*pool = begin_fault(1);
	return NULL;
}

/* W08: the stack of such a worker is that of a thread. */
START_TEST(a_stack_overflow_ends_a_worker_forked_by_a_thread_too)
{
	struct procpool *pool = NULL;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, open_aside, &pool), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ok(submit_op(pool, t_stack, 0, 0));
	ledger_await(1, SEEN);
	expect_end(0, PROCPOOL_ECRASHED, SIGSEGV);
	end_fault(pool, 1);
}
END_TEST

/* ---------------------------------------------------- Two of one process */

/* What a fork in a job returns: value bytes, of the original or the copy. */
static int
return_as(struct procpool_job *job, const struct op *op, bool original)
{
	char *space = procpool_reserve(job, (size_t)op->value);

	if (space == NULL)
		return procpool_fail(job, 1, "no memory");
	memset(space, original ? 'o' : 'c', (size_t)op->value);
	return procpool_return(job, space, (size_t)op->value);
}

static int
t_forkreturn(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	pid_t pid;

	(void)len;
	ledger_start(op->id);
	pid = fork();
	if (pid > 0)
		ledger_finish(op->id);
	return return_as(job, op, pid > 0);
}

/* The copy returns when it is let, which may be after the original. */
static int
t_forkreturn_later(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	pid_t pid;

	(void)len;
	ledger_start(op->id);
	pid = fork();
	if (pid == 0) {
		flag_await(&shared->flag[1], 1, PATIENCE_MS);
		flag_add(&shared->flag[2], 1);
	} else {
		ledger_finish(op->id);
	}
	return return_as(job, op, pid > 0);
}

/* Fails unless all children of the worker have ended, or do, with status 0. */
static int
reap_copies(struct procpool_job *job, const void *arg, size_t len)
{
	int status;
	pid_t pid;

	(void)arg;
	(void)len;
	while ((pid = waitpid(-1, &status, 0)) > 0)
		if (status != 0)
			return procpool_fail(job, 1,
			    "the copy %d ended with status %#x", (int)pid,
			    (unsigned)status);
	return 0;
}

/* The copies that the only worker has made have ended, and not by a crash. */
static void
expect_copies_gone(struct procpool *pool)
{
	struct procpool_result result;
	const int rc = procpool_call_task(
	    pool, &(struct procpool_task){ .function = reap_copies }, &result);

	ck_assert_msg(rc == 0, "%s: %s", procpool_errname(rc), result.message);
	procpool_result_done(&result);
}

static void
expect_original(struct procpool *pool, procpool_job_fn job, int id, int size)
{
	struct procpool_result result;
	const char *bytes;

	ok(call_op(pool, job, id, size, &result));
	bytes = result.data;
	ck_assert_int_eq((int)result.len, size);
	ck_assert_int_eq(bytes[0], 'o');
	ck_assert_int_eq(bytes[size - 1], 'o');
	procpool_result_done(&result);
}

/* W25: with results in the pipe, and in the area. */
START_TEST(a_job_that_returns_in_two_processes_has_one_result)
{
	struct procpool *pool = begin_fault(1);

	for (int id = 0; id < 20; id++)
		expect_original(
		    pool, t_forkreturn, id, id % 2 == 0 ? 100 : 100000);
	expect_copies_gone(pool);
	for (int id = 0; id < 20; id++)
		ck_assert_int_eq(atomic_load(&shared->finished[id]), 1);
	end_fault(pool, 0);
}
END_TEST

/* W25 */
START_TEST(a_copy_that_returns_after_its_worker_went_on_says_nothing)
{
	struct procpool *pool = begin_fault(1);

	expect_original(pool, t_forkreturn_later, 0, 100);
	expect_original(pool, t_forkreturn, 1, 100);
	flag_set(&shared->flag[1], 1);
	await_flag(&shared->flag[2], 1, 5000);
	expect_copies_gone(pool);
	expect_original(pool, t_forkreturn, 2, 100);
	end_fault(pool, 0);
}
END_TEST

/* flag[0]: lines of the log. */
static void
count_copied_lines(enum procpool_level level, const char *line, void *unused)
{
	(void)level;
	(void)unused;
	if (strstr(line, "a copy") != NULL)
		flag_add(&shared->flag[0], 1);
}

/* The copy takes the job for its own, and ends well. */
static int
use_in_a_copy(struct procpool_job *job, const void *arg, size_t len)
{
	static const char bytes[100000];
	int status = -1;
	const pid_t pid = fork();

	(void)arg;
	(void)len;
	if (pid == 0) {
		procpool_job_log(job, PROCPOOL_INFO, "a copy");
		(void)procpool_return(job, bytes, sizeof(bytes));
		(void)procpool_fail(job, 3, "a copy");
		_exit(7);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 7
	    ? 0
	    : procpool_fail(
		  job, 1, "the copy ended with %#x", (unsigned)status);
}

/* W25 */
START_TEST(a_copy_that_uses_the_job_does_nothing)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .log = count_copied_lines });
	struct procpool_result result;

	for (int i = 0; i < 3; i++) {
		const int rc = procpool_call_task(pool,
		    &(struct procpool_task){ .function = use_in_a_copy },
		    &result);

		ck_assert_msg(rc == 0, "%s", result.message);
		ck_assert_uint_eq(result.len, 0);
		procpool_result_done(&result);
	}
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	end_fault(pool, 0);
}
END_TEST

static int
start_in_two(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	return fork() < 0;
}

/* W25: that would greet twice, which is a breach of the protocol. */
START_TEST(a_worker_whose_start_returns_in_two_processes_is_one_worker)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .worker_start = start_in_two });
	struct procpool_stats stats;

	submit_ops(pool, t_ledger, 0, 99, 0);
	ledger_await(100, 5000);
	expect_success(0, 99);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.restarts, 0);
	expect_copies_gone(pool);
	end_fault(pool, 100);
}
END_TEST

/* ------------------------------------------------------ Another program */

static int
become_a_sleeper(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)job;
	(void)len;
	ledger_start(op->id);
	execlp("sleep", "sleep", "60", (char *)NULL);
	return 1;
}

/* W26: the end of its pipe tells that it runs no task any more. */
START_TEST(a_job_that_becomes_a_program_which_goes_on_is_killed)
{
	expect_death(become_a_sleeper, 0, PROCPOOL_EPROTOCOL, 0);
}
END_TEST

static int
become_a_status(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	char command[32];

	(void)job;
	(void)len;
	ledger_start(op->id);
	snprintf(command, sizeof(command), "exit %d", op->value);
	execlp("sh", "sh", "-c", command, (char *)NULL);
	return 1;
}

/* W26: never a success, even if the program says so. */
START_TEST(a_job_that_becomes_a_program_which_ends_has_exited)
{
	expect_death(become_a_status, 0, PROCPOOL_EEXITED, 0);
}
END_TEST

/* ---------------------------------------------------- Its descriptors */

/* W27: seen by a caller who drives the worker himself, too. */
START_TEST(a_call_of_a_job_that_closes_everything_and_spins_returns)
{
	struct procpool *pool = begin_fault(1);
	struct procpool_result result;
	const int64_t start = now_ms();

	expect(call_op(pool, t_closeall, 0, 0, &result), PROCPOOL_EPROTOCOL);
	took_less(start, SEEN);
	procpool_result_done(&result);
	end_fault(pool, 0);
}
END_TEST

static int
close_and_return(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)len;
	ledger_start(op->id);
	(void)syscall(SYS_close_range, 0U, ~0U, 0U);
	ledger_finish(op->id);
	return procpool_return(job, op, sizeof(*op));
}

/* W27: what it returned stands in the page; the worker cannot go on. */
START_TEST(a_job_that_closes_everything_and_returns_costs_nothing)
{
	struct procpool *pool = begin_fault(1);

	submit_ops(pool, close_and_return, 0, 2, 0);
	submit_ops(pool, t_ledger, 3, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	await_restarts(pool, 1, SEEN);
	end_fault(pool, 10);
}
END_TEST

static int
close_its_tasks(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)len;
	ledger_start(op->id);
	(void)close(3);
	ledger_finish(op->id);
	return procpool_return(job, op, sizeof(*op));
}

/* W27: the other pipe. */
START_TEST(a_worker_that_cannot_read_tasks_any_more_is_replaced)
{
	struct procpool *pool = begin_fault(1);

	submit_ops(pool, close_its_tasks, 0, 2, 0);
	submit_ops(pool, t_ledger, 3, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	end_fault(pool, 10);
}
END_TEST

/* A file of two bytes of the host's, and what a job could do to it. */
static int host_file;

static int
meddle(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const bool reached = lseek(host_file, 2, SEEK_SET) >= 0;

	(void)len;
	ledger_start(op->id);
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	(void)lseek(STDIN_FILENO, 1, SEEK_SET);
	ledger_finish(op->id);
	return reached ? procpool_fail(job, 1, "%d is open", host_file) : 0;
}

static void
expect_untouched(int fd)
{
	ck_assert_int_eq((int)lseek(fd, 0, SEEK_CUR), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

/* R05: the host's own files, and its stdin. */
START_TEST(a_job_cannot_move_or_change_the_files_of_the_host)
{
	const int stdin_before = dup(STDIN_FILENO);
	FILE *file = tmpfile();
	struct procpool *pool;

	ck_assert_ptr_nonnull(file);
	host_file = fcntl(fileno(file), F_DUPFD_CLOEXEC, 100);
	ck_assert_int_eq((int)write(host_file, "ab", 2), 2);
	ck_assert_int_eq((int)lseek(host_file, 0, SEEK_SET), 0);
	ck_assert_int_eq(dup2(host_file, STDIN_FILENO), STDIN_FILENO);
	pool = begin_fault(2);
	submit_ops(pool, meddle, 0, 9, 0);
	ledger_await(10, 5000);
	expect_success(0, 9);
	expect_untouched(host_file);
	expect_untouched(STDIN_FILENO);
	end_fault(pool, 10);
	dup2(stdin_before, STDIN_FILENO);
	close(stdin_before);
	close(host_file);
	fclose(file);
}
END_TEST

/* Returns how its stdout is open after it has changed it. */
static int
change_output(struct procpool_job *job, const void *arg, size_t len)
{
	int flags = 0;

	(void)arg;
	(void)len;
	for (int fd = STDERR_FILENO; fd >= STDOUT_FILENO; fd--) {
		flags = fcntl(fd, F_GETFL) | O_NONBLOCK;
		if (fcntl(fd, F_SETFL, flags) < 0)
			return procpool_fail(job, 1, "F_SETFL: %d", errno);
		flags = fcntl(fd, F_GETFL);
	}
	return procpool_return(job, &flags, sizeof(flags));
}

static void
ignore_line(enum procpool_level level, const char *line, void *user)
{
	(void)level;
	(void)line;
	(void)user;
}

/* R05: where the log takes what workers print. */
START_TEST(a_job_whose_output_is_logged_cannot_change_that_of_the_host)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .log = ignore_line });
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = change_output }, &result));
	ck_assert_int_ne(*(const int *)result.data & O_NONBLOCK, 0);
	procpool_result_done(&result);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------------ A loop of libuv */

static int
close_the_loop(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	return uv_loop_close(uv_default_loop()) == UV_EBUSY ? 0 : 1;
}

static void
close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Takes the loop apart.  (To poll, libuv wants an epoll descriptor, and finds
 * another at its number: it aborts.) */
static int
destroy_the_loop(struct procpool_job *job, const void *arg, size_t len)
{
	uv_loop_t *loop = uv_default_loop();

	(void)job;
	(void)arg;
	(void)len;
	uv_walk(loop, close_handle, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return uv_loop_close(loop);
}

/* flag[0]: what the pipe told, flag[1]: of another thread, flag[2]: timer. */
static void
pipe_fired(uv_poll_t *handle, int status, int events)
{
	char byte;

	(void)events;
	if (status == 0 && read(*(int *)handle->data, &byte, 1) == 1)
		flag_add(&shared->flag[0], 1);
}

static void
async_fired(uv_async_t *handle)
{
	(void)handle;
	flag_add(&shared->flag[1], 1);
}

static void
timer_fired(uv_timer_t *handle)
{
	(void)handle;
	flag_add(&shared->flag[2], 1);
}

struct watchers {
	int pipe[2];
	uv_poll_t poll;
	uv_async_t async;
	uv_timer_t timer;
};

static int
watch(struct watchers *w)
{
	uv_loop_t *loop = uv_default_loop();

	need(pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) == 0);
	need(uv_poll_init(loop, &w->poll, w->pipe[0]) == 0);
	w->poll.data = w->pipe;
	need(uv_poll_start(&w->poll, UV_READABLE, pipe_fired) == 0);
	need(uv_async_init(loop, &w->async, async_fired) == 0);
	need(uv_timer_init(loop, &w->timer) == 0);
	return 0;
}

/* Each watcher is given one event, and fires for it. */
static int
watchers_fire(struct watchers *w)
{
	const int64_t end = now_ms() + bound(5000);
	int i;

	for (i = 0; i < 3; i++)
		flag_set(&shared->flag[i], 0);
	need(write(w->pipe[1], "x", 1) == 1);
	need(uv_async_send(&w->async) == 0);
	need(uv_timer_start(&w->timer, timer_fired, 1, 0) == 0);
	while (now_ms() < end &&
	    (shared->flag[0] == 0 || shared->flag[1] == 0 ||
		shared->flag[2] == 0))
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
	for (i = 0; i < 3; i++)
		need(shared->flag[i] == 1);
	return 0;
}

static int
call_function(struct procpool *pool, procpool_job_fn function)
{
	const struct procpool_task task = { .function = function };
	struct procpool_result result;
	const int rc = procpool_call_task(pool, &task, &result);

	procpool_result_done(&result);
	return rc;
}

static int
host_of_a_loop(void *unused)
{
	const struct procpool_options options = {
		.entry_point = t_pid, .n_jobs = 2, .oversubscribe = true
	};
	struct watchers watchers;
	struct procpool *pool;

	(void)unused;
	need(watch(&watchers) == 0);
	need(procpool_open(&pool, &options) == 0);
	need(watchers_fire(&watchers) == 0);
	need(call_function(pool, close_the_loop) == 0);
	need(watchers_fire(&watchers) == 0);
	for (int i = 0; i < 4; i++)
		(void)call_function(pool, destroy_the_loop);
	need(watchers_fire(&watchers) == 0);
	for (int i = 0; i < 20; i++)
		need(call_function(pool, t_pid) == 0);
	need(procpool_close(pool) == 0);
	return watchers_fire(&watchers);
}

/* R06 */
START_TEST(the_hosts_loop_goes_on_though_jobs_close_their_copy_of_it)
{
	struct capture capture;

	capture_begin(&capture); /* libuv may say why it aborts */
	expect_host(fork_host(host_of_a_loop, NULL), 0, 20000);
	free(capture_end(&capture));
}
END_TEST

/* -------------------------------------------------------- Locks it held */

/* In fd 90 of the worker's own a file that the test has made, locked. */
static char lock_path[] = "/tmp/procpool-lock-XXXXXX";

static int
die_with_locks(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const int fd = open(lock_path, O_RDWR | O_CLOEXEC);
	const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (fd < 0 || flock(fd, LOCK_EX) < 0 || fcntl(fd, F_SETLK, &whole) < 0)
		return -1;
	flockfile(stdout);
	flockfile(stderr);
	kill(getpid(), SIGKILL);
	return 0;
}

/* Fails when it cannot have each lock at once. */
static int
take_locks(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const int fd = open(lock_path, O_RDWR | O_CLOEXEC);
	const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int rc = 0;

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    fcntl(fd, F_SETLK, &whole) < 0)
		rc = 1;
	close(fd);
	if (ftrylockfile(stdout) != 0 || ftrylockfile(stderr) != 0)
		return 2;
	funlockfile(stdout);
	funlockfile(stderr);
	ledger_finish(op->id);
	return rc;
}

/* W28 */
START_TEST(locks_that_a_worker_died_with_are_free_in_the_next)
{
	const int fd = mkstemp(lock_path);
	struct procpool *pool;

	ck_assert_int_ge(fd, 0);
	pool = begin_fault(1);
	for (int id = 0; id < 10; id += 2) {
		ok(submit_op(pool, die_with_locks, id, 0));
		ok(submit_op(pool, take_locks, id + 1, 0));
		ledger_await(id + 2, 5000);
		expect_end(id, PROCPOOL_ECRASHED, SIGKILL);
		expect_end(id + 1, 0, 0);
	}
	end_fault(pool, 10);
	unlink(lock_path);
	close(fd);
}
END_TEST

/* ---------------------------------------------- What it leaves to the next */

/* A process as the next task finds it. */
struct traces {
	pid_t pid;
	char cwd[256];
	int umask;
	char variable[16];
	rlim_t files;
	bool handler, blocked, timer;
	int threads;
	bool file; /* descriptor 50 */
};

static void
ignore_it(int unused)
{
	(void)unused;
}

static int
count_own_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == 0 ? (int)tasks.st_nlink - 2
						    : -1;
}

static int
find_traces(struct procpool_job *job, const void *arg, size_t len)
{
	struct traces t = { .pid = getpid() };
	struct itimerval timer;
	struct sigaction action;
	struct rlimit files;
	const char *variable = getenv("PP_TEST_TRACE");
	sigset_t mask;

	(void)arg;
	(void)len;
	if (getcwd(t.cwd, sizeof(t.cwd)) == NULL)
		return 1;
	t.umask = (int)umask(0);
	umask((mode_t)t.umask);
	snprintf(t.variable, sizeof(t.variable), "%s",
	    variable != NULL ? variable : "");
	getrlimit(RLIMIT_NOFILE, &files);
	t.files = files.rlim_cur;
	sigaction(SIGUSR1, NULL, &action);
	t.handler = action.sa_handler == ignore_it;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	t.blocked = sigismember(&mask, SIGUSR2) == 1;
	getitimer(ITIMER_REAL, &timer);
	t.timer = timer.it_value.tv_sec > 0;
	if (!WITH_TSAN) /* it has threads of its own */
		t.threads = count_own_threads();
	t.file = fcntl(50, F_GETFD) >= 0;
	return procpool_return(job, &t, sizeof(t));
}

static int
leave_traces(struct procpool_job *job, const void *arg, size_t len)
{
	const struct itimerval hour = { .it_value = { .tv_sec = 3600 } };
	const struct sigaction action = { .sa_handler = ignore_it };
	struct rlimit files;
	pthread_t thread;
	sigset_t mask;

	(void)job;
	(void)arg;
	(void)len;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = 64;
	umask(0777);
	if (chdir("/") < 0 || setenv("PP_TEST_TRACE", "left", 1) != 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    sigaction(SIGUSR1, &action, NULL) < 0 ||
	    sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &hour, NULL) < 0 ||
	    dup2(STDIN_FILENO, 50) != 50)
		return 1;
	return WITH_TSAN ? 0
			 : pthread_create(&thread, NULL, wait_for_ever, NULL);
}

static struct traces
traces_in(struct procpool *pool)
{
	const struct procpool_task task = { .function = find_traces };
	struct procpool_result result;
	struct traces t;

	ok(procpool_call_task(pool, &task, &result));
	ck_assert_uint_eq(result.len, sizeof(t));
	memcpy(&t, result.data, sizeof(t));
	procpool_result_done(&result);
	return t;
}

static void
expect_left(const struct traces *t, const struct traces *before)
{
	ck_assert_str_eq(t->cwd, "/");
	ck_assert_int_eq(t->umask, 0777);
	ck_assert_str_eq(t->variable, "left");
	ck_assert_uint_eq(t->files, 64);
	ck_assert(t->handler && t->blocked && t->timer && t->file);
	ck_assert_int_eq(t->threads, before->threads + !WITH_TSAN);
}

static void
expect_alike(const struct traces *t, const struct traces *before)
{
	ck_assert_str_eq(t->cwd, before->cwd);
	ck_assert_int_eq(t->umask, before->umask);
	ck_assert_str_eq(t->variable, before->variable);
	ck_assert_uint_eq(t->files, before->files);
	ck_assert(!t->handler && !t->blocked && !t->timer && !t->file);
	ck_assert_int_eq(t->threads, before->threads);
}

/* R09: what a job leaves, the next one in the same worker finds; no other
 * worker and not the host; a refresh makes all clean. */
START_TEST(what_a_job_leaves_behind_is_there_for_the_next_until_a_refresh)
{
	struct procpool *pool = begin_fault(1);
	const struct traces clean = traces_in(pool);
	struct traces t;

	expect_alike(&clean, &clean);
	ok(call_function(pool, leave_traces));
	t = traces_in(pool);
	ck_assert_int_eq(t.pid, clean.pid);
	expect_left(&t, &clean);
	ok(procpool_refresh(pool));
	t = traces_in(pool);
	ck_assert_int_ne(t.pid, clean.pid);
	expect_alike(&t, &clean);
	end_fault(pool, 0);
}
END_TEST

/* R09 */
START_TEST(what_a_job_leaves_behind_goes_with_its_worker)
{
	struct procpool *pool = begin_fault(1);
	const struct traces clean = traces_in(pool);
	struct traces t;

	ok(call_function(pool, leave_traces));
	ok(submit_op(pool, t_kill, 0, SIGKILL));
	ledger_await(1, 5000);
	t = traces_in(pool);
	expect_alike(&t, &clean);
	end_fault(pool, 1);
}
END_TEST

RUN_TESTS("fault_job", a_job_that_ends_its_thread_ends_its_worker,
    a_job_that_ends_its_thread_but_not_another_ends_its_worker,
    a_worker_whose_start_ends_its_thread_is_replaced,
    a_stack_overflow_is_reported_as_a_segmentation_fault,
    a_stack_overflow_ends_a_worker_forked_by_a_thread_too,
    a_job_that_returns_in_two_processes_has_one_result,
    a_copy_that_returns_after_its_worker_went_on_says_nothing,
    a_copy_that_uses_the_job_does_nothing,
    a_worker_whose_start_returns_in_two_processes_is_one_worker,
    a_job_that_becomes_a_program_which_goes_on_is_killed,
    a_job_that_becomes_a_program_which_ends_has_exited,
    a_call_of_a_job_that_closes_everything_and_spins_returns,
    a_job_that_closes_everything_and_returns_costs_nothing,
    a_worker_that_cannot_read_tasks_any_more_is_replaced,
    a_job_cannot_move_or_change_the_files_of_the_host,
    a_job_whose_output_is_logged_cannot_change_that_of_the_host,
    the_hosts_loop_goes_on_though_jobs_close_their_copy_of_it,
    locks_that_a_worker_died_with_are_free_in_the_next,
    what_a_job_leaves_behind_is_there_for_the_next_until_a_refresh,
    what_a_job_leaves_behind_goes_with_its_worker)
