/*
 * The keeper: what a pool knows of its workers as a whole.  It gets them
 * forked and replaced, counts deaths, makes a new spawner when the old one has
 * died, and declares the pool broken when there is no point in going on.
 */
#ifndef PP_CHANNEL_KEEPER_H
#define PP_CHANNEL_KEEPER_H

#include <stdbool.h>

#include "channel/channel.h"
#include "engine/pool.h"

/* Wait for the first worker of a channel, which has been asked for: 0 or why
 * there is none.  By who starts the pool. */
int pp_keeper_first_worker(struct channel *ch);

/* Fork another worker after one has gone, in due time: false when the pool
 * ends.  By the monitor. */
bool pp_keeper_next_worker(struct channel *ch);

/* The channel's worker has gone. */
void pp_keeper_worker_gone(struct channel *ch, enum burial burial);

/* The worker has gone, and what it left is in the queue: keys that were here
 * because their own worker could not be made go home, if there is one now. */
void pp_keeper_keys_home(struct channel *ch);

/* The spawner that new workers come from, with a reference. */
struct spawner *pp_keeper_spawner(struct procpool *pool);

/* Put a spawner, or none, in its place; takes a reference over. */
void pp_keeper_swap_spawner(struct procpool *pool, struct spawner *fresh);

/* The outcome of tasks that are running when the pool ends. */
int pp_keeper_verdict(struct procpool *pool);

/* Tasks that were not run go to the front of the queue; when the pool ends,
 * they are settled.  Empties the list. */
void pp_keeper_requeue(struct procpool *pool, struct task_list *again);

#endif
