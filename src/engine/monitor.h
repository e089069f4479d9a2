/*
 * The monitor of a channel: a thread that keeps a worker alive and fed, from
 * the start of the pool to its end.
 */
#ifndef PP_ENGINE_MONITOR_H
#define PP_ENGINE_MONITOR_H

#include "engine/channel.h"
#include "engine/pool.h"

/* The thread's function; arg is the channel. */
void pp_monitor_run(void *arg);

/* Take a sleeping channel for one task of a caller, with the pool's lock held:
 * NULL when there is none.  pp_lease_end() gives it back. */
struct channel *pp_lease_begin_locked(struct procpool *pool);
void pp_lease_end(struct channel *ch);

/* Drive a leased channel until the task has been settled or the worker has
 * died, which the monitor then sees to. */
void pp_lease_run(struct channel *ch, struct task *task);

/* Wake one sleeping channel for a task in the queue, with the pool's lock
 * held; returns the descriptor to wake after it is given back, or -1. */
int pp_rouse_locked(struct procpool *pool);

#endif
