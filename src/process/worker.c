#include "process/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BUF_SIZE ((size_t)128 * 1024) /* frames read at once */

/* Results are written together: each time that they wake the host costs about
 * as much as a hundred small tasks.  They are written before the worker waits
 * for more, and when they are many or the first of them has waited so long.
 * What waits behind a long task the host reads from the ring. */
#define FLUSH_BYTES (16 * 1024)
#define FLUSH_AFTER (1000 * UINT64_C(1000)) /* ns */

/* ------------------------------------------------ The stream of results */

/* Write all that is in the ring; what goes round its end takes two calls. */
static int
flush(struct worker *w)
{
	while (w->sent < w->appended) {
		const size_t at = w->sent % PP_RING;
		const size_t left = (size_t)(w->appended - w->sent);
		const size_t len = left < PP_RING - at ? left : PP_RING - at;
		const ssize_t n = write(w->result_fd, w->page->ring + at, len);

		if (n >= 0)
			w->sent += (uint64_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	w->flushed = w->clock;
	return 0;
}

/* Copy bytes into the ring, as many as fit before its end. */
static size_t
append_some(struct worker *w, const char *data, size_t len)
{
	const size_t at = w->appended % PP_RING;
	const size_t room = PP_RING - (size_t)(w->appended - w->sent);

	if (len > room)
		len = room;
	if (len > PP_RING - at)
		len = PP_RING - at;
	/* Said before the bytes change: the host may be reading there. */
	atomic_store_explicit(
	    &w->page->writing, w->appended + len, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(w->page->ring + at, data, len);
	w->appended += len;
	return len;
}

static int
append(struct worker *w, const void *data, size_t len)
{
	const char *from = data;

	while (len > 0) {
		const size_t n = append_some(w, from, len);

		from += n;
		len -= n;
		if (len > 0 && w->appended - w->sent == PP_RING) {
			const int rc = flush(w);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* Append a whole frame.  It counts once its last byte is committed. */
static int
append_frame(
    struct worker *w, const struct result_frame *frame, const void *data)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)pp_result_follows(frame);
	int rc = append(w, frame, sizeof(*frame));

	if (rc == 0)
		rc = append(w, data, len);
	if (rc == 0)
		rc = append(w, zeros, (size_t)pp_padded(len) - len);
	if (rc == 0)
		atomic_store_explicit(
		    &w->page->committed, w->appended, memory_order_release);
	return rc;
}

static void
log_line(struct procpool_job *job, enum procpool_level level, const char *line)
{
	const struct result_frame frame = {
		.length = strlen(line), .type = RESULT_LOG, .code = (int)level
	};

	(void)append_frame(job->owner, &frame, line);
}

/* ------------------------------------------- Large results, in the area */

/* Use the area from its start again when the host has taken all of it. */
static void
reuse_area(struct worker *w)
{
	if (w->used > 0 &&
	    atomic_load_explicit(&w->page->taken, memory_order_acquire) ==
		w->given)
		w->used = 0;
}

/* A result goes behind those that the host has not taken yet, unless they are
 * many: then it goes through the pipe, and waits there for the host. */
static char *
lend_area(struct procpool_job *job, size_t len)
{
	struct worker *w = job->owner;

	if (len > PP_AREA - w->used ||
	    pp_area_have(&w->results, w->used + len) < 0)
		return NULL;
	return w->results.memory + w->used;
}

/* Give the host the result that is in the area: its place. */
static size_t
give_area(struct worker *w, size_t len)
{
	const size_t place = w->used;

	w->used += (size_t)pp_padded(len);
	w->given++;
	return place;
}

/* --------------------------------------------------- The frames of tasks */

/* Read more into a place, after all results so far have been written, since
 * the host may be waiting for them before it sends more. */
static int
read_some(struct worker *w, char *place, size_t room, size_t *got)
{
	int rc = flush(w);
	ssize_t n;

	if (rc < 0)
		return rc;
	do
		n = read(w->task_fd, place, room);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	*got = (size_t)n;
	w->clock = pp_now();
	return 0;
}

/* Have at least `need` bytes in the buffer; at most BUF_SIZE. */
static int
fill(struct worker *w, size_t need)
{
	if (w->end - w->start >= need)
		return 0;
	memmove(w->buf, w->buf + w->start, w->end - w->start);
	w->end -= w->start;
	w->start = 0;
	while (w->end < need) {
		size_t got = 0;
		const int rc =
		    read_some(w, w->buf + w->end, BUF_SIZE - w->end, &got);

		if (rc < 0)
			return rc;
		w->end += got;
	}
	return 0;
}

/* Memory for a large payload; NULL when there is none. */
static char *
large_space(struct worker *w, size_t size)
{
	if (size > w->large_size) {
		free(w->large);
		w->large = malloc(size);
		w->large_size = w->large != NULL ? size : 0;
	}
	return w->large;
}

/* Read a payload past the buffer: what the buffer has of it, then the pipe.
 * Without memory it is read all the same, to nowhere. */
static int
read_large(struct worker *w, size_t size, const void **arg)
{
	char *space = large_space(w, size);
	size_t done = 0;
	int rc = 0;

	*arg = space;
	while (done < size && rc == 0) {
		size_t n = w->end - w->start;

		if (n == 0 && space != NULL) {
			rc = read_some(w, space + done, size - done, &n);
		} else if (n == 0) {
			w->start = w->end = 0;
			rc = fill(w, 1);
			n = 0;
		} else {
			if (n > size - done)
				n = size - done;
			if (space != NULL)
				memcpy(space + done, w->buf + w->start, n);
			w->start += n;
		}
		done += n;
	}
	return rc;
}

/* The next frame and its payload, aligned; *arg is NULL when there was no
 * memory for it. */
static int
next_frame(struct worker *w, struct task_frame *frame, const void **arg)
{
	size_t size;
	int rc = fill(w, sizeof(*frame));

	if (rc < 0)
		return rc;
	memcpy(frame, w->buf + w->start, sizeof(*frame));
	w->start += sizeof(*frame);
	if (frame->type == TASK_RUN_LARGE) {
		*arg = pp_task_area(w->page);
		return 0;
	}
	size = (size_t)pp_padded(frame->length);
	if (size > BUF_SIZE)
		return read_large(w, size, arg);
	rc = fill(w, size);
	*arg = w->buf + w->start;
	w->start += size;
	return rc;
}

/* ------------------------------------------------------------- The work */

static procpool_job_fn
function_of(const struct worker *w, const struct task_frame *frame)
{
	if (frame->function == 0)
		return w->request->entry_point;
	return (procpool_job_fn)(uintptr_t)frame->function;
}

/* What a job has printed of a line without its end is not kept for the next. */
static void
print_rest(void)
{
	if (__fpending(stdout) > 0)
		(void)fflush(stdout);
}

static int
run_task(struct worker *w, const struct task_frame *task, const void *arg)
{
	const uint64_t started = w->clock;
	struct result_frame frame = { .sequence = task->sequence,
		.started = started };
	struct job_end end = { .type = RESULT_ERROR, .code = -ENOMEM };

	reuse_area(w);
	if (arg != NULL)
		end = pp_job_run(&w->job, function_of(w, task), task->attempt,
		    arg, (size_t)task->length);
	/* The function may have forked and returned in both processes. */
	if (!pp_at_home(&w->home))
		_exit(0);
	print_rest();
	w->clock = pp_now();
	frame.ran = w->clock - started;
	frame.type = end.type;
	frame.code = end.code;
	frame.length = end.len;
	if (end.is_lent) {
		frame.type = RESULT_LARGE;
		frame.place = give_area(w, end.len);
	}
	return append_frame(w, &frame, end.data);
}

/* Memory of a payload that is too large for an area is not kept. */
static void
drop_giants(struct worker *w)
{
	if (w->large_size > PP_AREA) {
		free(w->large);
		w->large = NULL;
		w->large_size = 0;
	}
	if (w->job.own_size > PP_AREA)
		pp_job_done(&w->job);
}

static bool
is_flush_due(const struct worker *w)
{
	return w->appended - w->sent >= FLUSH_BYTES ||
	    w->clock - w->flushed >= FLUSH_AFTER;
}

static int
do_task(struct worker *w, const struct task_frame *task, const void *arg)
{
	int rc = 0;

	atomic_store_explicit(&w->page->since, w->clock, memory_order_relaxed);
	if (pp_claim_take(w->page, task->sequence, CLAIM_CLAIMED))
		rc = run_task(w, task, arg);
	drop_giants(w);
	atomic_store_explicit(
	    &w->page->passed, task->sequence + 1, memory_order_release);
	if (rc == 0 && is_flush_due(w))
		rc = flush(w);
	return rc;
}

static int
serve_frames(struct worker *w)
{
	for (;;) {
		struct task_frame frame;
		const void *arg;
		int rc = next_frame(w, &frame, &arg);

		if (rc == 0 && frame.type == TASK_STOP)
			return 0;
		if (rc == 0)
			rc = do_task(w, &frame, arg);
		if (rc < 0)
			return rc;
	}
}

/* Run the user's worker_start and tell the host: -ECANCELED when it failed. */
static int
start(struct worker *w)
{
	struct result_frame frame = { .type = RESULT_READY,
		.code = w->results.memory != NULL };
	int rc = 0;

	if (w->request->start != NULL) {
		rc = w->request->start(&w->job, &w->job.state);
		if (!pp_at_home(&w->home))
			_exit(0);
	}
	if (rc != 0) {
		frame.type = RESULT_REFUSED;
		frame.code = rc;
		frame.length = w->job.message_len;
	}
	if (append_frame(w, &frame, w->job.message) < 0 ||
	    (rc != 0 && flush(w) < 0))
		return -EPIPE;
	return rc == 0 ? 0 : -ECANCELED;
}

static int
init(struct worker *w, bool has_areas)
{
	w->buf = aligned_alloc(64, BUF_SIZE);
	w->job = (struct procpool_job){ .worker = w->request->worker,
		.user = w->request->user,
		.max_payload = w->request->max_payload,
		.log = log_line,
		.lend = lend_area,
		.owner = w };
	if (has_areas)
		w->results.memory = pp_result_area(w->page);
	w->clock = pp_now();
	return w->buf != NULL ? pp_home_init(&w->home) : -ENOMEM;
}

int
pp_worker_serve(const struct spawn_request *request, int task_fd, int result_fd,
    struct page *page, bool has_areas)
{
	struct worker w = { .request = request,
		.task_fd = task_fd,
		.result_fd = result_fd,
		.page = page };
	int rc = init(&w, has_areas);

	if (rc == 0)
		rc = start(&w);
	if (rc == 0)
		rc = serve_frames(&w);
	if (rc == 0 && request->exit != NULL)
		request->exit(&w.job, w.job.state);
	if (rc == 0)
		rc = flush(&w);
	pp_job_done(&w.job);
	free(w.large);
	free(w.buf);
	return rc;
}
