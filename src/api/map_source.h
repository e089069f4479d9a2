/*
 * The sources of a map, read by the thread that asks the map for its next
 * result.
 */
#ifndef PP_API_MAP_SOURCE_H
#define PP_API_MAP_SOURCE_H

#include <procpool.h>
#include <stdbool.h>
#include <stddef.h>

#include "rules/pack.h"

/* One of them, and how far it has been read. */
struct input {
	struct procpool_source source;
	struct procpool_bytes fill;
	size_t position; /* in an array */
	char *line; /* of a file */
	size_t line_size;
	bool ended;
	bool read; /* there is an item that has not been packed */
	struct procpool_bytes item;
	const struct procpool_result *failed; /* in place of an item */
};

struct sources {
	struct input *inputs;
	size_t n;
	bool packed; /* an item of each is passed on, in one piece */
	bool filled; /* those that end early are filled up */
	struct pack_item *items; /* n of them */
	void *pack;
	size_t pack_size;
};

/* What was drawn: bytes, or a failure that an inner map had in their place.
 * Valid until the next draw. */
struct drawn {
	struct procpool_bytes bytes;
	const struct procpool_result *failed; /* NULL: none */
};

/* Take over a map's sources: 0, PROCPOOL_ESOURCE, PROCPOOL_ENULL or -ENOMEM. */
int pp_sources_init(
    struct sources *sources, const struct procpool_map_options *options);

void pp_sources_done(struct sources *sources);

/* Draw what one task gets: 1, or 0 at the end, or a source's error.  After
 * -EAGAIN, and only then, it goes on where it was. */
int pp_sources_draw(struct sources *sources, struct drawn *drawn);

/* Have a draw that another thread is in end soon. */
void pp_sources_stop(struct sources *sources);

#endif
