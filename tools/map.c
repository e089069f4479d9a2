/*
 * What is before and after the loop: input, output and pool are opened, and at
 * the end it is told how it went.
 */
#include "map.h"

#include "loop.h"
#include "now.h"
#include "screen.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct map {
	const struct map_options *options;
	struct loop loop;
	bool trouble; /* other than what the loop knows */
	bool broken; /* the pool could not be opened */

	/* The last grave line of the pool's log, for when the pool itself
	 * fails; before that it would only say twice what a record's message
	 * says.  Read when the pool is closed or was not opened. */
	char log_line[1024];
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

static void
say_stats(struct map *map, uint64_t began_ns)
{
	struct tally tally = {
		.records = map->loop.window.taken,
		.succeeded =
		    map->loop.results.written - map->loop.results.failed,
		.failed = map->loop.results.failed,
		.ns = pp_now_ns() - began_ns,
	};

	pp_say_stats(map->loop.pool, &tally);
}

/* Also when it was one of the last records, and all had been taken. */
static bool
is_halted(const struct map *map)
{
	return map->options->halt != HALT_NEVER && map->loop.results.failed > 0;
}

static void
say_halted(const struct map *map)
{
	const struct results *results = &map->loop.results;

	if (results->cut > 0)
		pp_say(
		    "halted at the first failure: taken up to record %" PRIu64
		    ", given up %" PRIu64,
		    results->written, results->cut);
	else
		pp_say(
		    "halted at the first failure: taken up to record %" PRIu64,
		    results->written);
}

/* Whether the command failed, and not only a record. */
static bool
in_trouble(const struct map *map)
{
	const struct loop *loop = &map->loop;

	return map->trouble || loop->refused || loop->source.failed ||
	    loop->results.broken || loop->results.joblog.failed;
}

/* ------------------------------------------------- beginning and end */

static int
open_window(struct map *map)
{
	const struct map_options *options = map->options;
	struct window_options window_options = {
		.n_workers = (size_t)procpool_n_jobs(map->loop.pool),
		.keep_records = options->tag,
		.careful = options->halt != HALT_NEVER,
	};

	return pp_window_init(&map->loop.window, &window_options);
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
	int rc = procpool_open(&map->loop.pool, &pool_options);

	if (rc < 0)
		return rc;
	rc = open_window(map);
	if (rc < 0)
		(void)procpool_close(map->loop.pool);
	return rc;
}

static void
end_progress(struct map *map)
{
	struct window_counts counts = pp_window_counts(&map->loop.window);

	pp_progress_end(&map->loop.progress, &counts,
	    map->loop.source.ended && map->loop.results.cut == 0 &&
		!in_trouble(map));
}

static void
run_pool(struct map *map)
{
	uint64_t began_ns = pp_now_ns();
	int rc = pp_loop_run(&map->loop);

	if (rc < 0) {
		say_trouble(map, "cannot write the results", rc);
		(void)procpool_shutdown(map->loop.pool);
	}
	end_progress(map);
	if (is_halted(map))
		say_halted(map);
	if (map->options->stats) {
		(void)procpool_drain(map->loop.pool, -1);
		say_stats(map, began_ns);
	}
	(void)procpool_close(map->loop.pool);
	pp_window_done(&map->loop.window);
}

/* A bar needs a line, which results that end with NUL do not leave to it. */
static void
begin_progress(struct map *map)
{
	const struct map_options *options = map->options;

	map->loop.on_screen = isatty(map->loop.results.output.fd);
	pp_progress_begin(&map->loop.progress,
	    options->progress && !options->debug &&
		!(map->loop.on_screen && options->terminator == '\0'),
	    map->loop.source.bytes);
}

/* With the input and the output open. */
static void
run(struct map *map)
{
	int rc;

	begin_progress(map);
	rc = open_pool(map);
	if (rc == 0) {
		run_pool(map);
	} else {
		map->broken = true;
		say_trouble(map, "cannot start the pool", rc);
	}
	pp_screen_close();

	rc = pp_results_close(&map->loop.results);
	if (rc < 0 && !map->trouble)
		say_trouble(map, "cannot write the results", rc);
	if ((map->broken || map->loop.results.broken) &&
	    map->log_line[0] != '\0')
		pp_say("the pool's last words: %s", map->log_line);
}

enum tool_status
pp_map_run(const struct map_options *options)
{
	struct map map = { .options = options, .loop.options = options };
	struct results_options results_options = {
		.terminator = options->terminator,
		.tag = options->tag,
		.joblog = options->joblog,
		.source = &map.loop.source,
	};

	/* A closed stdout is told by write, and then said. */
	(void)signal(SIGPIPE, SIG_IGN);

	if (pp_source_init(&map.loop.source, options->files, options->n_files,
		options->terminator) < 0)
		return STATUS_TROUBLE;
	if (pp_results_open(&map.loop.results, &results_options) < 0)
		map.trouble = true;
	else
		run(&map);
	pp_source_done(&map.loop.source);

	if (in_trouble(&map))
		return STATUS_TROUBLE;
	return map.loop.results.failed > 0 ? STATUS_FAILED : STATUS_OK;
}
