/*
 * A channel receives: frames are taken out of the worker's stream, and their
 * results joined with the tasks they belong to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/parts.h"

/* The oldest one in flight, past frames that were revoked. */
static uint64_t
oldest_locked(const struct channel *ch)
{
	uint64_t n = ch->oldest;

	while (n < ch->next && ch->flight[n % PP_SLOTS] == NULL)
		n++;
	return n;
}

/* The task that a result is for: it must be the oldest one in flight, sent
 * whole, and claimed.  Takes it out of flight. */
static struct task *
land_locked(struct channel *ch, uint64_t sequence)
{
	struct task *task = NULL;

	ch->oldest = oldest_locked(ch);
	if (ch->oldest < ch->next && sequence == ch->oldest &&
	    sequence >= ch->fixed && pp_claimed(ch->page, sequence)) {
		task = ch->flight[sequence % PP_SLOTS];
		ch->flight[sequence % PP_SLOTS] = NULL;
		ch->oldest++;
		ch->live--;
		ch->tied -= task->tie != TIE_NONE;
	}
	return task;
}

void
pp_channel_name_worker(const struct channel *ch, struct task *task)
{
	pp_task_blank_result(task);
	task->result.worker = ch->index;
	task->result.worker_name = ch->name;
	task->result.pid = ch->pid;
	task->result.attempt = 1;
}

/* Keep a result's bytes with its task: NULL when there is no memory. */
static const char *
keep_data(struct channel *ch, struct task *task, const struct arrival *arrival)
{
	const size_t len = (size_t)arrival->frame.length;
	struct stock *stock = &ch->pool->stock;
	char *place = task->space;

	if (arrival->no_memory)
		return NULL;
	if (arrival->heap != NULL) {
		pp_stock_give(stock, pp_task_take_heap(task));
		task->heap = arrival->heap;
		return arrival->heap;
	}
	if (len > PP_TASK_SPACE)
		place = pp_task_room(task, len, stock);
	if (place != NULL && len > 0)
		memcpy(place, arrival->data, len);
	return place;
}

static void
succeed(struct channel *ch, struct task *task, const struct arrival *arrival)
{
	const char *data = keep_data(ch, task, arrival);

	pp_task_end(task, data != NULL ? 0 : -ENOMEM);
	if (data == NULL)
		return;
	task->result.data = data;
	task->result.len = (size_t)arrival->frame.length;
}

static void
fill_result(struct channel *ch, struct task *task, struct arrival *arrival)
{
	const struct result_frame *frame = &arrival->frame;
	struct procpool_result *result = &task->result;

	pp_channel_name_worker(ch, task);
	result->phase = PROCPOOL_ENDED;
	result->ran_ns = frame->ran;
	result->started_ns = frame->started;
	result->queued_ns = frame->started > task->submitted
	    ? frame->started - task->submitted
	    : 0;
	switch (frame->type) {
	case RESULT_DATA:
	case RESULT_LARGE:
		succeed(ch, task, arrival);
		break;
	case RESULT_FAILED:
		pp_task_end(task, PROCPOOL_EFAILED);
		result->code = frame->code;
		pp_task_message(task, arrival->data, (size_t)frame->length);
		break;
	default:
		pp_task_end(task, frame->code);
		break;
	}
}

static void
log_refusal(struct channel *ch, const struct arrival *arrival)
{
	(void)snprintf(ch->end, sizeof(ch->end),
	    "worker_start failed with code %d%s%.*s", arrival->frame.code,
	    arrival->frame.length > 0 ? ": " : "", (int)arrival->frame.length,
	    arrival->data);
	pp_log(&ch->pool->log, PROCPOOL_ERROR, "%s: %s", ch->name, ch->end);
}

static void
log_line(struct channel *ch, const struct arrival *arrival)
{
	pp_log(&ch->pool->log, (enum procpool_level)arrival->frame.code,
	    "%s: %.*s", ch->name, (int)arrival->frame.length, arrival->data);
}

/* Write what a worker tells to the log, without the lock meanwhile. */
static void
log_text_locked(struct channel *ch, const struct arrival *arrival)
{
	uv_mutex_unlock(&ch->lock);
	if (arrival->frame.type == RESULT_REFUSED)
		log_refusal(ch, arrival);
	else
		log_line(ch, arrival);
	uv_mutex_lock(&ch->lock);
}

/* Take a large result out of the area, without the lock meanwhile, and let the
 * worker use it again. */
static void
take_large_locked(
    struct channel *ch, struct task *task, struct arrival *arrival)
{
	arrival->data = pp_result_area(ch->page) + arrival->frame.place;
	uv_mutex_unlock(&ch->lock);
	fill_result(ch, task, arrival);
	atomic_fetch_add_explicit(&ch->page->taken, 1, memory_order_release);
	uv_mutex_lock(&ch->lock);
}

/* The worker is ready, with areas or without: 0 or PROCPOOL_EPROTOCOL. */
static int
greet(struct channel *ch, const struct result_frame *frame)
{
	if (frame->code != 0 && ch->page_size != PP_PAGE_ALL)
		return PROCPOOL_EPROTOCOL;
	if (pp_life_step(&ch->life, LIFE_READY) == LIFE_BUG)
		return PROCPOOL_EPROTOCOL;
	if (frame->code != 0)
		ch->tasks.memory = pp_task_area(ch->page);
	return 0;
}

/* Act on one frame: 0 or PROCPOOL_EPROTOCOL. */
static int
receive_locked(
    struct channel *ch, struct arrival *arrival, struct task_list *ended)
{
	struct task *task;

	if (arrival->frame.type == RESULT_LARGE && ch->tasks.memory == NULL)
		return PROCPOOL_EPROTOCOL;
	switch (arrival->frame.type) {
	case RESULT_READY:
		return greet(ch, &arrival->frame);
	case RESULT_REFUSED:
		if (ch->life == LIFE_SERVING)
			return PROCPOOL_EPROTOCOL;
		log_text_locked(ch, arrival);
		return 0;
	case RESULT_LOG:
		log_text_locked(ch, arrival);
		return 0;
	default:
		task = land_locked(ch, arrival->frame.sequence);
		if (task == NULL) {
			free(arrival->heap);
			return PROCPOOL_EPROTOCOL;
		}
		if (arrival->frame.type == RESULT_LARGE)
			take_large_locked(ch, task, arrival);
		else
			fill_result(ch, task, arrival);
		pp_list_push(ended, task);
		return 0;
	}
}

static void
tell_breach(struct channel *ch)
{
	pp_log(&ch->pool->log, PROCPOOL_ERROR,
	    "%s (pid %d) broke the protocol and is killed", ch->name,
	    (int)ch->pid);
	pp_channel_event(ch, LIFE_BROKE);
}

/* Take all frames that have come.  A worker that lies is killed. */
static void
take_frames(struct channel *ch, struct task_list *ended)
{
	struct arrival arrival;
	int rc;

	uv_mutex_lock(&ch->lock);
	do {
		rc = pp_stream_take(&ch->in, &arrival);
		if (rc == 1 && receive_locked(ch, &arrival, ended) < 0)
			rc = PROCPOOL_EPROTOCOL;
	} while (rc == 1);
	uv_mutex_unlock(&ch->lock);
	if (rc < 0)
		tell_breach(ch);
}

/* Read from the result pipe past what the ring has given already. */
static ssize_t
read_pipe(struct channel *ch)
{
	struct stream *in = &ch->in;
	size_t room;
	char *place = pp_stream_space(in, &room);
	ssize_t n;

	if (in->piped < in->position) {
		char skipped[4096];
		const uint64_t ahead = in->position - in->piped;

		n = read(ch->result_pipe, skipped,
		    ahead < sizeof(skipped) ? (size_t)ahead : sizeof(skipped));
		if (n > 0)
			in->piped += (uint64_t)n;
		return n;
	}
	n = read(ch->result_pipe, place, room);
	if (n > 0) {
		in->piped += (uint64_t)n;
		pp_stream_put(in, (size_t)n);
	}
	return n;
}

int
pp_channel_read(struct channel *ch, struct task_list *ended)
{
	ssize_t n;

	do
		n = read_pipe(ch);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (!ch->broke)
		take_frames(ch, ended);
	pp_channel_look_in(ch, PP_LOOK_FIRST);
	return 1;
}

void
pp_channel_harvest(struct channel *ch, struct task_list *ended)
{
	size_t total = 0, n = 1;

	/* No more than the ring holds, whatever a worker pretends. */
	while (!ch->broke && n > 0 && total < PP_RING) {
		n = pp_stream_from_ring(&ch->in, ch->page);
		total += n;
		if (n > 0)
			take_frames(ch, ended);
	}
}

void
pp_channel_audit(struct channel *ch, struct task_list *ended)
{
	const uint64_t passed =
	    atomic_load_explicit(&ch->page->passed, memory_order_acquire);
	uint64_t oldest;
	bool waits, skipped;

	pp_channel_harvest(ch, ended);
	uv_mutex_lock(&ch->lock);
	oldest = oldest_locked(ch);
	waits = oldest < ch->next;
	/* What it had passed by then it has told by now. */
	skipped = waits && oldest < passed &&
	    ch->in.position == atomic_load(&ch->page->committed);
	/* While it has not come to the oldest, it may yet pass that. */
	if (!waits || pp_claimed(ch->page, oldest))
		pp_channel_look_in(ch, PP_NEVER);
	else
		pp_channel_look_in(
		    ch, ch->look < PP_LOOK_LAST ? 2 * ch->look : ch->look);
	uv_mutex_unlock(&ch->lock);
	if (skipped && !ch->broke)
		tell_breach(ch);
}
