/*
 * The items of several sources as the argument of one task:
 *
 *     | magic | items | length and kind, of each | bytes of each, padded to 16 |
 *
 * procpool_map_item() reads it, in the worker.
 */
#ifndef PP_RULES_PACK_H
#define PP_RULES_PACK_H

#include <procpool.h>
#include <stdbool.h>
#include <stddef.h>

struct pack_item {
	struct procpool_bytes bytes;
	bool fill; /* its source has ended */
};

/* How many bytes the items take; SIZE_MAX when that is more than there can
 * be. */
size_t pp_pack_size(const struct pack_item *items, size_t n);

/* Write them, to memory of that size. */
void pp_pack(void *to, const struct pack_item *items, size_t n);

#endif
