/*
 * Programs that are unlike others: without standard descriptors, with another
 * user, root or directory than at the start or without its file, with many
 * threads, with threads that are cancelled, with very long queues.
 *
 * Rows of the fault catalogue: H19 H20 H21 H22 H23 L09 L23 L24, with the
 * oracle U1 to U11 where the host is the test itself.
 */
#include "sabotage.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <netdb.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>

/* --------------------------------------------- No standard descriptors */

/* Prints to both, then gives back its argument and what it has open. */
static int
print_and_list(struct procpool_job *job, const void *arg, size_t len)
{
	uint64_t open = 0;

	(void)arg;
	(void)len;
	for (int i = 0; i < 1000; i++) {
		printf("this is no frame\n");
		fprintf(stderr, "nor is this\n");
	}
	(void)fflush(stdout);
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= UINT64_C(1) << fd;
	return procpool_return(job, &open, sizeof(open));
}

/* Whether what the library has opened here is past the standard numbers.  On
 * its way there it may be seen in between, while a worker is replaced. */
static bool
are_still_closed(int closed)
{
	const int64_t end = now_ms() + bound(1000);

	for (int fd = 0; fd < 3; fd++)
		while ((closed & 1 << fd) != 0 && fcntl(fd, F_GETFD) >= 0)
			if (now_ms() > end)
				return false;
	return true;
}

static void
no_log(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)message;
	(void)user;
}

static int
use_without(int closed, procpool_log_fn log)
{
	const struct procpool_options options = { .entry_point = print_and_list,
		.n_jobs = 2,
		.oversubscribe = true,
		.log = log };
	const struct procpool_task death = { .function = t_kill,
		.arg = &(struct op){ 0, SIGKILL },
		.len = sizeof(struct op) };
	struct procpool_result result;
	struct procpool *pool;

	need(procpool_open(&pool, &options) == 0);
	for (int i = 0; i < 6; i++) {
		need(procpool_call(pool, NULL, 0, &result) == 0);
		need(result.len == sizeof(uint64_t));
		need(*(const uint64_t *)result.data == 0x1f);
		procpool_result_done(&result);
		need(are_still_closed(closed));
		if (i == 2) {
			need(procpool_call_task(pool, &death, &result) ==
			    PROCPOOL_ECRASHED);
			procpool_result_done(&result);
		}
	}
	need(procpool_close(pool) == 0);
	return 0;
}

static int
host_without(void *which)
{
	const int closed = *(const int *)which;
	const int null = open("/dev/null", O_WRONLY);

	/* What stays open shall not print into the test's log. */
	for (int fd = 0; fd < 3; fd++)
		if ((closed & 1 << fd) != 0)
			need(close(fd) == 0);
		else if (fd > 0)
			need(dup2(null, fd) == fd);
	need(close(null) == 0);
	return use_without(closed, NULL) || use_without(closed, no_log);
}

/* H22: each combination of 0, 1 and 2. */
START_TEST(a_program_without_standard_descriptors_has_a_pool)
{
	if (WITH_TSAN)
		SKIP("a sanitizer opens files of its own");
	for (int closed = 0; closed < 8; closed++) {
		expect_host(fork_host(host_without, &closed), 0, 5000);
		await_processes(0, 1000);
	}
}
END_TEST

/* ------------------------------------------------------ Another identity */

/* The pool works, its workers are replaced, also from a new process that forks
 * them, and it is refreshed. */
static int
use_all(struct procpool *pool)
{
	const struct procpool_task death = { .function = t_kill,
		.arg = &(struct op){ 0, SIGKILL },
		.len = sizeof(struct op) };
	struct procpool_result result;
	const int64_t x = 12;

	for (int i = 0; i < 4; i++) {
		need(procpool_call(pool, &x, sizeof(x), &result) == 0);
		need(*(const int64_t *)result.data == 144);
		procpool_result_done(&result);
		need(procpool_call_task(pool, &death, &result) ==
		    PROCPOOL_ECRASHED);
		procpool_result_done(&result);
		if (i == 1)
			need(procpool_refresh(pool) == 0);
	}
	return 0;
}

enum change {
	DIRECTORY,
	ROOT,
	USER,
	CHANGES
};

static int
change(enum change what)
{
	char name[] = "/tmp/procpool-test-XXXXXX";
	const uid_t user = 50000 + (uid_t)getpid() % 10000;

	if (what == USER) {
		need(setgroups(0, NULL) == 0);
		need(setgid(user) == 0 && setuid(user) == 0);
		return 0;
	}
	/* It is gone at once: nothing can be found there, nor anywhere. */
	need(mkdtemp(name) != NULL);
	need(chdir(name) == 0 && rmdir(name) == 0);
	need(what != ROOT || chroot(".") == 0);
	return 0;
}

/* Finds stdin open, and nothing to read there. */
static int
read_nothing(struct procpool_job *job, const void *arg, size_t len)
{
	char byte;

	(void)job;
	(void)arg;
	(void)len;
	return read(STDIN_FILENO, &byte, 1) != 0;
}

static int
host_that_changes(void *what)
{
	const struct procpool_options options = { .entry_point = t_square,
		.n_jobs = 2,
		.oversubscribe = true,
		.grace_ms = 100 };
	struct procpool_result result;
	struct procpool *pool;
	int64_t start;

	need(procpool_open(&pool, &options) == 0);
	if (change(*(const enum change *)what) != 0 || use_all(pool) != 0)
		return 1;
	/* Busy workers of another user cannot be asked to end, nor killed; what
	 * forked them can. */
	need(submit_op(pool, t_wait, 1, 0) == 0);
	need(submit_op(pool, t_wait, 2, 0) == 0);
	need(flag_await(&shared->flag[0], 2, bound(2000)));
	start = now_ms();
	need(procpool_shutdown(pool) == 0);
	need(now_ms() - start < bound(2000));
	atomic_store(&shared->flag[0], 0);
	need(procpool_start(pool) == 0);
	if (use_all(pool) != 0)
		return 1;
	need(procpool_call_task(pool,
		 &(struct procpool_task){ .function = read_nothing },
		 &result) == 0);
	procpool_result_done(&result);
	need(procpool_close(pool) == 0);
	return 0;
}

/* H23 */
START_TEST(a_program_may_change_its_user_root_and_directory)
{
	enum change what;

	if (geteuid() != 0)
		SKIP("only root can do that");
	for (what = DIRECTORY; what < CHANGES; what++) {
		expect_host(fork_host(host_that_changes, &what), 0, 15000);
		await_processes(0, 1000);
	}
}
END_TEST

/* --------------------------------------------------- No file any more */

/* Where a copy of this program is, for the copy itself. */
#define COPY "PP_TEST_COPY"

/* Its workers are replaced when there is no file that they could come from. */
static int
use_pool_without_a_file(const char *name)
{
	const struct procpool_options options = {
		.entry_point = t_square, .n_jobs = 2, .oversubscribe = true
	};
	struct procpool *pool;
	char path[256] = "";

	need(procpool_open(&pool, &options) == 0);
	need(unlink(name) == 0);
	need(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	need(strstr(path, " (deleted)") != NULL);
	if (use_all(pool) != 0)
		return 1;
	need(procpool_shutdown(pool) == 0);
	need(procpool_start(pool) == 0);
	if (use_all(pool) != 0)
		return 1;
	need(procpool_close(pool) == 0);
	return 0;
}

/* Instead of main(), in the copy. */
__attribute__((constructor)) static void
be_the_copy(void)
{
	const char *name = getenv(COPY);
	int rc;

	if (name == NULL)
		return;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rc = use_pool_without_a_file(name);
	if (rc != 0)
		fprintf(stderr, "line %d of the copy\n", shared->host_line);
	_exit(rc);
}

enum {
	NO_COPIES = 2 /* exit status: programs cannot be run from there */
};

static int
become_a_copy(void *unused)
{
	char name[] = "/tmp/procpool-test-XXXXXX";
	const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int to = mkstemp(name);
	ssize_t n;

	(void)unused;
	need(from >= 0 && to >= 0);
	do
		n = sendfile(to, from, NULL, 1 << 24);
	while (n > 0);
	need(n == 0 && fchmod(to, S_IRWXU) == 0);
	close(from);
	close(to);
	need(setenv(COPY, name, 1) == 0);
	(void)execl(name, name, (char *)NULL);
	(void)unlink(name);
	need(errno == EACCES);
	return NO_COPIES;
}

/* H23 */
START_TEST(a_program_may_lose_its_file)
{
	const int status = reap_host(fork_host(become_a_copy, NULL), 15000);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_COPIES)
		SKIP("no program can be run from /tmp");
	ck_assert_msg(status == 0, "status %#x; line %d of the host", status,
	    atomic_load(&shared->host_line));
}
END_TEST

/* --------------------------------------------------------- Busy threads */

static void
take_heap(void *unused)
{
	(void)unused;
	for (size_t size = 1; size < 1 << 20; size *= 3)
		free(memset(malloc(size), 1, size > 64 ? 64 : size));
}

static void
take_stdio(void *file)
{
	for (int i = 0; i < 100; i++)
		fprintf(file, "%d %s\n", i, "of a hundred");
}

static void
take_loader(void *unused)
{
	void *library = dlopen("libm.so.6", RTLD_NOW);

	(void)unused;
	if (library != NULL)
		dlclose(library);
}

static void
take_names(void *unused)
{
	struct addrinfo *list;

	(void)unused;
	if (getaddrinfo("localhost", NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}

/* Takes the locks that threads of the host held at some forks. */
static int
take_locks(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	FILE *file;

	(void)len;
	ledger_start(op->id);
	take_heap(NULL);
	file = fopen("/dev/null", "we");
	if (file == NULL)
		return 1;
	take_stdio(file);
	(void)fclose(file);
	if (dlsym(RTLD_DEFAULT, "malloc") == NULL)
		return 2;
	ledger_finish(op->id);
	return procpool_return(job, op, sizeof(*op));
}

/* H21: pools are started, refreshed, and their workers replaced, while threads
 * are inside of the C library. */
START_TEST(a_pool_may_start_while_threads_are_in_the_c_library)
{
	enum {
		ROUNDS = 6,
		TASKS = 20
	};
	FILE *null;
	struct trouble trouble[4];
	struct procpool *pool;
	int id = 0;

	if (WITH_ASAN || WITH_TSAN)
		SKIP("the heap of a sanitizer is not made for this");
	null = fopen("/dev/null", "we");
	ck_assert_ptr_nonnull(null);
	trouble_start(&trouble[0], take_heap, NULL);
	trouble_start(&trouble[1], take_stdio, null);
	trouble_start(&trouble[2], take_loader, NULL);
	trouble_start(&trouble[3], take_names, NULL);
	pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .oversubscribe = true, .start_later = true });
	for (int round = 0; round < ROUNDS; round++) {
		ok(procpool_start(pool));
		submit_ops(pool, take_locks, id, id + TASKS - 1, 0);
		submit_ops(pool, t_kill, id + TASKS, id + TASKS, SIGKILL);
		id += TASKS + 1;
		ledger_await(id, 5000);
		if (round % 2)
			ok(procpool_refresh(pool));
		ok(procpool_shutdown(pool));
	}
	for (int i = 0; i < 4; i++)
		trouble_stop(&trouble[i]);
	(void)fclose(null);
	ck_assert_int_eq(ledger_count(id, 0), ROUNDS * TASKS);
	ok(procpool_start(pool));
	end_fault(pool, id);
}
END_TEST

/* ----------------------------------------------------------- Many threads */

enum {
	THREADS = 32
};

/* One pool and the threads that use it in every way at once. */
static struct crowd {
	struct procpool *pool;
	atomic_bool over;
	atomic_int accepted, ended;
	atomic_int wrong; /* calls that returned what they must not */
} crowd;

static void
count_end(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
	atomic_fetch_add(&crowd.ended, 1);
}

/* What a call returned while others start and stop the pool. */
static void
note(int rc)
{
	if (rc < 0 && rc != PROCPOOL_ENOTRUNNING && rc != PROCPOOL_ESHUTDOWN &&
	    rc != PROCPOOL_EFULL && rc != PROCPOOL_ETIMEDOUT &&
	    rc != PROCPOOL_ERUNNING)
		atomic_fetch_add(&crowd.wrong, 1);
}

static void
submit_one(const struct op *op)
{
	const int rc =
	    procpool_submit(crowd.pool, op, sizeof(*op), count_end, NULL);

	atomic_fetch_add(&crowd.accepted, rc == 0);
	note(rc);
}

static void
try_one(const struct op *op)
{
	const int rc = procpool_try_submit(crowd.pool,
	    &(struct procpool_task){
		.arg = op, .len = sizeof(*op), .done = count_end });

	atomic_fetch_add(&crowd.accepted, rc == 0);
	note(rc);
}

static void
call_one(const struct op *op)
{
	struct procpool_result result;

	note(procpool_call(crowd.pool, op, sizeof(*op), &result));
	procpool_result_done(&result);
}

static void
batch_some(const struct op *op)
{
	struct procpool_batch *batch;
	int rc = procpool_batch_open(&batch, crowd.pool, 4);

	note(rc);
	for (int i = 0; i < 4 && rc == 0; i++)
		rc = procpool_batch_add(batch, op, sizeof(*op));
	note(rc);
	note(
	    procpool_batch_wait(batch, rc == 0 ? -1 : 0) == PROCPOOL_EINCOMPLETE
		? 0
		: rc);
	procpool_batch_close(batch);
}

static void
look_at_it(const struct op *op)
{
	struct procpool_stats stats;
	uint64_t busy[2];

	(void)op;
	note(procpool_get_stats(crowd.pool, &stats, busy));
	if (stats.submitted !=
	    stats.succeeded + stats.failed + stats.crashed + stats.protocol +
		stats.lost + stats.shutdown + stats.queued + stats.running)
		note(-1);
	(void)procpool_is_running(crowd.pool);
	(void)procpool_first_failed(crowd.pool);
	note(procpool_drain(crowd.pool, 0));
}

static void *
be_in_the_crowd(void *arg)
{
	static void (*const acts[])(const struct op *) = { submit_one, try_one,
		call_one, batch_some, look_at_it };
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!atomic_load(&crowd.over)) {
		const struct op op = { 0, 0 };
		const int act = rand_r(&seed) % 5;

		acts[act](&op);
	}
	return NULL;
}

/* Shuts the pool down, and starts and refreshes it, all the time. */
static void *
stop_and_start(void *unused)
{
	while (!atomic_load(&crowd.over)) {
		usleep(30000);
		note(procpool_refresh(crowd.pool));
		usleep(30000);
		note(procpool_shutdown(crowd.pool));
		note(procpool_start(crowd.pool));
	}
	return unused;
}

static int
t_op(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

/* H20, U1; with PP_TEST_LONG as long as a test may take. */
START_TEST(thirty_two_threads_use_a_pool_that_others_stop_and_start)
{
	const int64_t ms = is_long() ? bound(12000) : 500;
	pthread_t threads[THREADS + 2];

	crowd.pool = begin_fault_with((struct procpool_options){ .n_jobs = 2,
	    .oversubscribe = true,
	    .entry_point = t_op,
	    .queue_tasks = 100 });
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     be_in_the_crowd, (void *)(uintptr_t)i),
		    0);
	for (int i = THREADS; i < THREADS + 2; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, stop_and_start, NULL), 0);
	usleep((useconds_t)ms * 1000);
	atomic_store(&crowd.over, true);
	for (int i = 0; i < THREADS + 2; i++)
		pthread_join(threads[i], NULL);
	if (!procpool_is_running(crowd.pool))
		ok(procpool_start(crowd.pool));
	drain_pool(crowd.pool);
	ck_assert_int_eq(atomic_load(&crowd.wrong), 0);
	ck_assert_int_gt(atomic_load(&crowd.accepted), 0);
	ck_assert_int_eq(
	    atomic_load(&crowd.accepted), atomic_load(&crowd.ended));
	end_fault(crowd.pool, 0);
}
END_TEST

/* ------------------------------------------------------- Both ways at once */

/* Logs and prints much before it gives a large argument back. */
static int
echo_and_log(struct procpool_job *job, const void *arg, size_t len)
{
	for (int i = 0; i < 2000; i++) {
		procpool_job_log(job, PROCPOOL_INFO, "line %d of many", i);
		printf("line %d of many more\n", i);
	}
	return procpool_return(job, arg, len);
}

static void
check_echo(const struct procpool_result *result, void *user)
{
	if (result->outcome == 0 && result->len == (size_t)(uintptr_t)user &&
	    pattern_matches(result->data, result->len))
		flag_add(&shared->flag[1], 1);
	flag_add(&shared->flag[0], 1);
}

/* H19: more than the areas take, so that all goes through the pipes, with
 * small tasks behind; while the worker writes much, the host does too. */
START_TEST(results_logs_and_arguments_that_fill_all_pipes_do_not_block)
{
	const size_t much = (size_t)(is_long() ? 65 : 12) << 20;
	char *bytes = malloc(much);
	struct procpool *pool;

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, much);
	allow_areas(is_long());
	pool = begin_fault_with((struct procpool_options){ .n_jobs = 2,
	    .oversubscribe = true,
	    .entry_point = echo_and_log,
	    .log = no_log });
	for (int i = 0; i < 40; i++) {
		const size_t len = i % 10 ? (size_t)i * 50 : much;

		ok(procpool_submit(
		    pool, bytes, len, check_echo, (void *)(uintptr_t)len));
	}
	await_flag(&shared->flag[0], 40, 10000);
	ck_assert_int_eq(atomic_load(&shared->flag[1]), 40);
	allow_areas(true);
	end_fault(pool, 0);
	free(bytes);
}
END_TEST

/* ------------------------------------------------------ A callback's time */

static void
wait_in_callback(const struct procpool_result *result, void *user)
{
	(void)result;
	(void)user;
	flag_set(&shared->flag[0], 1);
	(void)flag_await(&shared->flag[1], 1, PATIENCE_MS);
}

/* L09: the shutdown has ended the other worker by then, and waits for nothing
 * but that callback; the callbacks of all others come after it. */
START_TEST(a_shutdown_waits_for_a_callback_and_for_nothing_else)
{
	struct procpool *pool = begin_fault(2);
	struct aside aside = { .call = aside_shutdown, .pool = pool };
	int64_t start;

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){
		.function = t_pid, .done = wait_in_callback }));
	await_flag(&shared->flag[0], 1, 2000);
	submit_ops(pool, t_spin, 0, 9, 0);
	aside_start(&aside);
	await_processes(2, 3000); /* what forks workers, and one of them */
	ck_assert_int_eq(ledger_count(10, PROCPOOL_ESHUTDOWN), 0);
	start = now_ms();
	flag_set(&shared->flag[1], 1);
	ok(aside_join(&aside));
	took_less(start, 1000);
	ck_assert_int_eq(ledger_count(10, PROCPOOL_ESHUTDOWN), 10);
	close_pool(pool);
	end_fault_closed(10);
}
END_TEST

/* ----------------------------------------------------- Cancelled threads */

static int
wait_for_all(struct aside *aside)
{
	return procpool_drain(aside->pool, -1);
}

static int
wait_for_call(struct aside *aside)
{
	struct procpool_result result;
	const int rc = call_op(aside->pool, t_wait, aside->id, 0, &result);

	procpool_result_done(&result);
	return rc;
}

static int
wait_for_room(struct aside *aside)
{
	return submit_op(aside->pool, t_ledger, aside->id, 0);
}

/* Cancel a thread in a call that waits; then let the call end. */
static void
cancel(struct aside *aside, int (*call)(struct aside *))
{
	void *value;

	aside->call = call;
	aside->rc = 1;
	aside_start(aside);
	ck_assert_int_eq(pthread_cancel(aside->thread), 0);
	flag_set(&shared->flag[1], 1);
	ck_assert_int_eq(pthread_join(aside->thread, &value), 0);
}

/* L23: the call is done to its end; so no lock stays held, nobody is counted
 * as waiting who is not, and the pool works and closes. */
START_TEST(a_thread_that_is_cancelled_in_a_call_ends_the_call_first)
{
	static int (*const calls[])(struct aside *) = { wait_for_all,
		wait_for_call, wait_for_room, aside_batch_wait, aside_refresh,
		aside_shutdown };
	enum {
		N = sizeof(calls) / sizeof(*calls)
	};
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .entry_point = t_ledger, .queue_tasks = 2 });
	struct procpool_batch *batch;

	for (int i = 0; i < N; i++) {
		struct aside aside = { .pool = pool, .id = 2 * i + 1 };
		const bool calls_itself = calls[i] == wait_for_call;

		atomic_store(&shared->flag[0], 0);
		atomic_store(&shared->flag[1], 0);
		ok(procpool_batch_open(&batch, pool, 1));
		aside.batch = batch;
		if (!calls_itself) {
			ok(submit_op(pool, t_wait, 2 * i, 0));
			await_flag(&shared->flag[0], 1, 2000);
		}
		if (calls[i] == wait_for_room)
			ok(submit_op(pool, t_ledger, 2 * i + 20, 0));
		if (calls[i] == aside_batch_wait)
			ok(procpool_batch_add(
			    batch, &(struct op){ 30, 0 }, sizeof(struct op)));
		cancel(&aside, calls[i]);
		if (calls[i] == aside_shutdown)
			ok(procpool_start(pool));
		ok(procpool_drain(pool, bound(2000)));
		procpool_batch_close(batch);
	}
	pool_works(pool);
	close_pool(pool);
	expect_quiet();
}
END_TEST

/* Opens a pool with its own cancellation under way. */
static void *
open_cancelled(void *opened)
{
	struct procpool *pool;

	(void)pthread_cancel(pthread_self());
	*(int *)opened = procpool_open(
	    &pool, &(struct procpool_options){ .entry_point = t_ledger });
	(void)procpool_close(pool);
	pthread_testcancel();
	return NULL;
}

/* L23: to count the CPUs, for one, files are read. */
START_TEST(a_thread_that_is_cancelled_opens_and_closes_its_pool_first)
{
	pthread_t thread;
	void *value;
	int opened = 1;

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, open_cancelled, &opened), 0);
	ck_assert_int_eq(pthread_join(thread, &value), 0);
	ck_assert_ptr_eq(value, PTHREAD_CANCELED);
	ok(opened);
	expect_quiet();
}
END_TEST

/* --------------------------------------------------------- A long queue */

/* Bytes of the heap that are in use. */
static size_t
heap_in_use(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* L24: a task that waits takes its own bytes and some hundred more; what is
 * too much is refused, and nothing is lost. */
START_TEST(a_million_tasks_can_wait_and_one_more_is_refused)
{
	enum {
		PER_TASK = 600 /* bytes at most */
	};
	const int n = is_long() ? 1000000 : 100000;
	const struct procpool_task task = { .function = t_pid };
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 1, .entry_point = t_ledger, .queue_tasks = (size_t)n });
	struct procpool_stats stats;
	size_t before;

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 2000);
	before = heap_in_use();
	for (int i = 1; i < n; i++)
		ok(procpool_try_submit(pool, &task));
	expect(procpool_try_submit(pool, &task), PROCPOOL_EFULL);
	if (!WITH_ASAN && !WITH_TSAN)
		ck_assert_uint_lt(heap_in_use() - before, (size_t)n * PER_TASK);
	flag_set(&shared->flag[1], 1);
	drain_pool(pool);
	ok(procpool_get_stats(pool, &stats, NULL));
	ck_assert_uint_eq(stats.succeeded, (uint64_t)n);
	ok(procpool_try_submit(pool, &task));
	end_fault(pool, 1);
}
END_TEST

RUN_TESTS("fault_program", a_program_without_standard_descriptors_has_a_pool,
    a_program_may_change_its_user_root_and_directory,
    a_program_may_lose_its_file,
    a_pool_may_start_while_threads_are_in_the_c_library,
    thirty_two_threads_use_a_pool_that_others_stop_and_start,
    results_logs_and_arguments_that_fill_all_pipes_do_not_block,
    a_shutdown_waits_for_a_callback_and_for_nothing_else,
    a_thread_that_is_cancelled_in_a_call_ends_the_call_first,
    a_thread_that_is_cancelled_opens_and_closes_its_pool_first,
    a_million_tasks_can_wait_and_one_more_is_refused)
