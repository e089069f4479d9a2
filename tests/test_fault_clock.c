/*
 * A wall clock that jumps: in this program each look at it goes a day forth or
 * back, for the library, libuv and the test.  Nothing ends too early or too
 * late.
 *
 * Row of the fault catalogue: H25.
 */
#include "sabotage.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

enum {
	DAY = 24 * 60 * 60 /* s */
};

static atomic_int looks; /* at the wall clock */

static time_t
jump(void)
{
	return atomic_fetch_add(&looks, 1) % 2 ? DAY : -DAY;
}

/* These take the place of the C library's. */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	const int rc = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += jump();
	return rc;
}

int
gettimeofday(struct timeval *now, void *zone)
{
	const int rc = (int)syscall(SYS_gettimeofday, now, zone);

	now->tv_sec += jump();
	return rc;
}

time_t
time(time_t *now)
{
	struct timespec exact;
	time_t t;

	(void)clock_gettime(CLOCK_REALTIME, &exact);
	t = exact.tv_sec;
	if (now != NULL)
		*now = t;
	return t;
}

/* Assert that a wait of ms took that long, by the monotonic clock, and not a day
 * more. */
static void
expect_waited(int64_t start, int64_t ms)
{
	const int64_t took = now_ms() - start;

	ck_assert_int_ge(took, ms);
	took_less(start, ms + 5000);
}

/* H25: the time limits of waits. */
START_TEST(waits_last_as_long_as_they_are_to_when_the_clock_jumps)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_batch *batch;
	int64_t start;

	(void)time(NULL);
	ck_assert_int_eq(atomic_load(&looks), 1); /* it is ours */
	ok(procpool_batch_open(&batch, pool, 2));
	ok(submit_op(pool, t_wait, 0, 0));
	start = now_ms();
	expect(procpool_drain(pool, 100), PROCPOOL_ETIMEDOUT);
	expect_waited(start, 100);
	start = now_ms();
	expect(procpool_batch_wait(batch, 100), PROCPOOL_EINCOMPLETE);
	expect_waited(start, 100);
	procpool_batch_close(batch);
	flag_set(&shared->flag[1], 1);
	ok(procpool_drain(pool, bound(2000)));
	end_fault(pool, 1);
}
END_TEST

/* H25: the grace of a shutdown, and the times of a result. */
START_TEST(the_grace_and_times_are_right_when_the_clock_jumps)
{
	struct procpool *pool = begin_fault_with((struct procpool_options){
	    .entry_point = t_sleep, .n_jobs = 1, .grace_ms = 200 });
	struct procpool_result result;
	int64_t start;

	ok(call_op(pool, t_sleep, 0, 50, &result));
	ck_assert_uint_ge(result.ran_ns, 50 * 1000000ULL);
	ck_assert_uint_lt(result.ran_ns, (uint64_t)bound(1000) * 1000000);
	ck_assert_uint_lt(result.queued_ns, (uint64_t)bound(1000) * 1000000);
	procpool_result_done(&result);
	ok(submit_op(pool, t_spin_blocked, 1, 0));
	await_flag(&shared->flag[0], 1, 2000);
	start = now_ms();
	ok(procpool_shutdown(pool));
	expect_waited(start, 200);
	close_pool(pool);
	expect_quiet();
}
END_TEST

/* H25: workers that die are replaced as ever. */
START_TEST(deaths_are_seen_to_when_the_clock_jumps)
{
	struct procpool *pool = begin_fault(2);
	const int64_t start = now_ms();

	for (int i = 0; i < 10; i++) {
		submit_ops(pool, t_kill, 10 * i, 10 * i, SIGKILL);
		submit_ops(pool, t_ledger, 10 * i + 1, 10 * i + 9, 0);
	}
	ledger_await(100, 5000);
	ck_assert_int_eq(ledger_count(100, 0), 90);
	took_less(start, 5000);
	end_fault(pool, 100);
}
END_TEST

RUN_TESTS("fault_clock", waits_last_as_long_as_they_are_to_when_the_clock_jumps,
    the_grace_and_times_are_right_when_the_clock_jumps,
    deaths_are_seen_to_when_the_clock_jumps)
