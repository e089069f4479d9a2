/*
 * Workers that write what they should not into their channel to the host.
 *
 * Rows of the fault catalogue: P01 P02 P05 P06 P-13, each with the oracle U1 to
 * U11; and the pure check of a header, for the same rows.
 */
#include "sabotage.h"

#include "base/area.h"
#include "rules/frame.h"

/* What a worker has its channel open as; the manual says so. */
#define RESULTS_FD 4

#define LIMIT (1 << 20) /* max_payload of the pools here */

static struct procpool *
begin_liar(int n)
{
	return begin_fault_with(
	    (struct procpool_options){ .n_jobs = n, .max_payload = LIMIT });
}

/* ------------------------------------------------------------ The check */

static int
check(uint32_t type, uint64_t length, int32_t code)
{
	const struct result_frame frame = {
		.type = type, .length = length, .code = code
	};

	return pp_result_check(&frame, LIMIT);
}

/* P02 */
START_TEST(the_check_refuses_a_length_above_the_limit)
{
	expect(check(RESULT_DATA, LIMIT, 0), 0);
	expect(check(RESULT_DATA, LIMIT + 1, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_DATA, UINT64_C(1) << 32, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_DATA, UINT64_C(1) << 63, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_DATA, UINT64_MAX, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_DATA, UINT64_MAX - 15, 0), PROCPOOL_EPROTOCOL);
}
END_TEST

/* P02: a text has a limit of its own. */
START_TEST(the_check_refuses_a_text_above_its_limit)
{
	expect(check(RESULT_FAILED, PP_TEXT_MAX, -7), 0);
	expect(check(RESULT_FAILED, PP_TEXT_MAX + 1, -7), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_REFUSED, PP_TEXT_MAX + 1, 1), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_LOG, PP_TEXT_MAX, PROCPOOL_INFO), 0);
	expect(check(RESULT_LOG, PP_TEXT_MAX + 1, PROCPOOL_INFO),
	    PROCPOOL_EPROTOCOL);
}
END_TEST

/* P05 */
START_TEST(the_check_refuses_unknown_types)
{
	expect(check(0, 0, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_TYPES, 0, 0), PROCPOOL_EPROTOCOL);
	expect(check(UINT32_MAX, 0, 0), PROCPOOL_EPROTOCOL);
}
END_TEST

/* P05 */
START_TEST(the_check_refuses_a_place_that_has_no_meaning)
{
	struct result_frame frame = { .type = RESULT_DATA };

	expect(pp_result_check(&frame, LIMIT), 0);
	frame.place = 16;
	expect(pp_result_check(&frame, LIMIT), PROCPOOL_EPROTOCOL);
	frame.place = UINT64_C(1) << 63;
	expect(pp_result_check(&frame, LIMIT), PROCPOOL_EPROTOCOL);
}
END_TEST

/* P02, P05: a large result lies in its area, whole, and aligned. */
START_TEST(the_check_refuses_places_outside_the_area)
{
	static const struct {
		uint64_t place, length;
		int result;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, PP_AREA, 0 },
		{ PP_AREA - 16, 16, 0 },
		{ PP_AREA, 0, 0 },
		{ 0, PP_AREA + 1, PROCPOOL_EPROTOCOL },
		{ PP_AREA - 16, 17, PROCPOOL_EPROTOCOL },
		{ PP_AREA + 16, 0, PROCPOOL_EPROTOCOL },
		{ 8, 16, PROCPOOL_EPROTOCOL },
		{ UINT64_MAX - 15, 16, PROCPOOL_EPROTOCOL },
		{ UINT64_MAX - 15, 32, PROCPOOL_EPROTOCOL },
		{ UINT64_C(1) << 63, UINT64_C(1) << 63, PROCPOOL_EPROTOCOL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct result_frame frame = { .type = RESULT_LARGE,
			.place = rows[i].place,
			.length = rows[i].length };

		expect(pp_result_check(&frame, UINT64_MAX), rows[i].result);
	}
	expect(check(RESULT_LARGE, LIMIT, 0), 0);
	expect(check(RESULT_LARGE, LIMIT + 1, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_LARGE, 16, 1), PROCPOOL_EPROTOCOL);
}
END_TEST

/* P05: a worker chooses no outcome but those that are its own to tell. */
START_TEST(the_check_refuses_codes_that_no_worker_may_give)
{
	expect(check(RESULT_ERROR, 0, PROCPOOL_ETOOBIG), 0);
	expect(check(RESULT_ERROR, 0, PROCPOOL_ERESERVED), 0);
	expect(check(RESULT_ERROR, 0, -ENOMEM), 0);
	expect(check(RESULT_ERROR, 0, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_ERROR, 0, PROCPOOL_ESHUTDOWN), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_DATA, 0, 1), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_LOG, 0, PROCPOOL_ERROR + 1), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_LOG, 0, -1), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_READY, 1, 0), PROCPOOL_EPROTOCOL);
	expect(check(RESULT_READY, 0, 1), 0);
	expect(check(RESULT_READY, 0, 2), PROCPOOL_EPROTOCOL);
}
END_TEST

/* P01, P02, P05: whatever passes is within the limits. */
START_TEST(the_check_takes_any_48_bytes)
{
	struct result_frame frame;
	unsigned char *bytes = (unsigned char *)&frame;
	unsigned seed = 1;

	for (int i = 0; i < 200000; i++) {
		for (size_t at = 0; at < sizeof(frame); at++)
			bytes[at] = (unsigned char)(rand_r(&seed) >> 8);
		/* Else nothing would pass the first comparisons. */
		frame.type %= RESULT_TYPES + 1;
		frame.place >>= rand_r(&seed) % 64;
		if (rand_r(&seed) % 2 == 0)
			frame.place = 0;
		frame.length >>= rand_r(&seed) % 64;
		frame.code %= 4;
		if (pp_result_check(&frame, LIMIT) < 0)
			continue;
		ck_assert_uint_le(frame.length, LIMIT);
		ck_assert_uint_le(frame.place, PP_AREA);
		if (frame.type == RESULT_LARGE)
			ck_assert_uint_le(frame.place + frame.length, PP_AREA);
	}
}
END_TEST

/* ---------------------------------------------------------- Random bytes */

/* Alone with the worker, so that nothing else is at stake there; another
 * worker's task runs meanwhile, and must not notice. */
static void
expect_caught(procpool_job_fn liar, const int *values, int n)
{
	struct procpool *pool = begin_liar(2);
	struct procpool_result result;

	ok(submit_op(pool, t_wait, 0, 0));
	await_flag(&shared->flag[0], 1, 5000);
	for (int i = 0; i < n; i++) {
		const int64_t start = now_ms();

		expect(call_op(pool, liar, 100 + i, values[i], &result),
		    PROCPOOL_EPROTOCOL);
		ck_assert_uint_eq(result.len, 0);
		procpool_result_done(&result);
		took_less(start, 1000);
	}
	flag_set(&shared->flag[1], 1);
	ledger_await(1, 5000);
	expect_end(0, 0, 0);
	end_fault(pool, 1);
}

/* P01: around the sizes of a header, of a page, of a pipe. */
START_TEST(random_bytes_are_a_protocol_error_of_their_task_alone)
{
	const int sizes[] = { 1, 2, 16, 47, 48, 49, 96, 97, 1000, 4095, 4096,
		4097, 65535, 65536 };

	expect_caught(
	    t_garbage, sizes, (int)(sizeof(sizes) / sizeof(sizes[0])));
}
END_TEST

/* Those that the liar's worker has run too may be lost with it, since nothing
 * is believed of it any more, and one that it had just claimed when it was
 * killed; no others, and none without a word. */
static void
expect_hurt_only_beside(int liar, int n)
{
	const int pid = atomic_load(&shared->ran_in[liar]);
	int claimed = 0;

	for (int id = 0; id < n; id++) {
		const int outcome = atomic_load(&shared->outcome[id]);
		const int ran_in = atomic_load(&shared->ran_in[id]);

		claimed += ran_in == 0;
		ck_assert_msg(outcome == 0 ||
			(outcome == atomic_load(&shared->outcome[liar]) &&
			    (ran_in == pid || ran_in == 0)),
		    "task %d ended with %s; it ran in %d, the liar in %d", id,
		    procpool_errname(outcome), ran_in, pid);
	}
	ck_assert_int_le(claimed, 1);
}

/* P01: with other tasks before and behind it. */
START_TEST(random_bytes_hurt_only_tasks_that_the_same_worker_ran)
{
	enum {
		N = 200,
		LIAR = 100
	};
	struct procpool *pool = begin_liar(2);

	submit_ops(pool, t_ledger, 0, LIAR - 1, 0);
	ok(submit_op(pool, t_garbage, LIAR, 333));
	submit_ops(pool, t_ledger, LIAR + 1, N - 1, 0);
	ledger_await(N, 5000);
	expect_end(LIAR, PROCPOOL_EPROTOCOL, 0);
	expect_hurt_only_beside(LIAR, N);
	end_fault(pool, N);
}
END_TEST

/* -------------------------------------------------------- Crafted frames */

/* A row of this table is what the liar below writes. */
static const struct result_frame frames[] = {
	/* 0: lengths (P02) */
	{ .type = RESULT_DATA, .length = UINT64_MAX },
	{ .type = RESULT_DATA, .length = UINT64_MAX - 15 },
	{ .type = RESULT_DATA, .length = UINT64_C(1) << 63 },
	{ .type = RESULT_DATA, .length = UINT64_C(1) << 32 },
	{ .type = RESULT_DATA, .length = LIMIT + 1 },
	{ .type = RESULT_FAILED, .length = UINT64_MAX, .code = 1 },
	{ .type = RESULT_FAILED, .length = PP_TEXT_MAX + 1, .code = 1 },
	{ .type = RESULT_LOG, .length = UINT64_C(1) << 32 },
	{ .type = RESULT_LARGE, .length = LIMIT + 1 },
	{ .type = RESULT_LARGE, .length = LIMIT, .place = PP_AREA },
	{ .type = RESULT_LARGE, .length = 16, .place = UINT64_MAX - 15 },
	/* 11: types and bits without a meaning (P05) */
	{ .type = 0 },
	{ .type = RESULT_TYPES },
	{ .type = UINT32_MAX },
	{ .type = RESULT_DATA, .place = 1 },
	{ .type = RESULT_DATA, .place = UINT64_MAX },
	{ .type = RESULT_LARGE, .length = 16, .place = 1 },
	{ .type = RESULT_ERROR, .code = PROCPOOL_ESHUTDOWN },
	/* 18: sequences that were never given (P06) */
	{ .type = RESULT_DATA, .sequence = 1000000 },
	{ .type = RESULT_DATA, .sequence = UINT64_MAX },
	{ .type = RESULT_DATA, .sequence = UINT64_C(1) << 32 },
	{ .type = RESULT_FAILED, .sequence = UINT64_C(1) << 63, .code = 1 },
	{ .type = RESULT_ERROR, .sequence = 77777, .code = -ENOMEM },
	{ .type = RESULT_LARGE, .sequence = 1000000, .length = 16 },
	/* 24: what is said once, a second time (P06) */
	{ .type = RESULT_READY },
	{ .type = RESULT_REFUSED, .code = 1 },
};

enum {
	LENGTHS = 0,
	TYPES = 11,
	SEQUENCES = 18,
	AGAIN = 24,
	FRAMES = sizeof(frames) / sizeof(frames[0])
};

/* Writes the header `value` of the table, then waits to be killed. */
static int
t_frame(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const struct result_frame *frame = &frames[op->value];

	(void)len;
	ledger_start(op->id);
	if (write(RESULTS_FD, frame, sizeof(*frame)) != sizeof(*frame))
		return procpool_fail(job, 1, "cannot write");
	while (pause() != 0)
		;
	return 0;
}

static void
expect_frames_caught(int first, int end)
{
	int rows[FRAMES];

	for (int row = first; row < end; row++)
		rows[row - first] = row;
	expect_caught(t_frame, rows, end - first);
}

/* P02 */
START_TEST(lengths_above_the_limit_are_protocol_errors)
{
	expect_frames_caught(LENGTHS, TYPES);
}
END_TEST

/* P05 */
START_TEST(unknown_types_and_reserved_bits_are_protocol_errors)
{
	expect_frames_caught(TYPES, SEQUENCES);
}
END_TEST

/* P06 */
START_TEST(results_of_tasks_never_given_are_protocol_errors)
{
	expect_frames_caught(SEQUENCES, AGAIN);
}
END_TEST

/* P06 */
START_TEST(a_second_greeting_is_a_protocol_error)
{
	expect_frames_caught(AGAIN, FRAMES);
}
END_TEST

/* Pages of address space that this process has ever used at once, KiB. */
static long
peak_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long peak = -1;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmPeak: %ld kB", &peak) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return peak;
}

/* P02: a claimed 4 GiB would show in the address space, touched or not. */
START_TEST(no_memory_is_taken_for_a_length_above_the_limit)
{
	struct procpool *pool = begin_liar(1);
	struct procpool_result result;
	long before;

	pool_works(pool);
	before = peak_kib();
	for (int row = LENGTHS; row < TYPES; row++) {
		expect(call_op(pool, t_frame, row, row, &result),
		    PROCPOOL_EPROTOCOL);
		procpool_result_done(&result);
	}
	ck_assert_int_gt(before, 0);
	ck_assert_int_lt(peak_kib() - before, 512 * 1024);
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------------ Another's result */

/* Writes results for each of the first 64 sequences: whatever the workers
 * were given, some are another's, some are done, some were never given. */
static int
t_claim_all(struct procpool_job *job, const void *arg, size_t len)
{
	struct result_frame frames_of_all[64] = { { 0 } };

	(void)arg;
	(void)len;
	for (unsigned i = 0; i < 64; i++) {
		frames_of_all[i].type = RESULT_DATA;
		frames_of_all[i].sequence = i;
	}
	if (write(RESULTS_FD, frames_of_all, sizeof(frames_of_all)) < 0)
		return procpool_fail(job, 1, "cannot write");
	while (pause() != 0)
		;
	return 0;
}

/* P06: the true owner's task goes on, and has its own result. */
START_TEST(results_in_anothers_name_do_not_reach_its_task)
{
	struct procpool *pool = begin_liar(2);
	struct procpool_result result;
	int rc;

	for (int i = 0; i < 5; i++) {
		atomic_store(&shared->flag[0], 0);
		atomic_store(&shared->flag[1], 0);
		ok(submit_op(pool, t_wait, i, 0));
		await_flag(&shared->flag[0], 1, 5000);
		/* One of the frames may be its own: first valid wins. */
		rc = procpool_call_task(pool,
		    &(struct procpool_task){ .function = t_claim_all },
		    &result);
		ck_assert(rc == 0 || rc == PROCPOOL_EPROTOCOL);
		procpool_result_done(&result);
		ck_assert_int_eq(atomic_load(&shared->completed[i]), 0);
		flag_set(&shared->flag[1], 1);
		ledger_await(i + 1, 5000);
		expect_end(i, 0, 0);
	}
	end_fault(pool, 5);
}
END_TEST

/* ------------------------------------------------------------ Half frames */

/* Writes value bytes of a good header, then ends. */
static int
t_half(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const struct result_frame frame = { .type = RESULT_DATA,
		.length = 1000 };

	(void)job;
	(void)len;
	ledger_start(op->id);
	if (write(RESULTS_FD, &frame, (size_t)op->value) < 0)
		_exit(99);
	_exit(4);
}

static void
expect_half_is_a_death(int bytes)
{
	struct procpool *pool = begin_liar(2);
	int64_t start;

	ok(submit_op(pool, t_ledger, 0, 0));
	ledger_await(1, 5000);
	start = now_ms();
	ok(submit_op(pool, t_half, 1, bytes));
	ledger_await(2, 2000);
	took_less(start, 1000);
	expect_end(1, PROCPOOL_EEXITED, 4);
	end_fault(pool, 2);
}

/* P-13 */
START_TEST(one_byte_and_then_an_exit_is_an_exit)
{
	expect_half_is_a_death(1);
}
END_TEST

/* P-13 */
START_TEST(half_a_header_and_then_an_exit_is_an_exit)
{
	expect_half_is_a_death(24);
}
END_TEST

/* P-13 */
START_TEST(a_header_short_of_a_byte_and_then_an_exit_is_an_exit)
{
	expect_half_is_a_death(sizeof(struct result_frame) - 1);
}
END_TEST

/* P-13: with other tasks before and behind it. */
START_TEST(half_a_header_hurts_only_tasks_that_the_same_worker_ran)
{
	enum {
		N = 200,
		LIAR = 100
	};
	struct procpool *pool = begin_liar(2);
	int outcome;

	submit_ops(pool, t_ledger, 0, LIAR - 1, 0);
	ok(submit_op(pool, t_half, LIAR, 24));
	submit_ops(pool, t_ledger, LIAR + 1, N - 1, 0);
	ledger_await(N, 5000);
	outcome = atomic_load(&shared->outcome[LIAR]);
	ck_assert(outcome == PROCPOOL_EEXITED || outcome == PROCPOOL_EPROTOCOL);
	expect_hurt_only_beside(LIAR, N);
	end_fault(pool, N);
}
END_TEST

static int
t_close_and_exit(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;

	(void)job;
	(void)len;
	ledger_start(op->id);
	close(RESULTS_FD);
	_exit(4);
}

/* P-13 */
START_TEST(the_end_of_the_channel_without_a_byte_is_an_exit)
{
	struct procpool *pool = begin_liar(2);

	ok(submit_op(pool, t_close_and_exit, 0, 0));
	ledger_await(1, 2000);
	expect_end(0, PROCPOOL_EEXITED, 4);
	end_fault(pool, 1);
}
END_TEST

RUN_TESTS("fault_protocol", the_check_refuses_a_length_above_the_limit,
    the_check_refuses_a_text_above_its_limit, the_check_refuses_unknown_types,
    the_check_refuses_a_place_that_has_no_meaning,
    the_check_refuses_places_outside_the_area,
    the_check_refuses_codes_that_no_worker_may_give,
    the_check_takes_any_48_bytes,
    random_bytes_are_a_protocol_error_of_their_task_alone,
    random_bytes_hurt_only_tasks_that_the_same_worker_ran,
    lengths_above_the_limit_are_protocol_errors,
    unknown_types_and_reserved_bits_are_protocol_errors,
    results_of_tasks_never_given_are_protocol_errors,
    a_second_greeting_is_a_protocol_error,
    no_memory_is_taken_for_a_length_above_the_limit,
    results_in_anothers_name_do_not_reach_its_task,
    one_byte_and_then_an_exit_is_an_exit,
    half_a_header_and_then_an_exit_is_an_exit,
    a_header_short_of_a_byte_and_then_an_exit_is_an_exit,
    half_a_header_hurts_only_tasks_that_the_same_worker_ran,
    the_end_of_the_channel_without_a_byte_is_an_exit)
