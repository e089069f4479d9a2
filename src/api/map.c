/*
 * Maps: items are drawn, submitted like any other task, and their results are
 * handed out, all in the thread that asks for the next one.  So a map needs no
 * thread of its own, and a consumer that stalls stops its sources.
 *
 * Results are kept by the callbacks of the tasks, in slots, and found through
 * the window.  What callbacks use outlives the map, until the last one has run:
 * a map that is closed does not wait for a pool of the user's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/map_source.h"
#include "base/clock.h"
#include "base/home.h"
#include "base/thread.h"
#include "engine/pool.h"
#include "rules/map_window.h"

#define RETRY_MS 5 /* how often a pool full of others' tasks is asked again */
#define ALIVE    (INT64_C(1) << 62) /* see struct procpool_map */

/* An item under way, then its result until it has been used. */
struct slot {
	_Alignas(64) struct procpool_map *map;
	struct slot *next; /* among the spare ones */
	uint64_t index;
	size_t len; /* of the item */
	struct block heap; /* what space is too small for */
	struct procpool_result result;
	_Alignas(PP_ALIGN) char space[PP_TASK_SPACE];
};

struct procpool_map {
	/* Set once. */
	struct procpool *pool;
	bool own; /* the pool is the map's */
	bool keep_going;
	procpool_job_fn function;
	size_t max_bytes;
	struct home home;
	struct slot *slots; /* as many as the window's bound */

	/* The consumer's. */
	struct sources sources;
	struct drawn pending; /* drawn, and not accepted yet */
	bool is_pending;
	bool dry; /* no more is drawn */
	bool none_now; /* a source has nothing just now */
	bool over;
	int dry_error; /* why, when not because the sources ended */
	int verdict; /* what is said once it is over */
	struct slot *spare; /* used ones */
	size_t n_used; /* the others were never used */
	struct slot *handed; /* the result that the user has */
	uint64_t submitted;

	struct window window;

	/* Of the callbacks, which run one at a time: how many in a row. */
	_Alignas(64) int64_t together;

	/* Anybody's. */
	_Alignas(64) atomic_bool stopped;
	atomic_bool ended; /* over, for those who are not the consumer */
	_Atomic uint64_t
	    awaited; /* 1 + the place it waits for; 0: it does not */
	atomic_size_t bytes; /* see max_bytes of the options */

	/* ALIVE less the callbacks that have run; once the map is closed, the
	 * number that have not: who brings it to 0 frees what is left. */
	_Atomic int64_t balance;

	uv_mutex_t lock; /* for the two below, and to wait */
	uv_cond_t changed; /* a result is there, it was stopped, a stop ended */
	unsigned stopping; /* threads in procpool_map_stop() */

	/* Held while its own pool is started or shut down. */
	uv_mutex_t turning;
	bool started; /* under turning */
};

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

static void
unbalance(struct procpool_map *map, int64_t by)
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
	unbalance(map, n); /* from here on it may be gone */
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

/* The user is done with the result that was handed out. */
static void
release(struct procpool_map *map)
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

static void
shut_down_own(struct procpool_map *map)
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
	shut_down_own(map);
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
	release(map);
	if (map->over)
		return map->verdict;
	return next(map, result);
}

uint64_t
procpool_map_index(const struct procpool_map *map)
{
	return map != NULL && map->handed != NULL ? map->handed->index : 0;
}

/* ------------------------------------------------------------------- Open */

static int
check_options(const struct procpool_map_options *options)
{
	/* Written so that NaN is refused too. */
	if (!(options->buffer_factor >= 0 &&
		options->buffer_factor <= PP_WINDOW_FACTOR))
		return PROCPOOL_EBUFFER;
	if (options->heartbeat_ms < 0)
		return PROCPOOL_EHEARTBEAT;
	return options->pool != NULL ? pp_pool_check(options->pool) : 0;
}

/* Its own pool, which has no process yet.  The window bounds what waits in
 * it. */
static int
open_own(struct procpool_map *map, const struct procpool_map_options *options)
{
	struct procpool_options workers = options->workers;

	workers.start_later = true;
	if (options->function != NULL)
		workers.entry_point = options->function;
	if (workers.queue_tasks == 0)
		workers.queue_tasks = SIZE_MAX;
	map->own = true;
	return procpool_open(&map->pool, &workers);
}

static int
take_pool(struct procpool_map *map, const struct procpool_map_options *options)
{
	if (options->pool == NULL)
		return open_own(map, options);
	map->pool = options->pool;
	map->function = options->function;
	return 0;
}

static int
init_window(
    struct procpool_map *map, const struct procpool_map_options *options)
{
	const double factor = options->buffer_factor;
	const size_t bound = pp_window_bound(
	    procpool_n_jobs(map->pool), factor > 0 ? factor : 1);
	int rc = pp_window_init(&map->window, bound, !options->unordered);

	if (rc < 0)
		return rc;
	/* Pages that are not used are not there. */
	map->slots =
	    aligned_alloc(_Alignof(struct slot), bound * sizeof(struct slot));
	if (map->slots != NULL)
		return 0;
	pp_window_done(&map->window);
	return -ENOMEM;
}

static int
init_locks(struct procpool_map *map)
{
	int rc = uv_mutex_init(&map->lock);

	if (rc < 0)
		return rc;
	rc = uv_cond_init(&map->changed);
	if (rc < 0)
		goto fail_lock;
	rc = uv_mutex_init(&map->turning);
	if (rc < 0)
		goto fail_changed;
	return 0;

fail_changed:
	uv_cond_destroy(&map->changed);
fail_lock:
	uv_mutex_destroy(&map->lock);
	return rc;
}

static int
init(struct procpool_map *map, const struct procpool_map_options *options)
{
	int rc = pp_sources_init(&map->sources, options);

	if (rc < 0)
		return rc;
	rc = take_pool(map, options);
	if (rc < 0)
		goto fail_sources;
	rc = init_window(map, options);
	if (rc < 0)
		goto fail_pool;
	rc = pp_home_init(&map->home);
	if (rc == 0)
		rc = init_locks(map);
	if (rc < 0)
		goto fail_window;
	map->keep_going = options->keep_going;
	map->max_bytes = options->max_bytes;
	atomic_init(&map->balance, ALIVE);
	return 0;

fail_window:
	free(map->slots);
	pp_window_done(&map->window);
fail_pool:
	if (map->own)
		(void)procpool_close(map->pool);
fail_sources:
	pp_sources_done(&map->sources);
	return rc;
}

int
procpool_map_open(
    struct procpool_map **map, const struct procpool_map_options *options)
{
	struct procpool_map *m;
	int rc;

	if (map == NULL || options == NULL)
		return PROCPOOL_ENULL;
	rc = check_options(options);
	if (rc < 0)
		return rc;
	m = aligned_alloc(_Alignof(struct procpool_map), sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	rc = init(m, options);
	if (rc < 0) {
		free(m);
		return rc;
	}
	*map = m;
	return 0;
}

/* ------------------------------------------------------------------- Stop */

/* Whether a call on the map that may wait makes sense in this process and
 * place. */
static int
check_outside(const struct procpool_map *map)
{
	if (!pp_at_home(&map->home))
		return PROCPOOL_EFORKED;
	return map->own ? pp_pool_check_outside(map->pool) : 0;
}

static void
stop(struct procpool_map *map)
{
	const int cancel = pp_cancel_defer();

	uv_mutex_lock(&map->lock);
	map->stopping++;
	atomic_store(&map->stopped, true);
	uv_cond_broadcast(&map->changed);
	uv_mutex_unlock(&map->lock);
	if (!atomic_load(&map->ended))
		pp_sources_stop(&map->sources);
	shut_down_own(map);
	uv_mutex_lock(&map->lock);
	map->stopping--;
	uv_cond_broadcast(&map->changed);
	uv_mutex_unlock(&map->lock);
	pp_cancel_restore(cancel);
}

int
procpool_map_stop(struct procpool_map *map)
{
	const int rc = map != NULL ? check_outside(map) : PROCPOOL_ENULL;

	if (rc == 0)
		stop(map);
	return rc;
}

int
procpool_map_stopped(const struct procpool_map *map)
{
	return map != NULL && pp_at_home(&map->home) &&
	    atomic_load(&map->stopped);
}

/* Threads that stop it just now leave. */
static void
await_departures(struct procpool_map *map)
{
	uv_mutex_lock(&map->lock);
	while (map->stopping > 0)
		(void)pp_cond_wait(&map->changed, &map->lock, PP_NEVER);
	uv_mutex_unlock(&map->lock);
}

int
procpool_map_close(struct procpool_map *map)
{
	const int rc = map != NULL ? check_outside(map) : 0;

	if (map == NULL || rc < 0)
		return rc;
	if (!map->over)
		stop(map);
	await_departures(map);
	release(map);
	if (map->own)
		(void)procpool_close(map->pool);
	pp_sources_done(&map->sources);
	unbalance(map, ALIVE - (int64_t)map->submitted);
	return 0;
}
