#include "process/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/home.h"
#include "process/inbox.h"
#include "process/job.h"
#include "process/outstream.h"

/* Results are written together: each time that they wake the host costs about
 * as much as a hundred small tasks.  They are written before the worker waits
 * for more, and when they are many or the first of them has waited so long.
 * What waits behind a long task the host reads from the ring. */
#define FLUSH_BYTES (16 * 1024)
#define FLUSH_AFTER (1000 * UINT64_C(1000)) /* ns */

struct worker {
	const struct spawn_request *request;
	struct page *page;
	struct home home;
	struct procpool_job job;
	struct inbox inbox;
	struct outstream out;
	uint64_t clock; /* the latest time read, ns */
	uint64_t flushed; /* when results were last written, ns */
};

static int
flush(struct worker *w)
{
	w->flushed = w->clock;
	return pp_outstream_flush(&w->out);
}

/* The host may be waiting for results before it sends more. */
static int
flush_before_read(void *owner)
{
	return flush(owner);
}

/* ----------------------------------------------------- What a job asks for */

static void
log_line(struct procpool_job *job, enum procpool_level level, const char *line)
{
	struct worker *w = job->owner;
	const struct result_frame frame = {
		.length = strlen(line), .type = RESULT_LOG, .code = (int)level
	};

	/* A copy of the worker that a job has forked does not have the ring. */
	if (pp_at_home(&w->home))
		(void)pp_outstream_add(&w->out, &frame, line);
}

static char *
lend_space(struct procpool_job *job, size_t len)
{
	struct worker *w = job->owner;

	/* Nor does a copy have the area. */
	return pp_at_home(&w->home) ? pp_outstream_lend(&w->out, len) : NULL;
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

	pp_outstream_reuse(&w->out);
	w->job.inputs = task->bundled ? arg : NULL;
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
		frame.place = pp_outstream_give(&w->out, end.len);
	}
	return pp_outstream_add(&w->out, &frame, end.data);
}

/* Memory of a payload that is too large for an area is not kept. */
static void
drop_giants(struct worker *w)
{
	pp_inbox_drop_giant(&w->inbox);
	if (w->job.own_size > PP_AREA)
		pp_job_done(&w->job);
}

static bool
is_flush_due(const struct worker *w)
{
	return pp_outstream_waiting(&w->out) >= FLUSH_BYTES ||
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
next_frame(struct worker *w, struct task_frame *frame, const void **arg)
{
	const int rc = pp_inbox_next(&w->inbox, frame, arg);

	if (w->inbox.has_read)
		w->clock = pp_now();
	w->inbox.has_read = false;
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
		.code = w->out.area.memory != NULL };
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
	if (pp_outstream_add(&w->out, &frame, w->job.message) < 0 ||
	    (rc != 0 && flush(w) < 0))
		return -EPIPE;
	return rc == 0 ? 0 : -ECANCELED;
}

int
pp_worker_serve(const struct spawn_request *request, int task_fd, int result_fd,
    struct page *page, bool has_areas)
{
	struct worker w = { .request = request,
		.page = page,
		.inbox = { .fd = task_fd,
		    .page = page,
		    .before_read = flush_before_read,
		    .owner = &w },
		.job = { .worker = request->worker,
		    .user = request->user,
		    .max_payload = request->max_payload,
		    .log = log_line,
		    .lend = lend_space,
		    .owner = &w },
		.clock = pp_now() };
	int rc = pp_inbox_init(&w.inbox);

	pp_outstream_init(&w.out, result_fd, page, has_areas);
	if (rc == 0)
		rc = pp_home_init(&w.home);
	if (rc == 0)
		rc = start(&w);
	if (rc == 0)
		rc = serve_frames(&w);
	if (rc == 0 && request->exit != NULL)
		request->exit(&w.job, w.job.state);
	if (rc == 0)
		rc = flush(&w);
	pp_job_done(&w.job);
	pp_inbox_done(&w.inbox);
	return rc;
}
