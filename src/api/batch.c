/*
 * Batches, as procpool.h has them; what they are is in engine/batch.h.
 */
#include "engine/batch.h"

#include <sched.h>

#include "base/clock.h"
#include "engine/pool.h"

int
procpool_batch_open(
    struct procpool_batch **batch, struct procpool *pool, size_t size)
{
	struct procpool_batch *b;
	int rc;

	if (batch == NULL || pool == NULL)
		return PROCPOOL_ENULL;
	if (!pp_at_home(&pool->home))
		return PROCPOOL_EFORKED;
	rc = pp_batch_new(&b, size);
	if (rc < 0)
		return rc;
	b->pool = pool;
	uv_mutex_lock(&pool->lock);
	pp_batch_enlist_locked(pool, b);
	uv_mutex_unlock(&pool->lock);
	*batch = b;
	return 0;
}

/* Whether the batch is that of another process, of which this is a copy.  Its
 * locks may be held there, and so for ever here. */
static bool
is_copy(const struct procpool_batch *batch)
{
	return !pp_at_home(&batch->home);
}

/* Take a batch out of its pool's list, with its lock held.  While the pool has
 * not forgotten the batch it is there; its lock comes before the batch's, so
 * here it can only be tried. */
static void
leave_pool_locked(struct procpool_batch *batch)
{
	while (!batch->gone && uv_mutex_trylock(&batch->pool->lock) != 0) {
		uv_mutex_unlock(&batch->lock);
		(void)sched_yield();
		uv_mutex_lock(&batch->lock);
	}
	if (batch->gone)
		return;
	pp_batch_delist_locked(batch->pool, batch);
	uv_mutex_unlock(&batch->pool->lock);
}

void
procpool_batch_close(struct procpool_batch *batch)
{
	if (batch == NULL || is_copy(batch))
		return;
	uv_mutex_lock(&batch->lock);
	leave_pool_locked(batch);
	pp_batch_unref_locked(batch);
}

int
procpool_batch_add(struct procpool_batch *batch, const void *arg, size_t len)
{
	const struct procpool_task task = {
		.arg = arg, .len = len, .batch = batch
	};
	bool gone;

	if (batch == NULL)
		return PROCPOOL_ENULL;
	if (is_copy(batch))
		return PROCPOOL_EFORKED;
	uv_mutex_lock(&batch->lock);
	gone = batch->gone;
	uv_mutex_unlock(&batch->lock);
	return gone ? PROCPOOL_ECLOSING
		    : procpool_submit_task(batch->pool, &task);
}

/* Why a wait ends, or 1 when it goes on. */
static int
verdict_locked(const struct procpool_batch *batch)
{
	if (batch->ended == batch->size)
		return batch->shut_down ? PROCPOOL_ESHUTDOWN : 0;
	if (batch->cut != 0 && batch->ended == batch->given)
		return batch->cut;
	return 1;
}

int
procpool_batch_wait(struct procpool_batch *batch, int64_t timeout_ms)
{
	const uint64_t deadline = pp_deadline(timeout_ms);
	int rc, wait = 0;

	if (batch == NULL)
		return PROCPOOL_ENULL;
	if (is_copy(batch))
		return PROCPOOL_EFORKED;
	uv_mutex_lock(&batch->lock);
	batch->refs++;
	while ((rc = verdict_locked(batch)) == 1 && wait == 0) {
		if (!batch->gone && pp_is_inside(batch->pool)) {
			rc = PROCPOOL_EDEADLOCK;
			break;
		}
		wait = pp_cond_wait(&batch->changed, &batch->lock, deadline);
	}
	if (rc == 1)
		rc = batch->given < batch->size ? PROCPOOL_EINCOMPLETE
						: PROCPOOL_ETIMEDOUT;
	pp_batch_unref_locked(batch);
	return rc;
}

size_t
procpool_batch_size(const struct procpool_batch *batch)
{
	return batch != NULL ? batch->size : 0;
}

size_t
procpool_batch_ended(struct procpool_batch *batch)
{
	size_t ended;

	if (batch == NULL || is_copy(batch))
		return 0;
	uv_mutex_lock(&batch->lock);
	ended = batch->ended;
	uv_mutex_unlock(&batch->lock);
	return ended;
}

int
procpool_batch_result(struct procpool_batch *batch, size_t index,
    const struct procpool_result **result)
{
	int rc = 0;

	if (batch == NULL || result == NULL)
		return PROCPOOL_ENULL;
	if (is_copy(batch))
		return PROCPOOL_EFORKED;
	if (index >= batch->size)
		return PROCPOOL_EINDEX;
	uv_mutex_lock(&batch->lock);
	if (batch->tasks[index] == NULL)
		rc = PROCPOOL_EINCOMPLETE;
	else
		*result = &batch->tasks[index]->result;
	uv_mutex_unlock(&batch->lock);
	return rc;
}
