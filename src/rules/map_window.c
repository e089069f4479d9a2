#include "rules/map_window.h"

#include <errno.h>
#include <stdlib.h>

size_t
pp_window_bound(int workers, double factor)
{
	const size_t buffer = (size_t)(workers * factor);

	return (size_t)workers + 2 * (buffer > 1 ? buffer : 1);
}

int
pp_window_init(struct window *window, size_t bound, bool ordered)
{
	size_t size = 1;

	while (size < bound)
		size *= 2;
	*window = (struct window){
		.bound = bound, .mask = size - 1, .ordered = ordered
	};
	window->ring = calloc(size, sizeof(window->ring[0]));
	return window->ring != NULL ? 0 : -ENOMEM;
}

void
pp_window_done(struct window *window)
{
	free(window->ring);
	window->ring = NULL;
}

void
pp_window_put(struct window *window, uint64_t index, void *item)
{
	const uint64_t place = window->ordered
	    ? index
	    : atomic_fetch_add_explicit(
		  &window->arrived, 1, memory_order_acq_rel);

	atomic_store_explicit(
	    &window->ring[place & window->mask], item, memory_order_release);
}

void *
pp_window_take(struct window *window)
{
	_Atomic(void *) *place = &window->ring[window->taken & window->mask];
	void *item = atomic_load_explicit(place, memory_order_acquire);

	if (item != NULL) {
		/* The place is filled again only after it was drawn for. */
		atomic_store_explicit(place, NULL, memory_order_relaxed);
		window->taken++;
	}
	return item;
}
