/*
 * Work that was sent ahead to one worker goes to another that has none.
 */
#ifndef PP_CHANNEL_STEAL_H
#define PP_CHANNEL_STEAL_H

#include <stdbool.h>

#include "channel/channel.h"

/* Take about half of the tasks that wait at some other worker: whether there
 * were any.  By the driver of ch, which has no task. */
bool pp_steal(struct channel *ch);

#endif
