#include "engine/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/pool.h"

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

void
pp_batch_unref_locked(struct procpool_batch *batch)
{
	const bool last = --batch->refs == 0;

	uv_mutex_unlock(&batch->lock);
	if (last)
		destroy(batch);
}

int
pp_batch_new(struct procpool_batch **batch, size_t size)
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
	rc = pp_home_init(&b->home);
	if (rc < 0)
		goto fail_changed;
	b->size = size;
	b->refs = 1;
	*batch = b;
	return 0;

fail_changed:
	uv_cond_destroy(&b->changed);
fail_lock:
	uv_mutex_destroy(&b->lock);
fail_memory:
	free(b);
	return rc;
}

void
pp_batch_enlist_locked(struct procpool *pool, struct procpool_batch *batch)
{
	batch->next = pool->batches;
	if (batch->next != NULL)
		batch->next->previous = batch;
	pool->batches = batch;
}

void
pp_batch_delist_locked(struct procpool *pool, struct procpool_batch *batch)
{
	if (batch->previous != NULL)
		batch->previous->next = batch->next;
	else
		pool->batches = batch->next;
	if (batch->next != NULL)
		batch->next->previous = batch->previous;
	batch->next = batch->previous = NULL;
}

int
pp_batch_take_locked(struct procpool_batch *batch, size_t *index)
{
	int rc = 0;

	uv_mutex_lock(&batch->lock);
	if (batch->cut != 0)
		rc = batch->cut;
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
	if (++batch->ended == batch->size || batch->cut != 0)
		uv_cond_broadcast(&batch->changed);
	pp_batch_unref_locked(batch);
}

void
pp_batch_cut_all_locked(struct procpool *pool, int why)
{
	struct procpool_batch *batch;

	for (batch = pool->batches; batch != NULL; batch = batch->next) {
		uv_mutex_lock(&batch->lock);
		if (batch->cut == 0 && batch->given < batch->size)
			batch->cut = why;
		uv_cond_broadcast(&batch->changed);
		uv_mutex_unlock(&batch->lock);
	}
}

void
pp_batch_forget_all_locked(struct procpool *pool)
{
	while (pool->batches != NULL) {
		struct procpool_batch *batch = pool->batches;

		pp_batch_delist_locked(pool, batch);
		uv_mutex_lock(&batch->lock);
		batch->gone = true;
		uv_mutex_unlock(&batch->lock);
	}
}
