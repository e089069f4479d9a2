/*
 * Futures, as procpool.h has them; what they are is in engine/future.h.
 */
#include "engine/future.h"

#include <errno.h>
#include <stdlib.h>

#include "api/submit.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/depend.h"
#include "engine/settle.h"

#define FEW 16 /* for which no memory is allocated */

/* ------------------------------------------------------ Open and close */

static int
open_task(struct procpool_future **future, struct procpool *pool,
    const struct procpool_task *task)
{
	struct procpool_future *f;
	int rc;

	rc = pp_future_new(&f, pool);
	if (rc < 0)
		return rc;
	rc = pp_submit(pool, task, PATIENT, NULL, f);
	if (rc < 0) {
		pp_future_unref(f);
		return rc;
	}
	*future = f;
	return 0;
}

int
procpool_future_open_task(struct procpool_future **future,
    struct procpool *pool, const struct procpool_task *task)
{
	const int rc = pp_pool_check(pool);

	if (rc < 0)
		return rc;
	if (future == NULL || task == NULL)
		return PROCPOOL_ENULL;
	if (task->batch != NULL)
		return PROCPOOL_EFUTURE;
	return open_task(future, pool, task);
}

int
procpool_future_open(struct procpool_future **future, struct procpool *pool,
    const void *arg, size_t len)
{
	const struct procpool_task task = { .arg = arg, .len = len };

	return procpool_future_open_task(future, pool, &task);
}

/* Whether the future is that of another process, of which this is a copy.  Its
 * lock may be held there, and so for ever here. */
static bool
is_copy(const struct procpool_future *future)
{
	return !pp_at_home(&future->home);
}

static int
check(const struct procpool_future *future)
{
	if (future == NULL)
		return PROCPOOL_ENULL;
	return is_copy(future) ? PROCPOOL_EFORKED : 0;
}

struct procpool_future *
procpool_future_ref(struct procpool_future *future)
{
	if (check(future) == 0)
		pp_future_ref(future);
	return future;
}

void
procpool_future_close(struct procpool_future *future)
{
	if (check(future) == 0)
		pp_future_unref(future);
}

/* ------------------------------------------------------------- Waiting */

/* A callback of its pool need not wait for itself. */
static bool
is_ready_locked(const struct procpool_future *future)
{
	return future->ended || (future->settled && pp_is_inside(future->pool));
}

/* What several futures come to, taken one after the other. */
struct picture {
	size_t futures, ready;
	size_t ours; /* not ready, and of the pool that we are inside of */
	size_t first; /* of those that are ready; which one, */
	uint64_t order; /* and when it was */
};

static void
look_at(struct picture *picture, struct procpool_future *future, size_t index)
{
	picture->futures++;
	uv_mutex_lock(&future->lock);
	if (!is_ready_locked(future)) {
		/* It is not ready: so its pool is still there. */
		picture->ours += pp_is_inside(future->pool);
	} else {
		const uint64_t order =
		    future->ended ? future->order : UINT64_MAX;

		if (picture->ready == 0 || order < picture->order) {
			picture->first = index;
			picture->order = order;
		}
		picture->ready++;
	}
	uv_mutex_unlock(&future->lock);
}

static struct picture
look(struct procpool_future *const *futures, size_t n)
{
	struct picture picture = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		if (futures[i] != NULL)
			look_at(&picture, futures[i], i);
	return picture;
}

/* Whether there is nothing to wait for, or that would be for ourselves: 0 or
 * PROCPOOL_EDEADLOCK, or 1 when there is. */
static int
verdict(const struct picture *picture, bool all)
{
	const size_t missing = picture->futures - picture->ready;

	if (missing == 0 || (!all && picture->ready > 0))
		return 0;
	if (picture->ours > 0 && (all || picture->ours == missing))
		return PROCPOOL_EDEADLOCK;
	return 1;
}

static bool
is_ready(struct procpool_future *future)
{
	bool ready;

	uv_mutex_lock(&future->lock);
	ready = is_ready_locked(future);
	uv_mutex_unlock(&future->lock);
	return ready;
}

/* Have a waiter told of each that ends, or has ended by now. */
static void
watch(struct waiter *waiter, struct watcher *watchers,
    struct procpool_future *const *futures, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		watchers[i] = (struct watcher){ .waiter = waiter };
		if (futures[i] != NULL &&
		    (is_ready(futures[i]) ||
			!pp_future_watch(futures[i], &watchers[i])))
			pp_waiter_tell(waiter);
	}
}

static void
unwatch(
    struct watcher *watchers, struct procpool_future *const *futures, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (futures[i] != NULL)
			pp_future_unwatch(futures[i], &watchers[i]);
}

/* Sleep until so many have ended or the deadline is past: 0 or -errno. */
static int
sleep_on(struct watcher *watchers, struct procpool_future *const *futures,
    size_t n, size_t many, uint64_t deadline)
{
	struct waiter waiter = { .left = many };
	int rc = uv_mutex_init(&waiter.lock);

	if (rc < 0)
		return rc;
	rc = uv_cond_init(&waiter.told);
	if (rc < 0)
		goto fail_lock;
	watch(&waiter, watchers, futures, n);
	uv_mutex_lock(&waiter.lock);
	while (waiter.left > 0 && rc == 0)
		rc = pp_cond_wait(&waiter.told, &waiter.lock, deadline);
	uv_mutex_unlock(&waiter.lock);
	unwatch(watchers, futures, n);
	uv_cond_destroy(&waiter.told);
	rc = 0;

fail_lock:
	uv_mutex_destroy(&waiter.lock);
	return rc;
}

/* The same with memory for as many watchers as it takes. */
static int
sleep_on_many(struct procpool_future *const *futures, size_t n, size_t many,
    uint64_t deadline)
{
	struct watcher few[FEW], *watchers = few;
	int rc;

	if (n > FEW)
		watchers = calloc(n, sizeof(*watchers));
	if (watchers == NULL)
		return -ENOMEM;
	rc = sleep_on(watchers, futures, n, many, deadline);
	if (watchers != few)
		free(watchers);
	return rc;
}

/*
 * Wait, and take a last picture.  Of two that became ready while it was taken
 * the later may be in it, and the earlier not; so where the order matters it is
 * taken twice: what was ready before something in the first is in the second.
 */
static int
wait_for(struct procpool_future *const *futures, size_t n, bool all,
    int64_t timeout_ms, struct picture *picture)
{
	const uint64_t deadline = pp_deadline(timeout_ms);
	int rc;

	*picture = look(futures, n);
	rc = verdict(picture, all);
	if (rc == 1 && timeout_ms != 0) {
		rc = sleep_on_many(
		    futures, n, all ? picture->futures : 1, deadline);
		if (rc < 0)
			return rc;
		*picture = look(futures, n);
		rc = verdict(picture, all);
	}
	if (rc == 0 && !all)
		*picture = look(futures, n);
	return rc == 1 ? PROCPOOL_ETIMEDOUT : rc;
}

static int
check_all(struct procpool_future *const *futures, size_t n)
{
	size_t i;

	if (futures == NULL && n > 0)
		return PROCPOOL_ENULL;
	for (i = 0; i < n; i++)
		if (futures[i] != NULL && is_copy(futures[i]))
			return PROCPOOL_EFORKED;
	return 0;
}

/* With references, as others may close what we wait for; and a thread that is
 * cancelled meanwhile ends the call first. */
static int
wait_with(struct procpool_future *const *futures, size_t n, bool all,
    int64_t timeout_ms, struct picture *picture)
{
	const int cancel = pp_cancel_defer();
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		(void)procpool_future_ref(futures[i]);
	rc = wait_for(futures, n, all, timeout_ms, picture);
	for (i = 0; i < n; i++)
		procpool_future_close(futures[i]);
	pp_cancel_restore(cancel);
	return rc;
}

int
procpool_future_wait_all(
    struct procpool_future *const *futures, size_t n, int64_t timeout_ms)
{
	struct picture picture;
	const int rc = check_all(futures, n);

	return rc < 0 ? rc : wait_with(futures, n, true, timeout_ms, &picture);
}

int
procpool_future_wait(struct procpool_future *future, int64_t timeout_ms)
{
	if (future == NULL)
		return PROCPOOL_ENULL;
	return procpool_future_wait_all(&future, 1, timeout_ms);
}

int
procpool_future_wait_any(struct procpool_future *const *futures, size_t n,
    int64_t timeout_ms, size_t *index)
{
	struct picture picture;
	int rc = check_all(futures, n);

	if (rc < 0 || index == NULL)
		return rc < 0 ? rc : PROCPOOL_ENULL;
	rc = wait_with(futures, n, false, timeout_ms, &picture);
	if (picture.futures == 0)
		return PROCPOOL_ENULL;
	if (rc == 0)
		*index = picture.first;
	return rc;
}

/* ----------------------------------------------------------- The result */

int
procpool_future_is_ready(struct procpool_future *future)
{
	return check(future) == 0 && is_ready(future);
}

int
procpool_future_result(
    struct procpool_future *future, const struct procpool_result **result)
{
	const int rc = check(future);

	if (rc < 0 || result == NULL)
		return rc < 0 ? rc : PROCPOOL_ENULL;
	if (!is_ready(future))
		return PROCPOOL_EPENDING;
	*result = &future->task->result;
	return 0;
}

/* Behind all others: false when it is too late. */
static bool
attach(struct procpool_future *future, struct then *then)
{
	bool closed;

	uv_mutex_lock(&future->lock);
	closed = future->closed;
	if (!closed && future->thens != NULL)
		future->last_then->next = then;
	else if (!closed)
		future->thens = then;
	if (!closed)
		future->last_then = then;
	uv_mutex_unlock(&future->lock);
	return !closed;
}

int
procpool_future_then(
    struct procpool_future *future, procpool_done_fn done, void *user)
{
	struct then *then;
	const int rc = check(future);

	if (rc < 0 || done == NULL)
		return rc < 0 ? rc : PROCPOOL_ENULL;
	then = malloc(sizeof(*then));
	if (then == NULL)
		return -ENOMEM;
	*then = (struct then){ .done = done, .user = user };
	if (attach(future, then))
		return 0;
	free(then);
	done(&future->task->result, user);
	return 0;
}

/* ---------------------------------------------------------- Cancelling */

/* The task is marked: end it, wherever it is.  By a visitor. */
static void
end_cancelled(struct procpool *pool, struct task *task, bool found)
{
	struct task_list list = { 0 };

	if (found)
		pp_list_push(&list, task);
	else
		pool->backend->cancel(pool, task, &list);
	pp_settle_unrun(pool, &list, PROCPOOL_ECANCELLED);
	pp_deliver_elsewhere(pool);
	pp_pool_end_visit(pool);
}

/*
 * Mark the task, in the moment in which it is looked for in the queue: it can
 * not get there any more.  A pool that ends has it end soon anyway.  The lock
 * is the future's, and is given back: as long as it is held, the task has not
 * been settled, and the pool is there.
 */
static void
cancel_locked(struct procpool_future *future)
{
	struct procpool *pool = future->pool;
	struct task *task = future->task;
	bool found = false, visit;

	uv_mutex_lock(&pool->lock);
	future->unwanted = true;
	visit = pp_pool_serves_locked(pool);
	if (visit) {
		pp_pool_visit_locked(pool);
		found = pp_depend_remove_locked(pool, task) ||
		    pp_queue_remove(&pool->queue, task);
	}
	uv_mutex_unlock(&pool->lock);
	uv_mutex_unlock(&future->lock);
	if (visit)
		end_cancelled(pool, task, found);
}

int
procpool_future_cancel(struct procpool_future *future)
{
	const int rc = check(future);
	bool settled;
	int cancel;

	if (rc < 0)
		return rc;
	cancel = pp_cancel_defer();
	uv_mutex_lock(&future->lock);
	settled = future->settled;
	if (settled || future->unwanted)
		uv_mutex_unlock(&future->lock);
	else
		cancel_locked(future);
	pp_cancel_restore(cancel);
	return settled ? PROCPOOL_EENDED : 0;
}
