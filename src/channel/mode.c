#include "channel/mode.h"

#include "base/fd.h"
#include "channel/crew.h"

#define ENOUGH (PP_SLOTS / 2) /* sent ahead: more can wait for more of it */

static void
set_hungry_locked(struct channel *ch, bool hungry)
{
	if (ch->hungry != hungry)
		ch->pool->crew->hungry += hungry ? 1 : -1;
	ch->hungry = hungry;
}

static void
set_ahead_locked(struct channel *ch, bool ahead)
{
	if (ch->ahead != ahead)
		ch->pool->crew->ahead += ahead ? 1 : -1;
	ch->ahead = ahead;
}

static void
set_rich_locked(struct channel *ch, bool rich)
{
	if (ch->rich != rich)
		ch->pool->crew->rich += rich ? 1 : -1;
	ch->rich = rich;
}

static void
push_idle_locked(struct channel *ch)
{
	ch->mode = CHANNEL_IDLE;
	set_hungry_locked(ch, true);
	ch->next_idle = ch->pool->crew->idle;
	ch->pool->crew->idle = ch;
}

static struct channel *
pop_idle_locked(struct procpool *pool)
{
	struct channel *ch = pool->crew->idle;

	if (ch != NULL)
		pool->crew->idle = ch->next_idle;
	return ch;
}

static void
remove_idle_locked(struct channel *ch)
{
	struct channel **at = &ch->pool->crew->idle;

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

	for (i = 0; i < pool->n_jobs && pool->crew->ahead > 0; i++)
		if (pool->crew->channels[i].ahead)
			pp_wake(pool->crew->channels[i].wake);
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
		call_one_locked(&pool->crew->channels[task->worker], task);
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
	if (live > 0 && pool->crew->hungry > 0)
		return (struct share){ shared == 0 ? PP_SLOTS : 0, 0 };
	if (live == 0)
		eaters = (size_t)pool->crew->hungry + (ch->hungry ? 0 : 1);
	return (struct share){ PP_SLOTS, (shared + eaters - 1) / eaters };
}

/* ------------------------------------------------- On loan to a caller */

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
	ch = &pool->crew->channels[task->worker];
	if (ch->mode != CHANNEL_IDLE)
		return NULL;
	remove_idle_locked(ch);
	return ch;
}

struct channel *
pp_mode_lend_locked(struct procpool *pool, const struct task *task)
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
pp_mode_take_back(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	bool wake;

	uv_mutex_lock(&pool->lock);
	/* What was sent ahead to others meanwhile may be stolen. */
	wake = ch->wanted_back || pp_queue_has_for(&pool->queue, ch->index) ||
	    pool->crew->rich > 0 || order_locked(ch) != ORDER_SERVE;
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

bool
pp_mode_is_lent(struct channel *ch, bool *over)
{
	bool lent;

	uv_mutex_lock(&ch->pool->lock);
	lent = ch->mode == CHANNEL_LEASED;
	*over = order_locked(ch) == ORDER_END;
	uv_mutex_unlock(&ch->pool->lock);
	return lent;
}
