/*
 * What the back end of worker processes has of a pool: the channels to its
 * workers, and the spawner that they come from.
 */
#ifndef PP_CHANNEL_CREW_H
#define PP_CHANNEL_CREW_H

#include "channel/channel.h"
#include "engine/pool.h"

struct crew {
	struct channel *channels; /* n_jobs; set from start to stop */

	/* Under the pool's lock. */
	struct channel *idle; /* a stack of sleeping ones */
	int hungry; /* how many have nothing to do, */
	int ahead; /* how many have more than they are at, */
	int rich; /* and of these, how many what others may run */
	/* Where new workers come from, and during a refresh, where old ones
	 * do.  While there are monitors, changed under renewing too. */
	struct spawner *spawner, *outgoing;

	uv_mutex_t stealing; /* held by a thief; before a channel's lock */
	uv_mutex_t renewing; /* held while a spawner is replaced */
	struct restart spawner_restart; /* under renewing */
};

#endif
