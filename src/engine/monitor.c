#include "engine/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "engine/keeper.h"
#include "engine/settle.h"
#include "engine/steal.h"

#define KILL_MS 1000 /* how long a killed worker may take to be gone */

/* ------------------------------------------- Who has the channel (mode) */

static void
set_hungry_locked(struct channel *ch, bool hungry)
{
	if (ch->hungry != hungry)
		ch->pool->hungry += hungry ? 1 : -1;
	ch->hungry = hungry;
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

int
pp_rouse_locked(struct procpool *pool)
{
	struct channel *ch = pop_idle_locked(pool);

	if (ch == NULL)
		return -1;
	ch->mode = CHANNEL_AWAKE;
	return ch->wake;
}

/* What the pool wants of a monitor. */
enum order {
	ORDER_SERVE,
	ORDER_RENEW, /* let the worker finish its task, then replace it */
	ORDER_END,
	ORDER_WAIT /* a caller has the channel */
};

static enum order
order_locked(const struct channel *ch)
{
	if (!pp_pool_serves(ch->pool))
		return ORDER_END;
	return ch->renew ? ORDER_RENEW : ORDER_SERVE;
}

/* Wake up: take the channel if it is not on lease, and ask what to do. */
static enum order
look_up(struct channel *ch)
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

/* Go to sleep, unless there is something to do after all. */
static bool
go_idle(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	bool idle;

	uv_mutex_lock(&pool->lock);
	idle = pool->queue.count == 0 && order_locked(ch) == ORDER_SERVE;
	if (idle)
		push_idle_locked(ch);
	uv_mutex_unlock(&pool->lock);
	return idle;
}

/* The worker is going or gone: nobody is to wait for this channel. */
static void
go_away(struct channel *ch)
{
	uv_mutex_lock(&ch->pool->lock);
	ch->mode = CHANNEL_AWAY;
	set_hungry_locked(ch, false);
	uv_mutex_unlock(&ch->pool->lock);
}

/* ------------------------------------------------------------- Leases */

struct channel *
pp_lease_begin_locked(struct procpool *pool)
{
	struct channel *ch;

	if (pool->queue.count > 0)
		return NULL;
	ch = pop_idle_locked(pool);
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
	wake = ch->wanted_back || pool->queue.count > 0 ||
	    order_locked(ch) != ORDER_SERVE;
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

void
pp_lease_run(struct channel *ch, struct task *task)
{
	struct procpool *pool = ch->pool;
	struct task_list list = { 0 }, ended = { 0 };

	pp_list_push(&list, task);
	uv_mutex_lock(&ch->lock);
	ch->lent = true;
	pp_channel_skip_passed_locked(ch);
	pp_channel_send_locked(ch, &list);
	uv_mutex_unlock(&ch->lock);
	while (ended.count == 0 &&
	    pp_channel_io(ch, PP_NEVER, true, &ended) != CHANNEL_DIED)
		;
	uv_mutex_lock(&ch->lock);
	ch->lent = false;
	uv_mutex_unlock(&ch->lock);
	pp_settle(pool, &ended);
}

/* Wait until a caller has given the channel back.  A pool that ends does not
 * wait for the caller's task: the worker is told to end, and then killed. */
static void
await_lease(struct channel *ch)
{
	const int64_t grace = ch->pool->options.grace_ms;
	uint64_t deadline = PP_NEVER;
	int signal = SIGTERM;

	for (;;) {
		bool leased, over;

		uv_mutex_lock(&ch->pool->lock);
		leased = ch->mode == CHANNEL_LEASED;
		over = order_locked(ch) == ORDER_END;
		uv_mutex_unlock(&ch->pool->lock);
		if (!leased)
			return;
		if (over && (deadline == PP_NEVER || deadline <= pp_now())) {
			(void)pp_pidfd_kill(ch->pidfd, signal);
			signal = SIGKILL;
			deadline = pp_deadline(grace);
		}
		if (pp_readable(ch->wake, deadline))
			pp_wake_clear(ch->wake);
	}
}

/* ------------------------------------------------------------- Work */

/* How many tasks a channel may take from the queue.  A worker that has some
 * leaves the queue to those that have none: what is sent ahead must not wait
 * behind a long task while another worker has nothing to do. */
static size_t
share_locked(const struct channel *ch, bool is_free)
{
	const struct procpool *pool = ch->pool;
	size_t eaters = (size_t)pool->n_jobs;

	if (!is_free && pool->hungry > 0)
		return 0;
	if (is_free)
		eaters = (size_t)pool->hungry + (ch->hungry ? 0 : 1);
	return (pool->queue.count + eaters - 1) / eaters;
}

static void
take_locked(struct channel *ch, bool is_free, struct task_list *tasks)
{
	struct task_list *queue = &ch->pool->queue;
	struct load load = { 0 };
	size_t share;

	for (share = share_locked(ch, is_free); share > 0; share--) {
		if (queue->first == NULL ||
		    !pp_channel_fits_locked(ch, &load, queue->first->len))
			break;
		pp_list_push(tasks, pp_list_pop(queue));
	}
}

/*
 * Take tasks from the queue: whether the worker has something to do.  The
 * channel's lock is held all along, so that a thief who finds the queue empty
 * finds the tasks here.
 */
static bool
take_work(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list tasks = { 0 };
	bool is_free;

	uv_mutex_lock(&ch->lock);
	pp_channel_skip_passed_locked(ch);
	is_free = ch->live == 0;
	uv_mutex_lock(&pool->lock);
	take_locked(ch, is_free, &tasks);
	is_free = is_free && tasks.count == 0;
	set_hungry_locked(ch, is_free);
	uv_mutex_unlock(&pool->lock);
	pp_channel_send_locked(ch, &tasks);
	uv_mutex_unlock(&ch->lock);
	return !is_free;
}

/* Find work for the worker: whether it has some. */
static bool
find_work(struct channel *ch)
{
	if (take_work(ch))
		return true;
	if (!pp_steal(ch))
		return false;
	uv_mutex_lock(&ch->pool->lock);
	set_hungry_locked(ch, false);
	uv_mutex_unlock(&ch->pool->lock);
	return true;
}

/* Take back what the worker has not begun. */
static void
recall(struct channel *ch, struct task_list *list)
{
	uv_mutex_lock(&ch->lock);
	pp_channel_revoke_locked(ch, PP_SLOTS, list);
	uv_mutex_unlock(&ch->lock);
}

/* ------------------------------------------------------ Ends of workers */

/* Settle what has ended; what has not been run goes again, or ends with the
 * pool. */
static void
sort_out(
    struct procpool *pool, struct task_list *ended, struct task_list *again)
{
	pp_settle(pool, ended);
	pp_keeper_requeue(pool, again);
}

static void
bury(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list ended = { 0 }, again = { 0 };
	bool counts;

	go_away(ch);
	counts = pp_channel_bury(
	    ch, pp_keeper_verdict(pool), &ended, &again);
	pp_keeper_worker_gone(pool, counts);
	sort_out(pool, &ended, &again);
}

/* Read and write until the worker has died or the deadline is past. */
static bool
await_death(struct channel *ch, uint64_t deadline)
{
	enum channel_event event;

	do {
		struct task_list ended = { 0 };

		event = pp_channel_io(ch, deadline, false, &ended);
		pp_settle(ch->pool, &ended);
	} while (event == CHANNEL_ACTIVE);
	return event == CHANNEL_DIED;
}

/* End the worker: ask, and kill it when it takes longer than the grace. */
static void
retire(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list ended = { 0 }, again = { 0 };

	go_away(ch);
	recall(ch, &again);
	sort_out(pool, &ended, &again);
	pp_channel_event(ch, LIFE_RETIRE);
	if (!await_death(ch, pp_deadline(pool->options.grace_ms))) {
		pp_channel_event(ch, LIFE_OVERDUE);
		if (!await_death(ch, pp_deadline(KILL_MS)))
			pp_log(&pool->log, PROCPOOL_ERROR,
			    "%s: 1 worker left behind, pid %d", ch->name,
			    (int)ch->pid);
	}
	bury(ch);
}

/* A worker that is to be renewed runs what it has begun, and no more: whether
 * it is through with that. */
static bool
step_back(struct channel *ch)
{
	struct task_list again = { 0 };

	recall(ch, &again);
	pp_keeper_requeue(ch->pool, &again);
	return pp_channel_is_free(ch);
}

/* Serve until the worker is gone. */
static void
serve(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	enum channel_event event = CHANNEL_ACTIVE;

	while (event != CHANNEL_DIED) {
		struct task_list ended = { 0 };
		const enum order order = look_up(ch);
		bool busy = true, callbacks;

		if (order == ORDER_WAIT) {
			await_lease(ch);
			continue;
		}
		if (order == ORDER_END ||
		    (order == ORDER_RENEW && step_back(ch))) {
			retire(ch);
			return;
		}
		if (order == ORDER_SERVE)
			busy = find_work(ch);
		pp_channel_flush(ch);
		callbacks = pp_deliver(pool);
		if (!busy && !callbacks && go_idle(ch)) {
			pp_channel_sleep(ch);
			continue;
		}
		event = pp_channel_io(
		    ch, callbacks || !busy ? 0 : PP_NEVER, false, &ended);
		pp_settle(pool, &ended);
	}
	bury(ch);
}

void
pp_monitor_run(void *arg)
{
	struct channel *ch = arg;
	char name[16];

	(void)snprintf(name, sizeof(name), "pp-m%d", ch->index);
	pp_thread_name(name);
	if (!pp_keeper_first_worker(ch))
		return;
	do
		serve(ch);
	while (pp_keeper_next_worker(ch));
}
