/*
 * The back end for debuggers: every job runs in this process, in the thread
 * that submits it, or in another that is running jobs just then.
 */
#include "engine/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "engine/pool.h"
#include "engine/settle.h"
#include "process/job.h"

static void
log_line(struct procpool_job *job, enum procpool_level level, const char *line)
{
	struct procpool *pool = job->owner;

	pp_log(&pool->log, level, "%s: %s", pool->worker_names[0], line);
}

static int
open_nothing(struct procpool *pool)
{
	(void)pool;
	return 0;
}

static void
close_nothing(struct procpool *pool)
{
	(void)pool;
}

static int
start_worker(struct procpool *pool, struct procpool_job *job)
{
	struct inside here;
	int rc;

	if (pool->options.worker_start == NULL)
		return 0;
	pp_go_inside(&here, pool);
	rc = pool->options.worker_start(job, &job->state);
	pp_come_out(&here);
	return rc;
}

static void
exit_worker(struct procpool *pool, struct procpool_job *job)
{
	struct inside here;

	if (pool->options.worker_exit == NULL)
		return;
	pp_go_inside(&here, pool);
	pool->options.worker_exit(job, job->state);
	pp_come_out(&here);
}

static int
start(struct procpool *pool)
{
	struct procpool_job *job = calloc(1, sizeof(*job));
	int rc;

	if (job == NULL)
		return -ENOMEM;
	job->user = pool->options.user;
	job->max_payload = pool->options.max_payload;
	job->log = log_line;
	job->owner = pool;
	rc = start_worker(pool, job);
	if (rc != 0) {
		pp_log(&pool->log, PROCPOOL_ERROR,
		    "%s: worker_start failed with code %d%s%s",
		    pool->worker_names[0], rc, job->message_len > 0 ? ": " : "",
		    job->message);
		pp_job_done(job);
		free(job);
		return PROCPOOL_EBROKEN;
	}
	pool->job = job;
	uv_mutex_lock(&pool->lock);
	pool->stats.workers = 1;
	uv_mutex_unlock(&pool->lock);
	return 0;
}

static void
stop(struct procpool *pool)
{
	uv_mutex_lock(&pool->lock);
	while (pool->in_job)
		uv_cond_wait(&pool->changed, &pool->lock);
	pool->stats.workers = 0;
	uv_mutex_unlock(&pool->lock);
	exit_worker(pool, pool->job);
	pp_job_done(pool->job);
	free(pool->job);
	pool->job = NULL;
}

/* Keep the result's bytes: the job's space serves the next one. */
static int
keep_data(struct procpool *pool, struct task *task, const struct job_end *end)
{
	char *place = task->space;

	if (end->len > PP_TASK_SPACE)
		place = pp_task_room(task, end->len, &pool->stock);
	if (place == NULL)
		return -ENOMEM;
	if (end->len > 0)
		memcpy(place, end->data, end->len);
	task->result.data = place;
	task->result.len = end->len;
	return 0;
}

static void
fill_result(struct procpool *pool, struct task *task, const struct job_end *end)
{
	struct procpool_result *result = &task->result;

	result->phase = PROCPOOL_ENDED;
	switch (end->type) {
	case RESULT_DATA:
		pp_task_end(task, 0);
		result->outcome = keep_data(pool, task, end);
		break;
	case RESULT_FAILED:
		pp_task_end(task, PROCPOOL_EFAILED);
		result->code = end->code;
		pp_task_message(task, end->data, end->len);
		break;
	default:
		pp_task_end(task, end->code);
		break;
	}
}

static void
run(struct procpool *pool, struct task *task)
{
	const procpool_job_fn function =
	    task->function != NULL ? task->function : pool->options.entry_point;
	struct procpool_result *result = &task->result;
	struct inside here;
	const uint64_t started = pp_now();
	struct job_end end;

	/* A function may write to its argument: it is the task's own here. */
	pool->job->inputs = task->bundled ? pp_task_arg(task) : NULL;
	pp_go_inside(&here, pool);
	end = pp_job_run(pool->job, function, 1, pp_task_arg(task), task->len);
	pp_come_out(&here);
	pp_task_blank_result(task);
	result->worker = 0;
	result->worker_name = pool->worker_names[0];
	result->pid = (int)getpid();
	result->attempt = 1;
	result->queued_ns = started - task->submitted;
	result->ran_ns = pp_now() - started;
	result->started_ns = started;
	fill_result(pool, task, &end);
}

/* Run the queue until it is empty, with the pool's lock held in between. */
static void
run_queue_locked(struct procpool *pool)
{
	struct choice choice;

	while (pp_queue_choose(&pool->queue, 0, true, &choice)) {
		struct task_list ended = { 0 };
		struct task *task = pp_queue_take(&pool->queue, &choice);

		uv_mutex_unlock(&pool->lock);
		run(pool, task);
		pp_list_push(&ended, task);
		pp_settle(pool, &ended);
		while (pp_deliver(pool))
			;
		uv_mutex_lock(&pool->lock);
	}
}

static void
accept_tasks(struct procpool *pool, struct task_list *tasks)
{
	const int cancel = pp_cancel_defer();
	struct task *task;

	while ((task = pp_list_pop(tasks)) != NULL)
		pp_queue_push(&pool->queue, task);
	if (!pool->in_job) {
		pool->in_job = true;
		run_queue_locked(pool);
		pool->in_job = false;
		uv_cond_broadcast(&pool->changed);
	}
	uv_mutex_unlock(&pool->lock);
	pp_cancel_restore(cancel);
}

/* What runs here cannot be stopped. */
static void
cancel(struct procpool *pool, struct task *task, struct task_list *unrun)
{
	(void)pool;
	(void)task;
	(void)unrun;
}

static void
call_back(struct procpool *pool)
{
	while (pp_deliver(pool))
		;
}

static int
refresh(struct procpool *pool)
{
	(void)pool;
	return 0; /* the snapshot is the present */
}

static int
check(struct procpool *pool, procpool_job_fn function)
{
	(void)pool;
	(void)function;
	return 0;
}

const struct backend pp_backend_debug = {
	.open = open_nothing,
	.close = close_nothing,
	.start = start,
	.stop = stop,
	.accept = accept_tasks,
	.cancel = cancel,
	.call_back = call_back,
	.refresh = refresh,
	.check = check,
};
