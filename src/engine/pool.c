#include "engine/pool.h"

#include "base/clock.h"

static _Thread_local struct procpool *inside;

struct procpool *
pp_inside(void)
{
	return inside;
}

void
pp_set_inside(struct procpool *pool)
{
	inside = pool;
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
