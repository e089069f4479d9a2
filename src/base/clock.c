#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "base/thread.h"

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 * PP_MS + (uint64_t)now.tv_nsec;
}

uint64_t
pp_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
pp_now_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t
pp_deadline(int64_t timeout_ms)
{
	const uint64_t now = pp_now();

	if (timeout_ms < 0 || (uint64_t)timeout_ms > (PP_NEVER - now) / PP_MS)
		return PP_NEVER;
	return now + (uint64_t)timeout_ms * PP_MS;
}

int
pp_poll_timeout(uint64_t deadline)
{
	uint64_t now, ms;

	if (deadline == PP_NEVER)
		return -1;
	now = pp_now();
	if (deadline <= now)
		return 0;
	ms = (deadline - now + PP_MS - 1) / PP_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int
cond_wait(uv_cond_t *cond, uv_mutex_t *mutex, uint64_t deadline)
{
	uint64_t now;

	/* The timed wait of libuv 1.44 overflows with the largest timeout. */
	if (deadline == PP_NEVER) {
		uv_cond_wait(cond, mutex);
		return 0;
	}
	now = pp_now();
	if (deadline <= now)
		return -ETIMEDOUT;
	(void)uv_cond_timedwait(cond, mutex, deadline - now);
	return 0;
}

int
pp_cond_wait(uv_cond_t *cond, uv_mutex_t *mutex, uint64_t deadline)
{
	const int cancel = pp_cancel_defer();
	const int rc = cond_wait(cond, mutex, deadline);

	pp_cancel_restore(cancel);
	return rc;
}
