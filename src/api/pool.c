/*
 * The life of a pool: open, start, drain, refresh, shut down, close.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/options.h"
#include "base/clock.h"
#include "base/thread.h"
#include "channel/backend.h"
#include "engine/batch.h"
#include "engine/broadcast.h"
#include "engine/posts.h"
#include "engine/settle.h"

/* ------------------------------------------------------- Open and start */

static int
init_locks(struct procpool *pool)
{
	int rc = uv_mutex_init(&pool->lock);

	if (rc < 0)
		return rc;
	rc = uv_cond_init(&pool->changed);
	if (rc < 0)
		goto fail_lock;
	rc = uv_cond_init(&pool->room);
	if (rc < 0)
		goto fail_changed;
	rc = uv_mutex_init(&pool->deliveries.lock);
	if (rc < 0)
		goto fail_room;
	rc = pp_stock_init(&pool->stock);
	if (rc < 0)
		goto fail_deliveries;
	rc = uv_mutex_init(&pool->stealing);
	if (rc < 0)
		goto fail_stock;
	rc = uv_mutex_init(&pool->renewing);
	if (rc < 0)
		goto fail_stealing;
	return 0;

fail_stealing:
	uv_mutex_destroy(&pool->stealing);
fail_stock:
	pp_stock_done(&pool->stock);
fail_deliveries:
	uv_mutex_destroy(&pool->deliveries.lock);
fail_room:
	uv_cond_destroy(&pool->room);
fail_changed:
	uv_cond_destroy(&pool->changed);
fail_lock:
	uv_mutex_destroy(&pool->lock);
	return rc;
}

static void
destroy_locks(struct procpool *pool)
{
	uv_mutex_destroy(&pool->renewing);
	uv_mutex_destroy(&pool->stealing);
	pp_stock_done(&pool->stock);
	uv_mutex_destroy(&pool->deliveries.lock);
	uv_cond_destroy(&pool->room);
	uv_cond_destroy(&pool->changed);
	uv_mutex_destroy(&pool->lock);
}

static void
done_workers(struct procpool *pool)
{
	pp_queue_done(&pool->queue);
	pp_posts_done(pool);
	free(pool->busy_ns);
	free(pool->worker_names);
}

/* What is kept for each worker, from open to close. */
static int
init_workers(struct procpool *pool)
{
	const size_t n = (size_t)pool->n_jobs;
	int i, rc = pp_queue_init(&pool->queue, pool->n_jobs);

	if (rc == 0)
		rc = pp_posts_init(pool);
	pool->busy_ns = calloc(n, sizeof(*pool->busy_ns));
	pool->worker_names = calloc(n, sizeof(*pool->worker_names));
	if (rc < 0 || pool->busy_ns == NULL || pool->worker_names == NULL) {
		done_workers(pool);
		return -ENOMEM;
	}
	for (i = 0; i < pool->n_jobs; i++)
		(void)snprintf(pool->worker_names[i], PP_NAME_MAX, "%s-w%d",
		    pool->name, i);
	return 0;
}

static int
init(struct procpool *pool, const struct procpool_options *options)
{
	int rc = pp_options_take(pool, options);

	if (rc < 0)
		return rc;
	pool->backend =
	    options->debug ? &pp_backend_debug : &pp_backend_process;
	rc = init_workers(pool);
	if (rc < 0)
		goto fail_options;
	rc = pp_log_init(&pool->log, pool, &pool->options);
	if (rc < 0)
		goto fail_workers;
	rc = pp_home_init(&pool->home);
	if (rc < 0)
		goto fail_log;
	rc = init_locks(pool);
	if (rc < 0)
		goto fail_log;
	return 0;

fail_log:
	pp_log_done(&pool->log);
fail_workers:
	done_workers(pool);
fail_options:
	free(pool->env_before);
	return rc;
}

static void
destroy(struct procpool *pool)
{
	struct task *task;

	while ((task = pp_list_pop(&pool->spare)) != NULL)
		pp_task_free(task);
	destroy_locks(pool);
	pp_log_done(&pool->log);
	done_workers(pool);
	free(pool->env_before);
	free(pool);
}

/* Calls that would wait for the callback that makes them are refused. */
static int
check_outside(struct procpool *pool)
{
	const int rc = pp_pool_check(pool);

	if (rc == 0 && pp_inside() == pool)
		return PROCPOOL_EDEADLOCK;
	return rc;
}

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
		pool->spawner_restart = (struct restart){ 0 };
		pp_posts_fill_all_locked(pool);
	}
	uv_mutex_unlock(&pool->lock);
	return rc;
}

static int
start(struct procpool *pool)
{
	int rc = check_outside(pool);

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

static int
open_pool(struct procpool **pool, const struct procpool_options *options)
{
	struct procpool *p;
	int rc;

	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	rc = init(p, options);
	if (rc < 0) {
		free(p);
		return rc;
	}
	if (!options->start_later)
		rc = start(p);
	if (rc < 0) {
		destroy(p);
		return rc;
	}
	*pool = p;
	return 0;
}

int
procpool_open(struct procpool **pool, const struct procpool_options *options)
{
	int rc, cancel;

	if (pool == NULL || options == NULL)
		return PROCPOOL_ENULL;
	cancel = pp_cancel_defer();
	rc = open_pool(pool, options);
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
	int rc = check_outside(pool);

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
	int rc = check_outside(pool);

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
		pp_batch_cut_all_locked(pool, PROCPOOL_ESHUTDOWN);
		begun = true;
	}
	uv_mutex_unlock(&pool->lock);
	return begun;
}

/* A refresh that is under way leaves the back end alone first; it sees that
 * the pool stops. */
static void
await_refresh(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	while (pool->refreshing)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	uv_mutex_unlock(&pool->lock);
}

static int
shut_down(struct procpool *pool)
{
	struct task_list queue = { 0 };
	int rc = check_outside(pool);

	if (rc < 0)
		return rc;
	if (!begin_stop(pool, &queue))
		return 0;
	pp_settle_unrun(pool, &queue, PROCPOOL_ESHUTDOWN);
	await_refresh(pool);
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

/* Refuse new tasks, and wait for the ones that were accepted, or for somebody
 * else's shutdown. */
static void
finish_tasks(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	while (pool->state == POOL_STARTING)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	if (pool->state == POOL_RUNNING) {
		pp_pool_set_state_locked(pool, POOL_CLOSING);
		pp_batch_cut_all_locked(pool, PROCPOOL_ESHUTDOWN);
	}
	while (pool->state == POOL_CLOSING &&
	    pool->epochs.open[0] + pool->epochs.open[1] > 0)
		(void)pp_pool_wait_locked(pool, PP_NEVER);
	uv_mutex_unlock(&pool->lock);
}

/* Other threads that were waiting in a call leave before the pool goes. */
static void
await_departures(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	pool->departing = true;
	/* If it never ran they were not cut by a shutdown. */
	pp_batch_cut_all_locked(pool, PROCPOOL_ESHUTDOWN);
	pp_batch_forget_all_locked(pool);
	uv_cond_broadcast(&pool->changed);
	while (pool->waiting > 0)
		uv_cond_wait(&pool->changed, &pool->lock);
	uv_mutex_unlock(&pool->lock);
}

static int
close_pool(struct procpool *pool)
{
	int rc;

	if (pool == NULL)
		return 0;
	rc = check_outside(pool);
	if (rc < 0)
		return rc;
	finish_tasks(pool);
	(void)shut_down(pool);
	await_departures(pool);
	destroy(pool);
	return 0;
}

int
procpool_close(struct procpool *pool)
{
	const int cancel = pp_cancel_defer();
	const int rc = close_pool(pool);

	pp_cancel_restore(cancel);
	return rc;
}
