#include "channel/keeper.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/crew.h"
#include "channel/mode.h"
#include "engine/batch.h"
#include "engine/broadcast.h"
#include "engine/depend.h"
#include "engine/posts.h"
#include "engine/settle.h"

#define SPAWNER_RENEWALS 1 /* in a restart window */

int
pp_keeper_verdict(struct procpool *pool)
{
	int verdict;

	uv_mutex_lock(&pool->lock);
	verdict = pp_pool_verdict_locked(pool);
	uv_mutex_unlock(&pool->lock);
	return verdict;
}

static void
requeue_locked(struct procpool *pool, struct task_list *again)
{
	const struct task *task;

	for (task = again->first; task != NULL; task = task->next)
		pp_mode_call_locked(pool, task);
	pp_queue_put_back(&pool->queue, again);
}

void
pp_keeper_requeue(struct procpool *pool, struct task_list *again)
{
	struct task_list unwanted = { 0 };
	int verdict = 0;

	if (again->count == 0)
		return;
	uv_mutex_lock(&pool->lock);
	/* Who cancelled them did not find them while they were on their way. */
	pp_future_sort_out_locked(again, &unwanted);
	if (pp_pool_serves_locked(pool))
		requeue_locked(pool, again);
	else
		verdict = pp_pool_verdict_locked(pool);
	uv_mutex_unlock(&pool->lock);
	pp_settle_unrun(pool, again, verdict);
	pp_settle_unrun(pool, &unwanted, PROCPOOL_ECANCELLED);
}

/* ----------------------------------------------------------- Breaking */

/* Give up: nothing will run any more until the pool is shut down. */
static void
break_pool(struct procpool *pool, const char *cause)
{
	struct task_list queue = { 0 };
	bool breaks;
	int i;

	uv_mutex_lock(&pool->lock);
	breaks = pp_pool_serves_locked(pool);
	if (breaks) {
		(void)snprintf(pool->cause, sizeof(pool->cause), "%s", cause);
		pp_pool_set_state_locked(pool, POOL_BROKEN);
		pp_queue_empty(&pool->queue, &queue);
		pp_depend_empty_locked(pool, &queue);
		pp_batch_cut_all_locked(pool, PROCPOOL_EBROKEN);
	}
	uv_mutex_unlock(&pool->lock);
	if (!breaks)
		return;
	pp_log(&pool->log, PROCPOOL_ERROR,
	    "pool %s is broken and runs no more tasks: %s", pool->name, cause);
	pp_settle_unrun(pool, &queue, PROCPOOL_EBROKEN);
	/* (By a monitor, which a stop would wait for: so they are there.) */
	for (i = 0; i < pool->n_jobs; i++)
		pp_wake(pool->crew->channels[i].wake);
}

/* A worker has died outside of any task: give up after many in a row. */
static void
count_death(struct channel *ch, bool lived)
{
	struct procpool *pool = ch->pool;
	char cause[PP_CAUSE_MAX];
	bool allowed;

	uv_mutex_lock(&pool->lock);
	allowed = pp_restart_allowed(
	    &pool->restart, pp_now(), pp_restart_limit(pool->n_jobs), lived);
	uv_mutex_unlock(&pool->lock);
	if (allowed)
		return;
	(void)snprintf(cause, sizeof(cause),
	    "its workers die outside of any task, or in a broadcast; the last "
	    "one, %s (pid %d), died: %s",
	    ch->name, (int)ch->pid, ch->end);
	break_pool(pool, cause);
}

/* Something is short, and no worker could be made.  While there are others the
 * pool goes on with them, and waits for as long as it takes. */
static void
count_shortage(struct procpool *pool, int error)
{
	char cause[PP_CAUSE_MAX];
	bool allowed;

	uv_mutex_lock(&pool->lock);
	allowed = pp_restart_allowed(&pool->shortage, pp_now(),
		      pp_restart_limit(pool->n_jobs), false) ||
	    pool->stats.workers > 0;
	uv_mutex_unlock(&pool->lock);
	if (allowed)
		return;
	(void)snprintf(cause, sizeof(cause), "no worker could be started: %s",
	    procpool_strerror(error));
	break_pool(pool, cause);
}

void
pp_keeper_worker_gone(struct channel *ch, enum burial burial)
{
	struct procpool *pool = ch->pool;

	uv_mutex_lock(&pool->lock);
	/* What was in vain while there were others does not count against the
	 * last one. */
	if (--pool->stats.workers == 0)
		pool->shortage = (struct restart){ 0 };
	uv_mutex_unlock(&pool->lock);
	if (burial != BURIAL_EXCUSED)
		count_death(ch, burial == BURIAL_COUNTS);
}

/* ----------------------------------------------------------- Spawners */

struct spawner *
pp_keeper_spawner(struct procpool *pool)
{
	struct spawner *spawner;

	uv_mutex_lock(&pool->lock);
	spawner = pp_spawner_ref(pool->crew->spawner);
	uv_mutex_unlock(&pool->lock);
	return spawner;
}

void
pp_keeper_swap_spawner(struct procpool *pool, struct spawner *fresh)
{
	struct spawner *old;

	uv_mutex_lock(&pool->lock);
	old = pool->crew->spawner;
	pool->crew->spawner = fresh;
	uv_mutex_unlock(&pool->lock);
	pp_spawner_unref(old);
}

/* Make a new spawner in place of one that is of no use: 0, or why not. */
static int
renew_locked(struct procpool *pool, const struct spawner *lost)
{
	struct spawner *fresh = NULL;
	int rc;

	pp_log(&pool->log, PROCPOOL_WARNING,
	    "pool %s: the process that forks the workers (pid %d) %s",
	    pool->name, (int)lost->pid,
	    pp_readable(lost->pidfd, 0) ? "has died" : "does not answer");
	if (!pp_restart_allowed(
		&pool->crew->spawner_restart, pp_now(), SPAWNER_RENEWALS, true))
		return PROCPOOL_ELOST;
	rc = pp_spawner_make(&fresh);
	if (rc < 0) {
		pool->crew->spawner_restart
		    .deaths--; /* it is the same one still */
		return rc;
	}
	pp_log(&pool->log, PROCPOOL_WARNING,
	    "pool %s: another process (pid %d) forks the workers now, with the "
	    "program as it %s",
	    pool->name, (int)fresh->pid,
	    fresh->prepared ? "was at procpool_prepare()" : "is now");
	pp_keeper_swap_spawner(pool, fresh);
	return 0;
}

/* The same, unless another monitor has done so. */
static int
renew_spawner(struct procpool *pool, const struct spawner *lost)
{
	int rc = 0;

	uv_mutex_lock(&pool->crew->renewing);
	if (pool->crew->spawner == lost)
		rc = renew_locked(pool, lost);
	uv_mutex_unlock(&pool->crew->renewing);
	return rc;
}

/* See to it that there is a spawner: 0, also when the pool is broken for want
 * of one, or what is short. */
static int
replace_spawner(struct procpool *pool, const struct spawner *lost)
{
	const int rc = renew_spawner(pool, lost);

	if (rc == PROCPOOL_ELOST)
		break_pool(pool,
		    "the process that forks the workers was lost twice within "
		    "ten seconds");
	else if (rc == PROCPOOL_ESPAWNER)
		break_pool(pool, procpool_strerror(rc));
	else
		return rc;
	return 0;
}

/* ----------------------------------------------------------- Workers */

static void
worker_there(struct channel *ch, bool replaces)
{
	struct procpool *pool = ch->pool;

	ch->missing = 0;
	uv_mutex_lock(&pool->lock);
	pool->stats.workers++;
	pool->shortage = (struct restart){ 0 };
	if (replaces && !ch->renew)
		pool->stats.restarts++;
	/* One that was being forked when a refresh began is of the old
	 * snapshot still, and is renewed again. */
	if (ch->renew && ch->spawner == pool->crew->spawner) {
		ch->renew = false;
		uv_cond_broadcast(&pool->changed);
	}
	uv_mutex_unlock(&pool->lock);
	pp_log(&pool->log, PROCPOOL_DEBUG, "%s (pid %d) started", ch->name,
	    (int)ch->pid);
}

int
pp_keeper_first_worker(struct channel *ch)
{
	const int rc = pp_channel_await(ch);

	if (rc == 0)
		worker_there(ch, false);
	return rc == PP_SPAWNER_GONE ? PROCPOOL_ESPAWNER : rc;
}

/* Let keys go on where there is a worker for them. */
static void
turn_over_locked(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list moved = { 0 };

	if (!pp_pool_serves_locked(pool))
		return;
	pp_posts_turn_over_locked(pool, ch->index, &moved);
	requeue_locked(pool, &moved);
}

void
pp_keeper_keys_home(struct channel *ch)
{
	uv_mutex_lock(&ch->pool->lock);
	turn_over_locked(ch);
	uv_mutex_unlock(&ch->pool->lock);
}

/* No worker can be made for now.  Nothing is to wait for it: a drain or a close
 * would, too. */
static void
vacate(struct channel *ch, int cause)
{
	struct procpool *pool = ch->pool;
	struct task_list runs = { 0 };

	uv_mutex_lock(&pool->lock);
	pool->posts[ch->index].vacant = true;
	pp_broadcast_take_waiting_locked(pool, ch->index, &runs);
	turn_over_locked(ch);
	uv_mutex_unlock(&pool->lock);
	pp_settle_unrun(pool, &runs, cause);
}

/* There is a worker: have what was broadcast wait for it.  It goes when there
 * is no memory for that. */
static int
fill_post(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	int rc = 0;

	uv_mutex_lock(&pool->lock);
	if (pp_pool_serves_locked(pool))
		rc = pp_broadcast_again_locked(pool, ch->index);
	if (rc == 0)
		pool->posts[ch->index].vacant = false;
	uv_mutex_unlock(&pool->lock);
	if (rc < 0)
		pp_channel_dismiss(ch);
	return rc;
}

static void
worker_missing(struct channel *ch, int cause)
{
	struct procpool *pool = ch->pool;

	/* There is one try after the other. */
	pp_log(&pool->log,
	    cause != ch->missing ? PROCPOOL_ERROR : PROCPOOL_DEBUG,
	    "%s: no worker could be started: %s", ch->name,
	    procpool_strerror(cause));
	ch->missing = cause;
	vacate(ch, cause);
	count_shortage(pool, cause);
}

/* One attempt: 0, or why not. */
static int
try_worker(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct spawner *spawner = pp_keeper_spawner(pool);
	int rc = pp_channel_ask(ch, spawner), cause;

	if (rc == 0)
		rc = pp_channel_await(ch);
	if (rc == 0)
		rc = fill_post(ch);
	cause = rc;
	if (rc == 0)
		worker_there(ch, true);
	/* (What the function for the environment returns is no spawner's end,
	 * whatever it is.) */
	if (rc == PP_SPAWNER_GONE && pp_pool_serves(pool))
		cause = replace_spawner(pool, spawner);
	if (cause < 0 && pp_pool_serves(pool))
		worker_missing(ch, cause);
	pp_spawner_unref(spawner);
	return rc;
}

/* Wait for a time, or until the pool has something to say; meanwhile run
 * callbacks that are due. */
static void
pause_for(struct channel *ch, int ms)
{
	const bool callbacks = pp_deliver(ch->pool);

	if (pp_readable(ch->wake, pp_deadline(callbacks ? 0 : ms)))
		pp_wake_clear(ch->wake);
}

static int
restart_delay(struct procpool *pool)
{
	int deaths_ms, shortage_ms;

	uv_mutex_lock(&pool->lock);
	deaths_ms = pp_restart_delay(&pool->restart);
	shortage_ms = pp_restart_delay(&pool->shortage);
	uv_mutex_unlock(&pool->lock);
	return deaths_ms > shortage_ms ? deaths_ms : shortage_ms;
}

static bool
is_in(struct procpool *pool, enum pool_state state)
{
	bool is;

	uv_mutex_lock(&pool->lock);
	is = pool->state == state;
	uv_mutex_unlock(&pool->lock);
	return is;
}

bool
pp_keeper_next_worker(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	uint64_t due = pp_deadline(restart_delay(pool));

	/* At the end of a pool this is left to the thread that ends it: while
	 * others run, to unmap a page interrupts all CPUs. */
	if (!is_in(pool, POOL_STOPPING))
		pp_channel_clear(ch);
	while (pp_pool_serves(pool)) {
		if (pp_now() < due) {
			pause_for(ch, pp_poll_timeout(due));
			continue;
		}
		if (try_worker(ch) == 0)
			return true;
		due = pp_deadline(restart_delay(pool));
	}
	while (is_in(pool, POOL_BROKEN))
		pause_for(ch, -1);
	return false;
}
