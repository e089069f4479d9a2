#include "channel/backend.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/thread.h"
#include "channel/keeper.h"
#include "channel/mode.h"
#include "channel/monitor.h"

/* ------------------------------------------------------- Start and stop */

static int
make_channels(struct procpool *pool)
{
	int i, rc;

	pool->channels = calloc((size_t)pool->n_jobs, sizeof(*pool->channels));
	if (pool->channels == NULL)
		return -ENOMEM;
	for (i = 0; i < pool->n_jobs; i++) {
		rc = pp_channel_init(&pool->channels[i], pool, i);
		if (rc < 0)
			goto fail;
	}
	return 0;

fail:
	while (i-- > 0)
		pp_channel_done(&pool->channels[i]);
	free(pool->channels);
	pool->channels = NULL;
	return rc;
}

static void
drop_channels(struct procpool *pool)
{
	int i;

	for (i = 0; i < pool->n_jobs; i++)
		pp_channel_done(&pool->channels[i]);
	free(pool->channels);
	pool->channels = NULL;
	pool->idle = NULL;
	pool->hungry = pool->ahead = pool->rich = 0;
}

static int
ask_for_workers(struct procpool *pool, struct spawner *spawner)
{
	int i, rc = 0;

	for (i = 0; i < pool->n_jobs && rc == 0; i++)
		rc = pp_channel_ask(&pool->channels[i], spawner);
	return rc == -EPIPE ? PROCPOOL_ESPAWNER : rc;
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
		rc = start_monitor(&pool->channels[*started]);
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
		pp_wake(pool->channels[i].wake);
	for (i = 0; i < n; i++)
		(void)uv_thread_join(&pool->channels[i].thread);
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

/* Let a caller drive an idle worker with its task: false when there is none
 * for it.  With the pool's lock held; gives it back when it returns true. */
static bool
lease(struct procpool *pool, struct task *task)
{
	struct channel *ch = pp_lease_begin_locked(pool, task);
	struct task_list list = { 0 };

	if (ch == NULL)
		return false;
	uv_mutex_unlock(&pool->lock);
	if (!pp_lease_run(ch, task))
		pp_list_push(&list, task);
	/* Before the channel goes back: nothing shall overtake it there. */
	pp_keeper_requeue(pool, &list);
	pp_lease_end(ch);
	return true;
}

static void
accept_tasks(struct procpool *pool, struct task_list *tasks)
{
	struct task *task = tasks->first;

	if (task != NULL && task->owner == OWNER_CALLER && lease(pool, task))
		return;
	while ((task = pp_list_pop(tasks)) != NULL) {
		pp_queue_push(&pool->queue, task);
		pp_mode_call_locked(pool, task);
	}
	uv_mutex_unlock(&pool->lock);
}

/* During a refresh some workers are of the old program and some of the new. */
static int
check(struct procpool *pool, procpool_job_fn function)
{
	const uintptr_t address = (uintptr_t)function;
	bool there;

	uv_mutex_lock(&pool->lock);
	there = (pool->spawner == NULL ||
		    pp_code_has(&pool->spawner->code, address)) &&
	    (pool->outgoing == NULL ||
		pp_code_has(&pool->outgoing->code, address));
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
turn_over(struct procpool *pool, struct spawner *fresh)
{
	struct spawner *gone;

	uv_mutex_lock(&pool->renewing);
	uv_mutex_lock(&pool->lock);
	gone = pool->outgoing;
	pool->outgoing = NULL;
	if (fresh != NULL) {
		pool->outgoing = pool->spawner;
		pool->spawner = fresh;
	}
	uv_mutex_unlock(&pool->lock);
	uv_mutex_unlock(&pool->renewing);
	pp_spawner_unref(gone);
}

static int
refresh(struct procpool *pool)
{
	struct spawner *fresh;
	int i, rc = pp_spawner_make(&fresh);

	if (rc < 0)
		return rc;
	turn_over(pool, fresh);
	for (i = 0; i < pool->n_jobs && rc == 0; i++)
		rc = renew(pool, &pool->channels[i]);
	turn_over(pool, NULL);
	return rc;
}

const struct backend pp_backend_process = {
	.start = start,
	.stop = stop,
	.accept = accept_tasks,
	.refresh = refresh,
	.check = check,
};
