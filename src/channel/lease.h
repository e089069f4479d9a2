/*
 * Leases: a caller who waits for one task drives a sleeping worker himself for
 * it, which saves two changes of thread.  The monitor sleeps on meanwhile, and
 * looks after the worker only when it dies, prints, or the pool ends.
 */
#ifndef PP_CHANNEL_LEASE_H
#define PP_CHANNEL_LEASE_H

#include "channel/channel.h"
#include "engine/pool.h"

/* Run a caller's task in a sleeping worker: false when there is none for it.
 * With the pool's lock held; gives it back when it returns true. */
bool pp_lease_locked(struct procpool *pool, struct task *task);

/* Wait, as the monitor, until a caller has given the channel back.  A pool
 * that ends does not wait for the caller's task: the worker is told to end,
 * and then killed.  One that cannot be killed is given up, and the caller, who
 * looks up now and then, leaves it to the monitor. */
void pp_lease_await_end(struct channel *ch);
bool pp_lease_is_given_up(struct channel *ch);

#endif
