#include "engine/pool.h"

#include "base/clock.h"

#define ROOM_MS 10 /* how long a little room may go unnoticed */

int
pp_pool_check(const struct procpool *pool)
{
	if (pool == NULL)
		return PROCPOOL_ENULL;
	return pp_at_home(&pool->home) ? 0 : PROCPOOL_EFORKED;
}

int
pp_pool_check_outside(const struct procpool *pool)
{
	const int rc = pp_pool_check(pool);

	if (rc == 0 && pp_is_inside(pool))
		return PROCPOOL_EDEADLOCK;
	return rc;
}

void
pp_pool_leave_locked(struct procpool *pool)
{
	pool->waiting--;
	if (pool->departing)
		uv_cond_broadcast(&pool->changed);
}

int
pp_pool_wait_locked(struct procpool *pool, uint64_t deadline)
{
	int rc;

	pool->waiting++;
	rc = pp_cond_wait(&pool->changed, &pool->lock, deadline);
	pp_pool_leave_locked(pool);
	return rc;
}

void
pp_pool_visit_locked(struct procpool *pool)
{
	pool->visitors++;
}

void
pp_pool_end_visit(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	if (--pool->visitors == 0)
		uv_cond_broadcast(&pool->changed);
	uv_mutex_unlock(&pool->lock);
}

void
pp_pool_set_state_locked(struct procpool *pool, enum pool_state state)
{
	pool->state = state;
	uv_cond_broadcast(&pool->changed);
	uv_cond_broadcast(&pool->room);
}

void
pp_pool_set_state(struct procpool *pool, enum pool_state state)
{
	uv_mutex_lock(&pool->lock);
	pp_pool_set_state_locked(pool, state);
	uv_mutex_unlock(&pool->lock);
}

bool
pp_pool_serves(struct procpool *pool)
{
	bool serves;

	uv_mutex_lock(&pool->lock);
	serves = pp_pool_serves_locked(pool);
	uv_mutex_unlock(&pool->lock);
	return serves;
}

bool
pp_pool_has_much_room_locked(const struct procpool *pool)
{
	const struct procpool_options *options = &pool->options;

	return pool->open_tasks == 0 ||
	    (pool->open_tasks <
		    options->queue_tasks - options->queue_tasks / 4 &&
		pool->open_bytes <=
		    options->queue_bytes - options->queue_bytes / 4);
}

void
pp_pool_wait_room_locked(struct procpool *pool)
{
	pool->waiting++;
	pool->short_of_room++;
	(void)pp_cond_wait(&pool->room, &pool->lock, pp_deadline(ROOM_MS));
	pool->short_of_room--;
	pp_pool_leave_locked(pool);
}
