/*
 * The back end of worker processes: one channel, with its monitor thread, for
 * each worker, and one spawner.
 */
#ifndef PP_CHANNEL_BACKEND_H
#define PP_CHANNEL_BACKEND_H

#include "engine/backend.h"

extern const struct backend pp_backend_process;

#endif
