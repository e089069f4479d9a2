#include "channel/lease.h"

#include <signal.h>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/keeper.h"
#include "channel/mode.h"
#include "channel/parts.h"
#include "engine/settle.h"

#define KILL_MS    500 /* how long a killed worker may take to be gone */
#define LOOK_UP_MS 500 /* how soon a caller sees that it takes longer */

/* ---------------------------------------------------------- The caller */

bool
pp_lease_is_given_up(struct channel *ch)
{
	bool is;

	uv_mutex_lock(&ch->pool->lock);
	is = ch->given_up;
	uv_mutex_unlock(&ch->pool->lock);
	return is;
}

/* Send a caller's task: false when the worker still has so many revoked
 * frames to skip that there is no slot for another. */
static bool
send_for_caller(struct channel *ch, struct task *task)
{
	struct load load = { 0 };
	bool fits;

	uv_mutex_lock(&ch->lock);
	pp_channel_skip_passed_locked(ch);
	fits = pp_channel_fits_locked(ch, &load, task->len);
	ch->lent = fits;
	if (fits)
		pp_channel_send_locked(ch, task);
	uv_mutex_unlock(&ch->lock);
	return fits;
}

/* Drive a channel until the task has been settled or the worker has died, which
 * the monitor then sees to.  False when it cannot be sent there now; nothing
 * has happened then. */
static bool
drive(struct channel *ch, struct task *task)
{
	struct task_list ended = { 0 };
	enum channel_event event;

	if (!send_for_caller(ch, task))
		return false;
	/* The worker has nothing to run behind this task that could hold its
	 * result up: there is no need to look into the ring. */
	pp_channel_look_in(ch, PP_NEVER);
	do {
		pp_channel_flush(ch);
		event =
		    pp_channel_io(ch, pp_deadline(LOOK_UP_MS), true, &ended);
	} while (ended.count == 0 && event != CHANNEL_DIED &&
	    (event != CHANNEL_QUIET || !pp_lease_is_given_up(ch)));
	uv_mutex_lock(&ch->lock);
	ch->lent = false;
	uv_mutex_unlock(&ch->lock);
	pp_settle(ch->pool, &ended);
	return true;
}

bool
pp_lease_locked(struct procpool *pool, struct task *task)
{
	struct channel *ch = pp_mode_lend_locked(pool, task);
	struct task_list list = { 0 };

	if (ch == NULL)
		return false;
	uv_mutex_unlock(&pool->lock);
	if (!drive(ch, task))
		pp_list_push(&list, task);
	/* Before the channel goes back: nothing shall overtake it there. */
	pp_keeper_requeue(pool, &list);
	pp_mode_take_back(ch);
	return true;
}

/* --------------------------------------------------------- The monitor */

static void
give_up(struct channel *ch)
{
	uv_mutex_lock(&ch->pool->lock);
	ch->given_up = true;
	uv_mutex_unlock(&ch->pool->lock);
}

/* The next thing to do to a leased worker of a pool that ends: how long until
 * there is another, in milliseconds; -1 when there is none. */
static int64_t
press(struct channel *ch, int step)
{
	if (step == 0) {
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGTERM);
		return ch->pool->options.grace_ms;
	}
	if (step == 1) {
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
		return KILL_MS;
	}
	give_up(ch);
	return -1;
}

void
pp_lease_await_end(struct channel *ch)
{
	uint64_t deadline = PP_NEVER;
	int step = 0;

	for (;;) {
		bool over, callbacks;

		if (!pp_mode_is_lent(ch, &over))
			return;
		if (over && (step == 0 || deadline <= pp_now()))
			deadline = pp_deadline(press(ch, step++));
		callbacks = pp_deliver(ch->pool);
		pp_channel_await_wake(ch, callbacks ? 0 : deadline);
	}
}
