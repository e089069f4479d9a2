#include "engine/future.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/depend.h"

int
pp_future_new(struct procpool_future **future, struct procpool *pool)
{
	struct procpool_future *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	rc = uv_mutex_init(&f->lock);
	if (rc < 0) {
		free(f);
		return rc;
	}
	f->pool = pool;
	f->home = pool->home;
	atomic_init(&f->refs, 1);
	*future = f;
	return 0;
}

void
pp_future_ref(struct procpool_future *future)
{
	atomic_fetch_add_explicit(&future->refs, 1, memory_order_relaxed);
}

void
pp_future_unref(struct procpool_future *future)
{
	if (atomic_fetch_sub(&future->refs, 1) > 1)
		return;
	if (future->task != NULL)
		pp_task_free(future->task);
	uv_mutex_destroy(&future->lock);
	free(future);
}

void
pp_future_give(struct procpool_future *future, struct task *task)
{
	pp_future_ref(future);
	future->task = task;
	task->future = future;
	task->owner = OWNER_FUTURE;
}

/* ------------------------------------------------------------- The end */

void
pp_future_settle(struct procpool *pool, struct task *task)
{
	struct procpool_future *future = task->future;

	uv_mutex_lock(&future->lock);
	if (future->unwanted && task->result.outcome != PROCPOOL_ECANCELLED) {
		pp_task_end(task, PROCPOOL_ECANCELLED);
		task->result.code = 0;
	}
	pp_task_keep(task, &pool->stock);
	future->settled = true;
	future->closed = task->done == NULL && future->thens == NULL;
	uv_mutex_unlock(&future->lock);
}

bool
pp_future_is_loud(const struct procpool_future *future)
{
	return !future->closed; /* nobody else closes it */
}

/* The next completion function; NULL when there is none, and it is closed. */
static struct then *
next_then(struct procpool_future *future)
{
	struct then *then;

	uv_mutex_lock(&future->lock);
	then = future->thens;
	if (then != NULL)
		future->thens = then->next;
	else
		future->closed = true;
	uv_mutex_unlock(&future->lock);
	return then;
}

void
pp_future_call_back(struct procpool_future *future)
{
	struct then *then;

	while ((then = next_then(future)) != NULL) {
		then->done(&future->task->result, then->user);
		free(then);
	}
}

/* ------------------------------------------------------------ Watchers */

bool
pp_future_watch(struct procpool_future *future, struct watcher *watcher)
{
	bool ended;

	uv_mutex_lock(&future->lock);
	ended = future->ended;
	if (!ended) {
		watcher->next = NULL;
		watcher->previous = future->last_watcher;
		if (watcher->previous != NULL)
			watcher->previous->next = watcher;
		else
			future->watchers = watcher;
		future->last_watcher = watcher;
		watcher->linked = true;
	}
	uv_mutex_unlock(&future->lock);
	return !ended;
}

static void
unlink_locked(struct procpool_future *future, struct watcher *watcher)
{
	if (watcher->previous != NULL)
		watcher->previous->next = watcher->next;
	else
		future->watchers = watcher->next;
	if (watcher->next != NULL)
		watcher->next->previous = watcher->previous;
	else
		future->last_watcher = watcher->previous;
	watcher->linked = false;
}

void
pp_future_unwatch(struct procpool_future *future, struct watcher *watcher)
{
	uv_mutex_lock(&future->lock);
	if (watcher->linked)
		unlink_locked(future, watcher);
	uv_mutex_unlock(&future->lock);
}

void
pp_waiter_tell(struct waiter *waiter)
{
	uv_mutex_lock(&waiter->lock);
	if (waiter->left > 0 && --waiter->left == 0)
		uv_cond_signal(&waiter->told);
	uv_mutex_unlock(&waiter->lock);
}

/* Tell the waiters, which are on the stacks of threads that wait for our lock
 * before they go on.  What is left are tasks: their first, in their order. */
static struct watcher *
tell_waiters_locked(struct procpool_future *future)
{
	struct watcher *watcher, *next;

	for (watcher = future->watchers; watcher != NULL; watcher = next) {
		next = watcher->next;
		if (watcher->waiter == NULL)
			continue;
		unlink_locked(future, watcher);
		pp_waiter_tell(watcher->waiter);
	}
	watcher = future->watchers;
	future->watchers = future->last_watcher = NULL;
	return watcher;
}

void
pp_future_end(struct procpool_future *future, struct task_list *ended)
{
	/* In a program of many pools the order is one for all. */
	static _Atomic uint64_t last;
	struct watcher *watcher, *next;

	uv_mutex_lock(&future->lock);
	future->ended = true;
	future->order = atomic_fetch_add(&last, 1) + 1;
	watcher = tell_waiters_locked(future);
	uv_mutex_unlock(&future->lock);
	for (; watcher != NULL; watcher = next) {
		next = watcher->next; /* it may go with the last input */
		pp_depend_tell(watcher, ended);
	}
	pp_future_unref(future);
}

/* ---------------------------------------------------------- Cancelling */

void
pp_future_sort_out_locked(struct task_list *tasks, struct task_list *unwanted)
{
	struct task_list wanted = { 0 };
	struct task *task;

	while ((task = pp_list_pop(tasks)) != NULL) {
		if (task->owner == OWNER_FUTURE && task->future->unwanted)
			pp_list_push(unwanted, task);
		else
			pp_list_push(&wanted, task);
	}
	*tasks = wanted;
}
