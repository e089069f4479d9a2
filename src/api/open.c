/*
 * A pool is made, and given back: open and close.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/options.h"
#include "base/clock.h"
#include "base/thread.h"
#include "channel/backend.h"
#include "engine/batch.h"
#include "engine/posts.h"

/* --------------------------------------------------------------- Its parts */

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
	return 0;

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
	rc = pool->backend->open(pool);
	if (rc < 0)
		goto fail_locks;
	return 0;

fail_locks:
	destroy_locks(pool);
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
	pool->backend->close(pool);
	destroy_locks(pool);
	pp_log_done(&pool->log);
	done_workers(pool);
	free(pool->env_before);
	free(pool);
}

/* ------------------------------------------------------------------- Open */

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
		rc = procpool_start(p);
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

/* ------------------------------------------------------------------ Close */

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
	rc = pp_pool_check_outside(pool);
	if (rc < 0)
		return rc;
	finish_tasks(pool);
	(void)procpool_shutdown(pool);
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
