/*
 * Who has a channel (its mode), who is hungry, and who may have work sent
 * ahead: the few rules, all under the pool's lock, that let sent tasks never
 * wait at one worker while another has nothing to do.
 *
 *   1. A channel is hungry when its worker has nothing to do.
 *   2. While any channel is hungry, only hungry ones take from the queue what
 *      any worker may run.
 *   3. A channel goes to sleep only when nothing is in the queue that its
 *      worker may run and, after it was counted as hungry, it has found nothing
 *      to steal.
 *   4. Whoever puts a task in the queue wakes a sleeping channel for it: the
 *      one that it is tied to, or any.
 *   5. While a task waits that is to go before others, no channel that may run
 *      it sends anything ahead.  Whoever puts such a task in the queue wakes
 *      the channels that have, and they take it back.
 */
#ifndef PP_CHANNEL_MODE_H
#define PP_CHANNEL_MODE_H

#include "channel/channel.h"
#include "engine/pool.h"

/* What the pool wants of a monitor. */
enum order {
	ORDER_SERVE,
	ORDER_YIELD, /* take back what was sent ahead, then serve */
	ORDER_RENEW, /* let the worker finish its task, then replace it */
	ORDER_END,
	ORDER_WAIT /* a caller has the channel */
};

/* The monitor is awake: take the channel, unless it is on lease, and say what
 * to do. */
enum order pp_mode_look_up(struct channel *ch);

/* Go to sleep, unless there is something to do after all. */
bool pp_mode_go_idle(struct channel *ch);

/* The worker is going or gone: nobody is to count on this channel. */
void pp_mode_go_away(struct channel *ch);

/* Say whether the worker has nothing to do, and whether it has more than it
 * is at: so many tasks, and of these so many that only it may run. */
void pp_mode_tell_load_locked(struct channel *ch, size_t tasks, size_t tied);

/* What a channel may take from the queue. */
struct share {
	size_t all; /* how many tasks, */
	size_t shared; /* and of these, how many that others may run */
};

/* What it may take when it has `live` tasks. */
struct share pp_mode_share_locked(const struct channel *ch, size_t live);

/* Wake a sleeping channel, if there is one, for what any worker may run. */
void pp_mode_rouse_locked(struct procpool *pool);

/* Wake whoever a task is for that was put, or is just being put, in the
 * queue. */
void pp_mode_call_locked(struct procpool *pool, const struct task *task);

/* Take a sleeping channel for the task of a caller, or NULL; and take it back
 * from the caller. */
struct channel *pp_mode_lend_locked(
    struct procpool *pool, const struct task *task);
void pp_mode_take_back(struct channel *ch);

/* Whether a caller has the channel; `over` tells whether the pool ends. */
bool pp_mode_is_lent(struct channel *ch, bool *over);

#endif
