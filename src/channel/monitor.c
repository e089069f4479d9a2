#include "channel/monitor.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/thread.h"
#include "channel/keeper.h"
#include "channel/lease.h"
#include "channel/mode.h"
#include "channel/steal.h"
#include "engine/settle.h"

#define KILL_MS 1000 /* how long a killed worker may take to be gone */
#define SKIP_MS 1 /* how often a worker is looked at that skips frames */

/* ---------------------------------------------------------------- Work */

/* Take what fits of this channel's share: how many, and how many of these are
 * tied to it. */
static size_t
take_locked(struct channel *ch, struct task **tasks, size_t *tied)
{
	struct queue *queue = &ch->pool->queue;
	struct share share = pp_mode_share_locked(ch, ch->live);
	struct load load = { 0 };
	struct choice choice;
	size_t n = 0;

	while (n < share.all &&
	    pp_queue_choose(queue, ch->index, share.shared > 0, &choice) &&
	    pp_channel_fits_locked(ch, &load, choice.len)) {
		share.shared -= choice.shared;
		*tied += !choice.shared;
		tasks[n++] = pp_queue_take(queue, &choice);
	}
	return n;
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
	struct task *tasks[PP_SLOTS];
	size_t tied, n = 0, i;
	bool busy;

	uv_mutex_lock(&ch->lock);
	pp_channel_skip_passed_locked(ch);
	tied = ch->tied;
	uv_mutex_lock(&pool->lock);
	if (!ch->condemned)
		n = take_locked(ch, tasks, &tied);
	pp_mode_tell_load_locked(ch, ch->condemned ? 1 : ch->live + n, tied);
	ch->seen = pool->queue.pushed;
	uv_mutex_unlock(&pool->lock);
	for (i = 0; i < n; i++)
		pp_channel_send_locked(ch, tasks[i]);
	busy = ch->live > 0 || ch->condemned;
	uv_mutex_unlock(&ch->lock);
	return busy;
}

/* Find work for the worker: whether there is something to wait for.  A worker
 * that is still starting gets none, as it may take its time, and nor does one
 * that was killed. */
static bool
find_work(struct channel *ch)
{
	return ch->life != LIFE_SERVING || take_work(ch) || pp_steal(ch);
}

/* Take back what the worker has not begun. */
static void
recall(struct channel *ch, struct task_list *list)
{
	uv_mutex_lock(&ch->lock);
	pp_channel_revoke_locked(ch, PP_SLOTS, true, list);
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
	enum burial burial;

	pp_mode_go_away(ch);
	burial = pp_channel_bury(ch, pp_keeper_verdict(pool), &ended, &again);
	pp_keeper_worker_gone(ch, burial);
	sort_out(pool, &ended, &again);
	pp_keeper_keys_home(ch);
}

/* Read and write until the worker has died or the deadline is past. */
static bool
await_death(struct channel *ch, uint64_t deadline)
{
	enum channel_event event;

	do {
		struct task_list ended = { 0 };

		pp_channel_flush(ch);
		event = pp_channel_io(ch, deadline, false, &ended);
		pp_settle(ch->pool, &ended);
	} while (event == CHANNEL_ACTIVE && pp_now() < deadline);
	return event == CHANNEL_DIED;
}

/* End the worker: ask, and kill it when it takes longer than the grace. */
static void
retire(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	const bool in_vain = pp_lease_is_given_up(ch);
	struct task_list ended = { 0 }, again = { 0 };

	pp_mode_go_away(ch);
	recall(ch, &again);
	sort_out(pool, &ended, &again);
	pp_channel_event(ch, LIFE_RETIRE);
	if (!await_death(
		ch, pp_deadline(in_vain ? 0 : pool->options.grace_ms))) {
		pp_channel_event(ch, LIFE_OVERDUE);
		if (!await_death(ch, pp_deadline(in_vain ? 0 : KILL_MS)))
			pp_log(&pool->log, PROCPOOL_ERROR,
			    "%s: 1 worker left behind, pid %d", ch->name,
			    (int)ch->pid);
	}
	bury(ch);
}

/* A worker that is to be renewed runs what it has begun, and no more, and so
 * does one for which a task waits that goes before others: whether it is
 * through with that. */
static bool
step_back(struct channel *ch)
{
	struct task_list again = { 0 };

	recall(ch, &again);
	pp_keeper_requeue(ch->pool, &again);
	return pp_channel_is_free(ch);
}

/* Until when to wait for something to happen. */
static uint64_t
next_look(struct channel *ch, bool busy)
{
	if (busy)
		return PP_NEVER;
	return pp_channel_is_full(ch) ? pp_deadline(SKIP_MS) : 0;
}

/* Give the worker what it may have: whether there is something to wait for. */
static bool
work(struct channel *ch, enum order order)
{
	bool busy = true;

	if (order == ORDER_YIELD)
		(void)step_back(ch);
	if (order != ORDER_RENEW)
		busy = find_work(ch);
	pp_channel_flush(ch);
	/* A worker that was killed is waited for, too. */
	return busy || pp_outbox_pending(&ch->out) || ch->life == LIFE_DYING;
}

/* One turn: work, run callbacks, and wait until something happens; what did.
 * The monitor sleeps only after a look that has found nothing. */
static enum channel_event
turn(struct channel *ch, enum order order, enum channel_event last)
{
	struct task_list ended = { 0 };
	const bool busy = work(ch, order);
	const bool callbacks = pp_deliver(ch->pool);
	enum channel_event event;

	if (!busy && !callbacks && last == CHANNEL_QUIET &&
	    pp_mode_go_idle(ch)) {
		pp_channel_sleep(ch);
		return CHANNEL_ACTIVE;
	}
	event = pp_channel_io(
	    ch, callbacks ? 0 : next_look(ch, busy), false, &ended);
	pp_settle(ch->pool, &ended);
	return event;
}

/* Serve until the worker is gone. */
static void
serve(struct channel *ch)
{
	enum channel_event event = CHANNEL_ACTIVE;

	while (event != CHANNEL_DIED) {
		const enum order order = pp_mode_look_up(ch);

		if (order == ORDER_WAIT) {
			pp_lease_await_end(ch);
			continue;
		}
		if (order == ORDER_END ||
		    (order == ORDER_RENEW && step_back(ch))) {
			retire(ch);
			return;
		}
		event = turn(ch, order, event);
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
	do
		serve(ch);
	while (pp_keeper_next_worker(ch));
}
