#include "channel/mode.h"

#include <signal.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/settle.h"

#define ENOUGH (PP_SLOTS / 2) /* sent ahead: more can wait for more of it */

#define LEASE_KILL_MS 500 /* how long a killed worker may take to be gone */
#define LOOK_UP_MS    500 /* how soon a caller sees that it takes longer */

static void
set_hungry_locked(struct channel *ch, bool hungry)
{
	if (ch->hungry != hungry)
		ch->pool->hungry += hungry ? 1 : -1;
	ch->hungry = hungry;
}

static void
set_ahead_locked(struct channel *ch, bool ahead)
{
	if (ch->ahead != ahead)
		ch->pool->ahead += ahead ? 1 : -1;
	ch->ahead = ahead;
}

static void
set_rich_locked(struct channel *ch, bool rich)
{
	if (ch->rich != rich)
		ch->pool->rich += rich ? 1 : -1;
	ch->rich = rich;
}

static void
push_idle_locked(struct channel *ch)
{
	ch->mode = CHANNEL_IDLE;
	set_hungry_locked(ch, true);
	ch->next_idle = ch->pool->idle;
	ch->pool->idle = ch;
}

static struct channel *
pop_idle_locked(struct procpool *pool)
{
	struct channel *ch = pool->idle;

	if (ch != NULL)
		pool->idle = ch->next_idle;
	return ch;
}

static void
remove_idle_locked(struct channel *ch)
{
	struct channel **at = &ch->pool->idle;

	while (*at != ch)
		at = &(*at)->next_idle;
	*at = ch->next_idle;
}

/* Whether a task waits that its worker is to get before any other. */
static bool
is_pressed_locked(const struct channel *ch)
{
	return pp_queue_presses(&ch->pool->queue, ch->index);
}

/* With the lock held, here and below: a stop would close the descriptor. */
void
pp_mode_rouse_locked(struct procpool *pool)
{
	struct channel *ch = pop_idle_locked(pool);

	if (ch == NULL)
		return;
	ch->mode = CHANNEL_AWAKE;
	pp_wake(ch->wake);
}

static void
rouse_this_locked(struct channel *ch)
{
	remove_idle_locked(ch);
	ch->mode = CHANNEL_AWAKE;
	pp_wake(ch->wake);
}

/* Let channels take back what they sent ahead. */
static void
stop_ahead_locked(struct procpool *pool)
{
	int i;

	for (i = 0; i < pool->n_jobs && pool->ahead > 0; i++)
		if (pool->channels[i].ahead)
			pp_wake(pool->channels[i].wake);
}

/* For a task that only one worker may run. */
static void
call_one_locked(struct channel *ch, const struct task *task)
{
	if (ch->mode == CHANNEL_IDLE)
		rouse_this_locked(ch);
	else if (ch->ahead && pp_task_presses(task))
		pp_wake(ch->wake);
}

void
pp_mode_call_locked(struct procpool *pool, const struct task *task)
{
	if (task->tie != TIE_NONE) {
		call_one_locked(&pool->channels[task->worker], task);
		return;
	}
	pp_mode_rouse_locked(pool);
	if (pp_task_presses(task))
		stop_ahead_locked(pool);
}

static enum order
order_locked(const struct channel *ch)
{
	if (!pp_pool_serves_locked(ch->pool))
		return ORDER_END;
	if (ch->renew)
		return ORDER_RENEW;
	return ch->ahead && is_pressed_locked(ch) ? ORDER_YIELD : ORDER_SERVE;
}

enum order
pp_mode_look_up(struct channel *ch)
{
	enum order order = ORDER_WAIT;

	uv_mutex_lock(&ch->pool->lock);
	if (ch->mode == CHANNEL_LEASED) {
		ch->wanted_back = true;
	} else {
		if (ch->mode == CHANNEL_IDLE)
			remove_idle_locked(ch);
		ch->mode = CHANNEL_AWAKE;
		order = order_locked(ch);
	}
	uv_mutex_unlock(&ch->pool->lock);
	return order;
}

bool
pp_mode_go_idle(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	bool idle;

	uv_mutex_lock(&pool->lock);
	/* What came since then may be waiting at another worker by now. */
	idle = !pp_queue_has_for(&pool->queue, ch->index) &&
	    pool->queue.pushed == ch->seen && order_locked(ch) == ORDER_SERVE;
	if (idle)
		push_idle_locked(ch);
	uv_mutex_unlock(&pool->lock);
	return idle;
}

void
pp_mode_go_away(struct channel *ch)
{
	uv_mutex_lock(&ch->pool->lock);
	ch->mode = CHANNEL_AWAY;
	set_hungry_locked(ch, false);
	set_ahead_locked(ch, false);
	set_rich_locked(ch, false);
	uv_mutex_unlock(&ch->pool->lock);
}

void
pp_mode_tell_load_locked(struct channel *ch, size_t tasks, size_t tied)
{
	set_hungry_locked(ch, tasks == 0);
	set_ahead_locked(ch, tasks > 1);
	set_rich_locked(ch, tasks > 1 && tied < tasks);
}

struct share
pp_mode_share_locked(const struct channel *ch, size_t live)
{
	const struct procpool *pool = ch->pool;
	const size_t shared = pp_queue_shared(&pool->queue);
	size_t eaters = (size_t)pool->n_jobs;

	if (is_pressed_locked(ch))
		return live == 0 ? (struct share){ 1, 1 }
				 : (struct share){ 0, 0 };
	if (live > ENOUGH)
		return (struct share){ 0, 0 };
	/* A hungry one will take that soon, unless it is in a callback: then a
	 * row of own tasks without an end would keep it waiting. */
	if (live > 0 && pool->hungry > 0)
		return (struct share){ shared == 0 ? PP_SLOTS : 0, 0 };
	if (live == 0)
		eaters = (size_t)pool->hungry + (ch->hungry ? 0 : 1);
	return (struct share){ PP_SLOTS, (shared + eaters - 1) / eaters };
}

/* ------------------------------------------------------------- Leases */

/* A sleeping channel for the task.  One that sleeps has nothing waiting that
 * is tied to it. */
static struct channel *
take_idle_locked(struct procpool *pool, const struct task *task)
{
	struct channel *ch;

	if (task->tie == TIE_NONE)
		return pp_queue_shared(&pool->queue) == 0
		    ? pop_idle_locked(pool)
		    : NULL;
	ch = &pool->channels[task->worker];
	if (ch->mode != CHANNEL_IDLE)
		return NULL;
	remove_idle_locked(ch);
	return ch;
}

struct channel *
pp_lease_begin_locked(struct procpool *pool, const struct task *task)
{
	struct channel *ch = take_idle_locked(pool, task);

	if (ch == NULL)
		return NULL;
	ch->mode = CHANNEL_LEASED;
	set_hungry_locked(ch, false);
	pool->waiting++;
	return ch;
}

void
pp_lease_end(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	bool wake;

	uv_mutex_lock(&pool->lock);
	/* What was sent ahead to others meanwhile may be stolen. */
	wake = ch->wanted_back || pp_queue_has_for(&pool->queue, ch->index) ||
	    pool->rich > 0 || order_locked(ch) != ORDER_SERVE;
	ch->wanted_back = false;
	if (wake) {
		ch->mode = CHANNEL_AWAKE;
		set_hungry_locked(ch, true);
	} else {
		push_idle_locked(ch);
	}
	if (wake)
		pp_wake(ch->wake);
	pp_pool_leave_locked(pool);
	uv_mutex_unlock(&pool->lock);
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

bool
pp_lease_run(struct channel *ch, struct task *task)
{
	struct task_list ended = { 0 };
	enum channel_event event;

	if (!send_for_caller(ch, task))
		return false;
	/* The worker has nothing to run behind this task that could hold its
	 * result up: there is no need to look into the ring. */
	ch->look = PP_NEVER;
	do {
		pp_channel_flush(ch);
		event =
		    pp_channel_io(ch, pp_deadline(LOOK_UP_MS), true, &ended);
	} while (ended.count == 0 && event != CHANNEL_DIED &&
	    (event != CHANNEL_QUIET || !pp_mode_is_given_up(ch)));
	uv_mutex_lock(&ch->lock);
	ch->lent = false;
	uv_mutex_unlock(&ch->lock);
	pp_settle(ch->pool, &ended);
	return true;
}

bool
pp_mode_is_given_up(struct channel *ch)
{
	bool is;

	uv_mutex_lock(&ch->pool->lock);
	is = ch->given_up;
	uv_mutex_unlock(&ch->pool->lock);
	return is;
}

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
		return LEASE_KILL_MS;
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
		bool leased, over;

		uv_mutex_lock(&ch->pool->lock);
		leased = ch->mode == CHANNEL_LEASED;
		over = order_locked(ch) == ORDER_END;
		uv_mutex_unlock(&ch->pool->lock);
		if (!leased)
			return;
		if (over && (step == 0 || deadline <= pp_now()))
			deadline = pp_deadline(press(ch, step++));
		pp_channel_await_wake(ch, deadline);
	}
}
