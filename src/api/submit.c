/*
 * Submitting: the one path by which tasks enter the engine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/submit.h"
#include "base/thread.h"
#include "engine/batch.h"
#include "engine/book.h"
#include "engine/broadcast.h"
#include "engine/depend.h"
#include "engine/posts.h"
#include "engine/settle.h"

/* Why a pool cannot take these inputs. */
static int
check_inputs(const struct procpool *pool, const struct procpool_task *spec)
{
	size_t i;

	for (i = 0; i < spec->n_inputs; i++) {
		if (spec->inputs == NULL || spec->inputs[i] == NULL)
			return PROCPOOL_ENULL;
		if (spec->inputs[i]->pool != pool)
			return PROCPOOL_EFOREIGN;
	}
	return 0;
}

static int
check(struct procpool *pool, const struct procpool_task *spec)
{
	if (pool == NULL || spec == NULL ||
	    (spec->arg == NULL && spec->len > 0))
		return PROCPOOL_ENULL;
	if (!pp_at_home(&pool->home))
		return PROCPOOL_EFORKED;
	if (spec->len > pool->options.max_payload)
		return PROCPOOL_ETOOBIG;
	if (spec->batch != NULL && spec->batch->pool != pool)
		return PROCPOOL_EFOREIGN;
	return check_inputs(pool, spec);
}

/* Why a pool in this state takes no task; 0 when it does. */
static int
refusal(enum pool_state state)
{
	switch (state) {
	case POOL_RUNNING:
		return 0;
	case POOL_CLOSING:
		return PROCPOOL_ECLOSING;
	case POOL_BROKEN:
		return PROCPOOL_EBROKEN;
	default:
		return PROCPOOL_ENOTRUNNING;
	}
}

static bool
has_room_locked(const struct procpool *pool, size_t len)
{
	const struct procpool_options *options = &pool->options;

	if (pool->open_tasks == 0)
		return true;
	return pool->open_tasks < options->queue_tasks &&
	    pool->open_bytes <= options->queue_bytes &&
	    len <= options->queue_bytes - pool->open_bytes;
}

static int
await_room_locked(struct procpool *pool, size_t len, enum patience patience)
{
	bool waited = false;

	for (;;) {
		const int rc = refusal(pool->state);

		if (rc == PROCPOOL_ENOTRUNNING && waited)
			return PROCPOOL_ESHUTDOWN;
		if (rc < 0 || has_room_locked(pool, len))
			return rc;
		if (patience == IMPATIENT)
			return PROCPOOL_EFULL;
		if (pp_is_inside(pool))
			return PROCPOOL_EDEADLOCK;
		pp_pool_wait_room_locked(pool);
		waited = true;
	}
}

/* Make a task out of what was submitted; takes heap, when there is any. */
static void
fill_locked(struct procpool *pool, struct task *task,
    const struct procpool_task *spec, struct block heap)
{
	task->function = spec->function;
	task->len = spec->len;
	task->heap = heap.memory;
	task->heap_size = heap.size;
	if (spec->len > 0 && spec->len <= PP_TASK_SPACE)
		memcpy(task->space, spec->arg, spec->len);
	task->done = spec->done;
	task->user = spec->user;
	task->batch = spec->batch;
	task->owner = spec->batch != NULL ? OWNER_BATCH : OWNER_NONE;
	task->priority = spec->priority;
	task->tie = TIE_NONE;
	task->bundled = false;
	if (spec->key != 0)
		pp_posts_tie_locked(pool, task, spec->key);
}

static int
admit_locked(struct procpool *pool, const struct procpool_task *spec,
    struct block heap, enum patience patience, struct task **task)
{
	size_t index = 0;
	int rc = await_room_locked(pool, spec->len, patience);

	if (rc < 0)
		return rc;
	/* Any open task may have to go back to the queue. */
	rc = pp_queue_reserve(&pool->queue, pool->open_tasks + 1);
	if (rc < 0)
		return rc;
	*task = pp_book_blank_locked(pool);
	if (*task == NULL)
		return -ENOMEM;
	if (spec->batch != NULL)
		rc = pp_batch_take_locked(spec->batch, &index);
	if (rc < 0) {
		pp_list_push(&pool->spare, *task);
		return rc;
	}
	fill_locked(pool, *task, spec, heap);
	if (spec->batch != NULL)
		(*task)->index = index;
	pp_book_locked(pool, *task);
	if (!pp_task_is_plain(*task))
		(*task)->turn = (*task)->id;
	return 0;
}

/*
 * Whether the argument is copied to the heap: not when it fits into the task,
 * nor when its owner waits for the task.  In debug mode the function has it
 * itself, and may write to it.
 */
static bool
needs_copy(const struct procpool *pool, size_t len, const struct caller *caller)
{
	return len > PP_TASK_SPACE && (caller == NULL || pool->options.debug);
}

/* Let a task that was admitted wait for its inputs.  This may be their last
 * moment, or that of the pool: as a visitor we may settle what ends at once. */
static void
park(struct procpool *pool, struct dependent *dependent, struct task *task)
{
	struct task_list ended = { 0 };

	pp_depend_park_locked(dependent, task);
	pp_pool_visit_locked(pool);
	uv_mutex_unlock(&pool->lock);
	pp_depend_begin(dependent, &ended);
	pp_settle(pool, &ended);
	pp_deliver_elsewhere(pool);
	pp_pool_end_visit(pool);
}

/* Have a task run that was admitted; the lock is given back. */
static void
pass_on(struct procpool *pool, struct dependent *dependent, struct task *task)
{
	struct task_list tasks = { 0 };

	if (dependent != NULL) {
		park(pool, dependent, task);
		return;
	}
	pp_list_push(&tasks, task);
	pool->backend->accept(pool, &tasks);
}

int
pp_submit(struct procpool *pool, const struct procpool_task *spec,
    enum patience patience, struct caller *caller,
    struct procpool_future *future)
{
	struct dependent *dependent = NULL;
	struct task *task;
	struct block heap = { 0 };
	int rc = check(pool, spec);

	if (rc == 0 && spec->function != NULL)
		rc = pool->backend->check(pool, spec->function);
	if (rc < 0)
		return rc;
	if (needs_copy(pool, spec->len, caller)) {
		heap = pp_stock_take(&pool->stock, spec->len);
		if (heap.memory == NULL)
			return -ENOMEM;
		memcpy(heap.memory, spec->arg, spec->len);
	}
	if (spec->n_inputs > 0) {
		dependent = pp_depend_new(pool, spec->inputs, spec->n_inputs);
		rc = dependent != NULL ? 0 : -ENOMEM;
	}
	if (rc < 0)
		goto fail;
	uv_mutex_lock(&pool->lock);
	rc = admit_locked(pool, spec, heap, patience, &task);
	if (rc < 0) {
		uv_mutex_unlock(&pool->lock);
		goto fail;
	}
	if (caller != NULL) {
		task->caller = caller;
		task->owner = OWNER_CALLER;
	}
	if (future != NULL)
		pp_future_give(future, task);
	pass_on(pool, dependent, task);
	return 0;

fail:
	pp_depend_drop(dependent);
	free(heap.memory); /* of the pool nothing may be left */
	return rc;
}

int
procpool_submit(struct procpool *pool, const void *arg, size_t len,
    procpool_done_fn done, void *user)
{
	const struct procpool_task spec = {
		.arg = arg, .len = len, .done = done, .user = user
	};

	return pp_submit(pool, &spec, PATIENT, NULL, NULL);
}

int
procpool_submit_task(struct procpool *pool, const struct procpool_task *task)
{
	return pp_submit(pool, task, PATIENT, NULL, NULL);
}

int
procpool_try_submit(struct procpool *pool, const struct procpool_task *task)
{
	return pp_submit(pool, task, IMPATIENT, NULL, NULL);
}

/* ----------------------------------------------------------- Broadcasts */

static int
check_broadcast(struct procpool *pool, const struct procpool_task *spec)
{
	int rc = check(pool, spec);

	if (rc == 0 &&
	    (spec->batch != NULL || spec->priority != 0 || spec->n_inputs > 0))
		rc = PROCPOOL_EBROADCAST;
	if (rc == 0 && spec->function != NULL)
		rc = pool->backend->check(pool, spec->function);
	return rc;
}

int
procpool_broadcast(struct procpool *pool, const struct procpool_task *task)
{
	struct task_list tasks = { 0 };
	struct broadcast *broadcast;
	int rc = check_broadcast(pool, task);

	if (rc < 0)
		return rc;
	broadcast = pp_broadcast_new(pool, task);
	if (broadcast == NULL)
		return -ENOMEM;
	uv_mutex_lock(&pool->lock);
	rc = await_room_locked(pool, task->len, PATIENT);
	if (rc == 0)
		rc = pp_broadcast_begin_locked(pool, broadcast, &tasks);
	if (rc < 0) {
		uv_mutex_unlock(&pool->lock);
		pp_broadcast_unref(broadcast);
		return rc;
	}
	pool->backend->accept(pool, &tasks);
	return 0;
}

/* ------------------------------------------------------- Blocking calls */

static int
call(struct procpool *pool, const struct procpool_task *spec,
    struct procpool_result *result)
{
	struct caller caller = { .task = NULL };
	int rc;

	if (pool != NULL && pp_at_home(&pool->home) && pp_is_inside(pool))
		return PROCPOOL_EDEADLOCK;
	if (spec == NULL)
		return PROCPOOL_ENULL;
	if (spec->done != NULL || spec->batch != NULL || spec->n_inputs > 0)
		return PROCPOOL_ECALL;
	caller.arg = spec->arg;
	rc = uv_sem_init(&caller.ended, 0);
	if (rc < 0)
		return rc;
	rc = pp_submit(pool, spec, PATIENT, &caller, NULL);
	if (rc == 0) {
		uv_sem_wait(&caller.ended);
		*result = caller.task->result;
		result->memory = caller.task;
		rc = result->outcome;
	}
	uv_sem_destroy(&caller.ended);
	return rc;
}

int
procpool_call_task(struct procpool *pool, const struct procpool_task *task,
    struct procpool_result *result)
{
	int rc, cancel;

	if (result == NULL)
		return PROCPOOL_ENULL;
	*result = (struct procpool_result){ .memory = NULL };
	cancel = pp_cancel_defer();
	rc = call(pool, task, result);
	pp_cancel_restore(cancel);
	if (result->memory == NULL) {
		result->outcome = rc;
		result->worker = -1;
		result->worker_name = result->message = "";
		result->data = "";
	}
	return rc;
}

int
procpool_call(struct procpool *pool, const void *arg, size_t len,
    struct procpool_result *result)
{
	const struct procpool_task spec = { .arg = arg, .len = len };

	return procpool_call_task(pool, &spec, result);
}

void
procpool_result_done(struct procpool_result *result)
{
	if (result == NULL)
		return;
	if (result->memory != NULL)
		pp_task_free(result->memory);
	*result = (struct procpool_result){
		.worker = -1, .worker_name = "", .message = "", .data = ""
	};
}
