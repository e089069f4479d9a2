/*
 * The streaming loop.  One thread, this one, reads, submits and writes; the
 * pool's callbacks only put results into the window and wake it.  It waits in
 * one place, for input and for results at once, so that a result which can be
 * written never waits for input that has not come.
 */
#include "map.h"

#include "input.h"
#include "output.h"
#include "tool.h"
#include "window.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct map {
	const struct map_options *options;
	struct procpool *pool;
	struct window window;
	struct input input;
	struct output output;
	bool stopped; /* no more records are taken */
	bool trouble; /* the command failed, not only a record */
	bool broken; /* namely the pool did */
	uint64_t failed; /* records without a result */

	/* The last grave line of the pool's log, for when the pool itself
	 * fails; before that it would only say twice what a record's message
	 * says.  Read when the pool is closed or was not opened. */
	char log_line[1024];
};

enum taken {
	TOOK_ONE,
	NO_ROOM,
	NO_INPUT
};

/* ---------------------------------------------------------- messages */

static void
keep_log_line(enum procpool_level level, const char *message, void *user)
{
	struct map *map = user;

	(void)level; /* only grave lines come */
	if (map->options->debug)
		pp_say("%s", message);
	else
		snprintf(map->log_line, sizeof(map->log_line), "%s", message);
}

static void
say_trouble(struct map *map, const char *what, int error)
{
	map->trouble = true;
	pp_say("%s: %s", what, procpool_strerror(error));
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
say_stats(struct map *map, uint64_t began_ns)
{
	struct tally tally = {
		.records = map->window.taken,
		.succeeded = map->window.written - map->failed,
		.failed = map->failed,
		.ns = now_ns() - began_ns,
	};

	pp_say_stats(map->pool, &tally);
}

/* ---------------------------------------------------------- the loop */

static void
count_failed(struct map *map, const struct slot *slot)
{
	map->failed++;
	pp_say_failed(map->window.written + 1, slot->outcome, slot->code,
	    slot->len > 0 ? slot->bytes : "no message");
	if (slot->outcome == PROCPOOL_EBROKEN)
		map->trouble = map->broken = true;
}

/* Returns 0 or -errno, of the output. */
static int
write_ready(struct map *map)
{
	size_t n = pp_window_ready(&map->window);
	int rc = 0;

	for (; n > 0 && rc == 0; n--) {
		const struct slot *slot = pp_window_head(&map->window);
		bool ok = slot->outcome == 0;

		if (!ok)
			count_failed(map, slot);
		rc = pp_output_add(
		    &map->output, slot->bytes, ok ? slot->len : 0);
		pp_window_drop_head(&map->window);
	}
	return rc;
}

static void
submit(struct map *map, const char *record, size_t len)
{
	struct slot *slot = pp_window_take(&map->window, len);
	int rc = procpool_submit(map->pool, record, len, pp_window_end, slot);

	if (rc == 0)
		return;
	pp_window_give_up(slot, rc);
	map->stopped = true;
	map->trouble = true;
}

static enum taken
take_one(struct map *map)
{
	const char *record;
	size_t len;

	if (map->stopped)
		return NO_INPUT;
	if (!pp_window_has_room(&map->window))
		return NO_ROOM;

	switch (pp_input_next(&map->input, &record, &len)) {
	case INPUT_RECORD:
		submit(map, record, len);
		return TOOK_ONE;
	case INPUT_TOO_LONG:
		pp_window_give_up(
		    pp_window_take(&map->window, 0), PROCPOOL_ETOOBIG);
		return TOOK_ONE;
	case INPUT_NOTHING:
	default:
		map->stopped = map->input.ended;
		return NO_INPUT;
	}
}

/*
 * Wait until a result can be written, or a record taken, or the output is
 * closed; and read, when there is something to read.  Returns 0 or -errno, of
 * the output.
 */
static int
await(struct map *map, bool for_room)
{
	bool for_input = !for_room && !map->stopped;
	struct pollfd fds[] = {
		{ map->window.wake_fd, POLLIN, 0 },
		{ for_input ? map->input.fd : -1, POLLIN, 0 },
		/* Only POLLERR: the reader of our pipe has gone. */
		{ map->output.fd, 0, 0 },
	};
	int rc;

	if (!pp_window_will_wait(&map->window, for_room))
		return 0;
	rc = poll(fds, sizeof(fds) / sizeof(fds[0]), -1);
	pp_window_woken(&map->window);
	if (rc < 0)
		return 0; /* a signal: the loop comes back */

	if ((fds[2].revents & POLLERR) != 0)
		return -EPIPE;
	if (fds[1].revents != 0) {
		rc = pp_input_read(&map->input);
		if (rc < 0) {
			say_trouble(map, "cannot read the input", rc);
			map->stopped = true;
		}
	}
	return 0;
}

/* Returns 0 when all that was taken has been written, or -errno, of the
 * output. */
static int
stream(struct map *map)
{
	for (;;) {
		int rc = write_ready(map);
		enum taken taken = NO_INPUT;

		/* In debug mode the job has just run here, and its result is
		 * not to wait for the next one. */
		if (rc == 0 && map->options->debug)
			rc = pp_output_flush(&map->output);
		if (rc == 0)
			taken = take_one(map);
		if (rc == 0 && taken == TOOK_ONE)
			continue;
		if (rc == 0)
			rc = pp_output_flush(&map->output);
		if (rc < 0 ||
		    (map->stopped && map->window.written == map->window.taken))
			return rc;
		rc = await(map, taken == NO_ROOM);
		if (rc < 0)
			return rc;
	}
}

/* ------------------------------------------------- beginning and end */

/*
 * Keep stdout for the results alone: what jobs print goes to stderr.  Returns
 * the descriptor of the results, or -errno.
 */
static int
split_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0)
		return -errno;
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static int
open_output(struct map *map)
{
	int fd = split_stdout();
	int rc;

	if (fd < 0)
		return fd;
	rc = pp_output_init(&map->output, fd, map->options->terminator);
	if (rc < 0)
		close(fd);
	return rc;
}

static int
open_pool(struct map *map)
{
	const struct map_options *options = map->options;
	struct procpool_options pool_options = {
		.entry_point = options->function,
		.n_jobs = options->n_jobs,
		.fraction = options->fraction,
		.env = options->env,
		.debug = options->debug,
		.keep_gpus = options->keep_gpus,
		.log = keep_log_line,
		.log_level = PROCPOOL_WARNING,
		.user = map,
		.max_payload = INPUT_RECORD_MAX,
		/* The window is the bound.  So a submit waits, if at all, for
		 * a callback to return, and never for other jobs. */
		.queue_tasks = 2 * WINDOW_SLOTS,
		.queue_bytes = 2 * (INPUT_RECORD_MAX + WINDOW_BYTES),
	};
	int rc = procpool_open(&map->pool, &pool_options);

	if (rc < 0)
		return rc;
	rc = pp_window_init(&map->window, (size_t)procpool_n_jobs(map->pool));
	if (rc < 0)
		(void)procpool_close(map->pool);
	return rc;
}

static void
run_pool(struct map *map)
{
	uint64_t began_ns = now_ns();
	int rc;

	pp_input_init(&map->input, STDIN_FILENO, map->options->terminator);
	rc = stream(map);
	if (rc < 0) {
		say_trouble(map, "cannot write the results", rc);
		(void)procpool_shutdown(map->pool);
	}
	if (map->options->stats) {
		(void)procpool_drain(map->pool, -1);
		say_stats(map, began_ns);
	}
	(void)procpool_close(map->pool);
	pp_window_done(&map->window);
	pp_input_done(&map->input);

	rc = pp_output_done(&map->output);
	if (rc < 0 && !map->trouble)
		say_trouble(map, "cannot write the results", rc);
}

enum tool_status
pp_map_run(const struct map_options *options)
{
	struct map map = { .options = options };
	int rc;

	/* A closed stdout is told by write, and then said. */
	(void)signal(SIGPIPE, SIG_IGN);

	rc = open_output(&map);
	if (rc < 0) {
		say_trouble(&map, "cannot use the output", rc);
		return STATUS_TROUBLE;
	}
	rc = open_pool(&map);
	if (rc < 0) {
		map.broken = true;
		say_trouble(&map, "cannot start the pool", rc);
		(void)pp_output_done(&map.output);
	} else {
		run_pool(&map);
	}
	if (map.broken && map.log_line[0] != '\0')
		pp_say("the pool's last words: %s", map.log_line);
	if (map.trouble)
		return STATUS_TROUBLE;
	return map.failed > 0 ? STATUS_FAILED : STATUS_OK;
}
