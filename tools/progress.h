/*
 * --progress: when the bar is drawn, and with what figures.
 */
#ifndef PP_PROGRESS_H
#define PP_PROGRESS_H

#include "window.h"

#include <stdbool.h>
#include <stdint.h>

/* How quickly something grows: over the last ten seconds or so, or since the
 * beginning when that is less. */
struct pace {
	double per_second;
	uint64_t count; /* at the last look */
};

struct progress {
	bool on;
	uint64_t total; /* in bytes; 0: not known */
	uint64_t began_ns;
	uint64_t drawn_ns;
	struct pace records;
	struct pace bytes;
};

/* Begin: with a bar, if it is wanted and the screen can show one; it is said
 * when it should and yet there is none. */
void pp_progress_begin(struct progress *progress, bool wanted, uint64_t total);

/* Whether it is time to draw, and for how long it is not: in milliseconds, as
 * for poll. */
bool pp_progress_is_due(const struct progress *progress);
int pp_progress_wait_ms(const struct progress *progress);

/* Draw. */
void pp_progress_draw(
    struct progress *progress, const struct window_counts *counts);

/* Draw for the last time, and leave it there. */
void pp_progress_end(struct progress *progress,
    const struct window_counts *counts, bool complete);

#endif
