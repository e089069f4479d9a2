#include "engine/queue.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

int
pp_queue_init(struct queue *queue, int workers)
{
	*queue = (struct queue){ .workers = workers };
	queue->own = calloc((size_t)workers, sizeof(*queue->own));
	return queue->own != NULL ? 0 : -ENOMEM;
}

void
pp_queue_done(struct queue *queue)
{
	free(queue->ring);
	free(queue->own);
	*queue = (struct queue){ 0 };
}

/* Move everything to a larger ring. */
static void
unwind(struct queue *queue, struct queued *ring, size_t capacity)
{
	size_t i;

	for (i = 0; i < queue->plain; i++)
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
pp_queue_push_ranked(struct queue *queue, struct task *task)
{
	queue->count++;
	if (task->tie != TIE_NONE) {
		pp_ranks_push(&queue->own[task->worker], task);
	} else {
		pp_ranks_push(&queue->ranked, task);
		queue->pushed++;
	}
}

/* Whether the first of the ranked ones goes before the first in the ring. */
static bool
goes_before_ring(const struct queue *queue, const struct task *task)
{
	const struct task *plain;

	if (task->priority != 0 || task->tie == TIE_BROADCAST)
		return task->priority >= 0;
	plain = queue->ring[queue->first].task;
	return task->turn < plain->id;
}

bool
pp_queue_choose_ranked(
    struct queue *queue, int worker, bool any, struct choice *choice)
{
	struct ranks *from = &queue->own[worker];

	if (any && queue->ranked.count > 0 &&
	    (from->count == 0 ||
		pp_ranks_before(queue->ranked.first, from->first)))
		from = &queue->ranked;
	if (any && queue->plain > 0 &&
	    (from->count == 0 || !goes_before_ring(queue, from->first)))
		*choice = (struct choice){ NULL, queue->ring[queue->first].len,
			true };
	else if (from->count > 0)
		*choice = (struct choice){ from, from->first->len,
			from == &queue->ranked };
	else
		return false;
	return true;
}

/* Put plain tasks in front of the ring. */
static void
put_back_plain(struct queue *queue, struct task_list *list)
{
	const size_t mask = queue->capacity - 1;
	size_t at = queue->first - list->count;
	struct task *task;

	if (list->count == 0)
		return;
	queue->first = at & mask;
	queue->plain += list->count;
	queue->count += list->count;
	queue->pushed += list->count;
	while ((task = pp_list_pop(list)) != NULL)
		queue->ring[at++ & mask] = (struct queued){ task, task->len };
}

void
pp_queue_put_back(struct queue *queue, struct task_list *list)
{
	struct task_list plain = { 0 };
	struct task *task;

	while ((task = pp_list_pop(list)) != NULL) {
		if (pp_task_is_plain(task))
			pp_list_push(&plain, task);
		else
			pp_queue_push_ranked(queue, task);
	}
	put_back_plain(queue, &plain);
}

/* Close the gap that a task leaves in the ring, from the nearer end. */
static void
close_gap(struct queue *queue, size_t i)
{
	const size_t mask = queue->capacity - 1;
	const size_t first = queue->first;
	struct queued *ring = queue->ring;

	queue->plain--;
	if (i > queue->plain / 2) {
		for (; i < queue->plain; i++)
			ring[(first + i) & mask] = ring[(first + i + 1) & mask];
		return;
	}
	for (; i > 0; i--)
		ring[(first + i) & mask] = ring[(first + i - 1) & mask];
	queue->first = (first + 1) & mask;
}

static bool
remove_plain(struct queue *queue, const struct task *task)
{
	const size_t mask = queue->capacity - 1;
	size_t i = 0;

	while (i < queue->plain &&
	    queue->ring[(queue->first + i) & mask].task != task)
		i++;
	if (i == queue->plain)
		return false;
	close_gap(queue, i);
	return true;
}

bool
pp_queue_remove(struct queue *queue, struct task *task)
{
	bool found;

	if (pp_task_is_plain(task))
		found = remove_plain(queue, task);
	else
		found = pp_ranks_remove(task->tie != TIE_NONE
			? &queue->own[task->worker]
			: &queue->ranked,
		    task);
	queue->count -= found;
	return found;
}

void
pp_queue_empty(struct queue *queue, struct task_list *list)
{
	struct choice choice;
	int i;

	for (i = 0; i < queue->workers; i++)
		while (pp_queue_choose(queue, i, true, &choice))
			pp_list_push(list, pp_queue_take(queue, &choice));
}
