/*
 * The common frame of the tests: see testing.h.
 */
#include "testing.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

extern char **environ;

struct shared *shared;

/* ------------------------------------------------------------------ Time */

static double
number_from(const char *variable)
{
	const char *text = getenv(variable);
	double value = text != NULL ? atof(text) : 1;

	return value > 0 ? value : 1;
}

int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
bound(int64_t ms)
{
	return (int64_t)((double)ms * number_from("PP_TEST_TIME_SCALE") *
	    number_from("CK_TIMEOUT_MULTIPLIER"));
}

bool
is_long(void)
{
	return getenv("PP_TEST_LONG") != NULL;
}

/* ----------------------------------------------------------------- Flags */

/* The C library has no wait on a shared word but the process-shared condition,
 * which a killed worker would leave locked. */
static void
futex(atomic_int *word, int operation, int value, const struct timespec *limit)
{
	(void)syscall(SYS_futex, word, operation, value, limit, NULL, 0);
}

void
flag_set(atomic_int *flag, int value)
{
	atomic_store(flag, value);
	futex(flag, FUTEX_WAKE, INT32_MAX, NULL);
}

int
flag_add(atomic_int *flag, int value)
{
	const int before = atomic_fetch_add(flag, value);

	futex(flag, FUTEX_WAKE, INT32_MAX, NULL);
	return before + value;
}

bool
flag_await(atomic_int *flag, int at_least, int64_t ms)
{
	const int64_t end = now_ms() + ms;
	int64_t left = ms;
	int value;

	while ((value = atomic_load(flag)) < at_least && left > 0) {
		struct timespec limit = { .tv_sec = left / 1000,
			.tv_nsec = left % 1000 * 1000000 };

		futex(flag, FUTEX_WAIT, value, &limit);
		left = end - now_ms();
	}
	return value >= at_least;
}

void
hold_callback(const struct procpool_result *result, void *unused)
{
	(void)result;
	(void)unused;
	flag_set(&shared->flag[10], 1);
	(void)flag_await(&shared->flag[11], 1, PATIENCE_MS);
}

/* ---------------------------------------------------------------- Ledger */

void
ledger_start(int id)
{
	atomic_store(&shared->ran_in[id], getpid());
	atomic_fetch_add(&shared->started[id], 1);
}

void
ledger_finish(int id)
{
	atomic_fetch_add(&shared->finished[id], 1);
}

void
ledger_done(const struct procpool_result *result, void *user)
{
	const uintptr_t id = (uintptr_t)user;

	atomic_store(&shared->outcome[id], result->outcome);
	atomic_store(&shared->code[id], result->code);
	atomic_fetch_add(&shared->completed[id], 1);
	flag_add(&shared->completions, 1);
}

void
ledger_await(int n, int64_t ms)
{
	ck_assert_msg(flag_await(&shared->completions, n, bound(ms)),
	    "%d tasks of %d ended within %lld ms",
	    atomic_load(&shared->completions), n, (long long)bound(ms));
}

static void
ledger_check_one(int id)
{
	const int completed = atomic_load(&shared->completed[id]);
	const int started = atomic_load(&shared->started[id]);
	const int finished = atomic_load(&shared->finished[id]);
	const int outcome = atomic_load(&shared->outcome[id]);

	ck_assert_msg(
	    completed == 1, "task %d completed %d times", id, completed);
	ck_assert_msg(started <= 1, "task %d started %d times", id, started);
	ck_assert_msg(outcome != 0 || finished == 1,
	    "task %d succeeded, but finished %d times", id, finished);
}

void
ledger_check(int n)
{
	for (int id = 0; id < n; id++)
		ledger_check_one(id);
}

int
ledger_count(int n, int outcome)
{
	int count = 0;

	for (int id = 0; id < n; id++)
		count += atomic_load(&shared->completed[id]) > 0 &&
		    atomic_load(&shared->outcome[id]) == outcome;
	return count;
}

/* ----------------------------------------------------------------- Pools */

struct procpool *
open_with(struct procpool_options options)
{
	struct procpool *pool = NULL;

	ok(procpool_open(&pool, &options));
	ck_assert_ptr_nonnull(pool);
	return pool;
}

struct procpool *
open_pool(int n, procpool_job_fn entry_point)
{
	return open_with((struct procpool_options){
	    .entry_point = entry_point, .n_jobs = n, .oversubscribe = true });
}

void
close_pool(struct procpool *pool)
{
	ok(procpool_close(pool));
}

/* Wait in the worker until as many probes run as arg says. */
static int
probe(struct procpool_job *job, const void *arg, size_t len)
{
	const int n = *(const int *)arg;
	const int slot = atomic_fetch_add(&shared->probe_arrived, 1);

	(void)job;
	(void)len;
	atomic_store(&shared->probe_pid[slot], getpid());
	flag_add(&shared->probe_arrived, 0);
	return flag_await(&shared->probe_arrived, n, bound(8000)) ? 0 : 1;
}

static void
expect_distinct(const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			ck_assert_msg(pids[i] != pids[j],
			    "two probes ran in the same worker %d",
			    (int)pids[i]);
}

static void
expect_succeeded(struct procpool_batch *batch, int n)
{
	for (int i = 0; i < n; i++) {
		const struct procpool_result *result;

		ok(procpool_batch_result(batch, (size_t)i, &result));
		ck_assert_msg(result->outcome == 0, "probe %d of %d: %s: %s", i,
		    n, procpool_strerror(result->outcome), result->message);
	}
}

void
pool_pids(struct procpool *pool, pid_t *pids)
{
	const int n = procpool_n_jobs(pool);
	struct procpool_batch *batch;

	ck_assert_int_ge(n, 1);
	ck_assert_int_le(n, 1024);
	atomic_store(&shared->probe_arrived, 0);
	ok(procpool_batch_open(&batch, pool, (size_t)n));
	for (int i = 0; i < n; i++)
		ok(procpool_submit_task(pool,
		    &(struct procpool_task){ .arg = &n,
			.len = sizeof(n),
			.function = probe,
			.batch = batch }));
	ok(procpool_batch_wait(batch, bound(10000)));
	expect_succeeded(batch, n);
	procpool_batch_close(batch);
	for (int i = 0; i < n; i++)
		pids[i] = atomic_load(&shared->probe_pid[i]);
	expect_distinct(pids, n);
}

void
pool_works(struct procpool *pool)
{
	pid_t pids[1024];

	for (int round = 0; round < 4; round++) {
		pool_pids(pool, pids);
		for (int i = 0; i < procpool_n_jobs(pool); i++)
			ck_assert_msg(!has_ended(pids[i]),
			    "worker %d answered and is not alive",
			    (int)pids[i]);
	}
}

void
drain_pool(struct procpool *pool)
{
	ok(procpool_drain(pool, bound(10000)));
}

struct procpool_stats
stats_of(struct procpool *pool)
{
	struct procpool_stats stats;

	ok(procpool_get_stats(pool, &stats, NULL));
	return stats;
}

void
await_workers(struct procpool *pool, int n, int64_t ms)
{
	await_that(stats_of(pool).workers == (uint64_t)n, ms);
}

/* ------------------------------------------------------------------ Jobs */

int
t_echo(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

int
t_square(struct procpool_job *job, const void *arg, size_t len)
{
	const int64_t x = *(const int64_t *)arg;

	(void)len;
	return procpool_return(job, &(int64_t){ x * x }, sizeof(int64_t));
}

int
t_pid(struct procpool_job *job, const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return procpool_return(job, &(pid_t){ getpid() }, sizeof(pid_t));
}

/* Every job below begins with this. */
static struct op
begin(const void *arg)
{
	const struct op op = *(const struct op *)arg;

	ledger_start(op.id);
	return op;
}

/* And those that come so far end with this. */
static int
finish(struct procpool_job *job, struct op op)
{
	ledger_finish(op.id);
	return procpool_return(job, &op, sizeof(op));
}

int
t_ledger(struct procpool_job *job, const void *arg, size_t len)
{
	(void)len;
	return finish(job, begin(arg));
}

int
t_wait(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);

	(void)len;
	flag_add(&shared->flag[op.value], 1);
	if (!flag_await(&shared->flag[op.value + 1], 1, PATIENCE_MS))
		return procpool_fail(job, 1, "nobody let task %d go on", op.id);
	return finish(job, op);
}

int
t_sleep(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);
	const int64_t end = now_ms() + op.value;

	(void)len;
	while (now_ms() < end)
		usleep((useconds_t)(end - now_ms()) * 1000 + 1);
	return finish(job, op);
}

int
t_alloc_result(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);
	void *space = procpool_reserve(job, (size_t)op.value);

	(void)len;
	if (space == NULL)
		return procpool_fail(job, 1, "no space for %d", op.value);
	pattern_fill(space, (size_t)op.value);
	ledger_finish(op.id);
	return procpool_return(job, space, (size_t)op.value);
}

int
t_fail(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);

	(void)len;
	return procpool_fail(job, op.value, "code %d", op.value);
}

int
t_kill(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);

	(void)len;
	kill(getpid(), op.value);
	return finish(job, op);
}

int
t_exit(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	exit(begin(arg).value);
}

int
t__exit(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	_exit(begin(arg).value);
}

int
t_quick_exit(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	quick_exit(begin(arg).value);
}

int
t_segv(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);
	int *forbidden =
	    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)len;
	/* A sanitizer would turn the signal into an exit. */
	signal(SIGSEGV, SIG_DFL);
	*(volatile int *)forbidden = op.value;
	return finish(job, op);
}

int
t_abort(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)len;
	begin(arg);
	abort();
}

static atomic_int forever = 1;

int
t_spin(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);

	(void)len;
	flag_add(&shared->flag[op.value], 1);
	while (atomic_load_explicit(&forever, memory_order_relaxed))
		;
	return finish(job, op);
}

int
t_spin_blocked(struct procpool_job *job, const void *arg, size_t len)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return t_spin(job, arg, len);
}

static bool
is_channel(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 &&
	    (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

int
t_garbage(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = begin(arg);
	const size_t n = op.value < 65536 ? (size_t)op.value : 65536;
	unsigned char bytes[65536];
	unsigned seed = (unsigned)op.id + 1;

	(void)len;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(rand_r(&seed) >> 8);
	for (int fd = 3; fd < 1024; fd++)
		if (is_channel(fd) && write(fd, bytes, n) < 0)
			continue;
	return finish(job, op);
}

int
t_closeall(struct procpool_job *job, const void *arg, size_t len)
{
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	return t_spin(job, arg, len);
}

/* Eight bytes of a pattern, no two of which are the same. */
static uint64_t
pattern_word(size_t i, int id)
{
	return ((uint64_t)(unsigned)id << 40 ^ (i + 1)) *
	    UINT64_C(0x9e3779b97f4a7c15);
}

void
pattern_fill_as(void *bytes, size_t len, int id)
{
	char *to = bytes;

	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		const uint64_t word = pattern_word(i, id);

		if (len - i >= sizeof(word))
			memcpy(to + i, &word, sizeof(word));
		else
			memcpy(to + i, &word, len - i);
	}
}

bool
pattern_matches_as(const void *bytes, size_t len, int id)
{
	const char *from = bytes;
	bool same = true;

	for (size_t i = 0; i < len && same; i += sizeof(uint64_t)) {
		const uint64_t word = pattern_word(i, id);

		if (len - i >= sizeof(word))
			same = memcmp(from + i, &word, sizeof(word)) == 0;
		else
			same = memcmp(from + i, &word, len - i) == 0;
	}
	return same;
}

void
pattern_fill(void *bytes, size_t len)
{
	pattern_fill_as(bytes, len, 0);
}

bool
pattern_matches(const void *bytes, size_t len)
{
	return pattern_matches_as(bytes, len, 0);
}

struct procpool_task
op_task(procpool_job_fn function, const struct op *op)
{
	return (struct procpool_task){ .arg = op,
		.len = sizeof(*op),
		.function = function,
		.done = ledger_done,
		.user = (void *)(uintptr_t)op->id };
}

int
submit_op(struct procpool *pool, procpool_job_fn function, int id, int value)
{
	const struct op op = { id, value };
	const struct procpool_task task = op_task(function, &op);

	return procpool_submit_task(pool, &task);
}

int
call_op(struct procpool *pool, procpool_job_fn function, int id, int value,
    struct procpool_result *result)
{
	const struct op op = { id, value };

	return procpool_call_task(pool,
	    &(struct procpool_task){
		.arg = &op, .len = sizeof(op), .function = function },
	    result);
}

struct procpool_future *
open_future(struct procpool *pool, procpool_job_fn function, int id, int value)
{
	const struct op op = { id, value };
	const struct procpool_task task = {
		.function = function, .arg = &op, .len = sizeof(op)
	};
	struct procpool_future *future = NULL;

	ok(procpool_future_open_task(&future, pool, &task));
	ck_assert_ptr_nonnull(future);
	return future;
}

const struct procpool_result *
await_future(struct procpool_future *future, int outcome)
{
	const struct procpool_result *result = NULL;

	ok(procpool_future_wait(future, bound(10000)));
	ck_assert_int_eq(procpool_future_is_ready(future), 1);
	ok(procpool_future_result(future, &result));
	expect(result->outcome, outcome);
	return result;
}

/* ------------------------------------------------------------- Processes */

/* Device and inode of the shared memory, as /proc/PID/maps writes them. */
static char tag[64];

/* The fields "DEVICE INODE" of a line of maps; false for other lines. */
static bool
read_tag(const char *line, char *text, size_t size)
{
	char device[16];
	unsigned long inode;

	if (sscanf(line, "%*s %*s %*s %15s %lu", device, &inode) != 2)
		return false;
	snprintf(text, size, "%s %lu", device, inode);
	return true;
}

static void
find_tag(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char start[32];
	char line[512];

	tag[0] = '\0';
	snprintf(start, sizeof(start), "%08lx-", (unsigned long)shared);
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strncmp(line, start, strlen(start)) == 0)
			read_tag(line, tag, sizeof(tag));
	if (maps != NULL)
		fclose(maps);
	ck_assert_msg(tag[0] != '\0', "/proc/self/maps cannot be read");
}

static bool
maps_shared(pid_t pid)
{
	char path[64];
	char line[512];
	char text[64];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (maps == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), maps) != NULL)
		found = read_tag(line, text, sizeof(text)) &&
		    strcmp(text, tag) == 0;
	fclose(maps);
	return found;
}

int
our_processes(pid_t *pids, int max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc)) != NULL) {
		const pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || pid == getpid() || !maps_shared(pid))
			continue;
		if (n < max)
			pids[n] = pid;
		n++;
	}
	closedir(proc);
	return n;
}

void
await_processes(int n, int64_t ms)
{
	const int64_t end = now_ms() + bound(ms);
	pid_t first = 0;
	int left;

	while ((left = our_processes(&first, 1)) > n) {
		ck_assert_msg(now_ms() < end,
		    "%d processes are left, among them %d; expected %d", left,
		    (int)first, n);
		usleep(2000);
	}
}

/* The letter in a stat file of /proc; 'X' when there is no such process. */
static char
state_in(const char *path)
{
	char line[512];
	char *end;
	FILE *stat = fopen(path, "re");

	if (stat == NULL)
		return 'X';
	end = fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	fclose(stat);
	return end != NULL ? end[2] : 'X';
}

bool
has_ended(pid_t pid)
{
	char path[64];
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	state = state_in(path);
	return state == 'Z' || state == 'X';
}

static void
await_asleep(pid_t tid)
{
	const int64_t end = now_ms() + bound(5000);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	while (state_in(path) != 'S' && state_in(path) != 'X') {
		ck_assert_msg(now_ms() < end, "the call aside does not block");
		usleep(500);
	}
}

static void *
run_aside(void *arg)
{
	struct aside *aside = arg;

	flag_set(&aside->tid, gettid());
	aside->rc = aside->call(aside);
	return NULL;
}

void
aside_start(struct aside *aside)
{
	atomic_store(&aside->tid, 0);
	ck_assert_int_eq(
	    pthread_create(&aside->thread, NULL, run_aside, aside), 0);
	await_flag(&aside->tid, 1, 5000);
	await_asleep(atomic_load(&aside->tid));
}

int
aside_join(struct aside *aside)
{
	ck_assert_int_eq(pthread_join(aside->thread, NULL), 0);
	return aside->rc;
}

int
aside_drain(struct aside *aside)
{
	return procpool_drain(aside->pool, -1);
}

int
aside_batch_wait(struct aside *aside)
{
	return procpool_batch_wait(aside->batch, -1);
}

int
aside_future_wait(struct aside *aside)
{
	return procpool_future_wait(aside->future, -1);
}

int
aside_refresh(struct aside *aside)
{
	return procpool_refresh(aside->pool);
}

int
aside_shutdown(struct aside *aside)
{
	return procpool_shutdown(aside->pool);
}

int
aside_close(struct aside *aside)
{
	return procpool_close(aside->pool);
}

bool
await_end(pid_t pid, int64_t ms)
{
	const int64_t end = now_ms() + bound(ms);

	while (!has_ended(pid) && now_ms() < end)
		usleep(1000);
	return has_ended(pid);
}

/* What a host that has ended leaves behind notices that, and ends too. */
#define HOST_MS 1000
static bool had_hosts;

pid_t
fork_host(int (*body)(void *arg), void *arg)
{
	pid_t pid;

	had_hosts = true;
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		/* In both processes, so that it is done when either goes on. */
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	/* A test that fails ends here, and must not leave its hosts. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Check's own handlers would kill the test's process group. */
	signal(SIGALRM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	_exit(body(arg));
}

static void
show_stacks(pid_t pid)
{
	char command[256];

	/* stderr of gdb is full of what nobody asks for. */
	snprintf(command, sizeof(command),
	    "gdb -p %d -batch -nx -ex 'thread apply all bt 20' 2>/dev/null "
	    "</dev/null | grep -E '^(#|Thread)' >&2",
	    (int)pid);
	fprintf(stderr, "watchdog: process %d%s\n", (int)pid,
	    pid == getpid() ? " (the test)" : "");
	if (system(command) != 0)
		fprintf(stderr, "watchdog: no stacks without gdb\n");
}

static void
show_all_stacks(void)
{
	pid_t pids[16];
	const int n = our_processes(pids, 16);

	show_stacks(getpid());
	for (int i = 0; i < n && i < 16; i++)
		show_stacks(pids[i]);
}

int
reap_host(pid_t host, int64_t ms)
{
	int status = 0;

	if (!await_end(host, ms)) {
		show_all_stacks();
		kill(host, SIGKILL);
		waitpid(host, NULL, 0);
		ck_abort_msg("the host %d did not end within %lld ms",
		    (int)host, (long long)bound(ms));
	}
	ck_assert_int_eq(waitpid(host, &status, 0), host);
	return status;
}

/* ---------------------------------------------------------------- Oracle */

/* What each descriptor points to, but for the one that reads them. */
static int
list_descriptors(char (*targets)[256], int max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL && n < max) {
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atoi(entry->d_name) == dirfd(dir))
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, targets[n],
		    sizeof(targets[n]) - 1);
		if (len < 0)
			continue;
		targets[n][len] = '\0';
		n++;
	}
	closedir(dir);
	return n;
}

static int
compare_targets(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
append(char *text, size_t size, const char *line)
{
	const size_t used = strlen(text);

	snprintf(text + used, size - used, "%s\n", line);
}

/* Check has a file for its messages, and with CK_FORK=no another one after the
 * test than before. */
static bool
is_checks_own(const char *target)
{
	return strstr(target, "/check_") != NULL &&
	    strstr(target, " (deleted)") != NULL;
}

static void
describe_descriptors(char *text, size_t size)
{
	static char targets[2048][256];
	const int n = list_descriptors(targets, 2048);

	qsort(targets, (size_t)n, sizeof(targets[0]), compare_targets);
	text[0] = '\0';
	for (int i = 0; i < n; i++)
		if (!is_checks_own(targets[i]))
			append(text, size, targets[i]);
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, as a test that unsets a variable and sets it again moves it. */
static void
describe_environment(char *text, size_t size)
{
	char *entries[2048];
	size_t n = 0;

	while (environ != NULL && environ[n] != NULL && n < 2048) {
		entries[n] = environ[n];
		n++;
	}
	qsort(entries, n, sizeof(entries[0]), compare_strings);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		append(text, size, entries[i]);
}

static int
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		n += isdigit((unsigned char)entry->d_name[0]) != 0;
	closedir(dir);
	return n;
}

int
count_threads(void)
{
	return count_entries("/proc/self/task");
}

int
count_descriptors(void)
{
	/* Less the one that reads. */
	return count_entries("/proc/self/fd") - 1;
}

static int
count_timers(void)
{
	struct itimerval timer;
	int n = 0;

	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		if (getitimer(which, &timer) == 0)
			n += timer.it_value.tv_sec != 0 ||
			    timer.it_value.tv_usec != 0;
	return n;
}

/* The C library fills only the bytes of the mask that the kernel knows. */
#define KERNEL_MASK_BYTES ((WORLD_SIGNALS - 1) / 8)

/* SA_RESTORER of the kernel, which the C library keeps to itself. */
#define SIGNAL_RESTORER 0x04000000

static void
take_action(int signal, struct sigaction *action)
{
	(void)sigaction(signal, NULL, action);
	memset((char *)&action->sa_mask + KERNEL_MASK_BYTES, 0,
	    sizeof(action->sa_mask) - KERNEL_MASK_BYTES);
	/* Its own mark, which it adds when system() puts an action back. */
	action->sa_flags &= ~SIGNAL_RESTORER;
}

void
world_take(struct world *world)
{
	memset(world, 0, sizeof(*world));
	describe_descriptors(world->descriptors, sizeof(world->descriptors));
	describe_environment(world->environment, sizeof(world->environment));
	ck_assert_ptr_nonnull(getcwd(world->cwd, sizeof(world->cwd)));
	for (int signal = 1; signal < WORLD_SIGNALS; signal++)
		take_action(signal, &world->actions[signal]);
	pthread_sigmask(SIG_SETMASK, NULL, &world->mask);
	world->mask_of_files = umask(0);
	umask(world->mask_of_files);
	world->threads = count_threads();
	prctl(PR_GET_CHILD_SUBREAPER, &world->subreaper);
	world->dumpable = prctl(PR_GET_DUMPABLE);
	world->timers = count_timers();
}

static void
check_no_child(void)
{
	int status = 0;
	const pid_t pid = waitpid(-1, &status, WNOHANG);

	ck_assert_msg(pid == -1 && errno == ECHILD,
	    "a child is left: waitpid gave %d (status %#x)", (int)pid, status);
}

bool
await_threads(int n, int64_t ms)
{
	const int64_t end = now_ms() + bound(ms);

	while (count_threads() != n && now_ms() < end)
		usleep(1000);
	return count_threads() == n;
}

static bool
is_same_action(const struct sigaction *a, const struct sigaction *b)
{
	if (a->sa_handler != b->sa_handler)
		return false;
	return WITH_TSAN ||
	    (a->sa_flags == b->sa_flags &&
		memcmp(&a->sa_mask, &b->sa_mask, sizeof(a->sa_mask)) == 0);
}

static void
check_actions(const struct world *before, const struct world *after)
{
	for (int signal = 1; signal < WORLD_SIGNALS; signal++)
		ck_assert_msg(is_same_action(&before->actions[signal],
				  &after->actions[signal]),
		    "the action of signal %d (%s) was changed", signal,
		    strsignal(signal));
}

void
world_check(const struct world *before)
{
	static struct world after;

	check_no_child();
	await_processes(0, had_hosts ? HOST_MS : 0);
	ck_assert_msg(await_threads(before->threads, 1000),
	    "%d threads, there were %d", count_threads(), before->threads);
	world_take(&after);
	ck_assert_str_eq(after.descriptors, before->descriptors);
	ck_assert_str_eq(after.environment, before->environment);
	ck_assert_str_eq(after.cwd, before->cwd);
	check_actions(before, &after);
	ck_assert_msg(
	    memcmp(&after.mask, &before->mask, sizeof(after.mask)) == 0,
	    "the signal mask was changed");
	ck_assert_int_eq((int)after.mask_of_files, (int)before->mask_of_files);
	ck_assert_int_eq(after.subreaper, before->subreaper);
	ck_assert_int_eq(after.dumpable, before->dumpable);
	ck_assert_int_eq(after.timers, before->timers);
}

void
capture_begin(struct capture *capture)
{
	fflush(NULL);
	capture->fd = memfd_create("capture", MFD_CLOEXEC);
	ck_assert_int_ge(capture->fd, 0);
	for (int i = 0; i < 2; i++) {
		capture->saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
		dup2(capture->fd, i + 1);
	}
}

char *
capture_end(struct capture *capture)
{
	struct stat status;
	char *text;

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(capture->saved[i], i + 1);
		close(capture->saved[i]);
	}
	ck_assert_int_eq(fstat(capture->fd, &status), 0);
	text = calloc(1, (size_t)status.st_size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(capture->fd, text, (size_t)status.st_size, 0),
	    status.st_size);
	close(capture->fd);
	return text;
}

/* -------------------------------------------------------------- Watchdog */

/*
 * Check kills a test that takes too long, and says no more than that.  The
 * watchdog is a little earlier, and says where everything hangs.
 */
static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool runs;
	bool watches, stop; /* under lock */
} watchdog = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Seconds; Check stretches its own limit by CK_TIMEOUT_MULTIPLIER.  No test takes
 * more than a few, but on a busy machine they are long. */
#define TEST_LIMIT        60
#define WATCHDOG_LIMIT_MS 50000

static void *
watch(void *limit)
{
	bool late = false;

	pthread_mutex_lock(&watchdog.lock);
	watchdog.watches = true;
	pthread_cond_signal(&watchdog.wake);
	while (!watchdog.stop && !late)
		late = pthread_cond_timedwait(
			   &watchdog.wake, &watchdog.lock, limit) == ETIMEDOUT;
	late = late && !watchdog.stop;
	pthread_mutex_unlock(&watchdog.lock);
	if (late) {
		fprintf(stderr, "watchdog: the test hangs\n");
		show_all_stacks();
		abort();
	}
	return NULL;
}

static void
stop_watchdog(void)
{
	if (!watchdog.runs)
		return;
	pthread_mutex_lock(&watchdog.lock);
	watchdog.stop = true;
	pthread_cond_signal(&watchdog.wake);
	pthread_mutex_unlock(&watchdog.lock);
	pthread_join(watchdog.thread, NULL);
	pthread_cond_destroy(&watchdog.wake);
	watchdog.runs = false;
}

/* With all signals blocked, as no test may find its handlers run there. */
static void
start_watchdog(void)
{
	static struct timespec limit;
	pthread_condattr_t attributes;
	sigset_t all;
	sigset_t old;

	stop_watchdog();
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += bound(WATCHDOG_LIMIT_MS) / 1000;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.wake, &attributes);
	pthread_condattr_destroy(&attributes);
	watchdog.watches = watchdog.stop = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	watchdog.runs =
	    pthread_create(&watchdog.thread, NULL, watch, &limit) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	ck_assert(watchdog.runs);
	/* It has the locks of an allocator while it starts: a test that forks
	 * then would have a child in which they stay locked. */
	pthread_mutex_lock(&watchdog.lock);
	while (!watchdog.watches)
		pthread_cond_wait(&watchdog.wake, &watchdog.lock);
	pthread_mutex_unlock(&watchdog.lock);
	/* See WITH_TSAN: hosts are copies of the test.  That there was a thread
	 * has made the sanitizer start its own, before the threads are counted.
	 */
	if (WITH_TSAN)
		stop_watchdog();
}

/* ---------------------------------------------------------------- Runner */

static struct world before_test;

static void
set_up(void)
{
	if (shared != NULL)
		munmap(shared, sizeof(*shared));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	find_tag();
	had_hosts = false;
	start_watchdog();
	world_take(&before_test);
}

static void
tear_down(void)
{
	world_check(&before_test);
	stop_watchdog();
}

void
say_skipped(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "skipped: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
}

int
run_tests(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	/* A case for each test, so that CK_RUN_CASE picks one by name. */
	for (size_t i = 0; i < n; i++) {
		TCase *test = tcase_create(tests[i]->name);

		tcase_set_timeout(
		    test, TEST_LIMIT * number_from("PP_TEST_TIME_SCALE"));
		tcase_add_checked_fixture(test, set_up, tear_down);
		tcase_add_test(test, tests[i]);
		suite_add_tcase(suite, test);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
