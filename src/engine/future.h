/*
 * A future: one task's place after its end, and those who wait for it.  It is
 * shared by who holds references, its unfinished task, and the tasks that have
 * it for an input, and outlives its pool.
 *
 * It comes to its end in three steps:
 *
 *   settled   the outcome is known: callbacks may read it, and it is too late
 *             to cancel
 *   closed    its completion functions have returned: who attaches one later
 *             runs it
 *   ended     it is ready: who waits is told
 */
#ifndef PP_ENGINE_FUTURE_H
#define PP_ENGINE_FUTURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/home.h"
#include "engine/pool.h"

/* A completion function that is attached. */
struct then {
	struct then *next;
	procpool_done_fn done;
	void *user;
};

/* A thread that waits for one or several futures. */
struct waiter {
	uv_mutex_t lock; /* after a future's */
	uv_cond_t told;
	size_t left; /* under lock: how many are to end before it goes on */
};

/* What is told of a future's end: a waiter, or a task of which it is an input.
 * It is linked into one future, and neither allocated nor freed there. */
struct watcher {
	struct waiter *waiter; /* NULL: it is a task's */

	/* Under the future's lock. */
	struct watcher *next, *previous;
	bool linked;
};

struct procpool_future {
	/* Set once. */
	struct procpool *pool;
	struct home home;
	struct task *task; /* somebody else's until settled */

	_Atomic unsigned refs;

	/* Not the pool's lock may be held when it is taken, but that may be
	 * taken with it. */
	uv_mutex_t lock;

	/* Under lock. */
	bool settled, closed, ended;
	uint64_t order; /* of its end, among all futures */
	struct then *thens, *last_then;
	struct watcher *watchers, *last_watcher;

	/* Changed under both locks. */
	bool unwanted; /* it was cancelled */
};

/* Make a future with one reference: 0 or -errno. */
int pp_future_new(struct procpool_future **future, struct procpool *pool);

void pp_future_ref(struct procpool_future *future);
void pp_future_unref(struct procpool_future *future);

/* Give it its task, which gets a reference. */
void pp_future_give(struct procpool_future *future, struct task *task);

/* A task with a future has its result: it is the one that stands, unless the
 * task was cancelled before. */
void pp_future_settle(struct procpool *pool, struct task *task);

/* Whether its completion functions are to be called, or its task's callback.
 * By who settled it. */
bool pp_future_is_loud(const struct procpool_future *future);

/* Call its completion functions. */
void pp_future_call_back(struct procpool_future *future);

/* It is ready: takes the task, and its reference.  Tasks that it was an input
 * of and that end with it go to `ended`. */
void pp_future_end(struct procpool_future *future, struct task_list *ended);

/* One less is to end. */
void pp_waiter_tell(struct waiter *waiter);

/* Link a watcher, behind all others, unless the future has ended: whether it
 * had not. */
bool pp_future_watch(struct procpool_future *future, struct watcher *watcher);
void pp_future_unwatch(struct procpool_future *future, struct watcher *watcher);

/* Move tasks that were cancelled meanwhile to another list; the pool's lock is
 * held. */
void pp_future_sort_out_locked(
    struct task_list *tasks, struct task_list *unwanted);

#endif
