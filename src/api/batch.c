/*
 * Batches: see engine/batch.h.
 */
#include "engine/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/pool.h"

/* ------------------------------------------------------------ Its life */

static void
destroy(struct procpool_batch *batch)
{
	size_t i;

	for (i = 0; i < batch->size; i++)
		if (batch->tasks[i] != NULL)
			pp_task_free(batch->tasks[i]);
	uv_cond_destroy(&batch->changed);
	uv_mutex_destroy(&batch->lock);
	free(batch);
}

/* Drop a reference; the lock is held, and given back. */
static void
unref_locked(struct procpool_batch *batch)
{
	const bool last = --batch->refs == 0;

	uv_mutex_unlock(&batch->lock);
	if (last)
		destroy(batch);
}

static int
new_batch(struct procpool_batch **batch, size_t size)
{
	struct procpool_batch *b;
	int rc;

	if (size > (SIZE_MAX - sizeof(*b)) / sizeof(b->tasks[0]))
		return -ENOMEM;
	b = calloc(1, sizeof(*b) + size * sizeof(b->tasks[0]));
	if (b == NULL)
		return -ENOMEM;
	rc = uv_mutex_init(&b->lock);
	if (rc < 0)
		goto fail_memory;
	rc = uv_cond_init(&b->changed);
	if (rc < 0)
		goto fail_lock;
	b->size = size;
	b->refs = 1;
	*batch = b;
	return 0;

fail_lock:
	uv_mutex_destroy(&b->lock);
fail_memory:
	free(b);
	return rc;
}

static void
enlist_locked(struct procpool *pool, struct procpool_batch *batch)
{
	batch->next = pool->batches;
	if (batch->next != NULL)
		batch->next->previous = batch;
	pool->batches = batch;
	batch->listed = true;
}

static void
delist_locked(struct procpool *pool, struct procpool_batch *batch)
{
	if (batch->previous != NULL)
		batch->previous->next = batch->next;
	else
		pool->batches = batch->next;
	if (batch->next != NULL)
		batch->next->previous = batch->previous;
	batch->next = batch->previous = NULL;
	batch->listed = false;
}

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
	rc = new_batch(&b, size);
	if (rc < 0)
		return rc;
	b->pool = pool;
	uv_mutex_lock(&pool->lock);
	enlist_locked(pool, b);
	uv_mutex_unlock(&pool->lock);
	*batch = b;
	return 0;
}

void
procpool_batch_close(struct procpool_batch *batch)
{
	struct procpool *pool;

	if (batch == NULL)
		return;
	uv_mutex_lock(&batch->lock);
	pool = batch->gone ? NULL : batch->pool;
	uv_mutex_unlock(&batch->lock);
	if (pool != NULL) {
		uv_mutex_lock(&pool->lock);
		if (batch->listed)
			delist_locked(pool, batch);
		uv_mutex_unlock(&pool->lock);
	}
	uv_mutex_lock(&batch->lock);
	unref_locked(batch);
}

/* ---------------------------------------------------- For the engine */

int
pp_batch_take(struct procpool_batch *batch, size_t *index)
{
	int rc = 0;

	uv_mutex_lock(&batch->lock);
	if (batch->cut)
		rc = PROCPOOL_ESHUTDOWN;
	else if (batch->given == batch->size)
		rc = PROCPOOL_EOVERFLOW;
	else {
		*index = batch->given++;
		batch->refs++;
	}
	uv_mutex_unlock(&batch->lock);
	return rc;
}

void
pp_batch_fill(struct procpool_batch *batch, struct task *task)
{
	uv_mutex_lock(&batch->lock);
	batch->tasks[task->index] = task;
	if (task->result.outcome == PROCPOOL_ESHUTDOWN)
		batch->shut_down = true;
	if (++batch->ended == batch->size || batch->cut)
		uv_cond_broadcast(&batch->changed);
	unref_locked(batch);
}

void
pp_batch_cut_all(struct procpool *pool)
{
	struct procpool_batch *batch;

	for (batch = pool->batches; batch != NULL; batch = batch->next) {
		uv_mutex_lock(&batch->lock);
		batch->cut = batch->cut || batch->given < batch->size;
		uv_cond_broadcast(&batch->changed);
		uv_mutex_unlock(&batch->lock);
	}
}

void
pp_batch_forget_all(struct procpool *pool)
{
	while (pool->batches != NULL) {
		struct procpool_batch *batch = pool->batches;

		delist_locked(pool, batch);
		uv_mutex_lock(&batch->lock);
		batch->gone = true;
		uv_mutex_unlock(&batch->lock);
	}
}

/* ------------------------------------------------------------ For users */

int
procpool_batch_add(struct procpool_batch *batch, const void *arg, size_t len)
{
	const struct procpool_task task = {
		.arg = arg, .len = len, .batch = batch
	};
	bool gone;

	if (batch == NULL)
		return PROCPOOL_ENULL;
	uv_mutex_lock(&batch->lock);
	gone = batch->gone;
	uv_mutex_unlock(&batch->lock);
	return gone ? PROCPOOL_ENOTRUNNING
		    : procpool_submit_task(batch->pool, &task);
}

/* Why a wait ends, or 1 when it goes on. */
static int
verdict_locked(const struct procpool_batch *batch)
{
	if (batch->ended == batch->size)
		return batch->shut_down ? PROCPOOL_ESHUTDOWN : 0;
	if (batch->cut && batch->ended == batch->given)
		return PROCPOOL_ESHUTDOWN;
	return 1;
}

int
procpool_batch_wait(struct procpool_batch *batch, int64_t timeout_ms)
{
	const uint64_t deadline = pp_deadline(timeout_ms);
	int rc, wait = 0;

	if (batch == NULL)
		return PROCPOOL_ENULL;
	uv_mutex_lock(&batch->lock);
	batch->refs++;
	while ((rc = verdict_locked(batch)) == 1 && wait == 0) {
		if (!batch->gone && pp_inside() == batch->pool) {
			rc = PROCPOOL_EDEADLOCK;
			break;
		}
		wait = pp_cond_wait(&batch->changed, &batch->lock, deadline);
	}
	if (rc == 1)
		rc = batch->given < batch->size ? PROCPOOL_EINCOMPLETE
						: PROCPOOL_ETIMEDOUT;
	unref_locked(batch);
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

	if (batch == NULL)
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
