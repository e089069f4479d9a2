#include "loop.h"

#include "screen.h"

#include <errno.h>
#include <poll.h>

enum taken {
	TOOK_ONE,
	NO_ROOM,
	NO_INPUT
};

/* Returns 0 or -errno, of the output. */
static int
write_ready(struct loop *loop)
{
	size_t n = pp_window_ready(&loop->window);
	bool hidden = n > 0 && loop->on_screen && pp_screen_hide_bar();
	int rc = 0;

	for (; n > 0 && rc == 0; n--) {
		rc = pp_results_add(
		    &loop->results, pp_window_head(&loop->window));
		pp_window_drop_head(&loop->window);
	}
	/* Missing for longer than it takes to write, it would flicker. */
	if (hidden && rc == 0) {
		rc = pp_results_flush(&loop->results);
		pp_screen_bring_back_bar();
	}
	return rc;
}

static void
submit(struct loop *loop, const char *record, size_t len)
{
	struct slot *slot = pp_window_take(&loop->window, len);
	int rc = pp_window_keep(slot, record);

	if (rc == 0)
		rc = procpool_submit(
		    loop->pool, record, len, pp_window_end, slot);
	if (rc == 0)
		return;
	pp_window_give_up(slot, rc);
	loop->stopped = true;
	loop->refused = true;
}

static enum taken
take_one(struct loop *loop)
{
	const char *record;
	size_t len;

	if (loop->stopped)
		return NO_INPUT;
	if (!pp_window_has_room(&loop->window))
		return NO_ROOM;

	switch (pp_source_next(&loop->source, &record, &len)) {
	case INPUT_RECORD:
		submit(loop, record, len);
		return TOOK_ONE;
	case INPUT_TOO_LONG:
		pp_window_give_up(
		    pp_window_take(&loop->window, 0), PROCPOOL_ETOOBIG);
		return TOOK_ONE;
	case INPUT_NOTHING:
	default:
		loop->stopped = loop->source.ended;
		return NO_INPUT;
	}
}

/* What a shutdown ends is in the window when it returns. */
static void
heed_failure(struct loop *loop)
{
	if (loop->options->halt == HALT_NEVER ||
	    !pp_window_failed(&loop->window))
		return;
	loop->stopped = true;
	if (loop->options->halt == HALT_NOW)
		(void)procpool_shutdown(loop->pool);
}

/*
 * Wait until a result can be written, or a record taken, or something shown,
 * or the output is closed; and read, when there is something to read.  Returns
 * 0 or -errno, of the output.
 */
static int
await(struct loop *loop, bool for_room)
{
	bool for_input = !for_room && !loop->stopped;
	struct pollfd fds[] = {
		{ loop->window.wake_fd, POLLIN, 0 },
		{ for_input ? loop->source.input.fd : -1, POLLIN, 0 },
		/* Only POLLERR: the reader of our pipe has gone. */
		{ loop->results.output.fd, 0, 0 },
		{ pp_screen_fd(), POLLIN, 0 },
	};
	int rc;

	if (!pp_window_will_wait(&loop->window, for_room))
		return 0;
	rc = poll(fds, sizeof(fds) / sizeof(fds[0]),
	    pp_progress_wait_ms(&loop->progress));
	pp_window_woken(&loop->window);
	if (rc < 0)
		return 0; /* a signal: the loop comes back */

	if ((fds[2].revents & POLLERR) != 0)
		return -EPIPE;
	if (fds[1].revents != 0)
		pp_source_read(&loop->source);
	if (fds[3].revents != 0)
		pp_screen_forward();
	return 0;
}

/* Returns 0 or -errno, of the output. */
static int
write_and_take(struct loop *loop, enum taken *taken)
{
	int rc = write_ready(loop);

	/* In debug mode the job has just run here, and its result is not to
	 * wait for the next one. */
	if (rc == 0 && loop->options->debug)
		rc = pp_results_flush(&loop->results);
	if (rc == 0)
		*taken = take_one(loop);
	return rc;
}

/* Returns 0 or -errno, of the output. */
static int
show_progress(struct loop *loop)
{
	struct window_counts counts = pp_window_counts(&loop->window);
	int rc = pp_results_flush(&loop->results); /* to the end of a line */

	pp_screen_forward();
	pp_progress_draw(&loop->progress, &counts);
	return rc;
}

static bool
is_over(const struct loop *loop)
{
	return loop->stopped && loop->window.written == loop->window.taken;
}

int
pp_loop_run(struct loop *loop)
{
	for (;;) {
		enum taken taken = NO_INPUT;
		int rc;

		heed_failure(loop);
		rc = write_and_take(loop, &taken);
		if (rc == 0 && pp_progress_is_due(&loop->progress))
			rc = show_progress(loop);
		if (rc == 0 && taken == TOOK_ONE)
			continue;
		if (rc == 0)
			rc = pp_results_flush(&loop->results);
		if (rc < 0 || is_over(loop))
			return rc;
		rc = await(loop, taken == NO_ROOM);
		if (rc < 0)
			return rc;
	}
}
