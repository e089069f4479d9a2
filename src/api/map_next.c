/*
 * A map gives results: items are drawn, submitted like any other task, and their
 * results are handed out, all in the thread that asks for the next one.  So a
 * map needs no thread of its own, and a consumer that stalls stops its sources.
 *
 * Results are kept by the callbacks of the tasks, in slots, and found through
 * the window.  What callbacks use outlives the map, until the last one has run:
 * a map that is closed does not wait for a pool of the user's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/map_parts.h"
#include "base/clock.h"
#include "engine/pool.h"

#define RETRY_MS 5 /* how often a pool full of others' tasks is asked again */

/* ---------------------------------------------------------------- Results */

static void
destroy(struct procpool_map *map)
{
	size_t i;

	for (i = 0; i < map->n_used; i++)
		free(map->slots[i].heap.memory);
	free(map->slots);
	pp_window_done(&map->window);
	uv_mutex_destroy(&map->turning);
	uv_cond_destroy(&map->changed);
	uv_mutex_destroy(&map->lock);
	free(map);
}

void
pp_map_unbalance(struct procpool_map *map, int64_t by)
{
	if (atomic_fetch_sub(&map->balance, by) == by)
		destroy(map);
}

static void
wake(struct procpool_map *map)
{
	uv_mutex_lock(&map->lock);
	uv_cond_broadcast(&map->changed);
	uv_mutex_unlock(&map->lock);
}

/* Take over what a result points to, from the task that goes back to its
 * pool. */
static void
keep(struct slot *slot, struct task *task)
{
	struct procpool_result *result = &slot->result;
	const bool is_text = task->result.message == task->space;

	*result = task->result;
	if (task->heap != NULL &&
	    (result->data == task->heap || result->message == task->heap))
		slot->heap = pp_task_take_heap(task);
	if (result->data == task->space)
		result->data = slot->space;
	if (is_text)
		result->message = slot->space;
	if (is_text || (result->data == slot->space && result->len > 0))
		memcpy(slot->space, task->space, sizeof(slot->space));
}

/* Put a result in its place. */
static void
put(struct procpool_map *map, struct slot *slot)
{
	if (map->max_bytes > 0)
		atomic_fetch_add(&map->bytes, slot->result.len - slot->len);
	pp_window_put(&map->window, slot->index, slot);
}

static void settle(const struct procpool_result *result, void *user);

/* Whether the callback that runs next, at once, is one of this map too: results
 * that came together wake the consumer once. */
static bool
more_follow(const struct procpool_map *map, const struct task *task)
{
	const struct task *next = task->next;

	return next != NULL && next->done == settle &&
	    ((const struct slot *)next->user)->map == map;
}

/*
 * Whether the consumer sleeps and need not any more.  Both sides change the word
 * as one step, so one of them sees what the other did before: this one that it
 * is awaited, or that one the result.
 */
static bool
is_awaited(struct procpool_map *map)
{
	const uint64_t awaited = atomic_fetch_add(&map->awaited, 0);

	return awaited > 0 && pp_window_has(&map->window, awaited - 1);
}

/* A procpool_done_fn. */
static void
settle(const struct procpool_result *result, void *user)
{
	struct slot *slot = user;
	struct procpool_map *map = slot->map;
	struct task *task = pp_task_of(result);
	int64_t n;

	keep(slot, task);
	put(map, slot);
	map->together++;
	if (more_follow(map, task))
		return;
	n = map->together;
	map->together = 0;
	if (is_awaited(map))
		wake(map);
	pp_map_unbalance(map, n); /* from here on it may be gone */
}

static struct slot *
take_slot(struct procpool_map *map)
{
	struct slot *slot = map->spare;

	if (slot != NULL) {
		map->spare = slot->next;
	} else {
		slot = &map->slots[map->n_used++];
		slot->map = map;
		slot->heap = (struct block){ NULL, 0 };
	}
	return slot;
}

static void
spare_slot(struct procpool_map *map, struct slot *slot)
{
	slot->next = map->spare;
	map->spare = slot;
}

void
pp_map_release(struct procpool_map *map)
{
	struct slot *slot = map->handed;

	if (slot == NULL)
		return;
	if (map->max_bytes > 0)
		atomic_fetch_sub(&map->bytes, slot->result.len);
	if (slot->heap.memory != NULL) {
		pp_stock_give(&map->pool->stock, slot->heap);
		slot->heap = (struct block){ NULL, 0 };
	}
	spare_slot(map, slot);
	map->handed = NULL;
}

/* ------------------------------------------------------ A pool of its own */

static int
start_own(struct procpool_map *map)
{
	int rc = 0;

	uv_mutex_lock(&map->turning);
	if (!map->started && !atomic_load(&map->stopped)) {
		rc = procpool_start(map->pool);
		map->started = rc == 0;
	}
	uv_mutex_unlock(&map->turning);
	return rc;
}

void
pp_map_shut_down_own(struct procpool_map *map)
{
	if (!map->own)
		return;
	uv_mutex_lock(&map->turning);
	(void)procpool_shutdown(map->pool);
	uv_mutex_unlock(&map->turning);
}

/* ---------------------------------------------------------------- Drawing */

/* Draw no more, for this reason. */
static void
dry_up(struct procpool_map *map, int error)
{
	map->dry = true;
	map->dry_error = error;
}

/* Have an item that is to be submitted: whether there is one. */
static bool
draw(struct procpool_map *map)
{
	int rc;

	if (map->is_pending)
		return true;
	rc = pp_sources_draw(&map->sources, &map->pending);
	map->is_pending = rc == 1;
	map->none_now = rc == -EAGAIN;
	if (rc != 1 && !map->none_now)
		dry_up(map, rc);
	return map->is_pending;
}

/* What the item would have become failed already. */
static void
settle_failed(struct procpool_map *map, struct slot *slot,
    const struct procpool_result *failed)
{
	struct procpool_result *result = &slot->result;
	const size_t size = strlen(failed->message) + 1;
	char *text = slot->space;

	*result = *failed;
	if (size > sizeof(slot->space)) {
		text = malloc(size);
		slot->heap = (struct block){ text, 0 };
	}
	result->message =
	    text != NULL ? memcpy(text, failed->message, size) : "";
	result->data = slot->space;
	result->len = 0;
	put(map, slot);
}

/* The pool refused the item: it has failed. */
static void
settle_refused(struct procpool_map *map, struct slot *slot, int error)
{
	const struct procpool_result failed = {
		.outcome = error, .message = "", .worker = -1, .worker_name = ""
	};

	settle_failed(map, slot, &failed);
	if (error != PROCPOOL_ETOOBIG)
		dry_up(map, 0); /* the next would fare no better */
}

static int
submit(struct procpool_map *map, struct slot *slot)
{
	const struct procpool_task task = { .arg = map->pending.bytes.data,
		.len = map->pending.bytes.len,
		.function = map->function,
		.done = settle,
		.user = slot };
	const int rc = procpool_try_submit(map->pool, &task);

	map->submitted += rc == 0;
	return rc;
}

/* Bring what was drawn under way: 0, or PROCPOOL_EFULL and it is still to be
 * done. */
static int
dispatch(struct procpool_map *map)
{
	const struct procpool_result *failed = map->pending.failed;
	struct slot *slot = take_slot(map);
	int rc = 0;

	slot->index = map->window.drawn;
	slot->len = failed == NULL ? map->pending.bytes.len : 0;
	if (map->max_bytes > 0)
		atomic_fetch_add(&map->bytes, slot->len);
	if (failed == NULL)
		rc = submit(map, slot);
	if (rc == PROCPOOL_EFULL) {
		if (map->max_bytes > 0)
			atomic_fetch_sub(&map->bytes, slot->len);
		spare_slot(map, slot);
		return rc;
	}
	map->window.drawn++;
	map->is_pending = false;
	if (failed != NULL)
		settle_failed(map, slot, failed);
	else if (rc < 0)
		settle_refused(map, slot, rc);
	return 0;
}

static bool
may_draw(const struct procpool_map *map)
{
	const uint64_t open = pp_window_open(&map->window);

	if (map->dry || atomic_load(&map->stopped) || open >= map->window.bound)
		return false;
	return map->max_bytes == 0 || open == 0 ||
	    atomic_load(&map->bytes) < map->max_bytes;
}

/* Draw and submit until the window is full, or the next result is there: that
 * shall not wait for more than one draw. */
static void
fill(struct procpool_map *map)
{
	int rc = 0;

	map->none_now = false;
	while (rc == 0 && may_draw(map) && draw(map)) {
		if (map->own && !map->started)
			rc = start_own(map);
		if (rc < 0)
			dry_up(map, rc);
		else
			rc = dispatch(map);
		if (pp_window_is_due(&map->window))
			break;
	}
}

/* ------------------------------------------------------------- Next result */

/* It is over; its own pool goes, and with it what is under way. */
static int
finish(struct procpool_map *map, int rc)
{
	map->over = true;
	map->verdict = rc == PROCPOOL_ESTOPPED ? rc : 0;
	pp_map_shut_down_own(map);
	atomic_store(&map->ended, true);
	return rc;
}

/* Wait for the result whose turn it is; if an item waits for room in the pool,
 * only a moment. */
static void
await(struct procpool_map *map)
{
	const uint64_t deadline = pp_deadline(map->is_pending ? RETRY_MS : -1);
	int rc = 0;

	uv_mutex_lock(&map->lock);
	(void)atomic_exchange(&map->awaited, map->window.taken + 1);
	while (rc == 0 && !pp_window_is_due(&map->window) &&
	    !atomic_load(&map->stopped))
		rc = pp_cond_wait(&map->changed, &map->lock, deadline);
	atomic_store(&map->awaited, 0);
	uv_mutex_unlock(&map->lock);
}

static int
hand_out(struct procpool_map *map, struct slot *slot,
    const struct procpool_result **result)
{
	map->handed = slot;
	*result = &slot->result;
	if (slot->result.outcome == 0 || map->keep_going)
		return 1;
	return finish(map, slot->result.outcome);
}

static int
next(struct procpool_map *map, const struct procpool_result **result)
{
	struct slot *slot;

	for (;;) {
		fill(map);
		if (atomic_load(&map->stopped))
			return finish(map, PROCPOOL_ESTOPPED);
		slot = pp_window_take(&map->window);
		if (slot != NULL)
			return hand_out(map, slot, result);
		if (pp_window_open(&map->window) == 0 && map->dry)
			return finish(map, map->dry_error);
		if (pp_window_open(&map->window) == 0 && map->none_now)
			return -EAGAIN;
		await(map);
	}
}

int
procpool_map_next(
    struct procpool_map *map, const struct procpool_result **result)
{
	if (map == NULL || result == NULL)
		return PROCPOOL_ENULL;
	*result = NULL;
	if (!pp_at_home(&map->home))
		return PROCPOOL_EFORKED;
	if (pp_is_inside(map->pool))
		return PROCPOOL_EDEADLOCK;
	pp_map_release(map);
	if (map->over)
		return map->verdict;
	return next(map, result);
}

uint64_t
procpool_map_index(const struct procpool_map *map)
{
	return map != NULL && map->handed != NULL ? map->handed->index : 0;
}
