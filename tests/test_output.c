/*
 * What workers print: it reaches the log, line by line and whatever it is, and
 * never disturbs a result.
 *
 * Rows E4, E5 and, for what is printed, P09.
 */
#include "sabotage.h"

#include <fcntl.h>

#include "channel/crew.h"
#include "engine/pool.h"

/* ------------------------------------------------------------- The log */

/* What the log function was given, at level INFO and from a worker: the text
 * behind the name, each line ended by '\n'. */
static struct {
	pthread_mutex_t lock;
	char *text;
	size_t len, capacity;
	size_t lines, longest;
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
hear(enum procpool_level level, const char *message, void *unused)
{
	static const char prefix[] = "harbour-w0: ";
	const size_t skip = sizeof(prefix) - 1;
	size_t len;

	(void)unused;
	if (level != PROCPOOL_INFO ||
	    strncmp(message, prefix, strlen("harbour-w")) != 0 ||
	    strncmp(message + skip - 2, ": ", 2) != 0)
		return;
	len = strlen(message + skip);
	pthread_mutex_lock(&heard.lock);
	if (heard.len + len + 2 > heard.capacity) {
		heard.capacity = 2 * (heard.capacity + len + 2);
		heard.text = realloc(heard.text, heard.capacity);
	}
	memcpy(heard.text + heard.len, message + skip, len);
	memcpy(heard.text + heard.len + len, "\n", 2);
	heard.len += len + 1;
	heard.lines++;
	if (len > heard.longest)
		heard.longest = len;
	pthread_mutex_unlock(&heard.lock);
}

/* How much has come, in bytes with their ends of lines. */
static size_t
heard_bytes(void)
{
	size_t len;

	pthread_mutex_lock(&heard.lock);
	len = heard.len;
	pthread_mutex_unlock(&heard.lock);
	return len;
}

/* Whether exactly this has come. */
static bool
heard_is(const char *text)
{
	bool is;

	pthread_mutex_lock(&heard.lock);
	is = heard.len == strlen(text) &&
	    memcmp(heard.text, text, heard.len) == 0;
	pthread_mutex_unlock(&heard.lock);
	return is;
}

static void
await_heard(const char *text)
{
	const int64_t end = now_ms() + bound(5000);

	while (!heard_is(text) && now_ms() < end)
		usleep(1000);
	ck_assert_msg(heard_is(text), "expected \"%s\", got \"%s\"", text,
	    heard.text != NULL ? heard.text : "");
}

static struct procpool_options
options_of(int n)
{
	return (struct procpool_options){ .entry_point = t_ledger,
		.n_jobs = n,
		.oversubscribe = true,
		.name = "harbour",
		.log = hear };
}

static struct procpool *
open_heard(int n)
{
	return open_with(options_of(n));
}

/* Run a function once, in any worker: its outcome. */
static int
run(struct procpool *pool, procpool_job_fn function, int id, int value)
{
	struct procpool_result result;
	const int rc = call_op(pool, function, id, value, &result);

	procpool_result_done(&result);
	return rc;
}

/* ----------------------------------------------------------------- Lines */

static int
print_both(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	printf("one %d\n", 1);
	fprintf(stderr, "two\n");
	if (write(STDOUT_FILENO, "three\n\nfi", 9) != 9 ||
	    write(STDERR_FILENO, "ve\n", 3) != 3)
		return 1;
	return 0;
}

/* E4 */
START_TEST(what_a_job_prints_reaches_the_log_by_line_and_in_order)
{
	struct procpool *pool = open_heard(1);

	ok(run(pool, print_both, 0, 0));
	await_heard("one 1\ntwo\nthree\n\nfive\n");
	close_pool(pool);
}
END_TEST

static int
print_part(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	printf("no end");
	return 0;
}

/* E4: the pool goes on, and nothing follows. */
START_TEST(a_line_without_an_end_is_told_when_nothing_follows)
{
	struct procpool *pool = open_heard(1);

	ok(run(pool, print_part, 0, 0));
	await_heard("no end\n");
	close_pool(pool);
	ck_assert(heard_is("no end\n"));
}
END_TEST

/* Likewise while its job runs. */
static int
print_part_and_wait(struct procpool_job *job, const void *arg, size_t len)
{
	return write(STDOUT_FILENO, "part", 4) == 4 ? t_wait(job, arg, len) : 1;
}

/* E4 */
START_TEST(a_line_without_an_end_is_told_while_its_job_runs)
{
	struct procpool *pool = begin_fault_with(options_of(1));

	ok(submit_op(pool, print_part_and_wait, 0, 0));
	await_heard("part\n");
	flag_set(&shared->flag[1], 1);
	ledger_await(1, 5000);
	end_fault(pool, 1);
}
END_TEST

static int
start_with_words(struct procpool_job *job, void **state)
{
	(void)job;
	(void)state;
	printf("hello\n");
	return 0;
}

static void
exit_with_words(struct procpool_job *job, void *state)
{
	(void)job;
	(void)state;
	printf("good");
	fprintf(stderr, "bye");
}

/* E4: the last words have come when the pool is closed. */
START_TEST(what_a_worker_prints_first_and_last_reaches_the_log)
{
	struct procpool_options options = options_of(1);
	struct procpool *pool;

	options.worker_start = start_with_words;
	options.worker_exit = exit_with_words;
	pool = open_with(options);
	await_heard("hello\n");
	close_pool(pool);
	/* stdout is buffered, stderr is not. */
	ck_assert(heard_is("hello\nbyegood\n"));
}
END_TEST

/* --------------------------------------------------------------- Deaths */

enum {
	LINES = 1000
};

static int
print_and_die(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	for (int i = 0; i < LINES; i++)
		printf("line %d of %d\n", i, LINES);
	if (write(STDERR_FILENO, "half", 4) == 4)
		raise(SIGKILL);
	return 0;
}

/* E4: by then, and not some time later. */
START_TEST(all_that_a_job_printed_before_it_died_has_come_before_its_result)
{
	struct procpool *pool = begin_fault_with(options_of(2));
	char *expected = calloc(LINES + 1, 32);
	size_t len = 0;

	for (int i = 0; i < LINES; i++)
		len += (size_t)sprintf(
		    expected + len, "line %d of %d\n", i, LINES);
	strcpy(expected + len, "half\n");
	expect(run(pool, print_and_die, 0, 0), PROCPOOL_ECRASHED);
	ck_assert(heard_is(expected));
	free(expected);
	end_fault(pool, 0);
}
END_TEST

/* Dies, and leaves something behind that could still print, for as long as the
 * spawner lets it. */
static int
leave_a_printer(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	if (fork() == 0) {
		(void)setsid();
		flag_set(&shared->flag[0], 1);
		for (;;)
			if (write(STDOUT_FILENO, "more\n", 5) < 0)
				_exit(0);
	}
	if (flag_await(&shared->flag[0], 1, PATIENCE_MS))
		raise(SIGKILL);
	return 0;
}

/* E4, W14: the pipe has no end of file then. */
START_TEST(a_death_is_told_although_what_the_job_started_prints_on)
{
	struct procpool *pool = open_heard(1);
	const int64_t start = now_ms();

	expect(run(pool, leave_a_printer, 0, 0), PROCPOOL_ECRASHED);
	took_less(start, 1000);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* ------------------------------------------------------- Hostile output */

static int
print_all_bytes(struct procpool_job *job, const void *arg, size_t len)
{
	(void)job;
	(void)arg;
	(void)len;
	for (int i = 0; i < 256; i++)
		if (i != '\n')
			putchar(i);
	putchar('\n');
	return 0;
}

/* E5 */
START_TEST(every_byte_arrives_or_is_shown_by_a_question_mark)
{
	struct procpool *pool = open_heard(1);
	char expected[257];
	size_t n = 0;

	for (int i = 0; i < 256; i++)
		if (i != '\n')
			expected[n++] =
			    (i < ' ' && i != '\t') || i == 0x7f ? '?' : (char)i;
	strcpy(expected + n, "\n");
	ok(run(pool, print_all_bytes, 0, 0));
	await_heard(expected);
	close_pool(pool);
}
END_TEST

/* Print value bytes of 'x', and an end of line, then finish. */
static int
print_long_line(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	char part[1000];

	memset(part, 'x', sizeof(part));
	for (int left = op->value; left > 0; left -= (int)sizeof(part))
		if (fwrite(part, sizeof(part), 1, stderr) != 1)
			return 1;
	fputc('\n', stderr);
	return t_ledger(job, arg, len);
}

/* E5: while others give results. */
START_TEST(a_line_of_a_megabyte_comes_in_pieces)
{
	enum {
		SIZE = 1000 * 1000
	};
	struct procpool *pool = begin_fault_with(options_of(2));
	size_t ends;

	ok(submit_op(pool, print_long_line, 0, SIZE));
	submit_ops(pool, t_ledger, 1, 500, 0);
	ledger_await(501, 10000);
	expect_success(0, 500);
	end_fault(pool, 501);
	ck_assert_uint_eq(heard.longest, 4096);
	ends = heard.lines;
	ck_assert_uint_eq(heard.len - ends, SIZE);
}
END_TEST

/* E5: from all workers at once, in lines, between results. */
START_TEST(ten_megabytes_of_stderr_arrive_and_lose_no_result)
{
	enum {
		TASKS = 1000,
		SIZE = 10 * 1000
	};
	struct procpool *pool = begin_fault_with(options_of(2));

	submit_ops(pool, print_long_line, 0, TASKS - 1, SIZE);
	ledger_await(TASKS, 30000);
	expect_success(0, TASKS - 1);
	end_fault(pool, TASKS);
	ck_assert_uint_eq(heard.len - heard.lines, (size_t)TASKS * SIZE);
}
END_TEST

/* Prints what looks like frames, and returns bytes that tell their place. */
static int
print_and_return(struct procpool_job *job, const void *arg, size_t len)
{
	char noise[4096];

	pattern_fill(noise, sizeof(noise));
	for (int i = 0; i < 16; i++)
		if (write(1 + i % 2, noise, sizeof(noise)) < 0)
			return 1;
	return t_alloc_result(job, arg, len);
}

/* E4 */
START_TEST(results_are_not_disturbed_by_what_is_printed)
{
	struct procpool *pool = open_heard(2);

	for (int i = 0; i < 20; i++) {
		const int size = i * 10000;
		struct procpool_result result;

		ok(call_op(pool, print_and_return, i, size, &result));
		ck_assert_uint_eq(result.len, (size_t)size);
		ck_assert(pattern_matches(result.data, result.len));
		procpool_result_done(&result);
	}
	close_pool(pool);
}
END_TEST

/* --------------------------------------------------- Nothing waits for it */

/* Prints until flag[0] is set, so much at once that there is always more to
 * read.  Fails when that takes very long. */
static int
print_until_told(struct procpool_job *job, const void *arg, size_t len)
{
	static char lines[64 * 1024];
	int left = 1000;

	memset(lines, 'x', sizeof(lines));
	for (size_t i = 79; i < sizeof(lines); i += 80)
		lines[i] = '\n';
	(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
	while (atomic_load(&shared->flag[0]) == 0)
		if (left-- == 0 ||
		    write(STDOUT_FILENO, lines, sizeof(lines)) < 0)
			return 1;
	return t_ledger(job, arg, len);
}

static void
set_the_flag(const struct procpool_result *result, void *user)
{
	ledger_done(result, user);
	flag_set(&shared->flag[0], 1);
}

/* P09: the second result comes right after the first, and so is still in the
 * ring only when the flood begins. */
START_TEST(a_flood_of_lines_does_not_hold_up_an_earlier_result)
{
	struct procpool *pool = begin_fault_with(options_of(1));
	const struct op second = { .id = 1 };

	ok(submit_op(pool, t_wait, 0, 1));
	await_flag(&shared->flag[1], 1, 5000);
	ok(procpool_submit(
	    pool, &second, sizeof(second), set_the_flag, (void *)1));
	ok(submit_op(pool, print_until_told, 2, 0));
	flag_set(&shared->flag[2], 1);
	ledger_await(3, 5000);
	expect_success(0, 2);
	end_fault(pool, 3);
}
END_TEST

/* Prints, and runs on for so long that this is read meanwhile, but not so long
 * that its end is told at once. */
static int
print_and_go_on(struct procpool_job *job, const void *arg, size_t len)
{
	puts("a line");
	usleep(200);
	return t_ledger(job, arg, len);
}

/* P09: what was printed had the ring looked at while the task ran, and no more
 * then, until the long one behind it ended. */
START_TEST(a_line_does_not_hold_up_the_result_of_the_task_that_printed_it)
{
	enum {
		TALKERS = 2
	};
	struct procpool *pool = begin_fault_with(options_of(1));

	ok(submit_op(pool, t_wait, 0, 1));
	await_flag(&shared->flag[1], 1, 5000);
	submit_ops(pool, print_and_go_on, 1, TALKERS, 0);
	ok(submit_op(pool, t_wait, 1 + TALKERS, 3));
	flag_set(&shared->flag[2], 1);
	ledger_await(1 + TALKERS, 5000);
	flag_set(&shared->flag[4], 1);
	ledger_await(2 + TALKERS, 5000);
	expect_success(0, 1 + TALKERS);
	end_fault(pool, 2 + TALKERS);
}
END_TEST

/* P09: one prints without end, the others serve. */
START_TEST(a_flood_of_lines_does_not_hold_up_other_workers)
{
	struct procpool *pool = begin_fault_with(options_of(2));

	ok(submit_op(pool, print_until_told, 0, 0));
	submit_ops(pool, t_ledger, 1, 1000, 0);
	ledger_await(1000, 10000);
	expect_success(1, 1000);
	flag_set(&shared->flag[0], 1);
	ledger_await(1001, 5000);
	end_fault(pool, 1001);
}
END_TEST

/* Waits until it is let, then prints more than a pipe holds. */
static int
wait_and_print(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op op = { .id = *(const int *)arg, .value = 2 << 20 };

	(void)len;
	flag_set(&shared->flag[1], 1);
	if (!flag_await(&shared->flag[2], 1, PATIENCE_MS))
		return 1;
	return print_long_line(job, &op, sizeof(op));
}

static int
call_printer(struct aside *aside)
{
	return run(aside->pool, wait_and_print, aside->id, 0);
}

/* The monitor of the first worker sleeps, so that a caller drives it. */
static bool
is_idle(const struct procpool *pool)
{
	return pool->crew->channels[0].mode == CHANNEL_IDLE;
}

/* It waits for a caller to end. */
static bool
is_wanted_back(const struct procpool *pool)
{
	return pool->crew->channels[0].wanted_back;
}

static bool
is_inside(struct procpool *pool, bool (*is_so)(const struct procpool *pool))
{
	bool so;

	uv_mutex_lock(&pool->lock);
	so = is_so(pool);
	uv_mutex_unlock(&pool->lock);
	return so;
}

/* Wait until something is so, which is under the pool's lock. */
static void
await_inside(struct procpool *pool, bool (*is_so)(const struct procpool *pool))
{
	await_that(is_inside(pool, is_so), 5000);
}

/* E5: the caller drives the channel, and the monitor waits for it to end. */
START_TEST(a_blocking_call_that_prints_much_ends_during_a_refresh)
{
	struct procpool *pool = begin_fault_with(options_of(1));
	struct aside caller = { .call = call_printer, .pool = pool };
	struct aside refresh = { .call = aside_refresh, .pool = pool };

	await_inside(pool, is_idle);
	aside_start(&caller);
	await_flag(&shared->flag[1], 1, 5000);
	aside_start(&refresh);
	await_inside(pool, is_wanted_back);
	flag_set(&shared->flag[2], 1);
	ok(aside_join(&caller));
	ok(aside_join(&refresh));
	end_fault(pool, 0);
	ck_assert_uint_ge(heard.len - heard.lines, 2 << 20);
}
END_TEST

/* E5: likewise while nothing else happens. */
START_TEST(a_blocking_call_may_print_more_than_a_pipe_holds)
{
	struct procpool *pool = begin_fault_with(options_of(1));

	flag_set(&shared->flag[2], 1);
	await_inside(pool, is_idle);
	ok(run(pool, wait_and_print, 0, 0));
	end_fault(pool, 0);
	ck_assert_uint_ge(heard.len - heard.lines, 2 << 20);
}
END_TEST

static int
close_both_and_wait(struct procpool_job *job, const void *arg, size_t len)
{
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	return t_wait(job, arg, len);
}

/* The end of the pipe is not looked at for ever. */
START_TEST(a_worker_that_closes_stdout_and_stderr_costs_no_time)
{
	struct procpool *pool = begin_fault_with(options_of(1));
	int64_t before;

	ok(submit_op(pool, close_both_and_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	before = cpu_ms();
	usleep(300 * 1000); /* the time in which it could use the processor */
	ck_assert_int_lt(cpu_ms() - before, 100);
	flag_set(&shared->flag[1], 1);
	ledger_await(1, 5000);
	expect_success(0, 0);
	end_fault(pool, 1);
}
END_TEST

/* ------------------------------------------------------- Where else it goes */

/* What the program's own stdout and stderr get of a job's lines. */
static char *
printed_with(struct procpool_options options)
{
	struct capture capture;
	struct procpool *pool;

	capture_begin(&capture);
	pool = open_with(options);
	ok(run(pool, print_both, 0, 0));
	close_pool(pool);
	return capture_end(&capture);
}

static void
expect_printed(struct procpool_options options)
{
	char *text = printed_with(options);

	ck_assert_str_eq(text, "one 1\ntwo\nthree\n\nfive\n");
	ck_assert_uint_eq(heard_bytes(), 0);
	free(text);
}

/* E4 */
START_TEST(without_a_log_function_jobs_print_where_the_program_does)
{
	struct procpool_options options = options_of(1);

	options.log = NULL;
	expect_printed(options);
}
END_TEST

/* E4 */
START_TEST(so_they_do_when_the_log_does_not_want_their_level)
{
	struct procpool_options options = options_of(1);

	options.log_level = PROCPOOL_WARNING;
	expect_printed(options);
}
END_TEST

/* E4 */
START_TEST(so_they_do_when_they_are_to_keep_it)
{
	struct procpool_options options = options_of(1);

	options.keep_output = true;
	expect_printed(options);
}
END_TEST

/* E4, U11 */
START_TEST(captured_lines_are_not_printed)
{
	char *text = printed_with(options_of(1));

	ck_assert_str_eq(text, "");
	free(text);
	ck_assert(heard_is("one 1\ntwo\nthree\n\nfive\n"));
}
END_TEST

RUN_TESTS("output", what_a_job_prints_reaches_the_log_by_line_and_in_order,
    a_line_without_an_end_is_told_when_nothing_follows,
    a_line_without_an_end_is_told_while_its_job_runs,
    what_a_worker_prints_first_and_last_reaches_the_log,
    all_that_a_job_printed_before_it_died_has_come_before_its_result,
    a_death_is_told_although_what_the_job_started_prints_on,
    every_byte_arrives_or_is_shown_by_a_question_mark,
    a_line_of_a_megabyte_comes_in_pieces,
    ten_megabytes_of_stderr_arrive_and_lose_no_result,
    results_are_not_disturbed_by_what_is_printed,
    a_flood_of_lines_does_not_hold_up_an_earlier_result,
    a_line_does_not_hold_up_the_result_of_the_task_that_printed_it,
    a_flood_of_lines_does_not_hold_up_other_workers,
    a_blocking_call_that_prints_much_ends_during_a_refresh,
    a_blocking_call_may_print_more_than_a_pipe_holds,
    a_worker_that_closes_stdout_and_stderr_costs_no_time,
    without_a_log_function_jobs_print_where_the_program_does,
    so_they_do_when_the_log_does_not_want_their_level,
    so_they_do_when_they_are_to_keep_it, captured_lines_are_not_printed)
