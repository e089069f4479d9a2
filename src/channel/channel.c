#include "channel/channel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/poll.h"
#include "channel/parts.h"

#define EOF_MS  200 /* how long a death may take to follow an end of file */
#define LAST_MS 200 /* the time for a report at the end of a pool */

int
pp_channel_init(struct channel *ch, struct procpool *pool, int index)
{
	int rc;

	ch->pool = pool;
	ch->index = index;
	ch->task_pipe[0] = ch->task_pipe[1] = -1;
	ch->result_pipe = ch->report = ch->pidfd = -1;
	pp_printout_init(&ch->printout);
	ch->name = pool->worker_names[index];
	rc = pp_outbox_init(&ch->out);
	if (rc < 0)
		return rc;
	rc = pp_stream_init(&ch->in, pool->options.max_payload);
	if (rc < 0)
		goto fail_out;
	rc = pp_wake_open(&ch->wake);
	if (rc < 0)
		goto fail_in;
	rc = uv_mutex_init(&ch->lock);
	if (rc < 0)
		goto fail_wake;
	return 0;

fail_wake:
	pp_close(&ch->wake);
fail_in:
	pp_stream_done(&ch->in);
fail_out:
	pp_outbox_done(&ch->out);
	return rc;
}

void
pp_channel_clear(struct channel *ch)
{
	pp_close(&ch->task_pipe[0]);
	pp_close(&ch->task_pipe[1]);
	pp_close(&ch->result_pipe);
	pp_close(&ch->report);
	pp_close(&ch->pidfd);
	pp_printout_close(&ch->printout);
	if (ch->page != NULL)
		(void)munmap(ch->page, ch->page_size);
	ch->page = NULL;
	ch->tasks = (struct area){ 0 };
	ch->large = NULL;
	pp_stream_clear(&ch->in);
	pp_spawner_unref(ch->spawner);
	ch->spawner = NULL;
	pp_outbox_clear(&ch->out);
	uv_mutex_lock(&ch->lock);
	ch->next = ch->oldest = ch->fixed = 0;
	ch->live = ch->tied = 0;
	ch->condemned = false;
	uv_mutex_unlock(&ch->lock);
	ch->pid = 0;
	ch->told_to_end = ch->hung_up = ch->broke = false;
	ch->unreadable = false;
	ch->end[0] = '\0';
}

void
pp_channel_done(struct channel *ch)
{
	pp_channel_clear(ch);
	uv_mutex_destroy(&ch->lock);
	pp_close(&ch->wake);
	pp_stream_done(&ch->in);
	pp_outbox_done(&ch->out);
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

bool
pp_channel_is_full(struct channel *ch)
{
	bool is_full;

	uv_mutex_lock(&ch->lock);
	is_full = ch->next - ch->oldest >= PP_SLOTS;
	uv_mutex_unlock(&ch->lock);
	return is_full;
}

/* Read what the worker prints, if it does; a line that has not ended in time is
 * not waited for.  Whether there was something. */
static bool
take_output(struct channel *ch, short revents)
{
	struct log *log = &ch->pool->log;

	if (revents != 0)
		return pp_printout_read(&ch->printout, log, ch->name) > 0;
	if (ch->printout.len > 0 && pp_now() >= ch->printout.due)
		pp_printout_cut(&ch->printout, log, ch->name);
	return false;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Wait until one of the items, of which the first is the wake descriptor, has
 * an event, or the deadline is past.  The last item is for the output. */
static void
rest(struct channel *ch, struct pollfd *items, int n, uint64_t deadline)
{
	struct pollfd *output = &items[n - 1];
	int events;

	do {
		*output =
		    (struct pollfd){ .fd = ch->printout.fd, .events = POLLIN };
		events = pp_poll(items, n,
		    pp_poll_timeout(sooner(deadline, ch->printout.due)));
		(void)take_output(ch, events > 0 ? output->revents : 0);
		if (events > 0 && output->revents != 0)
			events--;
	} while (events == 0 && pp_now() < deadline);
	if (events > 0 && items[0].revents != 0)
		pp_wake_clear(ch->wake);
}

void
pp_channel_sleep(struct channel *ch)
{
	struct pollfd items[] = {
		{ .fd = ch->wake, .events = POLLIN },
		{ .fd = ch->pidfd, .events = POLLIN },
		{ .fd = ch->result_pipe, .events = 0 },
		{ .fd = -1 },
	};

	rest(ch, items, 4, PP_NEVER);
}

void
pp_channel_await_wake(struct channel *ch, uint64_t deadline)
{
	struct pollfd items[] = {
		{ .fd = ch->wake, .events = POLLIN },
		{ .fd = -1 },
	};

	rest(ch, items, 2, deadline);
}

/* The worker has closed its result pipe, or is just dying: slowly, when it has
 * written a large core.  To kill it does not change why it dies then. */
static void
end_of_file(struct channel *ch)
{
	if (pp_readable(ch->pidfd, pp_deadline(EOF_MS)))
		return;
	ch->hung_up = true;
	if (pp_life_step(&ch->life, LIFE_BROKE) == LIFE_KILL)
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
}

bool
pp_channel_await_report(struct channel *ch, int64_t extra)
{
	bool answers;

	/* It may be woken for less than the end of the pool. */
	do {
		pp_wake_clear(ch->wake);
		if (!pp_pool_serves(ch->pool))
			return pp_readable(ch->report, pp_deadline(LAST_MS));
		answers = pp_spawner_answers(
		    ch->spawner, ch->report, PP_REPORT_MS + extra, ch->wake);
	} while (!answers && pp_readable(ch->wake, 0));
	return answers;
}

enum {
	ITEM_DEATH,
	ITEM_RESULTS,
	ITEM_TASKS,
	ITEM_WAKE,
	ITEM_OUTPUT,
	ITEMS
};

/* What is to be waited for; a caller leaves some of it to the monitor. */
static void
list_items(const struct channel *ch, bool caller, struct pollfd items[ITEMS])
{
	const bool ignored = ch->broke || ch->hung_up;
	const bool writing = pp_outbox_pending(&ch->out);
	int i;

	for (i = 0; i < ITEMS; i++)
		items[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	items[ITEM_DEATH].fd = ch->pidfd;
	if (!ignored)
		items[ITEM_RESULTS].fd = ch->result_pipe;
	if (writing)
		items[ITEM_TASKS].fd = ch->task_pipe[1];
	items[ITEM_TASKS].events = POLLOUT;
	if (caller)
		return;
	items[ITEM_WAKE].fd = ch->wake;
	items[ITEM_OUTPUT].fd = ch->printout.fd;
}

void
pp_channel_look_in(struct channel *ch, uint64_t ns)
{
	ch->look = ns;
	ch->look_at = 0;
}

/*
 * When to look into the ring.  Not later for what happens meanwhile: who prints
 * or is woken all the time shall not hide its results.  Nor sooner: only a task
 * that has been begun that long after the one before is sure to be told of when
 * it ends, and need not be looked for.
 */
static uint64_t
time_to_look(struct channel *ch)
{
	if (ch->look == PP_NEVER || pp_channel_is_free(ch))
		return PP_NEVER;
	if (ch->look_at == 0)
		ch->look_at = pp_now() + ch->look;
	return ch->look_at;
}

enum channel_event
pp_channel_io(
    struct channel *ch, uint64_t deadline, bool caller, struct task_list *ended)
{
	struct pollfd items[ITEMS];
	const uint64_t look = time_to_look(ch);
	const uint64_t first =
	    sooner(look, caller ? PP_NEVER : ch->printout.due);
	int n;

	list_items(ch, caller, items);
	n = pp_poll(items, ITEMS, pp_poll_timeout(sooner(first, deadline)));
	if (!caller)
		(void)take_output(ch, n > 0 ? items[ITEM_OUTPUT].revents : 0);
	if (look < PP_NEVER && items[ITEM_RESULTS].revents == 0 &&
	    pp_now() >= look)
		pp_channel_audit(ch, ended);
	if (n <= 0)
		return n == 0 && first >= deadline ? CHANNEL_QUIET
						   : CHANNEL_ACTIVE;
	if (items[ITEM_WAKE].revents != 0)
		pp_wake_clear(ch->wake);
	if (items[ITEM_RESULTS].revents != 0 && pp_channel_read(ch, ended) == 0)
		end_of_file(ch);
	return items[ITEM_DEATH].revents != 0 ? CHANNEL_DIED : CHANNEL_ACTIVE;
}

/* Ask the worker to end: by a frame, and when it has a task by SIGTERM too.  A
 * task that takes the signal for a hint to return does not end the worker, but
 * the frame then does. */
static void
ask_to_stop(struct channel *ch)
{
	const struct task_frame frame = { .type = TASK_STOP };

	if (pp_outbox_fits(&ch->out, 0))
		pp_outbox_add(&ch->out, &frame, NULL);
	if (!pp_channel_is_free(ch))
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGTERM);
}

void
pp_channel_event(struct channel *ch, enum life_event event)
{
	ch->broke = ch->broke || event == LIFE_BROKE;
	switch (pp_life_step(&ch->life, event)) {
	case LIFE_STOP:
		ch->told_to_end = true;
		ask_to_stop(ch);
		break;
	case LIFE_KILL:
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
		break;
	case LIFE_BUG:
	case LIFE_NOTHING:
	case LIFE_BURY:
		break;
	}
}
