/*
 * What the files of a channel share with each other, and with nobody else.
 */
#ifndef PP_CHANNEL_PARTS_H
#define PP_CHANNEL_PARTS_H

#include "channel/channel.h"
#include "engine/pool.h"

#define PP_REPORT_MS 2000 /* how long a spawner may take to answer */

/* Read from the result pipe once and act on what came: 1, 0 at the end of
 * file, -errno. */
int pp_channel_read(struct channel *ch, struct task_list *ended);

/* Look into the ring after so many ns, or PP_NEVER. */
void pp_channel_look_in(struct channel *ch, uint64_t ns);

/* Fetch results that the worker has finished and not written yet. */
void pp_channel_harvest(struct channel *ch, struct task_list *ended);

/* The same, and see whether it has passed over a task without a result: it has
 * broken the protocol then, for that task would never end. */
void pp_channel_audit(struct channel *ch, struct task_list *ended);

/* Wait for the spawner to say something of the worker: whether it has.  It may
 * take `extra` ms longer than others; at the end of the pool hardly any. */
bool pp_channel_await_report(struct channel *ch, int64_t extra);

/* Say in a result which worker it is of. */
void pp_channel_name_worker(const struct channel *ch, struct task *task);

#endif
