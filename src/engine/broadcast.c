#include "engine/broadcast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/book.h"
#include "engine/posts.h"

struct broadcast *
pp_broadcast_new(const struct procpool *pool, const struct procpool_task *spec)
{
	const size_t align = _Alignof(struct broadcast);
	const size_t size = sizeof(struct broadcast) + spec->len;
	struct broadcast *broadcast =
	    aligned_alloc(align, (size + align - 1) / align * align);

	if (broadcast == NULL)
		return NULL;
	*broadcast = (struct broadcast){ .refs = 1,
		.function = spec->function != NULL ? spec->function
						   : pool->options.entry_point,
		.key = spec->key,
		.done = spec->done,
		.user = spec->user,
		.len = spec->len };
	if (spec->len > 0)
		memcpy(broadcast->arg, spec->arg, spec->len);
	return broadcast;
}

void
pp_broadcast_unref(struct broadcast *broadcast)
{
	if (atomic_fetch_sub(&broadcast->refs, 1) == 1)
		free(broadcast);
}

/* Fill in a blank task, and book it. */
static void
book_run_locked(struct procpool *pool, struct broadcast *broadcast, int worker,
    struct task *task)
{
	atomic_fetch_add(&broadcast->refs, 1);
	task->function = broadcast->function;
	task->done = broadcast->done;
	task->user = broadcast->user;
	task->len = broadcast->len;
	task->heap = NULL;
	task->heap_size = 0;
	if (task->len <= PP_TASK_SPACE)
		memcpy(task->space, broadcast->arg, task->len);
	task->broadcast = broadcast;
	task->owner = OWNER_BROADCAST;
	task->tie = TIE_BROADCAST;
	task->priority = 0;
	task->bundled = false;
	task->worker = worker;
	pp_book_locked(pool, task);
	task->turn = broadcast->turn;
}

/* Keep it, behind all others, but not beside one that it replaces. */
static void
keep_locked(struct procpool *pool, struct broadcast *broadcast)
{
	struct broadcast **at = &pool->broadcasts;

	while (*at != NULL) {
		struct broadcast *other = *at;

		if (other->function == broadcast->function &&
		    other->key == broadcast->key) {
			*at = other->next;
			pp_broadcast_unref(other);
		} else {
			at = &other->next;
		}
	}
	*at = broadcast;
}

int
pp_broadcast_begin_locked(
    struct procpool *pool, struct broadcast *broadcast, struct task_list *tasks)
{
	struct task *task;
	int i;

	for (i = 0; i < pool->n_jobs; i++) {
		if (pool->posts[i].vacant)
			continue;
		task = pp_book_blank_locked(pool);
		if (task == NULL) {
			pp_list_join(&pool->spare, tasks);
			return -ENOMEM;
		}
		task->worker = i;
		pp_list_push(tasks, task);
	}
	broadcast->turn = pool->last_task + 1;
	for (task = tasks->first; task != NULL; task = task->next)
		book_run_locked(pool, broadcast, task->worker, task);
	keep_locked(pool, broadcast);
	return 0;
}

void
pp_broadcast_take_waiting_locked(
    struct procpool *pool, int worker, struct task_list *waiting)
{
	struct queue *queue = &pool->queue;
	struct choice choice;

	while (pp_queue_choose(queue, worker, false, &choice) &&
	    choice.from->first->tie == TIE_BROADCAST)
		pp_list_push(waiting, pp_queue_take(queue, &choice));
}

/* Make a task for each that has none among those. */
static int
complete_locked(struct procpool *pool, int worker, struct task_list *waiting)
{
	struct broadcast *broadcast = pool->broadcasts;

	for (; broadcast != NULL; broadcast = broadcast->next) {
		struct task *task;

		if (broadcast->waits)
			continue;
		task = pp_book_blank_locked(pool);
		if (task == NULL)
			return -ENOMEM;
		book_run_locked(pool, broadcast, worker, task);
		pp_list_push(waiting, task);
	}
	return 0;
}

int
pp_broadcast_again_locked(struct procpool *pool, int worker)
{
	struct task_list waiting = { 0 };
	struct task *task;
	int rc;

	if (pool->broadcasts == NULL)
		return 0;
	pp_broadcast_take_waiting_locked(pool, worker, &waiting);
	for (task = waiting.first; task != NULL; task = task->next)
		task->broadcast->waits = true;
	rc = complete_locked(pool, worker, &waiting);
	while ((task = pp_list_pop(&waiting)) != NULL) {
		task->broadcast->waits = false;
		pp_queue_push(&pool->queue, task);
	}
	return rc;
}

void
pp_broadcast_forget_all_locked(struct procpool *pool)
{
	while (pool->broadcasts != NULL) {
		struct broadcast *broadcast = pool->broadcasts;

		pool->broadcasts = broadcast->next;
		pp_broadcast_unref(broadcast);
	}
}
