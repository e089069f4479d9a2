#include "engine/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/pool.h"

#define OUT_SIZE ((size_t)64 * 1024) /* what a pipe takes at once */
#define OUT_LARGE ((size_t)16 * 1024) /* payloads from here on stay in place */
#define REPORT_MS 2000 /* how long a spawner may take to answer */
#define EOF_MS 200 /* how long a death may take to follow an end of file */
#define HARVEST_NS PP_MS /* a result that long in the ring is fetched */

/* -------------------------------------------------------- Being there */

int
pp_channel_init(struct channel *ch, struct procpool *pool, int index)
{
	int rc;

	ch->pool = pool;
	ch->index = index;
	ch->task_pipe[0] = ch->task_pipe[1] = -1;
	ch->result_pipe = ch->report = ch->pidfd = -1;
	ch->name = pool->worker_names[index];
	ch->out.buf = aligned_alloc(64, OUT_SIZE);
	if (ch->out.buf == NULL)
		return -ENOMEM;
	rc = pp_wake_open(&ch->wake);
	if (rc < 0)
		goto fail_out;
	rc = uv_mutex_init(&ch->lock);
	if (rc < 0)
		goto fail_wake;
	return 0;

fail_wake:
	pp_close(&ch->wake);
fail_out:
	free(ch->out.buf);
	return rc;
}

void
pp_channel_done(struct channel *ch)
{
	uv_mutex_destroy(&ch->lock);
	pp_close(&ch->wake);
	free(ch->out.buf);
}

/* Forget a life: descriptors, memory, positions. */
static void
clear(struct channel *ch)
{
	pp_close(&ch->task_pipe[0]);
	pp_close(&ch->task_pipe[1]);
	pp_close(&ch->result_pipe);
	pp_close(&ch->report);
	pp_close(&ch->pidfd);
	if (ch->page != NULL)
		(void)munmap(ch->page, sizeof(*ch->page));
	ch->page = NULL;
	pp_stream_done(&ch->in);
	pp_spawner_unref(ch->spawner);
	ch->spawner = NULL;
	ch->out.start = ch->out.end = 0;
	ch->out.large = NULL;
	ch->next = ch->oldest = ch->fixed = 0;
	ch->live = 0;
	ch->pid = 0;
	ch->quiet = ch->ended = ch->broke = false;
}

/* ------------------------------------------------------------- Birth */

/* What the worker gets. */
struct parts {
	int fds[REQUEST_FDS];
};

static void
drop_parts(struct parts *parts)
{
	int i;

	for (i = 0; i < REQUEST_FDS; i++)
		pp_close(&parts->fds[i]);
}

static int
make_pipes(struct channel *ch, struct parts *parts)
{
	int results[2], reports[2];
	int rc = pp_pipe(ch->task_pipe);

	if (rc < 0)
		return rc;
	rc = pp_pipe(results);
	if (rc < 0)
		return rc;
	ch->result_pipe = results[0];
	parts->fds[REQUEST_RESULT_FD] = results[1];
	rc = pp_socketpair(reports);
	if (rc < 0)
		return rc;
	ch->report = reports[0];
	parts->fds[REQUEST_REPORT_FD] = reports[1];
	return 0;
}

/* The worker blocks on its ends, the host on neither of its own.  The read
 * end of the task pipe is one open file for both, so it stays blocking: the
 * host never reads there. */
static int
set_nonblocking(struct channel *ch)
{
	const int rc = pp_nonblock(ch->task_pipe[1]);

	return rc < 0 ? rc : pp_nonblock(ch->result_pipe);
}

static int
make_page(struct channel *ch, struct parts *parts)
{
	void *page;
	int rc = pp_shared_memory(
	    "procpool", sizeof(struct page), &parts->fds[REQUEST_PAGE_FD]);

	if (rc < 0)
		return rc;
	page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, parts->fds[REQUEST_PAGE_FD], 0);
	if (page == MAP_FAILED)
		return -errno;
	/* The spawner is not to have it either, nor the host's children. */
	(void)madvise(page, sizeof(struct page), MADV_DONTFORK);
	ch->page = page;
	return 0;
}

static int
worker_settings(struct channel *ch, struct procpool_env *env)
{
	const struct procpool_options *options = &ch->pool->options;
	const struct procpool_env *before = ch->pool->env_before;
	int rc = 0;

	memcpy(env->text, before->text, before->len);
	env->len = before->len;
	if (options->worker_env != NULL)
		rc = options->worker_env(env, ch->index, options->user);
	if (rc >= 0 && !options->keep_gpus)
		rc = pp_env_hide_gpus(env);
	return rc < 0 ? rc : 0;
}

static int
ask(struct channel *ch, struct spawner *spawner, const struct parts *parts)
{
	const struct procpool_options *options = &ch->pool->options;
	struct spawn_request *request = malloc(sizeof(*request));
	int rc;

	if (request == NULL)
		return -ENOMEM;
	memset(request, 0, offsetof(struct spawn_request, env));
	request->kind = REQUEST_WORKER;
	request->worker = ch->index;
	request->max_payload = options->max_payload;
	request->entry_point = options->entry_point;
	request->start = options->worker_start;
	request->exit = options->worker_exit;
	request->user = options->user;
	rc = worker_settings(ch, &request->env);
	if (rc == 0)
		rc = pp_spawner_request(spawner, request, parts->fds);
	free(request);
	/* However a socket says that nobody is there any more. */
	return rc == -ECONNRESET || rc == -ENOTCONN ? -EPIPE : rc;
}

/* Wait for the spawner's answer. */
static int
await_birth(struct channel *ch)
{
	struct spawn_report report;
	ssize_t n;

	if (!pp_readable(ch->report, pp_deadline(REPORT_MS)))
		return -EPIPE; /* alive or not, it is of no use */
	n = pp_receive(ch->report, &report, sizeof(report), &ch->pidfd, 1);
	if (n != (ssize_t)sizeof(report))
		return -EPIPE;
	if (report.kind != REPORT_BORN || ch->pidfd < 0)
		return report.error < 0 ? report.error : -EPIPE;
	ch->pid = report.pid;
	return 0;
}

int
pp_channel_spawn(struct channel *ch, struct spawner *spawner)
{
	struct parts parts = { .fds = { -1, -1, -1, -1 } };
	int rc;

	ch->spawner = pp_spawner_ref(spawner);
	rc = pp_stream_init(&ch->in, ch->pool->options.max_payload);
	if (rc == 0)
		rc = make_pipes(ch, &parts);
	if (rc == 0)
		rc = set_nonblocking(ch);
	if (rc == 0)
		rc = make_page(ch, &parts);
	if (rc == 0) {
		parts.fds[REQUEST_TASK_FD] = ch->task_pipe[0];
		rc = ask(ch, spawner, &parts);
		parts.fds[REQUEST_TASK_FD] = -1; /* stays ours */
	}
	drop_parts(&parts);
	if (rc == 0)
		rc = await_birth(ch);
	if (rc == 0)
		pp_channel_event(ch, LIFE_BORN);
	else
		clear(ch);
	return rc;
}

/* ------------------------------------------------------------ Sending */

bool
pp_channel_fits_locked(
    const struct channel *ch, struct load *load, size_t len)
{
	const bool large = len >= OUT_LARGE;
	const size_t size = sizeof(struct task_frame) +
	    (large ? 0 : (size_t)pp_padded(len));

	/* What the pipe cannot hold cannot be taken back while the worker is
	 * busy: it is sent only to a worker that will read it now. */
	if (large && (ch->live > 0 || load->frames > 0))
		return false;
	if (ch->out.large != NULL || load->large ||
	    ch->next + load->frames - ch->oldest >= PP_SLOTS ||
	    ch->out.end + load->bytes + size > OUT_SIZE)
		return false;
	load->frames++;
	load->bytes += size;
	load->large = large;
	return true;
}

static void
put(struct outbox *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out->buf + out->end, data, len);
	out->end += len;
}

static void
encode(struct outbox *out, const struct task_frame *frame, const void *payload)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)frame->length;
	const size_t padding = (size_t)pp_padded(len) - len;

	put(out, frame, sizeof(*frame));
	if (len >= OUT_LARGE) {
		out->large = payload;
		out->large_len = len;
		out->padding = padding;
	} else {
		put(out, payload, len);
		put(out, zeros, padding);
	}
}

/* Put one task in flight.  The word is offered before the frame is sent. */
static void
launch_locked(struct channel *ch, struct task *task)
{
	const struct task_frame frame = { .length = task->len,
		.sequence = ch->next,
		.function = (uintptr_t)task->function,
		.type = TASK_RUN,
		.attempt = 1 };

	ch->flight[ch->next % PP_SLOTS] = task;
	pp_claim_offer(ch->page, ch->next);
	ch->next++;
	ch->live++;
	if (task->len >= OUT_LARGE)
		ch->fixed = ch->next; /* its bytes are sent from the task */
	encode(&ch->out, &frame, task->arg);
}

void
pp_channel_send_locked(struct channel *ch, struct task_list *tasks)
{
	struct task *task;

	while ((task = pp_list_pop(tasks)) != NULL) {
		launch_locked(ch, task);
		ch->quiet = false;
	}
}

/* What is left to write, as pieces: how many. */
static int
pieces(struct outbox *out, struct iovec at[3])
{
	static char zeros[PP_ALIGN];
	int n = 0;

	if (out->end > out->start)
		at[n++] = (struct iovec){ out->buf + out->start,
			out->end - out->start };
	if (out->large == NULL)
		return n;
	if (out->large_len > 0)
		at[n++] = (struct iovec){ (void *)(uintptr_t)out->large,
			out->large_len };
	if (out->padding > 0)
		at[n++] = (struct iovec){ zeros, out->padding };
	return n;
}

static size_t
step(size_t *left, size_t n)
{
	const size_t taken = n < *left ? n : *left;

	*left -= taken;
	return n - taken;
}

/* Account for n bytes written: whether all of it is. */
static bool
written(struct outbox *out, size_t n)
{
	size_t head = out->end - out->start;
	const size_t large_before = out->large_len;

	n = step(&head, n);
	out->start = out->end - head;
	if (out->large != NULL) {
		n = step(&out->large_len, n);
		out->large += large_before - out->large_len;
		(void)step(&out->padding, n);
		if (out->large_len + out->padding == 0)
			out->large = NULL;
	}
	if (head > 0 || out->large != NULL)
		return false;
	out->start = out->end = 0;
	return true;
}

static bool
pending(const struct outbox *out)
{
	return out->end > out->start || out->large != NULL;
}

void
pp_channel_flush(struct channel *ch)
{
	while (pending(&ch->out)) {
		struct iovec at[3];
		const int count = pieces(&ch->out, at);
		const bool large = ch->out.large != NULL;
		const ssize_t n = writev(ch->task_pipe[1], at, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* full; a dead worker is seen elsewhere */
		(void)written(&ch->out, (size_t)n);
		if (large && ch->out.large == NULL) {
			/* The task's bytes are not needed any more. */
			uv_mutex_lock(&ch->lock);
			ch->fixed = 0;
			uv_mutex_unlock(&ch->lock);
		}
	}
}

void
pp_channel_revoke_locked(
    struct channel *ch, size_t most, struct task_list *list)
{
	uint64_t n = ch->next;

	while (most > 0 && n > ch->oldest && n > ch->fixed && !ch->lent) {
		struct task *task = ch->flight[--n % PP_SLOTS];

		if (task == NULL)
			continue;
		if (!pp_claim_take(ch->page, n, CLAIM_REVOKED))
			return; /* claimed, and so is all before it */
		ch->flight[n % PP_SLOTS] = NULL;
		ch->live--;
		most--;
		task->next = list->first;
		if (list->first == NULL)
			list->last = task;
		list->first = task;
		list->count++;
	}
}

/* ---------------------------------------------------------- Receiving */

void
pp_channel_skip_passed_locked(struct channel *ch)
{
	const uint64_t passed = atomic_load_explicit(
	    &ch->page->passed, memory_order_acquire);

	while (ch->oldest < ch->next && ch->oldest < passed &&
	    ch->flight[ch->oldest % PP_SLOTS] == NULL)
		ch->oldest++;
}

/* The task that a result is for: it must be the oldest one in flight, and
 * claimed.  Takes it out of flight. */
static struct task *
land(struct channel *ch, uint64_t sequence)
{
	struct task *task = NULL;

	uv_mutex_lock(&ch->lock);
	while (ch->oldest < ch->next &&
	    ch->flight[ch->oldest % PP_SLOTS] == NULL)
		ch->oldest++;
	if (ch->oldest < ch->next && sequence == ch->oldest &&
	    pp_claimed(ch->page, sequence)) {
		task = ch->flight[sequence % PP_SLOTS];
		ch->flight[sequence % PP_SLOTS] = NULL;
		ch->oldest++;
		ch->live--;
	}
	uv_mutex_unlock(&ch->lock);
	return task;
}

static void
name_worker(const struct channel *ch, struct task *task)
{
	task->result.worker = ch->index;
	task->result.worker_name = ch->name;
	task->result.pid = ch->pid;
	task->result.attempt = 1;
}

/* Keep a result's bytes with its task. */
static void
keep_data(struct task *task, struct arrival *arrival)
{
	struct procpool_result *result = &task->result;
	const size_t len = (size_t)arrival->frame.length;
	char *place = task->space;

	if (arrival->heap == NULL && len > PP_TASK_SPACE) {
		arrival->heap = malloc(len);
		arrival->no_memory = arrival->heap == NULL;
		if (arrival->heap != NULL)
			memcpy(arrival->heap, arrival->data, len);
	} else if (arrival->heap == NULL && len > 0) {
		memcpy(place, arrival->data, len);
	}
	free(task->heap);
	task->heap = arrival->heap;
	if (arrival->no_memory) {
		pp_task_end(task, -ENOMEM);
		return;
	}
	pp_task_end(task, 0);
	result->data = task->heap != NULL ? task->heap : place;
	result->len = len;
}

static void
fill_result(
    struct channel *ch, struct task *task, struct arrival *arrival)
{
	const struct result_frame *frame = &arrival->frame;
	struct procpool_result *result = &task->result;

	name_worker(ch, task);
	result->phase = PROCPOOL_ENDED;
	result->ran_ns = frame->ran;
	result->queued_ns = frame->started > task->submitted
	    ? frame->started - task->submitted
	    : 0;
	switch (frame->type) {
	case RESULT_DATA:
		keep_data(task, arrival);
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
	pp_log(&ch->pool->log, PROCPOOL_ERROR,
	    "%s: worker_start failed with code %d%s%.*s", ch->name,
	    arrival->frame.code, arrival->frame.length > 0 ? ": " : "",
	    (int)arrival->frame.length, arrival->data);
}

/* Act on one frame: 0 or PROCPOOL_EPROTOCOL. */
static int
receive(struct channel *ch, struct arrival *arrival, struct task_list *ended)
{
	struct task *task;

	switch (arrival->frame.type) {
	case RESULT_READY:
		return pp_life_step(&ch->life, LIFE_READY) == LIFE_BUG
		    ? PROCPOOL_EPROTOCOL
		    : 0;
	case RESULT_REFUSED:
		if (ch->life == LIFE_SERVING)
			return PROCPOOL_EPROTOCOL;
		log_refusal(ch, arrival);
		return 0;
	case RESULT_LOG:
		pp_log(&ch->pool->log,
		    (enum procpool_level)arrival->frame.code, "%s: %.*s",
		    ch->name, (int)arrival->frame.length, arrival->data);
		return 0;
	default:
		task = land(ch, arrival->frame.sequence);
		if (task == NULL) {
			free(arrival->heap);
			return PROCPOOL_EPROTOCOL;
		}
		fill_result(ch, task, arrival);
		pp_list_push(ended, task);
		return 0;
	}
}

/* Take all frames that have come.  A worker that lies is killed. */
static void
take_frames(struct channel *ch, struct task_list *ended)
{
	struct arrival arrival;
	int rc;

	do {
		rc = pp_stream_take(&ch->in, &arrival);
		if (rc == 1 && receive(ch, &arrival, ended) < 0)
			rc = PROCPOOL_EPROTOCOL;
	} while (rc == 1);
	if (rc < 0) {
		pp_log(&ch->pool->log, PROCPOOL_ERROR,
		    "%s (pid %d) broke the protocol and is killed", ch->name,
		    (int)ch->pid);
		pp_channel_event(ch, LIFE_BROKE);
	}
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

/* Read once and act on it: 1, 0 at the end of file, -EAGAIN. */
static int
read_results(struct channel *ch, struct task_list *ended)
{
	ssize_t n;

	do
		n = read_pipe(ch);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (!ch->broke)
		take_frames(ch, ended);
	ch->quiet = false;
	return 1;
}

/* Fetch results that the worker has finished and not written yet, because
 * its present task is a long one. */
static void
harvest(struct channel *ch, struct task_list *ended)
{
	ch->quiet = true;
	while (!ch->broke && pp_stream_from_ring(&ch->in, ch->page) > 0)
		take_frames(ch, ended);
}

/* The worker has closed its result pipe, or is just dying. */
static void
end_of_file(struct channel *ch)
{
	if (!pp_readable(ch->pidfd, pp_deadline(EOF_MS)))
		pp_channel_event(ch, LIFE_BROKE);
}

/* ------------------------------------------------------------ The loop */

bool
pp_channel_is_free(struct channel *ch)
{
	bool is_free;

	uv_mutex_lock(&ch->lock);
	is_free = ch->live == 0;
	uv_mutex_unlock(&ch->lock);
	return is_free;
}

void
pp_channel_sleep(const struct channel *ch)
{
	struct pollfd items[] = {
		{ .fd = ch->wake, .events = POLLIN },
		{ .fd = ch->pidfd, .events = POLLIN },
		{ .fd = ch->result_pipe, .events = 0 },
	};

	(void)poll(items, 3, -1);
	if (items[0].revents != 0)
		pp_wake_clear(ch->wake);
}

enum channel_event
pp_channel_io(struct channel *ch, uint64_t deadline, bool caller,
    struct task_list *ended)
{
	struct pollfd items[4];
	const bool busy = !pp_channel_is_free(ch);
	const uint64_t soon =
	    busy && !ch->quiet ? pp_now() + HARVEST_NS : PP_NEVER;
	int n;

	pp_channel_flush(ch);
	items[0] = (struct pollfd){ .fd = ch->pidfd, .events = POLLIN };
	items[1] = (struct pollfd){ .fd = ch->broke ? -1 : ch->result_pipe,
		.events = busy || ch->life == LIFE_STARTING ? POLLIN : 0 };
	items[2] = (struct pollfd){ .fd = pending(&ch->out) ? ch->task_pipe[1]
							   : -1,
		.events = POLLOUT };
	items[3] = (struct pollfd){ .fd = caller ? -1 : ch->wake,
		.events = POLLIN };
	n = poll(items, 4, pp_poll_timeout(soon < deadline ? soon : deadline));
	if (n == 0 && soon < deadline) {
		harvest(ch, ended);
		return CHANNEL_ACTIVE;
	}
	if (n <= 0)
		return n == 0 ? CHANNEL_QUIET : CHANNEL_ACTIVE;
	if (items[3].revents != 0)
		pp_wake_clear(ch->wake);
	if (items[1].revents != 0 && read_results(ch, ended) == 0)
		end_of_file(ch);
	return items[0].revents != 0 ? CHANNEL_DIED : CHANNEL_ACTIVE;
}

/* Ask the worker to end: by a frame when it is free to read one. */
static void
ask_to_stop(struct channel *ch)
{
	const struct task_frame frame = { .type = TASK_STOP };

	if (pp_channel_is_free(ch) && ch->out.large == NULL &&
	    ch->out.end + sizeof(frame) <= OUT_SIZE)
		encode(&ch->out, &frame, NULL);
	else
		(void)pp_pidfd_kill(ch->pidfd, SIGTERM);
}

void
pp_channel_event(struct channel *ch, enum life_event event)
{
	ch->broke = ch->broke || event == LIFE_BROKE;
	switch (pp_life_step(&ch->life, event)) {
	case LIFE_STOP:
		ch->ended = true;
		ask_to_stop(ch);
		break;
	case LIFE_KILL:
		(void)pp_pidfd_kill(ch->pidfd, SIGKILL);
		break;
	case LIFE_BUG:
	case LIFE_NOTHING:
	case LIFE_BURY:
		break;
	}
}

/* ------------------------------------------------------------- Burial */

/* How a worker ended. */
struct death {
	int outcome; /* of the task that it ran */
	int code;
	const char *how; /* "signal", "status" or NULL */
};

static struct death
death_of(int status)
{
	if (WIFSIGNALED(status))
		return (struct death){ PROCPOOL_ECRASHED, WTERMSIG(status),
			"signal" };
	return (struct death){ PROCPOOL_EEXITED, WEXITSTATUS(status),
		"status" };
}

/* What the spawner says of it.  A spawner that says nothing has died, and its
 * workers with it: they are not to blame. */
static struct death
learn_death(struct channel *ch)
{
	struct spawn_report report;
	int fd;
	ssize_t n;

	if (!pp_readable(ch->pidfd, 0) ||
	    !pp_readable(ch->report, pp_deadline(REPORT_MS)))
		return (struct death){ .outcome = PROCPOOL_EDIED };
	n = pp_receive(ch->report, &report, sizeof(report), &fd, 1);
	pp_close(&fd);
	if (n != (ssize_t)sizeof(report) || report.kind != REPORT_ENDED)
		return (struct death){ .outcome = PROCPOOL_ELOST };
	return death_of(report.status);
}

static void
log_death(struct channel *ch, const struct death *death)
{
	if (death->how != NULL)
		pp_log(&ch->pool->log, PROCPOOL_ERROR,
		    "%s (pid %d) died: %s %d", ch->name, (int)ch->pid,
		    death->how, death->code);
	else
		pp_log(&ch->pool->log, PROCPOOL_ERROR, "%s (pid %d) died: %s",
		    ch->name, (int)ch->pid, procpool_strerror(death->outcome));
}

/*
 * Take the results that the worker finished before it died: from the pipe,
 * then from the ring.  The ring has the last word: when a job that ended its
 * worker has written half a frame to the pipe itself, the results before it
 * are in the ring, whole.
 */
static void
take_last_words(struct channel *ch, struct task_list *ended)
{
	while (!ch->broke && read_results(ch, ended) > 0)
		;
	if (ch->broke)
		return; /* nothing that it says is believed any more */
	pp_stream_rewind(&ch->in, ch->page);
	harvest(ch, ended);
}

static void
end_killed(struct channel *ch, struct task *task, uint64_t sequence,
    const struct death *death)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "worker %s (pid %d) ended",
	    ch->name, (int)ch->pid);

	if (death->how != NULL)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    " by %s %d", death->how, death->code);
	name_worker(ch, task);
	task->result.phase = pp_stream_is_amid(&ch->in, sequence)
	    ? PROCPOOL_RETURNING
	    : PROCPOOL_RUNNING;
	task->result.queued_ns = 0;
	pp_task_end(task, death->outcome);
	task->result.code = death->code;
	pp_task_message(task, text, (size_t)len);
}

/* What was in flight: claimed tasks die with the worker, others go again. */
static size_t
empty_flight(struct channel *ch, const struct death *death,
    struct task_list *ended, struct task_list *again)
{
	uint64_t n;
	size_t blamed = 0;

	uv_mutex_lock(&ch->lock);
	for (n = ch->oldest; n < ch->next; n++) {
		struct task *task = ch->flight[n % PP_SLOTS];

		ch->flight[n % PP_SLOTS] = NULL;
		if (task == NULL)
			continue;
		if (pp_claim_take(ch->page, n, CLAIM_REVOKED)) {
			pp_list_push(again, task);
		} else {
			end_killed(ch, task, n, death);
			pp_list_push(ended, task);
			blamed++;
		}
	}
	ch->live = 0;
	ch->oldest = ch->next;
	uv_mutex_unlock(&ch->lock);
	return blamed;
}

bool
pp_channel_bury(struct channel *ch, int verdict, struct task_list *ended,
    struct task_list *again)
{
	struct death death;
	size_t blamed;
	bool counts;

	take_last_words(ch, ended);
	death = learn_death(ch);
	if (ch->broke)
		death = (struct death){ .outcome = PROCPOOL_EPROTOCOL };
	else if (ch->ended)
		death = (struct death){ .outcome = verdict };
	if (!ch->ended)
		log_death(ch, &death);
	blamed = empty_flight(ch, &death, ended, again);
	counts = !ch->ended && blamed == 0 && death.outcome != PROCPOOL_ELOST;
	pp_channel_event(ch, LIFE_DIED);
	clear(ch);
	return counts;
}
