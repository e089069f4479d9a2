/*
 * The window of a map: how many items may be under way, and the order in which
 * their results are handed out.  It is a ring of places.  In an ordered map an
 * item's place is that of its index; in another its turn comes when its result
 * does.
 *
 * One thread draws and takes.  Results are put by any threads, without a lock.
 */
#ifndef PP_RULES_MAP_WINDOW_H
#define PP_RULES_MAP_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_WINDOW_FACTOR 1e6 /* the largest */

struct window {
	/* Set once. */
	size_t bound, mask;
	bool ordered;
	_Atomic(void *) *ring;

	/* Of the thread that draws and takes. */
	uint64_t drawn, taken;

	/* Of those that put. */
	_Alignas(64) _Atomic uint64_t arrived;
};

/* The most items drawn and not handed out: C + 2 * max(1, floor(C * F)) for C
 * workers and the factor F. */
size_t pp_window_bound(int workers, double factor);

/* 0 or -ENOMEM. */
int pp_window_init(struct window *window, size_t bound, bool ordered);

/* Give its memory back; harmless for a zeroed one. */
void pp_window_done(struct window *window);

/* Items drawn and not taken. */
static inline uint64_t
pp_window_open(const struct window *window)
{
	return window->drawn - window->taken;
}

/* Put what became of the item that was drawn as number `index`, from 0, in its
 * place. */
void pp_window_put(struct window *window, uint64_t index, void *item);

/* Whether there is anything in a place; anybody may ask. */
static inline bool
pp_window_has(const struct window *window, uint64_t place)
{
	return atomic_load_explicit(&window->ring[place & window->mask],
		   memory_order_acquire) != NULL;
}

/* Whether what comes next is there. */
static inline bool
pp_window_is_due(const struct window *window)
{
	return pp_window_has(window, window->taken);
}

/* Take what comes next; NULL when it is not there. */
void *pp_window_take(struct window *window);

#endif
