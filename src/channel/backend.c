#include "channel/backend.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/thread.h"
#include "channel/cancel.h"
#include "channel/crew.h"
#include "channel/keeper.h"
#include "channel/lease.h"
#include "channel/mode.h"
#include "channel/monitor.h"
#include "engine/posts.h"

/* ------------------------------------------------------- Open and close */

static int
open_crew(struct procpool *pool)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int rc;

	if (crew == NULL)
		return -ENOMEM;
	rc = uv_mutex_init(&crew->stealing);
	if (rc < 0)
		goto fail_crew;
	rc = uv_mutex_init(&crew->renewing);
	if (rc < 0)
		goto fail_stealing;
	pool->crew = crew;
	return 0;

fail_stealing:
	uv_mutex_destroy(&crew->stealing);
fail_crew:
	free(crew);
	return rc;
}

static void
close_crew(struct procpool *pool)
{
	struct crew *crew = pool->crew;

	uv_mutex_destroy(&crew->renewing);
	uv_mutex_destroy(&crew->stealing);
	free(crew);
}

/* ------------------------------------------------------- Start and stop */

static int
make_channels(struct procpool *pool)
{
	int i, rc;

	pool->crew->channels =
	    calloc((size_t)pool->n_jobs, sizeof(*pool->crew->channels));
	if (pool->crew->channels == NULL)
		return -ENOMEM;
	for (i = 0; i < pool->n_jobs; i++) {
		rc = pp_channel_init(&pool->crew->channels[i], pool, i);
		if (rc < 0)
			goto fail;
	}
	return 0;

fail:
	while (i-- > 0)
		pp_channel_done(&pool->crew->channels[i]);
	free(pool->crew->channels);
	pool->crew->channels = NULL;
	return rc;
}

static void
drop_channels(struct procpool *pool)
{
	int i;

	for (i = 0; i < pool->n_jobs; i++)
		pp_channel_done(&pool->crew->channels[i]);
	free(pool->crew->channels);
	pool->crew->channels = NULL;
	pool->crew->idle = NULL;
	pool->crew->hungry = pool->crew->ahead = pool->crew->rich = 0;
}

static int
ask_for_workers(struct procpool *pool, struct spawner *spawner)
{
	int i, rc = 0;

	for (i = 0; i < pool->n_jobs && rc == 0; i++)
		rc = pp_channel_ask(&pool->crew->channels[i], spawner);
	return rc == PP_SPAWNER_GONE ? PROCPOOL_ESPAWNER : rc;
}

/* Once a channel has its worker it gets its monitor. */
static int
start_monitor(struct channel *ch)
{
	int rc = pp_keeper_first_worker(ch);

	if (rc < 0)
		return rc;
	rc = pp_thread_start(&ch->thread, pp_monitor_run, ch);
	if (rc < 0)
		pp_keeper_worker_gone(ch, BURIAL_EXCUSED);
	return rc;
}

static int
start_monitors(struct procpool *pool, int *started)
{
	int rc = 0;

	while (*started < pool->n_jobs && rc == 0) {
		rc = start_monitor(&pool->crew->channels[*started]);
		if (rc == 0)
			(*started)++;
	}
	return rc;
}

static void
join_monitors(struct procpool *pool, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pp_wake(pool->crew->channels[i].wake);
	for (i = 0; i < n; i++)
		(void)uv_thread_join(&pool->crew->channels[i].thread);
}

/* The functions of the options must be in the program that the spawner has.
 * (It looks itself whether it has the user data.) */
static int
check_functions(const struct procpool *pool, const struct spawner *spawner)
{
	const struct procpool_options *o = &pool->options;
	const uintptr_t functions[] = { (uintptr_t)o->entry_point,
		(uintptr_t)o->worker_start, (uintptr_t)o->worker_exit };
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (functions[i] != 0 &&
		    !pp_code_has(&spawner->code, functions[i]))
			return spawner->prepared ? PROCPOOL_EUNPREPARED
						 : PROCPOOL_EFUNCTION;
	return 0;
}

static int
open_spawner(struct procpool *pool, struct spawner **spawner)
{
	int rc = pp_spawner_open(spawner);

	if (rc < 0)
		return rc;
	rc = check_functions(pool, *spawner);
	if (rc < 0) {
		pp_spawner_unref(*spawner);
		return rc;
	}
	pp_keeper_swap_spawner(pool, pp_spawner_ref(*spawner));
	return 0;
}

/* A start before this one may have left some vacant. */
static void
fill_posts(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	pp_posts_fill_all_locked(pool);
	uv_mutex_unlock(&pool->lock);
}

/* The workers are asked for while the spawner still comes to life, and each
 * monitor is started while the spawner forks the next worker. */
static int
start_once(struct procpool *pool)
{
	struct spawner *spawner;
	int rc, asked, started = 0;

	rc = make_channels(pool);
	if (rc < 0)
		return rc;
	fill_posts(pool);
	rc = open_spawner(pool, &spawner);
	if (rc < 0)
		goto fail_channels;
	asked = ask_for_workers(pool, spawner);
	rc = pp_spawner_await(spawner);
	pp_spawner_unref(spawner);
	if (rc == 0)
		rc = asked;
	if (rc == 0)
		rc = start_monitors(pool, &started);
	if (rc < 0)
		goto fail_monitors;
	return 0;

fail_monitors:
	pp_pool_set_state(pool, POOL_STOPPING);
	join_monitors(pool, started);
	pp_pool_set_state(pool, POOL_STARTING);
fail_channels:
	drop_channels(pool);
	pp_keeper_swap_spawner(pool, NULL);
	return rc;
}

static int
start(struct procpool *pool)
{
	int i, rc = PROCPOOL_ESPAWNER;

	pool->crew->spawner_restart = (struct restart){ 0 };
	for (i = 0; i < PP_SPAWNER_TRIES && rc == PROCPOOL_ESPAWNER; i++)
		rc = start_once(pool);
	return rc;
}

static void
stop(struct procpool *pool)
{
	struct spawner *spawner = pp_keeper_spawner(pool);

	pp_spawner_finish(spawner);
	pp_spawner_unref(spawner);
	join_monitors(pool, pool->n_jobs);
	drop_channels(pool);
	pp_keeper_swap_spawner(pool, NULL);
}

/* ------------------------------------------------------------ In between */

static void
accept_tasks(struct procpool *pool, struct task_list *tasks)
{
	struct task *task = tasks->first;

	if (task != NULL && task->owner == OWNER_CALLER &&
	    pp_lease_locked(pool, task))
		return;
	while ((task = pp_list_pop(tasks)) != NULL) {
		pp_queue_push(&pool->queue, task);
		pp_mode_call_locked(pool, task);
	}
	uv_mutex_unlock(&pool->lock);
}

/* Whichever monitor is not busy otherwise: one may be in a callback that takes
 * long, another wait for a caller. */
static void
call_back(struct procpool *pool)
{
	int i;

	for (i = 0; i < pool->n_jobs; i++)
		pp_wake(pool->crew->channels[i].wake);
}

/* During a refresh some workers are of the old program and some of the new. */
static int
check(struct procpool *pool, procpool_job_fn function)
{
	const uintptr_t address = (uintptr_t)function;
	bool there;

	uv_mutex_lock(&pool->lock);
	there = (pool->crew->spawner == NULL ||
		    pp_code_has(&pool->crew->spawner->code, address)) &&
	    (pool->crew->outgoing == NULL ||
		pp_code_has(&pool->crew->outgoing->code, address));
	uv_mutex_unlock(&pool->lock);
	return there ? 0 : PROCPOOL_EFUNCTION;
}

/* Have one worker replaced, and wait for that. */
static int
renew(struct procpool *pool, struct channel *ch)
{
	int rc = 0;

	uv_mutex_lock(&pool->lock);
	ch->renew = true;
	pp_wake(ch->wake);
	while (ch->renew && pp_pool_serves_locked(pool))
		uv_cond_wait(&pool->changed, &pool->lock);
	if (ch->renew)
		rc = pp_pool_verdict_locked(pool);
	ch->renew = false;
	uv_mutex_unlock(&pool->lock);
	return rc;
}

/* Let a new spawner take over, and keep the old one until its workers have
 * gone; with NULL, let that go too. */
static void
replace_spawner(struct procpool *pool, struct spawner *fresh)
{
	struct spawner *gone;

	uv_mutex_lock(&pool->crew->renewing);
	uv_mutex_lock(&pool->lock);
	gone = pool->crew->outgoing;
	pool->crew->outgoing = NULL;
	if (fresh != NULL) {
		pool->crew->outgoing = pool->crew->spawner;
		pool->crew->spawner = fresh;
	}
	uv_mutex_unlock(&pool->lock);
	uv_mutex_unlock(&pool->crew->renewing);
	pp_spawner_unref(gone);
}

static int
refresh(struct procpool *pool)
{
	struct spawner *fresh;
	int i, rc = pp_spawner_make(&fresh);

	if (rc < 0)
		return rc;
	replace_spawner(pool, fresh);
	for (i = 0; i < pool->n_jobs && rc == 0; i++)
		rc = renew(pool, &pool->crew->channels[i]);
	replace_spawner(pool, NULL);
	return rc;
}

const struct backend pp_backend_process = {
	.open = open_crew,
	.close = close_crew,
	.start = start,
	.stop = stop,
	.accept = accept_tasks,
	.cancel = pp_cancel_sent,
	.call_back = call_back,
	.refresh = refresh,
	.check = check,
};
