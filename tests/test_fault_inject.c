/*
 * Every call that can fail, fails: allocation N and system call N for each N,
 * in the host, in the process that forks workers and in workers, once and for
 * good.  One scenario goes through the life of a pool.  Whatever fails in it,
 * each call of the library returns an error that the header names, each
 * accepted task ends once and its result is right, all is over in bounded
 * time, nothing is left, not even a block of memory, and once the shortage is
 * over the pool works.
 *
 * Rows of the fault catalogue: H11 H12 H13 H14 H15 H24 L22.
 *
 * A run makes calls of one kind fail, from the N-th; a sweep is the runs for
 * one kind, in one kind of process.  `make check` takes every N for memory and
 * a stride otherwise; with PP_TEST_LONG=1 it is every N, of all.
 *
 *     PP_INJECT='pipe2 host 17 good plain'
 *     CK_RUN_CASE=the_run_that_is_asked_for   does one run only: `once` or
 *         `good`; `plain`, `prepared` or `pipes`
 */
#include "sabotage.h"

#include <sys/mman.h>

#include "inject.h"

enum {
	ABREAST = 8, /* runs at once: much of each is waiting */
	TASKS = 64,
	LARGE = 40000, /* bytes, of an argument and a result */
	RUN_MS = 20000 /* a run's longest: a pool gives up after some seconds */
};

/* How the pool of a run is made. */
enum manner {
	PLAIN,
	PREPARED, /* from what procpool_prepare() keeps */
	PIPES, /* without memory areas */
	MANNERS
};

static const char *const manners[] = { "plain", "prepared", "pipes" };
static const char *const whos[] = { "host", "spawner", "worker" };

/* One run; all its processes share it. */
struct run {
	struct inject inject;
	enum manner manner;

	atomic_bool refreshing, over; /* the scenario is */

	atomic_int line; /* where it failed, and what was there */
	atomic_int value;

	atomic_int started[TASKS];
	atomic_int accepted[TASKS];
	atomic_int completed[TASKS];
	atomic_int told[TASKS]; /* a future's: its function was attached */
	int kinds[TASKS];
};

static struct run *run; /* of this host */

static char large[LARGE];

/* Go on, or end the run and tell where and with what. */
#define demand(condition, what) \
	do { \
		if (!(condition)) { \
			atomic_store(&run->value, (int)(what)); \
			atomic_store(&run->line, __LINE__); \
			_exit(1); \
		} \
	} while (0)

/* ----------------------------------------------------------------- Jobs */

enum job {
	SMALL, /* returns its argument */
	BIG_ARG, /* a large one, of which it returns the length */
	BIG_RESULT,
	BIG_BOTH,
	LONG_TEXT, /* fails, with more than a task has room for */
	CRASH,
	HANG, /* until a signal ends it */
	DEPENDS, /* returns its argument, as what follows: after two others */
	UNWANTED /* it is cancelled */
};

struct order {
	int id;
	enum job job;
};

static int
work(struct procpool_job *job, const void *arg, size_t len)
{
	const struct order *order = arg;
	char text[900];
	char *space;

	atomic_fetch_add(&run->started[order->id], 1);
	procpool_job_log(job, PROCPOOL_INFO, "task %d", order->id);
	printf("task %d\n", order->id);
	switch (order->job) {
	case CRASH:
		(void)kill(getpid(), SIGKILL);
		return 0;
	case HANG:
		return pause();
	case LONG_TEXT:
		memset(text, 'x', sizeof(text));
		text[sizeof(text) - 1] = '\0';
		return procpool_fail(job, 7, "%s", text);
	case BIG_ARG:
		return procpool_return(job, &len, sizeof(len));
	case BIG_RESULT:
		space = procpool_reserve(job, LARGE);
		if (space == NULL)
			return -ENOMEM;
		pattern_fill(space, LARGE);
		return procpool_return(job, space, LARGE);
	default:
		return procpool_return(job, arg, len);
	}
}

static size_t
argument(enum job job, int id, const struct order *small, const void **arg)
{
	const struct order order = { id, job };

	*arg = small;
	if (job != BIG_ARG && job != BIG_BOTH)
		return sizeof(*small);
	memcpy(large, &order, sizeof(order));
	*arg = large;
	return LARGE;
}

/* ------------------------------------------------------------ Judgement */

static bool
is_right(const struct procpool_result *result, int id)
{
	switch (run->kinds[id]) {
	case BIG_ARG:
		return result->len == sizeof(size_t) &&
		    *(const size_t *)result->data == LARGE;
	case BIG_RESULT:
		return result->len == LARGE &&
		    pattern_matches(result->data, LARGE);
	case BIG_BOTH:
		return result->len == LARGE &&
		    ((const struct order *)result->data)->id == id &&
		    memcmp((const char *)result->data + sizeof(struct order),
			large + sizeof(struct order),
			LARGE - sizeof(struct order)) == 0;
	default:
		return result->len == sizeof(struct order) &&
		    ((const struct order *)result->data)->id == id;
	}
}

/* Whether a task may end so, by the one whose calls fail. */
static bool
may_end(const struct procpool_result *result, int id)
{
	const int outcome = result->outcome;
	const enum job job = (enum job)run->kinds[id];

	switch (outcome) {
	case 0:
		return job != CRASH && job != LONG_TEXT && job != HANG;
	case PROCPOOL_ESHUTDOWN:
		return job == HANG;
	case -ENOMEM:
	case PROCPOOL_EBROKEN:
		return true;
	case PROCPOOL_EDEPENDENCY:
		return job == DEPENDS;
	case PROCPOOL_ECANCELLED:
		return job == UNWANTED;
	case PROCPOOL_EFAILED:
		return job == LONG_TEXT && result->code == 7;
	case PROCPOOL_ECRASHED:
		return job == CRASH && result->code == SIGKILL;
	case PROCPOOL_EDIED:
	case PROCPOOL_ELOST:
		return job == CRASH || run->inject.who == INJECT_SPAWNER;
	case PROCPOOL_EEXITED:
		return run->inject.who == INJECT_WORKER && result->code == 1;
	default:
		return false;
	}
}

static void
judge(const struct procpool_result *result, int id)
{
	demand(may_end(result, id), result->outcome);
	if (result->outcome == 0)
		demand(is_right(result, id), id);
	demand(atomic_load(&run->started[id]) <= 1, id);
	if (result->outcome == 0)
		demand(atomic_load(&run->started[id]) == 1, id);
	demand(atomic_fetch_add(&run->completed[id], 1) == 0, id);
}

static void
done(const struct procpool_result *result, void *user)
{
	judge(result, (int)(uintptr_t)user);
}

/* What a start, and so an open, may return when something is short. */
static bool
is_shortage(int rc)
{
	return rc == PROCPOOL_ESPAWNER || rc == -EAGAIN || rc == -ENOMEM ||
	    rc == -EMFILE || rc == -ENFILE || rc == -ENOSYS;
}

/* A call that must succeed, or be refused and succeed after the shortage. */
#define at_last(call) \
	do { \
		int rc_ = (call); \
\
		if (rc_ < 0) { \
			demand(is_shortage(rc_), rc_); \
			inject_stop(); \
			rc_ = (call); \
		} \
		demand(rc_ == 0, rc_); \
	} while (0)

/* ----------------------------------------------------------- The scenario */

static void
submit(struct procpool *pool, int id, enum job job)
{
	const struct order small = { id, job };
	const void *arg;
	const size_t len = argument(job, id, &small, &arg);
	int rc;

	run->kinds[id] = job;
	rc = procpool_submit(pool, arg, len, done, (void *)(uintptr_t)id);
	demand(rc == 0 || rc == -ENOMEM || rc == PROCPOOL_EBROKEN, rc);
	atomic_store(&run->accepted[id], rc == 0);
}

static void
call(struct procpool *pool, int id, enum job job)
{
	const struct order small = { id, job };
	const void *arg;
	const size_t len = argument(job, id, &small, &arg);
	struct procpool_result result;
	int rc;

	run->kinds[id] = job;
	rc = procpool_call(pool, arg, len, &result);
	if (result.task == 0) {
		demand(rc == -ENOMEM || rc == PROCPOOL_EBROKEN, rc);
	} else {
		atomic_store(&run->accepted[id], 1);
		judge(&result, id);
	}
	procpool_result_done(&result);
}

static void
use_batch(struct procpool *pool, int id, int n)
{
	struct procpool_batch *batch;
	int i, given = 0, rc = procpool_batch_open(&batch, pool, (size_t)n);

	if (rc < 0) {
		demand(rc == -ENOMEM, rc);
		return;
	}
	for (i = 0; i < n && rc == 0; i++) {
		const struct order small = { id + i, SMALL };

		run->kinds[id + i] = SMALL;
		rc = procpool_batch_add(batch, &small, sizeof(small));
		demand(rc == 0 || rc == -ENOMEM || rc == PROCPOOL_EBROKEN, rc);
		atomic_store(&run->accepted[id + i], rc == 0);
		given += rc == 0;
	}
	if (given == n) {
		rc = procpool_batch_wait(batch, bound(RUN_MS));
		demand(rc == 0, rc);
	} else {
		rc = procpool_drain(pool, bound(RUN_MS));
		demand(rc == 0, rc);
	}
	for (i = 0; i < given; i++) {
		const struct procpool_result *result;

		rc = procpool_batch_result(batch, (size_t)i, &result);
		demand(rc == 0, rc);
		judge(result, id + i);
	}
	procpool_batch_close(batch);
}

static bool
is_refusal(int rc)
{
	return rc == -ENOMEM || rc == PROCPOOL_EBROKEN;
}

/* NULL when it was not accepted. */
static struct procpool_future *
open_one(struct procpool *pool, int id, enum job job,
    struct procpool_future *const *inputs, size_t n)
{
	const struct order small = { id, job };
	struct procpool_future *future = NULL;
	const struct procpool_task task = { .arg = &small,
		.len = sizeof(small),
		.inputs = inputs,
		.n_inputs = n };
	int rc = procpool_future_open_task(&future, pool, &task);

	run->kinds[id] = job;
	demand(rc == 0 || is_refusal(rc), rc);
	atomic_store(&run->accepted[id], rc == 0);
	if (rc < 0)
		return NULL;
	rc = procpool_future_then(future, done, (void *)(uintptr_t)id);
	demand(rc == 0 || rc == -ENOMEM, rc);
	/* Who could not attach judges later. */
	atomic_store(&run->told[id], rc == 0);
	return future;
}

static void
use_futures(struct procpool *pool, int id)
{
	struct procpool_future *futures[4] = { NULL };
	const struct procpool_result *result;
	int i, rc;

	for (i = 0; i < 2; i++)
		futures[i] = open_one(pool, id + i, SMALL, NULL, 0);
	if (futures[0] != NULL && futures[1] != NULL)
		futures[2] = open_one(pool, id + 2, DEPENDS, futures, 2);
	futures[3] = open_one(pool, id + 3, UNWANTED, NULL, 0);
	rc = procpool_future_cancel(futures[3]);
	demand(rc == 0 || rc == PROCPOOL_EENDED || rc == PROCPOOL_ENULL, rc);
	rc = procpool_future_wait_all(futures, 4, bound(RUN_MS));
	demand(rc == 0 || rc == -ENOMEM, rc);
	rc = procpool_drain(pool, bound(RUN_MS));
	demand(rc == 0, rc);
	for (i = 0; i < 4; i++) {
		if (futures[i] == NULL)
			continue;
		rc = procpool_future_result(futures[i], &result);
		demand(rc == 0, rc);
		if (!atomic_load(&run->told[id + i]))
			judge(result, id + i);
		procpool_future_close(futures[i]);
	}
}

static void
use_pool(struct procpool *pool)
{
	int id = 0, rc;

	for (; id < 12; id++)
		submit(pool, id, SMALL);
	submit(pool, id++, BIG_ARG);
	submit(pool, id++, BIG_RESULT);
	submit(pool, id++, LONG_TEXT);
	submit(pool, id++, CRASH);
	submit(pool, id++, BIG_BOTH);
	use_batch(pool, id, 4);
	id += 4;
	use_futures(pool, id);
	id += 4;
	call(pool, id++, SMALL);
	call(pool, id++, BIG_BOTH);
	call(pool, id++, CRASH);
	call(pool, id++, BIG_RESULT);
	atomic_store(&run->refreshing, true);
	rc = procpool_refresh(pool);
	demand(rc == 0 || is_shortage(rc) || rc == PROCPOOL_EBROKEN ||
		rc == PROCPOOL_ENOTRUNNING,
	    rc);
	call(pool, id++, BIG_ARG);
	submit(pool, id++, SMALL);
	rc = procpool_drain(pool, bound(RUN_MS));
	demand(rc == 0, rc);
	/* As many as there are workers, so that one must be killed. */
	submit(pool, id++, HANG);
	submit(pool, id++, HANG);
}

/*
 * Nothing is short for ever.  A refresh waits for as long as it is, so this
 * ends it soon after one has begun; and earlier when a pool that breaks, after
 * some seconds, would take too long.
 */
static void *
relieve(void *unused)
{
	int64_t end = now_ms() + (is_long() ? RUN_MS : 150);
	bool refreshing = false;

	while (now_ms() < end && !atomic_load(&run->over)) {
		if (!refreshing && atomic_load(&run->refreshing)) {
			refreshing = true;
			end = now_ms() + 50;
		}
		usleep(1000);
	}
	inject_stop();
	return unused;
}

/* The shortage is over: it works, after a new start when it must. */
static void
recover(struct procpool *pool)
{
	int id = 40, rc;

	inject_stop();
	if (!procpool_is_running(pool)) {
		rc = procpool_shutdown(pool);
		demand(rc == 0, rc);
		rc = procpool_start(pool);
		demand(rc == 0, rc);
	}
	for (; id < 46; id++)
		submit(pool, id, id % 2 ? SMALL : BIG_BOTH);
	rc = procpool_drain(pool, bound(RUN_MS));
	demand(rc == 0, rc);
	/* Workers that had not enough for a task can be told so for a while. */
	call(pool, id, SMALL);
	demand(atomic_load(&run->completed[id]) == 1, id);
}

static void
expect_conservation(void)
{
	for (int id = 0; id < TASKS; id++)
		demand(atomic_load(&run->accepted[id]) ==
			atomic_load(&run->completed[id]),
		    id);
}

static void
no_log(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)message;
	(void)user;
}

/* What a host has; blocks are counted from here on. */
struct belongings {
	int descriptors, threads;
};

static void *
do_nothing(void *unused)
{
	return unused;
}

/* With the first thread that is made a sanitizer makes one of its own. */
static void
make_first_thread(void)
{
	pthread_t thread;

	demand(pthread_create(&thread, NULL, do_nothing, NULL) == 0, errno);
	pthread_join(thread, NULL);
}

static struct belongings
take_stock(void)
{
	const struct belongings there = { count_descriptors(),
		count_threads() };

	inject_forget_blocks();
	return there;
}

static void
expect_same(const struct belongings *before)
{
	const long blocks = inject_blocks();
	const int descriptors = count_descriptors();

	demand(blocks == 0, blocks);
	demand(descriptors == before->descriptors,
	    descriptors - before->descriptors);
	demand(await_threads(before->threads, 1000),
	    count_threads() - before->threads);
}

static int
live(void *arg)
{
	const struct procpool_options options = { .entry_point = work,
		.n_jobs = 2,
		.oversubscribe = true,
		.log = no_log,
		.start_later = true,
		.grace_ms = 200 };
	struct belongings before;
	struct procpool *pool;
	pthread_t relief;
	int rc;

	run = arg;
	pattern_fill(large, LARGE);
	make_first_thread();
	before = take_stock();
	rc = pthread_create(&relief, NULL, relieve, NULL);
	demand(rc == 0, rc);
	inject_begin(&run->inject);
	if (run->manner == PREPARED) {
		at_last(procpool_prepare());
		inject_stop();
		before.descriptors = take_stock().descriptors;
		inject_begin(&run->inject);
	}
	at_last(procpool_open(&pool, &options));
	at_last(procpool_start(pool));
	use_pool(pool);
	rc = procpool_shutdown(pool);
	demand(rc == 0, rc);
	at_last(procpool_start(pool));
	recover(pool);
	rc = procpool_close(pool);
	demand(rc == 0, rc);
	atomic_store(&run->over, true);
	pthread_join(relief, NULL);
	expect_conservation();
	expect_same(&before);
	return 0;
}

/* ------------------------------------------------------------------ Runs */

static struct run *
new_run(const struct inject *inject, enum manner manner)
{
	struct run *new = mmap(NULL, sizeof(*new), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(new, MAP_FAILED);
	new->inject.call = inject->call;
	new->inject.who = inject->who;
	new->inject.first = inject->first;
	new->inject.for_good = inject->for_good;
	new->manner = manner;
	return new;
}

static pid_t
begin_run(struct run *new)
{
	pid_t pid;

	allow_areas(new->manner != PIPES);
	pid = fork_host(live, new);
	allow_areas(true);
	return pid;
}

/* How many calls of its kind each kind of process has made. */
struct calls {
	int made[INJECT_PROCESSES];
};

static struct calls
end_run(struct run *ended, pid_t pid)
{
	const struct inject *i = &ended->inject;
	const int status = reap_host(pid, RUN_MS);
	struct calls calls;

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "PP_INJECT='%s %s %d %s %s': status %#x, line %d with %d (%s)",
	    inject_name(i->call), whos[i->who], i->first,
	    i->for_good ? "good" : "once", manners[ended->manner], status,
	    atomic_load(&ended->line), atomic_load(&ended->value),
	    procpool_errname(atomic_load(&ended->value)));
	for (int who = 0; who < INJECT_PROCESSES; who++)
		calls.made[who] = atomic_load(&i->made[i->call][who]);
	ck_assert_int_eq(munmap(ended, sizeof(*ended)), 0);
	return calls;
}

/* Make some runs, with the calls n, n + stride, ...: whether all of them were
 * reached. */
static bool
run_abreast(struct inject *inject, enum manner manner, int stride, int some)
{
	struct run *runs[ABREAST];
	pid_t pids[ABREAST];
	bool reached = true;
	int i;

	for (i = 0; i < some; i++, inject->first += stride) {
		runs[i] = new_run(inject, manner);
		pids[i] = begin_run(runs[i]);
	}
	for (i = 0; i < some; i++) {
		const int first = runs[i]->inject.first;
		const struct calls calls = end_run(runs[i], pids[i]);

		if (calls.made[inject->who] < first)
			reached = false;
	}
	await_processes(0, 1000);
	return reached;
}

/* What is called when nothing fails. */
static struct calls
count_calls(enum inject_call call, enum manner manner)
{
	struct run *new = new_run(&(struct inject){ .call = call }, manner);

	return end_run(new, begin_run(new));
}

static void
sweep(struct inject inject, enum manner manner, int calls)
{
	const bool each = is_long() ||
	    (inject.call == INJECT_memory && !inject.for_good &&
		manner != PREPARED);
	const int stride = each ? 1 : 1 + calls / ABREAST;
	const int reached = 1 + (calls - 1) / stride;

	inject.first = 1;
	while (run_abreast(&inject, manner, stride, each ? ABREAST : reached) &&
	    each)
		;
	fprintf(stderr, "%s in the %s %s: %d calls, by %d\n",
	    inject_name(inject.call), whos[inject.who],
	    inject.for_good ? "for good" : "once", calls, stride);
}

/* What may be short for long is more than one thing; these stand for all. */
static bool
is_lasting(enum inject_call call, enum manner manner)
{
	return inject_may_last(call) &&
	    (is_long() ||
		(manner == PLAIN &&
		    (call == INJECT_memory || call == INJECT_fork ||
			call == INJECT_pipe2)));
}

/* In every process, once and for good. */
static void
sweep_all(enum inject_call call, enum manner manner)
{
	struct inject inject = { .call = call };
	const struct calls calls = count_calls(call, manner);

	for (; inject.who < INJECT_PROCESSES; inject.who++) {
		const int n = calls.made[inject.who];

		inject.for_good = false;
		if (n > 0)
			sweep(inject, manner, n);
		inject.for_good = true;
		if (n > 0 && is_lasting(call, manner))
			sweep(inject, manner, n);
	}
}

#define sweep_these(manner, ...) \
	do { \
		const enum inject_call calls_[] = { __VA_ARGS__ }; \
\
		if (WITH_TSAN) \
			SKIP( \
			    "forks are too slow with a sanitizer for threads"); \
		for (size_t i_ = 0; i_ < sizeof(calls_) / sizeof(*calls_); \
		     i_++) \
			sweep_all(calls_[i_], manner); \
	} while (0)

/* H14 */
START_TEST(a_pool_outlives_a_failure_of_any_allocation)
{
	sweep_these(PLAIN, INJECT_memory);
}
END_TEST

/* H14 */
START_TEST(a_pool_from_a_prepared_process_outlives_a_failure_of_any_allocation)
{
	sweep_these(PREPARED, INJECT_memory);
}
END_TEST

/* H14, L22 */
START_TEST(a_pool_without_areas_outlives_a_failure_of_any_allocation)
{
	sweep_these(PIPES, INJECT_memory);
}
END_TEST

/* H11 */
START_TEST(a_pool_outlives_a_failure_of_any_fork)
{
	sweep_these(PLAIN, INJECT_fork, INJECT_setpgid, INJECT_prctl,
	    INJECT_on_exit, INJECT_setvbuf);
	sweep_these(PREPARED, INJECT_fork);
}
END_TEST

/* H12 */
START_TEST(a_pool_outlives_a_failure_of_any_thread)
{
	sweep_these(PLAIN, INJECT_uv_thread_create, INJECT_uv_init);
}
END_TEST

/* H13, H15 */
START_TEST(a_pool_outlives_a_failure_of_any_descriptor)
{
	sweep_these(PLAIN, INJECT_pipe2, INJECT_dup2, INJECT_socketpair,
	    INJECT_eventfd, INJECT_fcntl, INJECT_open, INJECT_signalfd,
	    INJECT_close_range);
}
END_TEST

/* H15, H24 */
START_TEST(a_pool_outlives_a_failure_of_any_pidfd)
{
	sweep_these(PLAIN, INJECT_pidfd_open, INJECT_pidfd_send_signal);
	sweep_these(PREPARED, INJECT_pidfd_open);
}
END_TEST

/* H15 */
START_TEST(a_pool_outlives_a_failure_of_any_mapping)
{
	sweep_these(PLAIN, INJECT_memfd_create, INJECT_ftruncate, INJECT_mmap,
	    INJECT_mprotect, INJECT_madvise);
}
END_TEST

/* H15, H16 */
START_TEST(a_pool_outlives_an_interruption_of_any_transfer)
{
	sweep_these(PLAIN, INJECT_sendmsg, INJECT_recvmsg, INJECT_read,
	    INJECT_write, INJECT_poll);
	sweep_these(PREPARED, INJECT_sendmsg, INJECT_recvmsg);
	sweep_these(PIPES, INJECT_write, INJECT_read);
}
END_TEST

/* ------------------------------------------------------- One run, by hand */

static int
find(const char *name, const char *const *names, int n)
{
	int i = 0;

	while (i < n && strcmp(name, names[i]) != 0)
		i++;
	ck_assert_msg(i < n, "what is %s?", name);
	return i;
}

START_TEST(the_run_that_is_asked_for)
{
	const char *text = getenv("PP_INJECT");
	char call[32], who[16], often[16], manner[16];
	struct inject inject = { .first = 0 };
	struct run *new;
	int m;

	if (text == NULL)
		return;
	ck_assert_int_eq(sscanf(text, "%31s %15s %d %15s %15s", call, who,
			     &inject.first, often, manner),
	    5);
	while (inject.call < INJECT_KINDS - 1 &&
	    strcmp(inject_name(inject.call), call) != 0)
		inject.call++;
	inject.who = (enum inject_who)find(who, whos, INJECT_PROCESSES);
	inject.for_good = strcmp(often, "good") == 0;
	m = find(manner, manners, MANNERS);
	new = new_run(&inject, (enum manner)m);
	fprintf(stderr, "%s: %d calls\n", text,
	    end_run(new, begin_run(new)).made[inject.who]);
}
END_TEST

RUN_TESTS("fault_inject", a_pool_outlives_a_failure_of_any_allocation,
    a_pool_from_a_prepared_process_outlives_a_failure_of_any_allocation,
    a_pool_without_areas_outlives_a_failure_of_any_allocation,
    a_pool_outlives_a_failure_of_any_fork,
    a_pool_outlives_a_failure_of_any_thread,
    a_pool_outlives_a_failure_of_any_descriptor,
    a_pool_outlives_a_failure_of_any_pidfd,
    a_pool_outlives_a_failure_of_any_mapping,
    a_pool_outlives_an_interruption_of_any_transfer, the_run_that_is_asked_for)
