#include "engine/queue.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

void
pp_queue_done(struct queue *queue)
{
	free(queue->ring);
	*queue = (struct queue){ 0 };
}

/* Move everything to a larger ring. */
static void
unwind(struct queue *queue, struct queued *ring, size_t capacity)
{
	size_t i;

	for (i = 0; i < queue->count; i++)
		ring[i] =
		    queue->ring[(queue->first + i) & (queue->capacity - 1)];
	free(queue->ring);
	queue->ring = ring;
	queue->first = 0;
	queue->capacity = capacity;
}

int
pp_queue_reserve(struct queue *queue, size_t n)
{
	size_t capacity = queue->capacity > 0 ? queue->capacity : CAPACITY_MIN;
	struct queued *ring;

	if (n <= queue->capacity)
		return 0;
	while (capacity < n)
		capacity *= 2;
	ring = malloc(capacity * sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	unwind(queue, ring, capacity);
	return 0;
}

void
pp_queue_put_back(struct queue *queue, struct task_list *list)
{
	const size_t mask = queue->capacity - 1;
	size_t at = queue->first - list->count;
	struct task *task;

	if (list->count == 0)
		return;
	queue->first = at & mask;
	queue->count += list->count;
	queue->pushed += list->count;
	while ((task = pp_list_pop(list)) != NULL)
		queue->ring[at++ & mask] = (struct queued){ task, task->len };
}

void
pp_queue_empty(struct queue *queue, struct task_list *list)
{
	while (queue->count > 0)
		pp_list_push(list, pp_queue_pop(queue));
}
