#include "engine/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/channel_parts.h"

#define EOF_MS     200 /* how long a death may take to follow an end of file */
#define HARVEST_NS (2 * PP_MS) /* a result that long in the ring is fetched */

int
pp_channel_init(struct channel *ch, struct procpool *pool, int index)
{
	int rc;

	ch->pool = pool;
	ch->index = index;
	ch->task_pipe[0] = ch->task_pipe[1] = -1;
	ch->result_pipe = ch->report = ch->pidfd = -1;
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
	ch->live = 0;
	uv_mutex_unlock(&ch->lock);
	ch->pid = 0;
	ch->quiet = ch->told_to_end = ch->hung_up = ch->broke = false;
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

/* The worker has closed its result pipe, or is just dying: slowly, when it has
 * written a large core.  To kill it does not change why it dies then. */
static void
end_of_file(struct channel *ch)
{
	if (pp_readable(ch->pidfd, pp_deadline(EOF_MS)))
		return;
	ch->hung_up = true;
	if (pp_life_step(&ch->life, LIFE_BROKE) == LIFE_KILL)
		(void)pp_pidfd_kill(ch->pidfd, SIGKILL);
}

enum channel_event
pp_channel_io(
    struct channel *ch, uint64_t deadline, bool caller, struct task_list *ended)
{
	struct pollfd items[4];
	const bool busy = !pp_channel_is_free(ch);
	const uint64_t soon =
	    busy && !ch->quiet ? pp_now() + HARVEST_NS : PP_NEVER;
	const bool ignored = ch->broke || ch->hung_up;
	int n;

	pp_channel_flush(ch);
	items[0] = (struct pollfd){ .fd = ch->pidfd, .events = POLLIN };
	items[1] = (struct pollfd){ .fd = ignored ? -1 : ch->result_pipe,
		.events = POLLIN };
	items[2] = (struct pollfd){ .fd = -1, .events = POLLOUT };
	if (pp_outbox_pending(&ch->out))
		items[2].fd = ch->task_pipe[1];
	items[3] =
	    (struct pollfd){ .fd = caller ? -1 : ch->wake, .events = POLLIN };
	n = poll(items, 4, pp_poll_timeout(soon < deadline ? soon : deadline));
	if (n == 0 && soon < deadline) {
		pp_channel_harvest(ch, ended);
		return CHANNEL_ACTIVE;
	}
	if (n <= 0)
		return n == 0 ? CHANNEL_QUIET : CHANNEL_ACTIVE;
	if (items[3].revents != 0)
		pp_wake_clear(ch->wake);
	if (items[1].revents != 0 && pp_channel_read(ch, ended) == 0)
		end_of_file(ch);
	return items[0].revents != 0 ? CHANNEL_DIED : CHANNEL_ACTIVE;
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
		(void)pp_pidfd_kill(ch->pidfd, SIGTERM);
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
		(void)pp_pidfd_kill(ch->pidfd, SIGKILL);
		break;
	case LIFE_BUG:
	case LIFE_NOTHING:
	case LIFE_BURY:
		break;
	}
}
