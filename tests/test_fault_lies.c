/*
 * Workers that speak the wire and lie: in results, in halves of results, in
 * large ones, on the page, and when they start.
 *
 * Rows of doc/behaviours.md: P03 P04 P06 P07 P08 P09 P-10 P-11 P-12 P-13, each
 * with the oracle U1 to U11.
 */
#include "sabotage.h"
#include "liar.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define LIMIT (1 << 20) /* max_payload of most pools here */

enum {
	WRONG = 1, /* an outcome: succeeded, with another's bytes */
	ANY = 2, /* in expectations: whatever the lie makes of it */

	/* Flags. */
	TOLD = 2,
	LIARS,
	BREACHES,
	GO,

	/* The upper half of the ledger is not for tasks here: pids of liars,
	 * and whether a task's lie has been told. */
	NOTES = IDS / 2
};

/* ------------------------------------------------------- Who has lied */

static void
note_liar(void)
{
	const int n = atomic_fetch_add(&shared->flag[LIARS], 1);

	atomic_store(&shared->ran_in[NOTES + n % NOTES], getpid());
}

static bool
is_liar(int pid)
{
	const int n = atomic_load(&shared->flag[LIARS]);

	for (int i = 0; i < n && i < NOTES; i++)
		if (atomic_load(&shared->ran_in[NOTES + i]) == pid)
			return true;
	return false;
}

/* Some live on when their tasks have ended. */
static void
end_liars(void)
{
	const int n = atomic_load(&shared->flag[LIARS]);

	for (int i = 0; i < n && i < NOTES; i++) {
		const pid_t pid = atomic_load(&shared->ran_in[NOTES + i]);

		(void)kill(pid, SIGKILL);
		ck_assert(await_end(pid, 5000));
	}
}

/* A task that lies does so once: when it runs again it is a task as others. */
static bool
has_lied(int id)
{
	return atomic_exchange(&shared->finished[NOTES + id], 1) != 0;
}

/* What nothing else ends, this does. */
static void
end_after(int ms)
{
	const int64_t us = bound(ms) * 1000;
	const struct itimerval timer = { .it_value = { .tv_sec = us / 1000000,
					     .tv_usec = us % 1000000 } };

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* ----------------------------------------------------------- The oracle */

/* As ledger_done(), and looks whether the bytes are the task's own. */
static void
judge(const struct procpool_result *result, void *user)
{
	struct procpool_result seen = *result;
	const struct op *op = result->data;

	if (seen.outcome == 0 &&
	    (seen.len != sizeof(*op) || op->id != (int)(uintptr_t)user))
		seen.outcome = WRONG;
	ledger_done(&seen, user);
}

static void
submit_judged(
    struct procpool *pool, procpool_job_fn function, int id, int value)
{
	const struct op op = { id, value };

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = function,
		.done = judge,
		.user = (void *)(uintptr_t)id }));
}

/* Tasks that did not end well were given to a liar. */
static void
expect_hurt_by_liars_only(int first, int last)
{
	for (int id = first; id <= last; id++) {
		const int outcome = atomic_load(&shared->outcome[id]);
		const int pid = atomic_load(&shared->ran_in[id]);

		ck_assert_int_eq(atomic_load(&shared->completed[id]), 1);
		if (pid != 0 && !is_liar(pid))
			ck_assert_msg(outcome == 0 &&
				atomic_load(&shared->finished[id]) >= 1,
			    "task %d of an honest worker ended with %s", id,
			    procpool_errname(outcome));
	}
}

static void
count_breaches(enum procpool_level level, const char *line, void *user)
{
	(void)level;
	(void)user;
	if (strstr(line, "and is killed") != NULL)
		flag_add(&shared->flag[BREACHES], 1);
}

static struct procpool *
begin_liars(int n)
{
	return begin_fault_with((struct procpool_options){ .n_jobs = n,
	    .max_payload = LIMIT,
	    .log = count_breaches,
	    .log_level = PROCPOOL_ERROR });
}

/* ------------------------------------------------------------- One lie */

static const struct lie {
	lie_fn tell;
	int outcome, code; /* of the task that tells it */
	int breaches; /* workers killed for it */
} lies[] = {
	/* 0: results (P06, P07) */
	{ lie_twice, 0, 0, 1 },
	{ lie_unclaimed, 0, 0, 1 },
	{ lie_out_of_turn, PROCPOOL_EPROTOCOL, 0, 1 },
	{ lie_never_given, PROCPOOL_EPROTOCOL, 0, 1 },
	{ lie_ready_again, PROCPOOL_EPROTOCOL, 0, 1 },
	{ lie_refused_late, PROCPOOL_EPROTOCOL, 0, 1 },
	{ lie_garbage, PROCPOOL_EPROTOCOL, 0, 1 },
	/* 7: halves (P03, P04, P-13) */
	{ lie_half_and_exit, PROCPOOL_EEXITED, 4, 0 },
	{ lie_half_and_hang_up, PROCPOOL_EPROTOCOL, 0, 0 },
	{ lie_header_and_silence, PROCPOOL_ECRASHED, SIGALRM, 0 },
	{ lie_slowly, 0, 0, 0 },
	/* 11: large results */
	{ lie_overlap, 0, 0, 0 },
	{ lie_anywhere, ANY, 0, ANY },
	{ lie_and_punch, ANY, 0, ANY },
	/* 14: the page (P06) */
	{ lie_claim_back, 0, 0, 0 },
	{ lie_claim_back_and_answer, 0, 0, 1 },
	{ lie_claim_all, PROCPOOL_EEXITED, 4, 0 },
	{ lie_claims, ANY, 0, ANY },
	{ lie_words, ANY, 0, ANY },
	{ lie_committed, ANY, 0, ANY },
	{ lie_ring, ANY, 0, ANY },
	/* 21: others (P09, P-10, P-13) */
	{ lie_chatter, 0, 0, 0 },
	{ lie_deaf, 0, 0, 0 },
	{ lie_hang_up, PROCPOOL_EPROTOCOL, 0, 0 },
};

enum {
	RESULTS = 0,
	HALVES = 7,
	LARGE = 11,
	PAGE = 14,
	OTHERS = 21,
	LIES = sizeof(lies) / sizeof(lies[0])
};

/* What the host kills, or ends its task by itself, has the time for that. */
static bool
ends_otherwise(const struct lie *lie)
{
	return lie->tell == lie_slowly || lie->breaches == 1 ||
	    lie->outcome == PROCPOOL_EPROTOCOL;
}

static int
t_lie(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	struct liar liar;

	if (!has_lied(op->id)) {
		note_liar();
		end_after(ends_otherwise(&lies[op->value]) ? 5000 : 300);
		liar = liar_take_over(job, op);
		lies[op->value].tell(&liar);
	}
	return t_ledger(job, arg, len);
}

/* Among tasks that take long enough for both workers to have some of them. */
static void
expect_costs_only_its_own(int row)
{
	enum {
		N = 60,
		LIAR = 20
	};
	struct procpool *pool = begin_liars(2);
	int breaches;

	for (int id = 0; id < N; id++)
		submit_judged(pool, id == LIAR ? t_lie : t_work, id,
		    id == LIAR ? row : 500);
	ledger_await(N, 5000);
	expect_hurt_by_liars_only(0, N - 1);
	if (lies[row].outcome != ANY)
		expect_end(LIAR, lies[row].outcome, lies[row].code);
	breaches = atomic_load(&shared->flag[BREACHES]);
	ck_assert_msg(
	    lies[row].breaches == ANY || breaches == lies[row].breaches,
	    "row %d: %d workers were killed for it", row, breaches);
	end_liars();
	/* A forged page may say of a task that it was not begun. */
	end_fault(pool, lies[row].outcome == ANY ? 0 : N);
}

/* For row after row, each in a world of its own. */
static void
expect_rows(int first, int end)
{
	for (int row = first; row < end; row++) {
		memset(shared, 0, sizeof(*shared));
		expect_costs_only_its_own(row);
	}
}

/* P06, P07 */
START_TEST(lies_about_results_cost_only_the_liars_tasks)
{
	expect_rows(RESULTS, HALVES);
}
END_TEST

/* P03, P04, P-13 */
START_TEST(half_results_cost_only_the_liars_tasks)
{
	expect_rows(HALVES, LARGE);
}
END_TEST

START_TEST(lies_about_large_results_cost_only_the_liars_tasks)
{
	expect_rows(LARGE, PAGE);
}
END_TEST

/* P06 */
START_TEST(lies_on_the_page_cost_only_the_liars_tasks)
{
	expect_rows(PAGE, OTHERS);
}
END_TEST

/* P09, P-10, P-13 */
START_TEST(chatter_deafness_and_hanging_up_cost_only_the_liars_tasks)
{
	expect_rows(OTHERS, LIES);
}
END_TEST

/* ------------------------------------------------------ Tasks passed over */

/* Takes back on the page, as the host might, all that the worker was sent. */
static int
t_take_back(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);

	note_liar();
	for (uint64_t i = 1; i < PP_SLOTS; i++)
		(void)pp_claim_take(
		    liar.page, liar.sequence + i, CLAIM_REVOKED);
	return t_ledger(job, arg, len);
}

/* P06: what a worker does not run, nor tell of, ends, and that with the worker.
 */
START_TEST(a_worker_that_passes_over_its_tasks_is_killed_for_it)
{
	struct procpool *pool = begin_liars(1);

	submit_ops(pool, t_wait, 0, 0, 8);
	await_flag(&shared->flag[8], 1, 5000);
	submit_ops(pool, t_take_back, 1, 1, 0);
	submit_ops(pool, t_ledger, 2, 20, 0);
	flag_set(&shared->flag[9], 1);
	ledger_await(21, 5000);
	expect_success(0, 1);
	for (int id = 2; id <= 20; id++)
		expect_end(id, PROCPOOL_EPROTOCOL, 0);
	ck_assert_int_eq(atomic_load(&shared->flag[BREACHES]), 1);
	end_fault(pool, 21);
}
END_TEST

/* ---------------------------------------------------------- Many at once */

static int
t_mix(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	struct liar liar;

	if (!has_lied(op->id)) {
		note_liar();
		end_after(30);
		liar = liar_take_over(job, op);
		do
			all_lies[liar_random(&liar, n_lies)](&liar);
		while (liar_random(&liar, 2) == 0);
	}
	return t_ledger(job, arg, len);
}

/* Submit n tasks from id `first`, of which about one in twelve lies. */
static void
submit_mixed(struct procpool *pool, int first, int n, unsigned *seed)
{
	for (int id = first; id < first + n; id++) {
		const int any = rand_r(seed) % 1000000;

		if (any % 12 == 0)
			submit_judged(pool, t_mix, id, any);
		else
			submit_judged(pool, t_work, id, any % 300);
	}
}

static int
count_right(int n)
{
	int count = 0;

	for (int id = 0; id < n; id++)
		count += atomic_load(&shared->outcome[id]) == 0;
	return count;
}

static unsigned
mix_seed(void)
{
	const char *text = getenv("PP_TEST_SEED");

	return text != NULL ? (unsigned)strtoul(text, NULL, 0)
			    : (unsigned)now_ms() ^ (unsigned)getpid() << 16;
}

/* P04 P06 P07 P-10.  The seed is said when it fails; PP_TEST_SEED=N plays it
 * again (the interleaving is the machine's). */
START_TEST(lies_mixed_at_random_cost_only_the_liars_tasks)
{
	enum {
		ROUND = 60
	};
	const unsigned seed = mix_seed();
	unsigned next = seed;
	const int64_t end = now_ms() + (is_long() ? 30000 : 1000);
	struct procpool *pool = begin_liars(3);
	int n = 0;

	while (now_ms() < end && n + ROUND <= NOTES) {
		submit_mixed(pool, n, ROUND, &next);
		n += ROUND;
		ck_assert_msg(procpool_drain(pool, bound(10000)) == 0,
		    "seed %u: %d tasks of %d have not ended", seed,
		    n - atomic_load(&shared->completions), n);
		mark_point();
		expect_hurt_by_liars_only(n - ROUND, n - 1);
	}
	ck_assert_msg(count_right(n) >= n / 2,
	    "seed %u: %d tasks of %d ended well", seed, count_right(n), n);
	end_liars();
	pool_works(pool);
	close_pool(pool);
	expect_quiet();
}
END_TEST

/* ------------------------------------------------------ Lies at the start */

enum start_lie {
	READY_TWICE,
	READY_WITH_TEXT,
	READY_WITH_WHAT_IS_NOT,
	READY_UNHEARD_OF,
	RESULT_FIRST,
	LARGE_FIRST,
	GARBAGE_FIRST,
	PAGE_FIRST,
	START_LIES
};

static void
tell_at_start(struct liar *liar, int lie)
{
	const struct result_frame frames[] = {
		[READY_TWICE] = { .type = RESULT_READY },
		[READY_WITH_TEXT] = { .type = RESULT_READY, .length = 8 },
		[READY_WITH_WHAT_IS_NOT] = { .type = RESULT_READY, .code = 1 },
		[READY_UNHEARD_OF] = { .type = RESULT_READY, .code = 2 },
		[RESULT_FIRST] = { .type = RESULT_DATA },
		[LARGE_FIRST] = { .type = RESULT_LARGE, .length = 100000 },
	};

	if (lie == PAGE_FIRST) {
		lie_ring(liar);
		lie_words(liar);
		liar_wait();
	}
	if (lie == GARBAGE_FIRST)
		lie_garbage(liar);
	liar_say(liar, &frames[lie], sizeof(frames[lie]));
	if (lie == READY_TWICE)
		liar_say(liar, &frames[lie], sizeof(frames[lie]));
	liar_wait();
}

/* worker_start: the first worker that comes here tells the lie of flag GO. */
static int
start_with_a_lie(struct procpool_job *job, void **state)
{
	struct liar liar;

	(void)state;
	if (atomic_exchange(&shared->flag[TOLD], 1) == 0) {
		/* All but one are killed by the host. */
		end_after(
		    atomic_load(&shared->flag[GO]) == PAGE_FIRST ? 300 : 5000);
		liar = liar_take_over(
		    job, &(struct op){ 0, atomic_load(&shared->flag[GO]) });
		tell_at_start(&liar, atomic_load(&shared->flag[GO]));
	}
	return 0;
}

/* P06, P07: such a worker never begins a task, so none is hurt. */
START_TEST(lies_before_the_first_task_cost_no_task)
{
	for (int lie = 0; lie < START_LIES; lie++) {
		struct procpool *pool;

		memset(shared, 0, sizeof(*shared));
		atomic_store(&shared->flag[GO], lie);
		allow_areas(lie != READY_WITH_WHAT_IS_NOT);
		pool = begin_fault_with((struct procpool_options){ .n_jobs = 2,
		    .max_payload = LIMIT,
		    .worker_start = start_with_a_lie,
		    .log = count_breaches,
		    .log_level = PROCPOOL_ERROR });
		submit_ops(pool, t_ledger, 0, 49, 0);
		ledger_await(50, 5000);
		expect_success(0, 49);
		await_restarts(pool, 1, 5000);
		if (lie != PAGE_FIRST)
			await_flag(&shared->flag[BREACHES], 1, 1000);
		end_fault(pool, 50);
	}
	allow_areas(true);
}
END_TEST

/* ---------------------------------------------------------- P08: too late */

static void
await_claim(struct page *page, uint64_t n, enum claim state)
{
	while (atomic_load(pp_claim_slot(page, n)) != pp_claim_word(n, state))
		;
}

/* Waits until a task has been sent behind this one, and then until it has been
 * taken back; and then has a result for it. */
static int
t_answer_revoked(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);
	struct page *page = liar.page;
	const uint64_t n = liar.sequence + 1;

	(void)len;
	note_liar();
	ledger_start(liar.op.id);
	ledger_finish(liar.op.id);
	await_claim(page, n, CLAIM_OFFERED);
	flag_add(&shared->flag[GO], 1);
	await_claim(page, n, CLAIM_REVOKED);
	liar_answer(&liar, liar.sequence);
	liar_answer(&liar, n);
	liar_wait();
}

/* P08: for a task that is to go before others, those are taken back. */
START_TEST(a_result_for_a_task_that_was_taken_back_is_not_believed)
{
	enum {
		N = 40,
		URGENT = N - 1
	};
	struct procpool *pool = begin_liars(1);
	const struct op urgent = { .id = URGENT };

	submit_judged(pool, t_answer_revoked, 0, 0);
	for (int id = 1; id < URGENT; id++)
		submit_judged(pool, t_work, id, 100);
	await_flag(&shared->flag[GO], 1, 5000);
	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &urgent,
		.len = sizeof(urgent),
		.priority = 1,
		.done = judge,
		.user = (void *)(uintptr_t)URGENT }));
	ledger_await(N, 5000);
	expect_success(0, N - 1);
	ck_assert_int_eq(atomic_load(&shared->flag[BREACHES]), 1);
	end_fault(pool, N);
}
END_TEST

/* P08: a shutdown ends tasks at any moment of theirs; each ends once. */
START_TEST(results_that_race_with_a_shutdown_end_their_tasks_once)
{
	enum {
		ROUNDS = 20,
		EACH = 50
	};
	struct procpool *pool = begin_liars(2);
	unsigned seed = 1;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < EACH; i++)
			submit_judged(pool, t_work, round * EACH + i,
			    rand_r(&seed) % 100);
		usleep((useconds_t)rand_r(&seed) % 4000);
		ok(procpool_shutdown(pool));
		ledger_await((round + 1) * EACH, 0);
		ok(procpool_start(pool));
	}
	end_fault(pool, ROUNDS * EACH);
}
END_TEST

/* ------------------------------------------ P03, P04: what never comes */

/* A line of /proc/self/status, KiB. */
static long
status_kib(const char *name)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (status != NULL && kib < 0 &&
	    fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = atol(line + strlen(name));
	if (status != NULL)
		fclose(status);
	ck_assert_int_ge(kib, 0);
	return kib;
}

/* Says that 1 GiB follows, and sends op.value bytes of it. */
static int
t_promise(struct procpool_job *job, const void *arg, size_t len)
{
	static const char zeros[65536];
	struct liar liar = liar_take_over(job, arg);
	const struct result_frame frame = { .type = RESULT_DATA,
		.sequence = liar.sequence,
		.length = (size_t)1 << 30 };

	(void)len;
	liar_say(&liar, &frame, sizeof(frame));
	for (int sent = 0; sent < liar.op.value; sent += (int)sizeof(zeros))
		liar_say(&liar, zeros, sizeof(zeros));
	flag_add(&shared->flag[GO], 1);
	liar_wait();
}

/* P03: address space, touched or not, grows with what was sent; the other
 * worker is served; and a shutdown does not wait for the rest. */
START_TEST(a_length_and_then_silence_costs_no_memory)
{
	enum {
		N = 50,
		SENT = 4 << 20
	};
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .n_jobs = 2, .max_payload = (size_t)1 << 30, .grace_ms = 100 });
	long before;
	int64_t start;

	pool_works(pool);
	before = status_kib("VmPeak:");
	ok(submit_op(pool, t_promise, 0, SENT));
	await_flag(&shared->flag[GO], 1, 5000);
	submit_ops(pool, t_ledger, 1, N, 0);
	ledger_await(N, 5000);
	expect_success(1, N);
	if (!WITH_ASAN && !WITH_TSAN)
		ck_assert_int_lt(status_kib("VmPeak:") - before, 512 * 1024);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	expect_end(0, PROCPOOL_ESHUTDOWN, 0);
	ok(procpool_start(pool));
	end_fault(pool, N + 1);
}
END_TEST

/* Its own result, a byte at a time, until the flag GO is set. */
static int
t_trickle(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);
	const struct result_frame line = {
		.type = RESULT_LOG, .length = 16, .code = PROCPOOL_DEBUG
	};
	char bytes[64] = { 0 };

	(void)len;
	memcpy(bytes, &line, sizeof(line));
	memset(bytes + sizeof(line), 'x', 16);
	for (int i = 0; i % 64 != 0 || atomic_load(&shared->flag[GO]) == 0;
	     i++) {
		usleep(1000);
		liar_say(&liar, &bytes[i % 64], 1);
		flag_add(&shared->flag[TOLD], 1);
	}
	return t_ledger(job, arg, len);
}

/* P04: the host does no more than to look at each byte, and serves others; and
 * the result that comes in the end counts. */
START_TEST(bytes_that_come_one_by_one_cost_little)
{
	enum {
		N = 200
	};
	struct procpool *pool = begin_liars(2);
	const int64_t start = now_ms(), before = cpu_ms();

	ok(submit_op(pool, t_trickle, 0, 0));
	await_flag(&shared->flag[TOLD], 200, 10000);
	ck_assert_int_lt(cpu_ms() - before, (now_ms() - start) / 2);
	submit_ops(pool, t_ledger, 1, N, 0);
	ledger_await(N, 5000);
	flag_set(&shared->flag[GO], 1);
	ledger_await(N + 1, 5000);
	expect_success(0, N);
	end_fault(pool, N + 1);
}
END_TEST

/* ------------------------------------------------------------- P09: flood */

/* Log lines as fast as the pipe takes them, until the flag GO is set. */
static int
t_flood(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);
	struct result_frame lines[512];

	for (size_t i = 0; i < 512; i++)
		lines[i] = (struct result_frame){ .type = RESULT_LOG };
	while (atomic_load(&shared->flag[GO]) == 0) {
		liar_say(&liar, lines, sizeof(lines));
		flag_add(&shared->flag[TOLD], 512);
	}
	return t_ledger(job, arg, len);
}

/* P09: the flood ends only when the other worker has done its share, and half
 * a million lines have passed. */
START_TEST(a_flood_of_log_lines_is_borne)
{
	enum {
		N = 2000
	};
	struct procpool *pool = begin_liars(2);
	long before;

	pool_works(pool);
	before = status_kib("VmRSS:");
	ok(submit_op(pool, t_flood, 0, 0));
	await_flag(&shared->flag[TOLD], 1, 5000);
	submit_ops(pool, t_ledger, 1, N, 0);
	ledger_await(N, 20000);
	await_flag(&shared->flag[TOLD], 500000, 20000);
	flag_set(&shared->flag[GO], 1);
	ledger_await(N + 1, 5000);
	expect_success(0, N);
	if (!WITH_ASAN && !WITH_TSAN)
		ck_assert_int_lt(status_kib("VmRSS:") - before, 16 * 1024);
	end_fault(pool, N + 1);
}
END_TEST

/* ------------------------------------------------------ P-10: deaf workers */

/* Succeeds, and reads nothing any more. */
static int
t_deaf(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);

	(void)len;
	flag_add(&shared->flag[GO], 1);
	lie_deaf(&liar);
	return 0;
}

/* The only worker does not read: with these arguments more is to be written
 * than a pipe holds. */
static void
expect_shutdown_of_deaf(size_t size, int n)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .grace_ms = 100 });
	char *arg = calloc(1, size);
	int64_t start;

	ok(submit_op(pool, t_deaf, 0, 0));
	await_flag(&shared->flag[GO], 1, 5000);
	for (int id = 1; id <= n; id++)
		ok(procpool_submit(
		    pool, arg, size, ledger_done, (void *)(uintptr_t)id));
	expect(procpool_drain(pool, 50), PROCPOOL_ETIMEDOUT);
	start = now_ms();
	ok(procpool_shutdown(pool));
	took_less(start, 2000);
	expect_end(0, 0, 0);
	for (int id = 1; id <= n; id++)
		expect_end(id, PROCPOOL_ESHUTDOWN, 0);
	free(arg);
	ok(procpool_start(pool));
	end_fault(pool, n + 1);
}

/* P-10 */
START_TEST(a_worker_that_stops_reading_does_not_hold_up_a_shutdown)
{
	expect_shutdown_of_deaf(1000, 1000);
}
END_TEST

/* P-10: by the area, and through the pipe. */
START_TEST(a_worker_that_reads_no_large_task_does_not_hold_up_a_shutdown)
{
	expect_shutdown_of_deaf(1 << 20, 5);
	memset(shared, 0, sizeof(*shared));
	allow_areas(false);
	expect_shutdown_of_deaf(1 << 20, 5);
	allow_areas(true);
}
END_TEST

/* ------------------------------------------------------------- P-11: texts */

/* Neither ends in a zero; the second has one amid. */
static const char texts[2][24] = {
	"%n%s%x \033[2J\007 %1$n 012345",
	"before\0behind, and \xff\xfe%n!",
};

static int
t_text(struct procpool_job *job, const void *arg, size_t len)
{
	struct liar liar = liar_take_over(job, arg);
	struct result_frame frame = { .type = RESULT_LOG,
		.code = PROCPOOL_ERROR,
		.length = sizeof(texts[0]) };

	(void)len;
	liar_say_frame(&liar, frame, texts[liar.op.value]);
	frame.type = RESULT_FAILED;
	frame.code = -7;
	frame.sequence = liar.sequence;
	liar_say_frame(&liar, frame, texts[liar.op.value]);
	liar_wait();
}

static char logged[2000]; /* under the log's lock */

static void
keep_line(enum procpool_level level, const char *line, void *user)
{
	(void)level;
	(void)user;
	if (strstr(line, "%n") != NULL || strstr(line, "before") != NULL)
		snprintf(logged, sizeof(logged), "%s", line);
}

/* P-11: bytes, up to the first zero; in the log without what could move a
 * terminal's cursor. */
START_TEST(a_text_of_a_worker_is_no_format_and_ends)
{
	struct procpool *pool =
	    begin_fault_with((struct procpool_options){ .n_jobs = 1,
		.grace_ms = 10,
		.max_payload = LIMIT,
		.log = keep_line,
		.log_level = PROCPOOL_DEBUG });

	for (int i = 0; i < 2; i++) {
		struct procpool_result result;

		expect(call_op(pool, t_text, 0, i, &result), PROCPOOL_EFAILED);
		ck_assert_int_eq(result.code, -7);
		ck_assert_uint_le(strlen(result.message), sizeof(texts[0]));
		ck_assert(
		    strncmp(result.message, texts[i], sizeof(texts[0])) == 0);
		ck_assert_ptr_nonnull(
		    strstr(logged, i == 0 ? "%n%s%x ?[2J? %1$n" : "before"));
		ck_assert_ptr_null(strstr(logged, "behind"));
		procpool_result_done(&result);
		/* It waits, deaf; and must not be asked again. */
		ok(procpool_shutdown(pool));
		ok(procpool_start(pool));
	}
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------------- P-12: descriptors */

/* Sends a descriptor to whatever will take one: how many did. */
static int
t_send_descriptors(struct procpool_job *job, const void *arg, size_t len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec piece = { .iov_base = (char[]){ 'x' }, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	int taken = 0;

	(void)arg;
	(void)len;
	CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
	for (int fd = 0; fd < 1024; fd++)
		taken += sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
	return procpool_return(job, &taken, sizeof(taken));
}

/* P-12: there is nothing that a descriptor could be sent through. */
START_TEST(a_worker_cannot_send_descriptors)
{
	struct procpool *pool = begin_liars(1);
	struct procpool_result result;

	ok(call_op(pool, t_send_descriptors, 0, 0, &result));
	ck_assert_int_eq(*(const int *)result.data, 0);
	procpool_result_done(&result);
	end_fault(pool, 0);
}
END_TEST

RUN_TESTS("fault_lies", lies_about_results_cost_only_the_liars_tasks,
    half_results_cost_only_the_liars_tasks,
    lies_about_large_results_cost_only_the_liars_tasks,
    lies_on_the_page_cost_only_the_liars_tasks,
    chatter_deafness_and_hanging_up_cost_only_the_liars_tasks,
    a_worker_that_passes_over_its_tasks_is_killed_for_it,
    lies_mixed_at_random_cost_only_the_liars_tasks,
    lies_before_the_first_task_cost_no_task,
    a_result_for_a_task_that_was_taken_back_is_not_believed,
    results_that_race_with_a_shutdown_end_their_tasks_once,
    a_length_and_then_silence_costs_no_memory,
    bytes_that_come_one_by_one_cost_little, a_flood_of_log_lines_is_borne,
    a_worker_that_stops_reading_does_not_hold_up_a_shutdown,
    a_worker_that_reads_no_large_task_does_not_hold_up_a_shutdown,
    a_text_of_a_worker_is_no_format_and_ends, a_worker_cannot_send_descriptors)
