/*
 * The common frame of the tests: a runner, an oracle that every test passes
 * through, memory shared with the workers, and a kit of jobs that misbehave.
 *
 *     START_TEST(a_call_returns_the_square)
 *     {
 *             struct procpool *pool = open_pool(2, t_square);
 *             ...
 *             close_pool(pool);
 *     }
 *     END_TEST
 *
 *     RUN_TESTS("submit", a_call_returns_the_square)
 *
 * Each test runs in a process of its own (CK_FORK).  Before it the runner
 * takes a picture of the process, makes `shared` anew and starts a watchdog;
 * after it the process must look as before: no child or zombie (U4), no other
 * process of ours (U5), the same descriptors (U6), threads (U7), and signals,
 * environment, directory, umask, timers and flags (U9).  So a test closes its
 * pools and needs no leak check of its own.
 *
 *     CK_RUN_CASE=name ./test_submit    runs one test
 *     PP_TEST_TIME_SCALE=10             stretches all upper bounds
 *     CK_TIMEOUT_MULTIPLIER=10          likewise, and Check's own limit
 *     PP_TEST_LONG=1                    tests that have a long form take it
 *
 * A worker must not use ck_assert: it tells what it saw in its result or in
 * `shared`, and the test judges that.  The same holds for callbacks.
 */
#ifndef TESTING_H
#define TESTING_H

/* A test includes this file first. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procpool.h"

/*
 * How this build differs.  A sanitizer keeps what is freed, so that memory
 * grows by design.  That for threads gives up when a child of a process with
 * several threads starts a thread of its own, and has its own view of signal
 * actions.
 */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#elif __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif
#ifndef WITH_TSAN
#define WITH_TSAN 0
#endif

/* ------------------------------------------------------------- Runner */

/* A whole program: one suite made of these tests. */
#define RUN_TESTS(name, ...) \
	int main(void) \
	{ \
		const TTest *tests[] = { __VA_ARGS__ }; \
\
		return run_tests( \
		    name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

int run_tests(const char *name, const TTest *const *tests, size_t n);

/* End the test as passed, after saying on stderr what the machine lacks. */
#define SKIP(...) \
	do { \
		say_skipped(__VA_ARGS__); \
		return; \
	} while (0)

void say_skipped(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Assert that a call of the library returned 0, or say its error. */
#define ok(call) expect(call, 0)

/* Assert that a call of the library returned this error. */
#define expect(call, error) \
	do { \
		const int rc_ = (call); \
		const int error_ = (error); \
\
		ck_assert_msg(rc_ == error_, \
		    "%s returned %s (%s), expected %s", #call, \
		    procpool_errname(rc_), procpool_strerror(rc_), \
		    procpool_errname(error_)); \
	} while (0)

/* --------------------------------------------------------------- Time */

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);

/* An upper bound in ms, stretched for slow builds and machines. */
int64_t bound(int64_t ms);

/* Whether PP_TEST_LONG asks for the long forms of tests, which take minutes. */
bool is_long(void);

/* Assert that less than bound(ms) has passed since start (from now_ms()). */
#define took_less(start, ms) \
	do { \
		const int64_t took_ = now_ms() - (start); \
\
		ck_assert_msg(took_ < bound(ms), \
		    "took %lld ms, allowed are %lld", (long long)took_, \
		    (long long)bound(ms)); \
	} while (0)

/* Look until it is so, and fail after bound(ms): for what nobody tells of. */
#define await_that(condition, ms) \
	do { \
		const int64_t start_ = now_ms(); \
\
		while (!(condition)) { \
			ck_assert_msg(now_ms() - start_ < bound(ms), \
			    "in vain waited for %s", #condition); \
			usleep(500); \
		} \
	} while (0)

/* --------------------------------------------------- Shared with workers */

enum {
	IDS = 1 << 16, /* tasks that the ledger can follow */
	FLAGS = 64
};

/* The longest that a job waits for a flag, so that a failing test does not
 * leave it: no test relies on it. */
#define PATIENCE_MS 60000

/*
 * Memory that the test, its callbacks and all its workers share.  The runner
 * makes it before each test, so workers have it however late they are forked.
 */
struct shared {
	/* The ledger, written in workers (U2) ... */
	atomic_int started[IDS];
	atomic_int finished[IDS];
	atomic_int ran_in[IDS]; /* pid */

	/* ... and at completion, in the host (U1). */
	atomic_int completed[IDS];
	atomic_int outcome[IDS];
	atomic_int code[IDS];
	atomic_int completions; /* in all; can be awaited */

	/* For handshakes: flag_set(), flag_add(), flag_await(). */
	atomic_int flag[FLAGS];

	/* Where the body of a host failed: need(). */
	atomic_int host_line;

	/* For pool_pids(). */
	atomic_int probe_arrived;
	atomic_int probe_pid[1024];
};

extern struct shared *shared;

/* Change a flag and wake who waits for it: in no other way is a flag changed
 * that somebody waits for.  flag_add() returns what it is then. */
void flag_set(atomic_int *flag, int value);
int flag_add(atomic_int *flag, int value);

/* Wait until a flag is at_least; false when ms (not stretched) passed first. */
bool flag_await(atomic_int *flag, int at_least, int64_t ms);

/* The same in a test, which fails when bound(ms) passes first. */
#define await_flag(flag, at_least, ms) \
	ck_assert_msg(flag_await(flag, at_least, bound(ms)), \
	    "%s is %d, waited for %d", #flag, atomic_load(flag), at_least)

/* A callback that holds up others: raises flag[10], and waits for flag[11]. */
void hold_callback(const struct procpool_result *result, void *unused);

/* ------------------------------------------------------ The ledger */

/* For jobs: note the start and the end of a task. */
void ledger_start(int id);
void ledger_finish(int id);

/* A procpool_done_fn whose user is the id: (void *)(uintptr_t)id. */
void ledger_done(const struct procpool_result *result, void *user);

/* Wait until n completions in all have been told; fail after bound(ms). */
void ledger_await(int n, int64_t ms);

/* U1 and U2 over the ids 0 to n - 1: each completed once, none started twice,
 * and each that succeeded has finished once. */
void ledger_check(int n);

/* How many of the ids 0 to n - 1 ended so. */
int ledger_count(int n, int outcome);

/* ------------------------------------------------------------- Pools */

/* Open a pool that has exactly n workers however few CPUs there are, or with
 * these options; the test fails when that fails. */
struct procpool *open_pool(int n, procpool_job_fn entry_point);
struct procpool *open_with(struct procpool_options options);

/* Close it; the test fails when that fails. */
void close_pool(struct procpool *pool);

/* Let all workers run one probe each at the same moment, and take their pids,
 * sorted by nothing.  The test fails unless n_jobs distinct ones met. */
void pool_pids(struct procpool *pool, pid_t *pids);

/* U10: 4 x n_jobs probes succeed, in n_jobs distinct workers that live. */
void pool_works(struct procpool *pool);

/* Wait until all tasks so far have ended. */
void drain_pool(struct procpool *pool);

/* Its statistics; the test fails when they cannot be had. */
struct procpool_stats stats_of(struct procpool *pool);

/* Wait until the pool has n workers alive by its own count. */
void await_workers(struct procpool *pool, int n, int64_t ms);

/* -------------------------------------------------- Jobs of the kit */

/* What most jobs of the kit take.  Those write id into the ledger. */
struct op {
	int id;
	int value;
};

int t_echo(struct procpool_job *job, const void *arg, size_t len);

/* int64_t to int64_t. */
int t_square(struct procpool_job *job, const void *arg, size_t len);

/* Anything to pid_t. */
int t_pid(struct procpool_job *job, const void *arg, size_t len);

/* What follows takes a struct op. */

/* Starts, finishes, returns the op. */
int t_ledger(struct procpool_job *job, const void *arg, size_t len);

/* The same, but between the two adds 1 to flag[value] and waits until
 * flag[value + 1] is set: it has begun, and goes on when it is let. */
int t_wait(struct procpool_job *job, const void *arg, size_t len);

/* Takes value ms by the clock: only where a job must take time. */
int t_sleep(struct procpool_job *job, const void *arg, size_t len);

/* Returns value bytes, as pattern_fill() has them. */
int t_alloc_result(struct procpool_job *job, const void *arg, size_t len);

/* Fails with the code value and the text "code VALUE". */
int t_fail(struct procpool_job *job, const void *arg, size_t len);

int t_kill(struct procpool_job *job, const void *arg, size_t len); /* signal */
int t_exit(struct procpool_job *job, const void *arg, size_t len); /* status */
int t__exit(struct procpool_job *job, const void *arg, size_t len);
int t_quick_exit(struct procpool_job *job, const void *arg, size_t len);
int t_segv(struct procpool_job *job, const void *arg, size_t len);
int t_abort(struct procpool_job *job, const void *arg, size_t len);

/* For ever; the second with all signals blocked. */
int t_spin(struct procpool_job *job, const void *arg, size_t len);
int t_spin_blocked(struct procpool_job *job, const void *arg, size_t len);

/* Writes value random bytes, seeded by id, to each pipe and socket that it
 * finds open, then finishes. */
int t_garbage(struct procpool_job *job, const void *arg, size_t len);

/* Closes all descriptors, then spins. */
int t_closeall(struct procpool_job *job, const void *arg, size_t len);

/* Bytes that tell their place, and whose they are, to see that data comes back
 * as it was. */
void pattern_fill_as(void *bytes, size_t len, int id);
bool pattern_matches_as(const void *bytes, size_t len, int id);

/* The same where there is one only. */
void pattern_fill(void *bytes, size_t len);
bool pattern_matches(const void *bytes, size_t len);

/* A task of the kit with ledger_done, to be changed and submitted; it has the
 * address of op. */
struct procpool_task op_task(procpool_job_fn function, const struct op *op);

/* Submit one; call one. */
int submit_op(
    struct procpool *pool, procpool_job_fn function, int id, int value);
int call_op(struct procpool *pool, procpool_job_fn function, int id, int value,
    struct procpool_result *result);

/* Open the future of a job of the kit, which calls nothing at its end; wait for
 * it to end with this outcome. */
struct procpool_future *open_future(
    struct procpool *pool, procpool_job_fn function, int id, int value);
const struct procpool_result *await_future(
    struct procpool_future *future, int outcome);

/* --------------------------------------------------------- Processes */

/*
 * The processes other than this one that came from this test: all that map
 * `shared`.  That finds a worker whoever its parent is now, and changes
 * nothing for the library, as a subreaper would.  One that has called exec is
 * not seen.  Returns how many there are; fills pids up to max.
 */
int our_processes(pid_t *pids, int max);

/* Wait until there are at most n of them; fail after bound(ms). */
void await_processes(int n, int64_t ms);

/* Whether the process has ended (a zombie has); wait for that. */
bool has_ended(pid_t pid);
bool await_end(pid_t pid, int64_t ms);

/*
 * A call made aside, by a thread of its own, that is expected to block: it has
 * the fields to find its arguments in.  aside_start() returns when the thread
 * sleeps in the kernel (that it blocks in the call cannot be seen in another
 * way) or has ended; aside_join() waits for its end and gives what it returned.
 */
struct aside {
	int (*call)(struct aside *aside);
	struct procpool *pool;
	struct procpool_batch *batch;
	struct procpool_future *future;
	int id;

	int rc;
	pthread_t thread;
	atomic_int tid;
};

void aside_start(struct aside *aside);
int aside_join(struct aside *aside);

/* Some of these calls. */
int aside_drain(struct aside *aside);
int aside_batch_wait(struct aside *aside);
int aside_future_wait(struct aside *aside);
int aside_refresh(struct aside *aside);
int aside_shutdown(struct aside *aside);
int aside_close(struct aside *aside);

/*
 * Fork a child that is a host of its own, in its own process group: it runs
 * body(arg) and ends with its value by _exit().  reap_host() waits for its
 * end, and gives its wait status; the test fails after bound(ms).  Processes
 * that the host leaves have a second more, at the end of the test.
 */
pid_t fork_host(int (*body)(void *arg), void *arg);
int reap_host(pid_t host, int64_t ms);

/* For the body of a host: go on, or end it and tell the line. */
#define need(condition) \
	do { \
		if (!(condition)) { \
			atomic_store(&shared->host_line, __LINE__); \
			return 1; \
		} \
	} while (0)

/* Reap a host that ends with this exit status, within bound(ms). */
#define expect_host(host, exit_status, ms) \
	do { \
		const int status_ = reap_host(host, ms); \
\
		ck_assert_msg(WIFEXITED(status_) && \
			WEXITSTATUS(status_) == (exit_status), \
		    "the host ended with status %#x; line %d of its body", \
		    status_, atomic_load(&shared->host_line)); \
	} while (0)

/* --------------------------------------------------------- The oracle */

enum {
	WORLD_SIGNALS = 65,
	WORLD_TEXT = 1 << 16
};

/* A picture of what a library must leave as it was. */
struct world {
	char descriptors[WORLD_TEXT]; /* sorted, one a line: target only */
	char environment[WORLD_TEXT];
	char cwd[4096];
	struct sigaction actions[WORLD_SIGNALS];
	sigset_t mask;
	mode_t mask_of_files;
	int threads;
	int subreaper;
	int dumpable;
	int timers; /* how many of the three interval timers run */
};

/* The runner does both around each test; a test may do it around a part. */
void world_take(struct world *world);
void world_check(const struct world *before);

/* How many threads this process has.  One that has been joined may still be on
 * its last steps in the kernel: wait until there are n; whether there are. */
int count_threads(void);
bool await_threads(int n, int64_t ms);

/* How many descriptors this process has. */
int count_descriptors(void);

/* U11: from here on stdout and stderr go to memory; capture_end() puts them
 * back and gives what was written, which the caller frees. */
struct capture {
	int fd;
	int saved[2];
};

void capture_begin(struct capture *capture);
char *capture_end(struct capture *capture);

#endif
