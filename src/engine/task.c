#include "engine/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/broadcast.h"

struct task *
pp_task_new(void)
{
	struct task *task =
	    aligned_alloc(_Alignof(struct task), sizeof(struct task));

	if (task != NULL)
		task->heap = NULL; /* the rest is filled in by a submit */
	return task;
}

void
pp_task_free(struct task *task)
{
	free(task->heap);
	free(task);
}

const void *
pp_task_lent_arg(const struct task *task)
{
	return task->owner == OWNER_BROADCAST ? task->broadcast->arg
					      : task->caller->arg;
}

struct block
pp_task_take_heap(struct task *task)
{
	const struct block block = { task->heap, task->heap_size };

	task->heap = NULL;
	task->heap_size = 0;
	return block;
}

char *
pp_task_room(struct task *task, size_t len, struct stock *stock)
{
	struct block block = pp_task_take_heap(task);

	if (block.memory == NULL || !pp_block_suits(&block, len)) {
		pp_stock_give(stock, block);
		block = pp_stock_take(stock, len);
	}
	task->heap = block.memory;
	task->heap_size = block.size;
	return block.memory;
}

void
pp_task_blank_result(struct task *task)
{
	task->result = (struct procpool_result){
		.task = task->id, .worker = -1, .worker_name = ""
	};
}

void
pp_task_end(struct task *task, int outcome)
{
	struct procpool_result *result = &task->result;

	result->outcome = outcome;
	result->message = "";
	result->data = task->space;
	result->len = 0;
	if (result->phase == PROCPOOL_QUEUED)
		result->queued_ns = pp_now() - task->submitted;
}

void
pp_task_keep(struct task *task, struct stock *stock)
{
	struct procpool_result *result = &task->result;

	if (task->heap != NULL && result->data != task->heap &&
	    result->message != task->heap)
		pp_stock_give(stock, pp_task_take_heap(task));
	(void)snprintf(task->worker_name, sizeof(task->worker_name), "%s",
	    result->worker_name);
	result->worker_name = task->worker_name;
}

void
pp_task_message(struct task *task, const char *text, size_t len)
{
	char *copy = task->space;

	/* The argument is no longer needed: its place serves the text. */
	if (len + 1 > PP_TASK_SPACE) {
		free(pp_task_take_heap(task).memory);
		task->heap = malloc(len + 1);
		copy = task->heap;
	}
	if (copy == NULL)
		return; /* the outcome and its code tell enough */
	memcpy(copy, text, len);
	copy[len] = '\0';
	task->result.message = copy;
}
