/*
 * Time: one clock (monotonic, nanoseconds) for the host and its workers, and
 * waits that end at an absolute deadline.  A timeout of a caller becomes a
 * deadline at the door and stays one.
 */
#ifndef PP_BASE_CLOCK_H
#define PP_BASE_CLOCK_H

#include <stdint.h>
#include <uv.h>

#define PP_NEVER UINT64_MAX
#define PP_MS    UINT64_C(1000000) /* nanoseconds in a millisecond */

/* Now, in nanoseconds. */
uint64_t pp_now(void);

/* The same to the precision of the kernel's tick (1 to 10 ms), and cheaper. */
uint64_t pp_now_coarse(void);

/* The deadline of a timeout in milliseconds; negative: PP_NEVER. */
uint64_t pp_deadline(int64_t timeout_ms);

/* What poll() wants: milliseconds from now until the deadline, rounded up;
 * -1 for PP_NEVER. */
int pp_poll_timeout(uint64_t deadline);

/* Wait on a condition: 0 when woken, -ETIMEDOUT once the deadline is past. */
int pp_cond_wait(uv_cond_t *cond, uv_mutex_t *mutex, uint64_t deadline);

#endif
