/*
 * What must not grow, what a worker must not have, and what a failure and a
 * process must tell.
 *
 * Rows of the fault catalogue: R01 R02 R03 R04 R07 R08 D01 D05, each with the
 * oracle U1 to U11.
 */
#include "sabotage.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ------------------------------------------------------------ Growth */

static int
count_in(pid_t pid, const char *what)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	dir = opendir(path);
	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		n += isdigit((unsigned char)entry->d_name[0]) != 0;
	closedir(dir);
	return n;
}

/* Processes whose parent is this one and that nobody has waited for. */
static int
count_zombies(pid_t parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc)) != NULL) {
		char path[300];
		char line[512] = "";
		const char *end;
		char state;
		int ppid;
		FILE *stat;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = fopen(path, "re");
		if (stat == NULL)
			continue;
		end =
		    fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
		fclose(stat);
		if (end != NULL && sscanf(end, ") %c %d", &state, &ppid) == 2)
			n += state == 'Z' && ppid == parent;
	}
	closedir(proc);
	return n;
}

static void
kill_many(struct procpool *pool, int first, int n)
{
	submit_ops(pool, t_kill, first, first + n - 1, SIGKILL);
	ledger_await(first + n, 15000);
	ck_assert_int_eq(ledger_count(first + n, PROCPOOL_ECRASHED), first + n);
	await_workers(pool, 2, 2000);
	pool_works(pool);
}

/* R01, R02: 1000 deaths, in the host and in the spawner. */
START_TEST(nothing_grows_over_1000_deaths)
{
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);
	int descriptors;
	int theirs;
	int threads;

	kill_many(pool, 0, 20);
	descriptors = count_descriptors();
	theirs = count_in(spawner, "fd");
	threads = count_threads();
	kill_many(pool, 20, 980);
	ck_assert_int_eq(count_descriptors(), descriptors);
	ck_assert_int_eq(count_in(spawner, "fd"), theirs);
	ck_assert_int_eq(count_threads(), threads);
	ck_assert_int_eq(count_zombies(spawner), 0);
	ck_assert_int_eq(count_zombies(getpid()), 0);
	ck_assert_int_eq(call_pid(pool, t_parent), spawner);
	end_fault(pool, 1000);
}
END_TEST

/* R02 */
START_TEST(jobs_that_exit_leave_no_zombies)
{
	enum {
		N = 100
	};
	struct procpool *pool = begin_fault(2);
	const pid_t spawner = call_pid(pool, t_parent);

	submit_ops(pool, t_exit, 0, N - 1, 1);
	ledger_await(N, 8000);
	ck_assert_int_eq(ledger_count(N, PROCPOOL_EEXITED), N);
	await_workers(pool, 2, 2000);
	pool_works(pool);
	ck_assert_int_eq(count_zombies(spawner), 0);
	ck_assert_int_eq(count_zombies(getpid()), 0);
	end_fault(pool, N);
}
END_TEST

/* ------------------------------------------------------------ Descriptors */

/* What a job sees open: for each descriptor its number, in a line, then what
 * it is. */
static int
t_list_descriptors(struct procpool_job *job, const void *arg, size_t len)
{
	struct pollfd fds[256];
	char text[4096] = "";
	char target[256];
	char path[64];
	size_t used = 0;

	(void)arg;
	(void)len;
	/* (A directory of them would be one more.) */
	for (int fd = 0; fd < 256; fd++)
		fds[fd] = (struct pollfd){ .fd = fd };
	if (poll(fds, 256, 0) < 0)
		return procpool_fail(job, 1, "poll: %s", strerror(errno));
	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		if ((fds[fd].revents & POLLNVAL) != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (fd > 0 && fd < 3)
			target[0] = '\0';
		/* The inode of a pipe is of no interest. */
		target[strcspn(target, "[")] = '\0';
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "%d %s\n", fd, target);
	}
	return procpool_return(job, text, used + 1);
}

static void
expect_own_descriptors(struct procpool *pool)
{
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = t_list_descriptors },
	    &result));
	ck_assert_str_eq(
	    result.data, "0 /dev/null\n1 \n2 \n3 pipe:\n4 pipe:\n");
	procpool_result_done(&result);
}

/* R03: whether the host's are close-on-exec or not; also a replacement, which
 * is forked when all others' pipes are there. */
START_TEST(a_worker_has_the_descriptors_0_to_4_and_no_others)
{
	struct procpool *pool;
	int ends[2];
	const int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(pipe(ends), 0);
	pool = begin_fault(4);
	for (int i = 0; i < 8; i++)
		expect_own_descriptors(pool);
	submit_ops(pool, t_kill, 0, 3, SIGKILL);
	ledger_await(4, 5000);
	for (int i = 0; i < 8; i++)
		expect_own_descriptors(pool);
	close(file);
	close(ends[0]);
	close(ends[1]);
	end_fault(pool, 4);
}
END_TEST

/* Runs a shell that ends with the number of the first descriptor above 2 that
 * it finds open; 0: none. */
static int
find_inherited(void)
{
	return system("for fd in 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do"
		      " test -e /proc/self/fd/$fd && exit $fd; done; exit 0");
}

static int
t_find_inherited(struct procpool_job *job, const void *arg, size_t len)
{
	const int status = find_inherited();

	(void)arg;
	(void)len;
	return procpool_return(job, &status, sizeof(status));
}

/* R04 */
START_TEST(a_program_that_a_job_runs_inherits_no_descriptor_above_2)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_result result;
	int status;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = t_find_inherited }, &result));
	memcpy(&status, result.data, sizeof(status));
	procpool_result_done(&result);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 0, "descriptor %d is inherited",
	    WEXITSTATUS(status));
	end_fault(pool, 0);
}
END_TEST

/* R04: and the worker's channel still works afterwards. */
START_TEST(a_program_that_the_host_runs_inherits_nothing_of_the_pool)
{
	bool had[1024];
	struct procpool *pool;
	int added = 0;

	for (int fd = 0; fd < 1024; fd++)
		had[fd] = fcntl(fd, F_GETFD) >= 0;
	pool = begin_fault(2);
	for (int fd = 0; fd < 1024; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (had[fd] || flags < 0)
			continue;
		added++;
		ck_assert_msg((flags & FD_CLOEXEC) != 0,
		    "descriptor %d is not closed by exec", fd);
	}
	ck_assert_int_gt(added, 0);
	end_fault(pool, 0);
}
END_TEST

/* --------------------------------------------------- Signals and timers */

static void
note_signal(int signal)
{
	flag_set(&shared->flag[0], signal);
}

/* What is not as in a fresh process, as a text; empty: nothing. */
static int
t_list_inherited(struct procpool_job *job, const void *arg, size_t len)
{
	char text[1000] = "";
	size_t used = 0;
	sigset_t mask;
	stack_t stack;
	struct itimerval timer;

	(void)arg;
	(void)len;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int signal = 1; signal < NSIG && used < 900; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action) == 0 &&
		    action.sa_handler != SIG_DFL)
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "action %d ", signal);
		if (sigismember(&mask, signal) == 1)
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "blocked %d ", signal);
	}
	getitimer(ITIMER_REAL, &timer);
	if (timer.it_value.tv_sec != 0)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "timer ");
	if (sigaltstack(NULL, &stack) == 0 && stack.ss_flags != SS_DISABLE)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "stack ");
	return procpool_return(job, text, used + 1);
}

/* A host that has changed whatever a child would inherit, and takes it back. */
struct busy_host {
	struct sigaction old[NSIG];
	sigset_t mask;
	stack_t old_stack;
	char stack[65536];
};

static void
make_busy(struct busy_host *host)
{
	static const struct sigaction handler = { .sa_handler = note_signal,
		.sa_flags = SA_ONSTACK };
	const struct itimerval later = { .it_value.tv_sec = 3600 };
	const stack_t stack = { .ss_sp = host->stack,
		.ss_size = sizeof(host->stack) };
	sigset_t all;

	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &handler, &host->old[signal]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &host->mask);
	setitimer(ITIMER_REAL, &later, NULL);
	sigaltstack(&stack, &host->old_stack);
}

static void
make_calm(struct busy_host *host)
{
	const struct itimerval none = { .it_value.tv_sec = 0 };

	sigaltstack(&host->old_stack, NULL);
	setitimer(ITIMER_REAL, &none, NULL);
	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &host->old[signal], NULL);
	pthread_sigmask(SIG_SETMASK, &host->mask, NULL);
}

static void
expect_nothing_inherited(struct procpool *pool)
{
	struct procpool_result result;

	ok(procpool_call_task(pool,
	    &(struct procpool_task){ .function = t_list_inherited }, &result));
	ck_assert_str_eq(result.data, "");
	procpool_result_done(&result);
}

/* R07 */
START_TEST(a_worker_has_default_dispositions_no_mask_no_timer_no_stack)
{
	static struct busy_host host;
	struct procpool *pool;

	make_busy(&host);
	pool = begin_fault(2);
	expect_nothing_inherited(pool);
	submit_ops(pool, t_kill, 0, 1, SIGKILL);
	ledger_await(2, 5000);
	expect_nothing_inherited(pool);
	end_fault(pool, 2);
	make_calm(&host);
}
END_TEST

/* R07 */
START_TEST(no_handler_of_the_host_runs_in_a_worker)
{
	static struct busy_host host;
	struct procpool *pool;

	make_busy(&host);
	pool = begin_fault(2);
	ok(submit_op(pool, t_kill, 0, SIGUSR1));
	ok(submit_op(pool, t_kill, 1, SIGTERM));
	ledger_await(2, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGUSR1);
	expect_end(1, PROCPOOL_ECRASHED, SIGTERM);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	end_fault(pool, 2);
	make_calm(&host);
}
END_TEST

/* ----------------------------------------------------------- Interruption */

static void
note_interruption(int signal)
{
	(void)signal;
	flag_set(&shared->flag[10], 1);
}

/* A host whose handler is told of SIGINT, and which then lets its tasks end
 * (flag[1]) and leaves by its own will.  1: as it should be. */
static int
interrupted_host(void *unused)
{
	struct procpool *pool = open_pool(2, t_ledger);

	(void)unused;
	signal(SIGINT, note_interruption);
	submit_ops(pool, t_wait, 0, 1, 0);
	if (!flag_await(&shared->flag[0], 2, PATIENCE_MS))
		return 2;
	flag_set(&shared->flag[11], 1);
	if (!flag_await(&shared->flag[10], 1, PATIENCE_MS))
		return 3;
	flag_set(&shared->flag[1], 1);
	if (procpool_close(pool) != 0)
		return 4;
	return 42;
}

/* R08: SIGINT goes to the whole group, as Ctrl-C in a terminal does.  The
 * tasks end as if nothing were. */
START_TEST(an_interruption_of_the_group_is_the_hosts_own_affair)
{
	struct capture capture;
	pid_t host;
	int status;
	char *text;

	capture_begin(&capture);
	host = fork_host(interrupted_host, NULL);
	await_flag(&shared->flag[11], 1, 5000);
	ck_assert_int_eq(kill(-host, SIGINT), 0);
	status = reap_host(host, 5000);
	text = capture_end(&capture);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	ck_assert_str_eq(text, "");
	free(text);
	ledger_check(2);
	expect_success(0, 1);
}
END_TEST

/* A host without a handler, whose workers are busy. */
static int
plain_host(void *unused)
{
	struct procpool *pool = open_pool(2, t_ledger);

	(void)unused;
	submit_ops(pool, t_spin, 0, 3, 0);
	if (flag_await(&shared->flag[0], 2, PATIENCE_MS))
		flag_set(&shared->flag[11], 1);
	while (pause() != 0)
		;
	return 1;
}

/* R08: nothing is left, and nothing was said. */
START_TEST(workers_go_with_a_host_that_an_interruption_ends)
{
	struct capture capture;
	pid_t host;
	int status;
	char *text;

	capture_begin(&capture);
	host = fork_host(plain_host, NULL);
	await_flag(&shared->flag[11], 1, 5000);
	ck_assert_int_eq(kill(-host, SIGINT), 0);
	status = reap_host(host, 1000);
	await_processes(0, 1000);
	text = capture_end(&capture);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGINT);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

/* ---------------------------------------------------------- What is told */

/* Everything but the outcome itself that a result of a task of id tells. */
static void
expect_told(const struct procpool_result *result, int id, int code,
    enum procpool_phase phase)
{
	char name[64];

	ck_assert_int_eq(result->code, code);
	ck_assert_ptr_nonnull(result->message);
	ck_assert_uint_gt(result->task, 0);
	ck_assert_int_ge(result->worker, 0);
	ck_assert_int_lt(result->worker, 2);
	snprintf(name, sizeof(name), "told-w%d", result->worker);
	ck_assert_str_eq(result->worker_name, name);
	ck_assert_int_eq(result->pid, atomic_load(&shared->ran_in[id]));
	ck_assert_int_eq(result->attempt, 1);
	ck_assert_int_eq((int)result->phase, (int)phase);
}

static struct procpool *
begin_told(void)
{
	return begin_fault_with(
	    (struct procpool_options){ .n_jobs = 2, .name = "told" });
}

static void
expect_failure_told(procpool_job_fn job, int value, int outcome, int code,
    enum procpool_phase phase)
{
	struct procpool *pool = begin_told();
	struct procpool_result result;
	uint64_t task;

	expect(call_op(pool, job, 0, value, &result), outcome);
	expect_told(&result, 0, code, phase);
	ck_assert_str_eq(procpool_first_failed(pool), result.worker_name);
	ck_assert_str_ne(result.message, "");
	task = result.task;
	procpool_result_done(&result);
	ok(call_op(pool, t_ledger, 1, 0, &result));
	ck_assert_uint_eq(result.task, task + 1);
	procpool_result_done(&result);
	end_fault(pool, 0);
}

/* D01 */
START_TEST(a_crash_tells_task_worker_pid_signal_phase_and_attempt)
{
	expect_failure_told(
	    t_kill, SIGUSR2, PROCPOOL_ECRASHED, SIGUSR2, PROCPOOL_RUNNING);
}
END_TEST

/* D01 */
START_TEST(an_exit_tells_task_worker_pid_status_phase_and_attempt)
{
	expect_failure_told(t__exit, 7, PROCPOOL_EEXITED, 7, PROCPOOL_RUNNING);
}
END_TEST

/* D01 */
START_TEST(a_failure_tells_task_worker_pid_code_phase_and_attempt)
{
	expect_failure_told(t_fail, -5, PROCPOOL_EFAILED, -5, PROCPOOL_ENDED);
}
END_TEST

/* D01: flag[0]: fields that are not as they should be. */
static void
judge_never_run(const struct procpool_result *result, void *user)
{
	if (result->outcome != PROCPOOL_ESHUTDOWN || result->code != 0 ||
	    result->task == 0 || result->worker != -1 || result->pid != 0 ||
	    strcmp(result->worker_name, "") != 0 || result->attempt != 0 ||
	    result->phase != PROCPOOL_QUEUED || result->message == NULL)
		atomic_fetch_add(&shared->flag[9], 1);
	ledger_done(result, user);
}

/* D01 */
START_TEST(a_task_that_was_never_run_names_no_worker)
{
	struct procpool *pool = begin_told();

	submit_ops(pool, t_wait, 0, 1, 0);
	await_flag(&shared->flag[0], 2, 5000);
	for (int id = 2; id < 6; id++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .done = judge_never_run,
			.user = (void *)(uintptr_t)id }));
	ok(procpool_shutdown(pool));
	ck_assert_int_eq(ledger_count(6, PROCPOOL_ESHUTDOWN), 6);
	ck_assert_int_eq(atomic_load(&shared->flag[9]), 0);
	close_pool(pool);
	end_fault_closed(6);
}
END_TEST

/* ---------------------------------------------------------------- Names */

static void
name_of(const char *path, char *name, size_t size)
{
	FILE *comm = fopen(path, "re");

	name[0] = '\0';
	if (comm != NULL && fgets(name, (int)size, comm) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (comm != NULL)
		fclose(comm);
}

static void
name_of_process(pid_t pid, char *name, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	name_of(path, name, size);
}

/* D05 */
START_TEST(workers_and_spawner_have_names_of_their_own)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_result result;
	char expected[32];
	char name[32];

	for (int i = 0; i < 4; i++) {
		ok(call_op(pool, t_ledger, i, 0, &result));
		snprintf(expected, sizeof(expected), "pp-w%d", result.worker);
		name_of_process(result.pid, name, sizeof(name));
		ck_assert_str_eq(name, expected);
		procpool_result_done(&result);
	}
	name_of_process(call_pid(pool, t_parent), name, sizeof(name));
	ck_assert_msg(strncmp(name, "pp-", 3) == 0, "named \"%s\"", name);
	end_fault(pool, 0);
}
END_TEST

/* How many threads of this process are named pp-something. */
static int
count_named_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[300];
		char name[32];

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
		    entry->d_name);
		name_of(path, name, sizeof(name));
		n += strncmp(name, "pp-", 3) == 0;
	}
	closedir(dir);
	return n;
}

/* D05: each thread that a pool starts, and the host's own keep theirs. */
START_TEST(threads_of_a_pool_have_names_of_their_own)
{
	const int before = count_threads();
	struct procpool *pool;
	char mine[32];
	char later[32];

	name_of("/proc/thread-self/comm", mine, sizeof(mine));
	pool = begin_fault(3);
	pool_works(pool);
	ck_assert_int_gt(count_named_threads(), 0);
	ck_assert_int_eq(count_named_threads(), count_threads() - before);
	name_of("/proc/thread-self/comm", later, sizeof(later));
	ck_assert_str_eq(later, mine);
	end_fault(pool, 0);
}
END_TEST

RUN_TESTS("fault_leak", nothing_grows_over_1000_deaths,
    jobs_that_exit_leave_no_zombies,
    a_worker_has_the_descriptors_0_to_4_and_no_others,
    a_program_that_a_job_runs_inherits_no_descriptor_above_2,
    a_program_that_the_host_runs_inherits_nothing_of_the_pool,
    a_worker_has_default_dispositions_no_mask_no_timer_no_stack,
    no_handler_of_the_host_runs_in_a_worker,
    an_interruption_of_the_group_is_the_hosts_own_affair,
    workers_go_with_a_host_that_an_interruption_ends,
    a_crash_tells_task_worker_pid_signal_phase_and_attempt,
    an_exit_tells_task_worker_pid_status_phase_and_attempt,
    a_failure_tells_task_worker_pid_code_phase_and_attempt,
    a_task_that_was_never_run_names_no_worker,
    workers_and_spawner_have_names_of_their_own,
    threads_of_a_pool_have_names_of_their_own)
