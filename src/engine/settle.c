#include "engine/settle.h"

#include <stdlib.h>
#include <string.h>

#include "engine/batch.h"
#include "engine/broadcast.h"
#include "engine/future.h"

#define DELIVER_ROUNDS 4 /* lists of callbacks before a monitor looks up */

/* What a list of settled tasks adds up to. */
struct tally {
	size_t tasks;
	size_t bytes;
	size_t open[2]; /* by epoch */
};

static uint64_t *
counter(struct procpool_stats *stats, int outcome)
{
	switch (outcome) {
	case 0:
		return &stats->succeeded;
	case PROCPOOL_ECRASHED:
	case PROCPOOL_EEXITED:
	case PROCPOOL_EDIED:
		return &stats->crashed;
	case PROCPOOL_EPROTOCOL:
		return &stats->protocol;
	case PROCPOOL_ELOST:
		return &stats->lost;
	case PROCPOOL_ESHUTDOWN:
	case PROCPOOL_EBROKEN:
		return &stats->shutdown;
	case PROCPOOL_ECANCELLED:
	case PROCPOOL_EDEPENDENCY:
		return &stats->cancelled;
	default:
		return &stats->failed;
	}
}

/* The outcomes that a worker is to blame for. */
static bool
is_failure(int outcome)
{
	return outcome != 0 && outcome != PROCPOOL_ESHUTDOWN &&
	    outcome != PROCPOOL_EBROKEN && outcome != PROCPOOL_ELOST &&
	    outcome != PROCPOOL_ECANCELLED;
}

/* What a list of results adds to the statistics. */
struct counts {
	struct procpool_stats stats;
	bool fruitful; /* a task succeeded, other than a broadcast */
	int worker; /* that ran them; -1 when none was */
	const char *failed; /* its name, when one failed */
};

/* Futures have the last word on how their tasks ended. */
static struct counts
add_up(struct procpool *pool, const struct task_list *ended)
{
	struct counts sum = { .worker = -1 };
	struct task *task;

	for (task = ended->first; task != NULL; task = task->next) {
		const struct procpool_result *result = &task->result;

		if (task->owner == OWNER_FUTURE)
			pp_future_settle(pool, task);
		(*counter(&sum.stats, result->outcome))++;
		if (result->outcome == 0 && task->tie != TIE_BROADCAST)
			sum.fruitful = true;
		sum.stats.bytes_out += result->len;
		sum.stats.busy_ns += result->ran_ns;
		if (result->worker >= 0)
			sum.worker = result->worker;
		if (result->worker >= 0 && is_failure(result->outcome))
			sum.failed = pool->worker_names[result->worker];
	}
	return sum;
}

/* Count results: the statistics change before anybody can see the result. */
static void
count(struct procpool *pool, const struct task_list *ended)
{
	const struct counts sum = add_up(pool, ended);
	struct procpool_stats *stats = &pool->stats;

	uv_mutex_lock(&pool->lock);
	stats->succeeded += sum.stats.succeeded;
	stats->failed += sum.stats.failed;
	stats->crashed += sum.stats.crashed;
	stats->protocol += sum.stats.protocol;
	stats->lost += sum.stats.lost;
	stats->shutdown += sum.stats.shutdown;
	stats->cancelled += sum.stats.cancelled;
	stats->bytes_out += sum.stats.bytes_out;
	stats->busy_ns += sum.stats.busy_ns;
	if (sum.worker >= 0)
		pool->busy_ns[sum.worker] += sum.stats.busy_ns;
	if (pool->first_failed == NULL)
		pool->first_failed = sum.failed;
	if (sum.fruitful)
		pool->restart.deaths = 0; /* it gets somewhere */
	uv_mutex_unlock(&pool->lock);
}

/* Make room for the tasks that come next.  Submitters that wait for it sleep
 * on until there is some for many: waking one for each task would cost more
 * than the task. */
static void
release_locked(struct procpool *pool, const struct tally *tally)
{
	pool->open_tasks -= tally->tasks;
	pool->open_bytes -= tally->bytes;
	if (pool->short_of_room > 0 && pp_pool_has_much_room_locked(pool))
		uv_cond_broadcast(&pool->room);
}

/* Tell drains that the tasks have ended in every respect. */
static void
leave_epochs_locked(struct procpool *pool, const struct tally *tally)
{
	size_t *open = pool->epochs.open;

	open[0] -= tally->open[0];
	open[1] -= tally->open[1];
	if (pool->waiting > 0 && (open[0] == 0 || open[1] == 0))
		uv_cond_broadcast(&pool->changed);
}

/* Hand a task to who keeps it.  It is not ours any more then.  Others that end
 * with it go to `more`. */
static void
hand_over(struct procpool *pool, struct task *task, struct task_list *more)
{
	if (task->owner == OWNER_FUTURE) {
		pp_future_end(task->future, more);
		return;
	}
	pp_task_keep(task, &pool->stock);
	if (task->owner == OWNER_CALLER) {
		struct caller *caller = task->caller;

		caller->task = task;
		uv_sem_post(&caller->ended);
	} else {
		pp_batch_fill(task->batch, task);
	}
}

static bool
is_kept(const struct task *task)
{
	return task->owner == OWNER_CALLER || task->owner == OWNER_BATCH ||
	    task->owner == OWNER_FUTURE;
}

/* A task that nobody keeps gives back what it has. */
static void
strip(struct procpool *pool, struct task *task)
{
	if (task->owner == OWNER_BROADCAST)
		pp_broadcast_unref(task->broadcast);
	if (task->heap != NULL)
		pp_stock_give(&pool->stock, pp_task_take_heap(task));
}

/* The end of tasks whose callbacks, if any, have run. */
static void
finish(struct procpool *pool, struct task_list *list, struct task_list *more)
{
	struct task_list spare = { 0 }, kept = { 0 };
	struct tally tally = { .tasks = list->count };
	struct task *task;

	if (list->count == 0)
		return;
	while ((task = pp_list_pop(list)) != NULL) {
		tally.bytes += task->len;
		tally.open[task->epoch % 2]++;
		if (is_kept(task)) {
			pp_list_push(&kept, task);
		} else {
			strip(pool, task);
			pp_list_push(&spare, task);
		}
	}
	uv_mutex_lock(&pool->lock);
	release_locked(pool, &tally);
	/* Those used last are used first: they are in the caches. */
	pp_list_join(&spare, &pool->spare);
	pool->spare = spare;
	if (kept.count > 0) {
		/* Who waits for a task finds room when it wakes up; who drains
		 * finds the task handed over. */
		uv_mutex_unlock(&pool->lock);
		while ((task = pp_list_pop(&kept)) != NULL)
			hand_over(pool, task, more);
		uv_mutex_lock(&pool->lock);
	}
	leave_epochs_locked(pool, &tally);
	uv_mutex_unlock(&pool->lock);
}

/* Whether anybody is to be called. */
static bool
is_loud(const struct task *task)
{
	return task->done != NULL ||
	    (task->owner == OWNER_FUTURE && pp_future_is_loud(task->future));
}

static void
settle(struct procpool *pool, struct task_list *ended, struct task_list *more)
{
	struct task_list quiet = { 0 }, loud = { 0 };
	struct task *task;

	count(pool, ended);
	while ((task = pp_list_pop(ended)) != NULL)
		pp_list_push(is_loud(task) ? &loud : &quiet, task);
	if (loud.count > 0) {
		uv_mutex_lock(&pool->deliveries.lock);
		pp_list_join(&pool->deliveries.due, &loud);
		uv_mutex_unlock(&pool->deliveries.lock);
	}
	finish(pool, &quiet, more);
}

void
pp_settle(struct procpool *pool, struct task_list *ended)
{
	/* However long a row of tasks is of which each waits for the one
	 * before: there is no recursion. */
	while (ended->count > 0) {
		struct task_list more = { 0 };

		settle(pool, ended, &more);
		*ended = more;
	}
}

void
pp_end_unrun(struct procpool *pool, struct task *task, int outcome)
{
	pp_task_blank_result(task);
	pp_task_end(task, outcome);
	if (outcome == PROCPOOL_EBROKEN)
		pp_task_message(task, pool->cause, strlen(pool->cause));
}

void
pp_settle_unrun(struct procpool *pool, struct task_list *list, int outcome)
{
	struct task *task;

	for (task = list->first; task != NULL; task = task->next)
		pp_end_unrun(pool, task, outcome);
	pp_settle(pool, list);
}

static void
call_back(struct procpool *pool, const struct task_list *list)
{
	struct inside here;
	const struct task *task;

	pp_go_inside(&here, pool);
	for (task = list->first; task != NULL; task = task->next) {
		if (task->done != NULL)
			task->done(&task->result, task->user);
		if (task->owner == OWNER_FUTURE)
			pp_future_call_back(task->future);
	}
	pp_come_out(&here);
}

bool
pp_deliver(struct procpool *pool)
{
	struct deliveries *d = &pool->deliveries;
	int rounds = DELIVER_ROUNDS;
	bool left;

	uv_mutex_lock(&d->lock);
	if (d->running) {
		uv_mutex_unlock(&d->lock);
		return false; /* whoever runs them sees ours too */
	}
	d->running = true;
	while (d->due.count > 0 && rounds-- > 0) {
		struct task_list list = { 0 }, more = { 0 };

		pp_list_join(&list, &d->due);
		uv_mutex_unlock(&d->lock);
		call_back(pool, &list);
		finish(pool, &list, &more);
		pp_settle(pool, &more);
		uv_mutex_lock(&d->lock);
	}
	d->running = false;
	left = d->due.count > 0;
	uv_mutex_unlock(&d->lock);
	return left;
}

void
pp_deliver_elsewhere(struct procpool *pool)
{
	struct deliveries *d = &pool->deliveries;
	bool any;

	uv_mutex_lock(&d->lock);
	any = d->due.count > 0;
	uv_mutex_unlock(&d->lock);
	if (any)
		pool->backend->call_back(pool);
}
