/*
 * A map, for the files that make it: map.c opens, stops and closes it, and
 * map_next.c has it give results.
 */
#ifndef PP_API_MAP_PARTS_H
#define PP_API_MAP_PARTS_H

#include <stdatomic.h>
#include <uv.h>

#include "api/map_source.h"
#include "base/home.h"
#include "engine/task.h"
#include "rules/map_window.h"

#define PP_MAP_ALIVE (INT64_C(1) << 62) /* see struct procpool_map */

/* An item under way, then its result until it has been used. */
struct slot {
	_Alignas(64) struct procpool_map *map;
	struct slot *next; /* among the spare ones */
	uint64_t index;
	size_t len; /* of the item */
	struct block heap; /* what space is too small for */
	struct procpool_result result;
	_Alignas(PP_ALIGN) char space[PP_TASK_SPACE];
};

struct procpool_map {
	/* Set once. */
	struct procpool *pool;
	bool own; /* the pool is the map's */
	bool keep_going;
	procpool_job_fn function;
	size_t max_bytes;
	struct home home;
	struct slot *slots; /* as many as the window's bound */

	/* The consumer's. */
	struct sources sources;
	struct drawn pending; /* drawn, and not accepted yet */
	bool is_pending;
	bool dry; /* no more is drawn */
	bool none_now; /* a source has nothing just now */
	bool over;
	int dry_error; /* why, when not because the sources ended */
	int verdict; /* what is said once it is over */
	struct slot *spare; /* used ones */
	size_t n_used; /* the others were never used */
	struct slot *handed; /* the result that the user has */
	uint64_t submitted;

	struct window window;

	/* Of the callbacks, which run one at a time: how many in a row. */
	_Alignas(64) int64_t together;

	/* Anybody's. */
	_Alignas(64) atomic_bool stopped;
	atomic_bool ended; /* over, for those who are not the consumer */
	_Atomic uint64_t
	    awaited; /* 1 + the place it waits for; 0: it does not */
	atomic_size_t bytes; /* see max_bytes of the options */

	/* PP_MAP_ALIVE less the callbacks that have run; once the map is closed, the
	 * number that have not: who brings it to 0 frees what is left. */
	_Atomic int64_t balance;

	uv_mutex_t lock; /* for the two below, and to wait */
	uv_cond_t changed; /* a result is there, it was stopped, a stop ended */
	unsigned stopping; /* threads in procpool_map_stop() */

	/* Held while its own pool is started or shut down. */
	uv_mutex_t turning;
	bool started; /* under turning */
};

/* So many of the callbacks that the map waits for, or the map itself, are done
 * with it: the last one frees what they use. */
void pp_map_unbalance(struct procpool_map *map, int64_t by);

/* The user is done with the result that was handed out. */
void pp_map_release(struct procpool_map *map);

/* Its own pool, if it has one, ends. */
void pp_map_shut_down_own(struct procpool_map *map);

#endif
