/*
 * The queue: tasks that were accepted and given to no worker yet, in a ring of
 * pointers.  What a taker needs to decide is in the ring, beside the pointer,
 * so that the lock is not held while tasks are fetched from the memory of
 * another CPU.
 */
#ifndef PP_ENGINE_QUEUE_H
#define PP_ENGINE_QUEUE_H

#include <stddef.h>

#include "engine/task.h"

struct queue {
	struct queued {
		struct task *task;
		size_t len; /* of its argument */
	} * ring;
	size_t first, count;
	size_t capacity; /* a power of two, or 0 */
	uint64_t pushed; /* tasks ever put in */
};

void pp_queue_done(struct queue *queue);

/* Have room for n tasks in all: 0 or -ENOMEM. */
int pp_queue_reserve(struct queue *queue, size_t n);

/* Add at the end; room must have been reserved. */
static inline void
pp_queue_push(struct queue *queue, struct task *task)
{
	const size_t mask = queue->capacity - 1;

	queue->pushed++;
	queue->ring[(queue->first + queue->count++) & mask] =
	    (struct queued){ task, task->len };
}

/* The length of the first one's argument; the queue must not be empty. */
static inline size_t
pp_queue_first_len(const struct queue *queue)
{
	return queue->ring[queue->first].len;
}

/* Take the first one out; the queue must not be empty. */
static inline struct task *
pp_queue_pop(struct queue *queue)
{
	struct task *task = queue->ring[queue->first].task;

	queue->first = (queue->first + 1) & (queue->capacity - 1);
	queue->count--;
	return task;
}

/* Put a list in front of all others, in its order, and empty it; room must
 * have been reserved. */
void pp_queue_put_back(struct queue *queue, struct task_list *list);

/* Move all to the end of a list. */
void pp_queue_empty(struct queue *queue, struct task_list *list);

#endif
