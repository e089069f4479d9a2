/*
 * A task and its result are one object.  It is made by submit, moves between
 * lists (queued, in flight, to be called back), and at its settlement goes to
 * its front end: a batch and a blocking caller keep it, everything else gives
 * it back to its pool for the next submit.
 *
 * One thread at a time has a task; whoever has the list it is in.
 */
#ifndef PP_ENGINE_TASK_H
#define PP_ENGINE_TASK_H

#include <procpool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "engine/stock.h"
#include "rules/frame.h"

#define PP_TASK_SPACE 48 /* bytes kept in the task itself */
#define PP_NAME_MAX   48 /* a worker's name, with its final zero */

/* Somebody who waits for one task. */
struct caller {
	const void *arg; /* which need not be copied meanwhile */
	uv_sem_t ended;
	struct task *task; /* set before the semaphore is posted */
};

/* Who gets the task in the end. */
enum owner {
	OWNER_NONE, /* nobody: it is used again */
	OWNER_CALLER,
	OWNER_BATCH,
	OWNER_FUTURE,
	OWNER_BROADCAST /* nobody: it only has a share in the argument */
};

/* What ties a task to one worker. */
enum tie {
	TIE_NONE, /* nothing: any may run it */
	TIE_KEY,
	TIE_BROADCAST
};

/*
 * What a submit writes is in the first two cache lines, what a result writes
 * in the others: they are written by different CPUs.
 */
struct task {
	_Alignas(64) struct task *next;
	procpool_job_fn function; /* NULL: the entry point */
	procpool_done_fn done;
	void *user;
	uint64_t submitted; /* ns */
	size_t len; /* of the argument */
	union {
		struct caller *caller;
		struct procpool_batch *batch; /* one reference */
		struct procpool_future *future; /* likewise */
		struct broadcast *broadcast; /* likewise */
	};
	int32_t priority;
	uint8_t tie; /* enum tie */
	uint8_t owner; /* enum owner */
	uint8_t epoch; /* which drains wait for it: its last bits */
	bool bundled; /* the argument has those of its inputs with it */

	uint64_t id;
	void *heap; /* what space is too small for: argument, then result */
	_Alignas(PP_ALIGN) char space[PP_TASK_SPACE];

	struct procpool_result result;
	size_t index; /* in the batch */
	size_t heap_size; /* 0: not of a stock */

	/* Of a task that is not plain: its order among others, the worker that
	 * it is tied to (and the home of its key), and its place among those
	 * that wait. */
	uint64_t turn;
	int worker, home;
	unsigned height;
	struct task *left, *right;

	/* Its worker's name, for a result that may outlive the pool. */
	char worker_name[PP_NAME_MAX];
};

_Static_assert(offsetof(struct task, result) == 128, "two cache lines");

/* Whether it is like any other: nearly all are. */
static inline bool
pp_task_is_plain(const struct task *task)
{
	return (task->priority | task->tie) == 0;
}

/* Whether it may have to go before tasks that came earlier, or after ones that
 * came later. */
static inline bool
pp_task_presses(const struct task *task)
{
	return task->priority != 0 || task->tie == TIE_BROADCAST;
}

/* The bytes of an argument that neither space nor heap has: the caller's or the
 * broadcast's. */
const void *pp_task_lent_arg(const struct task *task);

/* The argument's bytes, wherever they are. */
static inline const void *
pp_task_arg(const struct task *task)
{
	if (task->heap != NULL)
		return task->heap;
	return task->len <= PP_TASK_SPACE ? task->space
					  : pp_task_lent_arg(task);
}

/* First in, first out; pushed back in front when a task must go again. */
struct task_list {
	struct task *first, *last;
	size_t count;
};

static inline void
pp_list_push(struct task_list *list, struct task *task)
{
	task->next = NULL;
	if (list->first == NULL)
		list->first = task;
	else
		list->last->next = task;
	list->last = task;
	list->count++;
}

static inline void
pp_list_push_front(struct task_list *list, struct task *task)
{
	task->next = list->first;
	if (list->first == NULL)
		list->last = task;
	list->first = task;
	list->count++;
}

static inline struct task *
pp_list_pop(struct task_list *list)
{
	struct task *task = list->first;

	if (task != NULL) {
		list->first = task->next;
		list->count--;
	}
	return task;
}

/* Move all of `from` behind `to`. */
static inline void
pp_list_join(struct task_list *to, struct task_list *from)
{
	if (from->first == NULL)
		return;
	if (to->first == NULL)
		to->first = from->first;
	else
		to->last->next = from->first;
	to->last = from->last;
	to->count += from->count;
	*from = (struct task_list){ 0 };
}

/* A task's memory; NULL when there is none. */
struct task *pp_task_new(void);

void pp_task_free(struct task *task);

/* The task whose result it is, in a callback for example. */
static inline struct task *
pp_task_of(const struct procpool_result *result)
{
	return (struct task *)((char *)result - offsetof(struct task, result));
}

/* Take the heap memory out of a task. */
struct block pp_task_take_heap(struct task *task);

/* Have heap memory for so many bytes: NULL when there is none.  What it has is
 * kept when it suits, else it goes back to the stock. */
char *pp_task_room(struct task *task, size_t len, struct stock *stock);

/* A result that says: never run, by nobody. */
void pp_task_blank_result(struct task *task);

/* Say how a task ended: the outcome, with no data and no text, which may be set
 * then. */
void pp_task_end(struct task *task, int outcome);

/* The result is its keeper's from now on: what the argument took goes back,
 * unless the result is there now, and no name is the pool's. */
void pp_task_keep(struct task *task, struct stock *stock);

/* Set the result's text; without memory for a long one it stays empty. */
void pp_task_message(struct task *task, const char *text, size_t len);

#endif
