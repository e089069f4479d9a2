#include "engine/depend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/posts.h"
#include "engine/settle.h"
#include "rules/bundle.h"

/* What is linked into an input. */
struct edge {
	struct watcher watcher;
	struct dependent *dependent;
	struct procpool_future *input; /* a reference */
};

struct dependent {
	struct procpool *pool;
	_Atomic size_t pending; /* inputs, and who begins it */
	size_t n;

	/* Under the pool's lock. */
	struct task *task; /* NULL: it is parked no more */
	struct dependent *next, *previous; /* those that are parked */

	struct edge edges[];
};

struct dependent *
pp_depend_new(
    struct procpool *pool, struct procpool_future *const *inputs, size_t n)
{
	struct dependent *d;
	size_t i;

	if (n > (SIZE_MAX - sizeof(*d)) / sizeof(d->edges[0]))
		return NULL;
	d = calloc(1, sizeof(*d) + n * sizeof(d->edges[0]));
	if (d == NULL)
		return NULL;
	d->pool = pool;
	d->n = n;
	atomic_init(&d->pending, n + 1);
	for (i = 0; i < n; i++) {
		d->edges[i].dependent = d;
		d->edges[i].input = inputs[i];
		pp_future_ref(inputs[i]);
	}
	return d;
}

void
pp_depend_drop(struct dependent *d)
{
	size_t i;

	if (d == NULL)
		return;
	for (i = 0; i < d->n; i++)
		pp_future_unref(d->edges[i].input);
	free(d);
}

/* ------------------------------------------------------------- Parking */

void
pp_depend_park_locked(struct dependent *d, struct task *task)
{
	struct procpool *pool = d->pool;

	d->task = task;
	d->next = pool->parked;
	if (d->next != NULL)
		d->next->previous = d;
	pool->parked = d;
	pool->n_parked++;
}

/* NULL when somebody else was first. */
static struct task *
take_locked(struct dependent *d)
{
	struct procpool *pool = d->pool;
	struct task *task = d->task;

	if (task == NULL)
		return NULL;
	if (d->previous != NULL)
		d->previous->next = d->next;
	else
		pool->parked = d->next;
	if (d->next != NULL)
		d->next->previous = d->previous;
	pool->n_parked--;
	d->task = NULL;
	return task;
}

static struct task *
take(struct dependent *d)
{
	struct task *task;

	uv_mutex_lock(&d->pool->lock);
	task = take_locked(d);
	uv_mutex_unlock(&d->pool->lock);
	return task;
}

bool
pp_depend_remove_locked(struct procpool *pool, const struct task *task)
{
	struct dependent *d = pool->parked;

	while (d != NULL && d->task != task)
		d = d->next;
	return d != NULL && take_locked(d) != NULL;
}

void
pp_depend_empty_locked(struct procpool *pool, struct task_list *list)
{
	struct task *task;

	/* Each that is in the list has its task. */
	while (
	    pool->parked != NULL && (task = take_locked(pool->parked)) != NULL)
		pp_list_push(list, task);
}

/* ------------------------------------------------------------ The end */

/* End the task, unless that has happened: this input has failed. */
static void
fail(const struct edge *edge, struct task_list *ended)
{
	struct dependent *d = edge->dependent;
	const struct procpool_result *why = &edge->input->task->result;
	struct task *task = take(d);
	char text[PP_TEXT_MAX + 1];
	int len;

	if (task == NULL)
		return;
	len = snprintf(text, sizeof(text),
	    "input %zu (task %llu) ended with %s%s%s",
	    (size_t)(edge - d->edges), (unsigned long long)why->task,
	    procpool_errname(why->outcome), why->message[0] != '\0' ? ": " : "",
	    why->message);
	pp_end_unrun(d->pool, task, PROCPOOL_EDEPENDENCY);
	pp_task_message(
	    task, text, len > PP_TEXT_MAX ? PP_TEXT_MAX : (size_t)len);
	pp_list_push(ended, task);
}

/* The bytes of the argument and of all inputs, and what they take when each is
 * padded: whether they are not too many. */
static bool
add_up(const struct dependent *d, const struct task *task, size_t *padded)
{
	const uint64_t most = d->pool->options.max_payload;
	uint64_t sum = task->len;
	size_t i;

	*padded = (size_t)pp_padded(task->len);
	for (i = 0; i < d->n && sum <= most; i++) {
		const size_t len = d->edges[i].input->task->result.len;

		sum += len;
		*padded += (size_t)pp_padded(len);
	}
	return sum <= most;
}

/* Make one payload of the argument and all inputs: 0 or why not. */
static int
bundle(const struct dependent *d, const struct task *task, struct block *block,
    size_t *size)
{
	size_t i, padded;

	if (!add_up(d, task, &padded))
		return PROCPOOL_ETOOBIG;
	*size = pp_bundle_size(d->n, padded);
	*block = pp_stock_take(&d->pool->stock, *size);
	if (block->memory == NULL)
		return -ENOMEM;
	pp_bundle_begin(block->memory, d->n, pp_task_arg(task), task->len);
	for (i = 0; i < d->n; i++) {
		const struct procpool_result *input =
		    &d->edges[i].input->task->result;

		pp_bundle_add(block->memory, i, input->data, input->len);
	}
	return 0;
}

/* The bundle takes the argument's place, in the books too. */
static void
replace_argument_locked(
    struct procpool *pool, struct task *task, struct block block, size_t size)
{
	pp_stock_give(&pool->stock, pp_task_take_heap(task));
	pool->open_bytes += size - task->len;
	task->len = size;
	task->heap = block.memory;
	task->heap_size = block.size;
	task->bundled = true;
}

/* Put a task in the queue, as if it had come now, unless it is too late. */
static void
enqueue(struct procpool *pool, struct task *task, struct block block,
    size_t size, struct task_list *ended)
{
	struct task_list list = { 0 }, unwanted = { 0 };
	int verdict = PROCPOOL_ECANCELLED;

	pp_list_push(&list, task);
	uv_mutex_lock(&pool->lock);
	replace_argument_locked(pool, task, block, size);
	pp_future_sort_out_locked(&list, &unwanted);
	if (!pp_pool_serves_locked(pool))
		verdict = pp_pool_verdict_locked(pool);
	else if (list.count > 0)
		verdict = 0;
	if (verdict == 0) {
		if (!pp_task_is_plain(task))
			task->turn = pool->last_task;
		if (task->tie == TIE_KEY)
			pp_posts_retie_locked(pool, task);
		pool->backend->accept(pool, &list);
		return;
	}
	uv_mutex_unlock(&pool->lock);
	pp_end_unrun(pool, task, verdict);
	pp_list_push(ended, task);
}

/* All inputs have ended. */
static void
release(struct dependent *d, struct task_list *ended)
{
	struct procpool *pool = d->pool;
	struct task *task = take(d);
	struct block block = { 0 };
	size_t size = 0;
	int rc = 0;

	if (task != NULL)
		rc = bundle(d, task, &block, &size);
	pp_depend_drop(d);
	if (task != NULL && rc == 0) {
		enqueue(pool, task, block, size, ended);
	} else if (task != NULL) {
		pp_end_unrun(pool, task, rc);
		pp_list_push(ended, task);
	}
}

static void
count_down(struct dependent *d, struct task_list *ended)
{
	if (atomic_fetch_sub(&d->pending, 1) == 1)
		release(d, ended);
}

static void
input_ended(const struct edge *edge, struct task_list *ended)
{
	if (edge->input->task->result.outcome != 0)
		fail(edge, ended);
	count_down(edge->dependent, ended);
}

void
pp_depend_tell(struct watcher *watcher, struct task_list *ended)
{
	input_ended((const struct edge *)watcher, ended);
}

void
pp_depend_begin(struct dependent *d, struct task_list *ended)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!pp_future_watch(d->edges[i].input, &d->edges[i].watcher))
			input_ended(&d->edges[i], ended);
	count_down(d, ended);
}
