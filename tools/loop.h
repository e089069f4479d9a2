/*
 * The loop of `procpool map`.  One thread reads, submits, writes and draws;
 * the pool's callbacks only put results into the window and wake it.  It waits
 * in one place, for input and for results at once, so that a result which can
 * be written never waits for input that has not come.
 */
#ifndef PP_LOOP_H
#define PP_LOOP_H

#include "map.h"
#include "progress.h"
#include "results.h"
#include "source.h"
#include "window.h"

struct loop {
	const struct map_options *options;
	struct procpool *pool;
	struct source source;
	struct window window;
	struct results results;
	struct progress progress;
	bool on_screen; /* the results go to a terminal */

	bool stopped; /* no more records are taken */
	bool refused; /* because the pool took one no more */
};

/* Run, with all of the upper part open, until everything that was taken has
 * been written.  Returns 0 or -errno, of the output. */
int pp_loop_run(struct loop *loop);

#endif
