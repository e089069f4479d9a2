/*
 * The queue: tasks that were accepted and given to no worker yet.
 *
 *   ring     for any worker, of priority 0: nearly always all there are
 *   ranked   for any worker, of other priorities
 *   own      for one worker only: those with a key, and broadcasts
 *
 * What a taker needs to decide is in the ring, beside the pointer, so that the
 * lock is not held while tasks are fetched from the memory of another CPU.
 */
#ifndef PP_ENGINE_QUEUE_H
#define PP_ENGINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/ranks.h"
#include "engine/task.h"

struct queue {
	struct queued {
		struct task *task;
		size_t len; /* of its argument */
	} * ring;
	size_t first, plain; /* how many are in the ring */
	size_t capacity; /* a power of two, or 0 */
	struct ranks ranked;
	struct ranks *own; /* one for each worker, by index */
	int workers;
	size_t count; /* all of them */
	uint64_t pushed; /* tasks for any worker ever put in */
};

/* Make an empty queue for so many workers: 0 or -ENOMEM. */
int pp_queue_init(struct queue *queue, int workers);
void pp_queue_done(struct queue *queue);

/* Have room for n tasks in the ring: 0 or -ENOMEM. */
int pp_queue_reserve(struct queue *queue, size_t n);

/* Add a task that is not plain. */
void pp_queue_push_ranked(struct queue *queue, struct task *task);

/* Add at the end of its kind; room must have been reserved. */
static inline void
pp_queue_push(struct queue *queue, struct task *task)
{
	const size_t mask = queue->capacity - 1;

	if (!pp_task_is_plain(task)) {
		pp_queue_push_ranked(queue, task);
		return;
	}
	queue->count++;
	queue->pushed++;
	queue->ring[(queue->first + queue->plain++) & mask] =
	    (struct queued){ task, task->len };
}

/* How many wait that any worker may run. */
static inline size_t
pp_queue_shared(const struct queue *queue)
{
	return queue->plain + queue->ranked.count;
}

/* Whether any wait that only this worker may run. */
static inline bool
pp_queue_has_own(const struct queue *queue, int worker)
{
	return queue->count > queue->plain && queue->own[worker].count > 0;
}

/* Whether any wait that a worker may run. */
static inline bool
pp_queue_has_for(const struct queue *queue, int worker)
{
	return pp_queue_shared(queue) > 0 || pp_queue_has_own(queue, worker);
}

/* Whether any wait that a worker may run and that are to go before others. */
static inline bool
pp_queue_presses(const struct queue *queue, int worker)
{
	return queue->count > queue->plain &&
	    (queue->ranked.count > 0 || queue->own[worker].pressing > 0);
}

/* The task that a worker is to be given next. */
struct choice {
	struct ranks *from; /* NULL: the ring */
	size_t len; /* of its argument */
	bool shared; /* any worker may run it */
};

/* The same where not all tasks are plain. */
bool pp_queue_choose_ranked(
    struct queue *queue, int worker, bool any, struct choice *choice);

/* Choose what a worker is to be given next, with what any may run or without:
 * false when there is nothing. */
static inline bool
pp_queue_choose(
    struct queue *queue, int worker, bool any, struct choice *choice)
{
	if (queue->count > queue->plain)
		return pp_queue_choose_ranked(queue, worker, any, choice);
	if (queue->plain == 0 || !any)
		return false;
	*choice = (struct choice){ NULL, queue->ring[queue->first].len, true };
	return true;
}

/* Take out what was chosen, with nothing done to the queue in between. */
static inline struct task *
pp_queue_take(struct queue *queue, const struct choice *choice)
{
	struct task *task;

	queue->count--;
	if (choice->from != NULL)
		return pp_ranks_pop(choice->from);
	task = queue->ring[queue->first].task;
	queue->first = (queue->first + 1) & (queue->capacity - 1);
	queue->plain--;
	return task;
}

/* Take out one, wherever it is: whether it was there. */
bool pp_queue_remove(struct queue *queue, struct task *task);

/* Put a list in front of all others of its kind, in its order, and empty it;
 * room must have been reserved. */
void pp_queue_put_back(struct queue *queue, struct task_list *list);

/* Move all to the end of a list. */
void pp_queue_empty(struct queue *queue, struct task_list *list);

#endif
