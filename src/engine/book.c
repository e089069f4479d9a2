#include "engine/book.h"

#include "base/clock.h"

#define STAMP_QUEUE 64 /* tasks in the queue from which times are shared */
#define STAMP_USES  16 /* tasks that share one */

struct task *
pp_book_blank_locked(struct procpool *pool)
{
	struct task *task = pp_list_pop(&pool->spare);

	if (task == NULL)
		task = pp_task_new();
	return task;
}

/*
 * The time of a submit.  With many tasks before it, a few submits in a row
 * share one reading of the clock, for a tick of the kernel's at most: it is a
 * good part of what a submit costs.
 */
static uint64_t
stamp_locked(struct procpool *pool)
{
	struct stamp *stamp = &pool->stamp;
	const uint64_t tick = pp_now_coarse();

	if (pool->queue.count < STAMP_QUEUE || stamp->tick != tick ||
	    stamp->uses++ >= STAMP_USES) {
		stamp->now = pp_now();
		stamp->tick = tick;
		stamp->uses = 0;
	}
	return stamp->now;
}

void
pp_book_locked(struct procpool *pool, struct task *task)
{
	task->id = ++pool->last_task;
	task->submitted = stamp_locked(pool);
	task->epoch = (uint8_t)pool->epochs.current;
	pool->epochs.open[task->epoch % 2]++;
	pool->open_tasks++;
	pool->open_bytes += task->len;
	pool->stats.submitted++;
	pool->stats.bytes_in += task->len;
}
