/*
 * A map is opened, stopped by any thread, and closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/map_parts.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/pool.h"

/* ------------------------------------------------------------------- Open */

static int
check_options(const struct procpool_map_options *options)
{
	/* Written so that NaN is refused too. */
	if (!(options->buffer_factor >= 0 &&
		options->buffer_factor <= PP_WINDOW_FACTOR))
		return PROCPOOL_EBUFFER;
	if (options->heartbeat_ms < 0)
		return PROCPOOL_EHEARTBEAT;
	return options->pool != NULL ? pp_pool_check(options->pool) : 0;
}

/* Its own pool, which has no process yet.  The window bounds what waits in
 * it. */
static int
open_own(struct procpool_map *map, const struct procpool_map_options *options)
{
	struct procpool_options workers = options->workers;

	workers.start_later = true;
	if (options->function != NULL)
		workers.entry_point = options->function;
	if (workers.queue_tasks == 0)
		workers.queue_tasks = SIZE_MAX;
	map->own = true;
	return procpool_open(&map->pool, &workers);
}

static int
take_pool(struct procpool_map *map, const struct procpool_map_options *options)
{
	if (options->pool == NULL)
		return open_own(map, options);
	map->pool = options->pool;
	map->function = options->function;
	return 0;
}

static int
init_window(
    struct procpool_map *map, const struct procpool_map_options *options)
{
	const double factor = options->buffer_factor;
	const size_t bound = pp_window_bound(
	    procpool_n_jobs(map->pool), factor > 0 ? factor : 1);
	int rc = pp_window_init(&map->window, bound, !options->unordered);

	if (rc < 0)
		return rc;
	/* Pages that are not used are not there. */
	map->slots =
	    aligned_alloc(_Alignof(struct slot), bound * sizeof(struct slot));
	if (map->slots != NULL)
		return 0;
	pp_window_done(&map->window);
	return -ENOMEM;
}

static int
init_locks(struct procpool_map *map)
{
	int rc = uv_mutex_init(&map->lock);

	if (rc < 0)
		return rc;
	rc = uv_cond_init(&map->changed);
	if (rc < 0)
		goto fail_lock;
	rc = uv_mutex_init(&map->turning);
	if (rc < 0)
		goto fail_changed;
	return 0;

fail_changed:
	uv_cond_destroy(&map->changed);
fail_lock:
	uv_mutex_destroy(&map->lock);
	return rc;
}

static int
init(struct procpool_map *map, const struct procpool_map_options *options)
{
	int rc = pp_sources_init(&map->sources, options);

	if (rc < 0)
		return rc;
	rc = take_pool(map, options);
	if (rc < 0)
		goto fail_sources;
	rc = init_window(map, options);
	if (rc < 0)
		goto fail_pool;
	rc = pp_home_init(&map->home);
	if (rc == 0)
		rc = init_locks(map);
	if (rc < 0)
		goto fail_window;
	map->keep_going = options->keep_going;
	map->max_bytes = options->max_bytes;
	atomic_init(&map->balance, PP_MAP_ALIVE);
	return 0;

fail_window:
	free(map->slots);
	pp_window_done(&map->window);
fail_pool:
	if (map->own)
		(void)procpool_close(map->pool);
fail_sources:
	pp_sources_done(&map->sources);
	return rc;
}

int
procpool_map_open(
    struct procpool_map **map, const struct procpool_map_options *options)
{
	struct procpool_map *m;
	int rc;

	if (map == NULL || options == NULL)
		return PROCPOOL_ENULL;
	rc = check_options(options);
	if (rc < 0)
		return rc;
	m = aligned_alloc(_Alignof(struct procpool_map), sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	rc = init(m, options);
	if (rc < 0) {
		free(m);
		return rc;
	}
	*map = m;
	return 0;
}

/* ------------------------------------------------------------------- Stop */

/* Whether a call on the map that may wait makes sense in this process and
 * place. */
static int
check_outside(const struct procpool_map *map)
{
	if (!pp_at_home(&map->home))
		return PROCPOOL_EFORKED;
	return map->own ? pp_pool_check_outside(map->pool) : 0;
}

static void
stop(struct procpool_map *map)
{
	const int cancel = pp_cancel_defer();

	uv_mutex_lock(&map->lock);
	map->stopping++;
	atomic_store(&map->stopped, true);
	uv_cond_broadcast(&map->changed);
	uv_mutex_unlock(&map->lock);
	if (!atomic_load(&map->ended))
		pp_sources_stop(&map->sources);
	pp_map_shut_down_own(map);
	uv_mutex_lock(&map->lock);
	map->stopping--;
	uv_cond_broadcast(&map->changed);
	uv_mutex_unlock(&map->lock);
	pp_cancel_restore(cancel);
}

int
procpool_map_stop(struct procpool_map *map)
{
	const int rc = map != NULL ? check_outside(map) : PROCPOOL_ENULL;

	if (rc == 0)
		stop(map);
	return rc;
}

int
procpool_map_stopped(const struct procpool_map *map)
{
	return map != NULL && pp_at_home(&map->home) &&
	    atomic_load(&map->stopped);
}

/* Threads that stop it just now leave. */
static void
await_departures(struct procpool_map *map)
{
	uv_mutex_lock(&map->lock);
	while (map->stopping > 0)
		(void)pp_cond_wait(&map->changed, &map->lock, PP_NEVER);
	uv_mutex_unlock(&map->lock);
}

int
procpool_map_close(struct procpool_map *map)
{
	const int rc = map != NULL ? check_outside(map) : 0;

	if (map == NULL || rc < 0)
		return rc;
	if (!map->over)
		stop(map);
	await_departures(map);
	pp_map_release(map);
	if (map->own)
		(void)procpool_close(map->pool);
	pp_sources_done(&map->sources);
	pp_map_unbalance(map, PP_MAP_ALIVE - (int64_t)map->submitted);
	return 0;
}
