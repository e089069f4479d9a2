#include "progress.h"

#include "bar.h"
#include "now.h"
#include "screen.h"
#include "tool.h"

#define SECOND    ((uint64_t)1000000000)
#define PERIOD_NS (SECOND / 5)
#define PACE_NS   (10 * SECOND)

void
pp_progress_begin(struct progress *progress, bool wanted, uint64_t total)
{
	int rc;

	*progress = (struct progress){ .total = total };
	if (!wanted || !pp_screen_can_show())
		return;
	rc = pp_screen_open();
	if (rc < 0) {
		pp_say("no bar: %s", procpool_strerror(rc));
		return;
	}
	progress->on = true;
	progress->began_ns = pp_now_ns();
}

bool
pp_progress_is_due(const struct progress *progress)
{
	return progress->on && pp_now_ns() - progress->drawn_ns >= PERIOD_NS;
}

int
pp_progress_wait_ms(const struct progress *progress)
{
	uint64_t since;

	if (!progress->on)
		return -1;
	since = pp_now_ns() - progress->drawn_ns;
	return since < PERIOD_NS ? (int)((PERIOD_NS - since) / 1000000) + 1 : 0;
}

/* Forget what is older than memory_ns, more or less. */
static void
follow(
    struct pace *pace, uint64_t count, uint64_t passed_ns, uint64_t memory_ns)
{
	double now = (double)(count - pace->count) /
	    ((double)passed_ns / (double)SECOND);
	double weight =
	    passed_ns < memory_ns ? (double)passed_ns / (double)memory_ns : 1;

	pace->per_second += weight * (now - pace->per_second);
	pace->count = count;
}

static void
look(struct progress *progress, const struct window_counts *counts)
{
	uint64_t now = pp_now_ns();
	uint64_t past_ns = now - progress->began_ns;
	uint64_t passed_ns = now -
	    (progress->drawn_ns > 0 ? progress->drawn_ns : progress->began_ns);
	uint64_t memory_ns = past_ns < PACE_NS ? past_ns : PACE_NS;

	progress->drawn_ns = now;
	if (passed_ns == 0)
		return;
	follow(&progress->records, counts->done, passed_ns, memory_ns);
	follow(&progress->bytes, counts->bytes, passed_ns, memory_ns);
}

/* Rounded down, and never 100: that is for the end alone. */
static int
percent(const struct progress *progress)
{
	double part;

	if (progress->total == 0)
		return -1;
	part = (double)progress->bytes.count / (double)progress->total;
	return part < 0.99 ? (int)(100 * part) : 99;
}

static int64_t
seconds_left(const struct progress *progress)
{
	double left = (double)progress->total - (double)progress->bytes.count;
	double seconds = left / progress->bytes.per_second;

	/* It is no number when nothing has been done yet. */
	return seconds >= 0 && seconds < 1e9 ? (int64_t)(seconds + 0.5) : -1;
}

void
pp_progress_draw(struct progress *progress, const struct window_counts *counts)
{
	char text[SCREEN_BAR_MAX + 1];
	struct bar bar;

	look(progress, counts);
	bar = (struct bar){
		.done = counts->done,
		.failed = counts->failed,
		.per_second = progress->records.per_second,
		.percent = percent(progress),
	};
	bar.seconds = bar.percent >= 0
	    ? seconds_left(progress)
	    : (int64_t)((progress->drawn_ns - progress->began_ns) / SECOND);
	pp_screen_show_bar(text, pp_bar_format(text, pp_screen_width(), &bar));
}

void
pp_progress_end(struct progress *progress, const struct window_counts *counts,
    bool complete)
{
	char text[SCREEN_BAR_MAX + 1];
	double seconds;
	struct bar bar;

	if (!progress->on)
		return;
	seconds = (double)(pp_now_ns() - progress->began_ns) / (double)SECOND;
	bar = (struct bar){
		.done = counts->done,
		.failed = counts->failed,
		.per_second = (double)counts->done / seconds,
		.percent = complete && progress->total > 0 ? 100 : -1,
		.seconds = (int64_t)(seconds + 0.5),
	};
	pp_screen_leave_bar(text, pp_bar_format(text, pp_screen_width(), &bar));
}
