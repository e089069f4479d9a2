/*
 * What a pool can be asked about itself.
 */
#include "engine/pool.h"

int
procpool_n_jobs(const struct procpool *pool)
{
	return pool != NULL ? pool->n_jobs : PROCPOOL_ENULL;
}

const char *
procpool_name(const struct procpool *pool)
{
	return pool != NULL ? pool->name : NULL;
}

const char *
procpool_first_failed(struct procpool *pool)
{
	const char *name;

	if (pp_pool_check(pool) < 0)
		return NULL;
	uv_mutex_lock(&pool->lock);
	name = pool->first_failed;
	uv_mutex_unlock(&pool->lock);
	return name;
}

int
procpool_get_stats(
    struct procpool *pool, struct procpool_stats *stats, uint64_t *busy_ns)
{
	int i, rc = stats != NULL ? pp_pool_check(pool) : PROCPOOL_ENULL;

	if (rc < 0)
		return rc;
	uv_mutex_lock(&pool->lock);
	*stats = pool->stats;
	stats->queued = pool->queue.count + pool->n_parked;
	stats->running = stats->submitted - stats->succeeded - stats->failed -
	    stats->crashed - stats->protocol - stats->lost - stats->shutdown -
	    stats->cancelled - stats->queued;
	for (i = 0; busy_ns != NULL && i < pool->n_jobs; i++)
		busy_ns[i] = pool->busy_ns[i];
	uv_mutex_unlock(&pool->lock);
	return 0;
}
