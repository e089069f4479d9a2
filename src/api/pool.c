/*
 * The life of an open pool: start, drain, refresh, shut down.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/thread.h"
#include "engine/batch.h"
#include "engine/broadcast.h"
#include "engine/depend.h"
#include "engine/settle.h"

/* ---------------------------------------------------------------- Start */

/* Enter POOL_STARTING: 0, or why not. */
static int
begin_start(struct procpool *pool)
{
	int rc = 0;

	uv_mutex_lock(&pool->lock);
	if (pool->state == POOL_BROKEN) {
		rc = PROCPOOL_EBROKEN;
	} else if (pool->state != POOL_STOPPED) {
		rc = PROCPOOL_ERUNNING;
	} else {
		pool->state = POOL_STARTING;
		pool->restart = pool->shortage = (struct restart){ 0 };
	}
	uv_mutex_unlock(&pool->lock);
	return rc;
}

static int
start(struct procpool *pool)
{
	int rc = pp_pool_check_outside(pool);

	if (rc == 0)
		rc = begin_start(pool);
	if (rc < 0)
		return rc;
	rc = pool->backend->start(pool);
	if (rc < 0) {
		pp_pool_set_state(pool, POOL_STOPPED);
		return rc;
	}
	/* Once it runs, somebody else may close it. */
	pp_log(&pool->log, PROCPOOL_INFO, "pool %s started with %d worker%s",
	    pool->name, pool->n_jobs, pool->n_jobs == 1 ? "" : "s");
	uv_mutex_lock(&pool->lock);
	if (pool->state == POOL_STARTING)
		pp_pool_set_state_locked(pool, POOL_RUNNING);
	uv_mutex_unlock(&pool->lock);
	return 0;
}

int
procpool_start(struct procpool *pool)
{
	const int cancel = pp_cancel_defer();
	const int rc = start(pool);

	pp_cancel_restore(cancel);
	return rc;
}

int
procpool_is_running(struct procpool *pool)
{
	int running;

	if (pp_pool_check(pool) < 0)
		return 0;
	uv_mutex_lock(&pool->lock);
	running = pool->state == POOL_RUNNING;
	uv_mutex_unlock(&pool->lock);
	return running;
}

/* ------------------------------------------------------------- Waiting */

/* Wait until no task of an epoch's parity is open. */
static int
await_epoch_locked(struct procpool *pool, unsigned epoch, uint64_t deadline)
{
	int rc = 0;

	/* Once the current epoch is another two further, it has been empty. */
	while (pool->epochs.open[epoch % 2] > 0 &&
	    pool->epochs.current - epoch < 2 && rc == 0)
		rc = pp_pool_wait_locked(pool, deadline);
	return pool->epochs.open[epoch % 2] > 0 &&
		pool->epochs.current - epoch < 2
	    ? PROCPOOL_ETIMEDOUT
	    : 0;
}

int
procpool_drain(struct procpool *pool, int64_t timeout_ms)
{
	const uint64_t deadline = pp_deadline(timeout_ms);
	unsigned epoch;
	int rc = pp_pool_check_outside(pool);

	if (rc < 0)
		return rc;
	uv_mutex_lock(&pool->lock);
	/* A new epoch can begin only when the last but one is over. */
	epoch = pool->epochs.current;
	rc = await_epoch_locked(pool, epoch - 1, deadline);
	if (rc == 0) {
		if (pool->epochs.current == epoch)
			pool->epochs.current++;
		rc = await_epoch_locked(pool, epoch, deadline);
	}
	uv_mutex_unlock(&pool->lock);
	return rc;
}

static int
refresh(struct procpool *pool)
{
	int rc = pp_pool_check_outside(pool);

	if (rc < 0)
		return rc;
	uv_mutex_lock(&pool->lock);
	while (pool->refreshing && pool->state == POOL_RUNNING)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	if (pool->state != POOL_RUNNING)
		rc = PROCPOOL_ENOTRUNNING;
	else
		pool->refreshing = true;
	uv_mutex_unlock(&pool->lock);
	if (rc < 0)
		return rc;
	rc = pool->backend->refresh(pool);
	/* Once it is said to be over, somebody else may close the pool. */
	if (rc == 0)
		pp_log(&pool->log, PROCPOOL_INFO, "pool %s was refreshed",
		    pool->name);
	uv_mutex_lock(&pool->lock);
	pool->refreshing = false;
	uv_cond_broadcast(&pool->changed);
	uv_mutex_unlock(&pool->lock);
	return rc;
}

int
procpool_refresh(struct procpool *pool)
{
	const int cancel = pp_cancel_defer();
	const int rc = refresh(pool);

	pp_cancel_restore(cancel);
	return rc;
}

/* ------------------------------------------------------------- Stopping */

/* Become the one who stops the pool, and take its queue: false when it is
 * stopped already, by somebody else perhaps. */
static bool
begin_stop(struct procpool *pool, struct task_list *queue)
{
	bool begun = false;

	uv_mutex_lock(&pool->lock);
	while (pool->state == POOL_STOPPING || pool->state == POOL_STARTING)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	if (pool->state != POOL_STOPPED) {
		pp_pool_set_state_locked(pool, POOL_STOPPING);
		pp_queue_empty(&pool->queue, queue);
		pp_depend_empty_locked(pool, queue);
		pp_batch_cut_all_locked(pool, PROCPOOL_ESHUTDOWN);
		begun = true;
	}
	uv_mutex_unlock(&pool->lock);
	return begun;
}

/* A refresh that is under way leaves the back end alone first, since it sees
 * that the pool stops, and so do others who are there. */
static void
await_visitors(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	while (pool->refreshing || pool->visitors > 0)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	uv_mutex_unlock(&pool->lock);
}

static int
shut_down(struct procpool *pool)
{
	struct task_list queue = { 0 };
	int rc = pp_pool_check_outside(pool);

	if (rc < 0)
		return rc;
	if (!begin_stop(pool, &queue))
		return 0;
	pp_settle_unrun(pool, &queue, PROCPOOL_ESHUTDOWN);
	await_visitors(pool);
	pool->backend->stop(pool);
	while (pp_deliver(pool))
		;
	uv_mutex_lock(&pool->lock);
	while (pool->epochs.open[0] + pool->epochs.open[1] > 0)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	pp_broadcast_forget_all_locked(pool);
	uv_mutex_unlock(&pool->lock);
	pp_stock_empty(&pool->stock);
	pp_log(&pool->log, PROCPOOL_INFO, "pool %s stopped", pool->name);
	pp_pool_set_state(pool, POOL_STOPPED);
	return 0;
}

int
procpool_shutdown(struct procpool *pool)
{
	const int cancel = pp_cancel_defer();
	const int rc = shut_down(pool);

	pp_cancel_restore(cancel);
	return rc;
}
