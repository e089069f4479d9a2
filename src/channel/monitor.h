/*
 * The monitor of a channel: a thread that keeps a worker alive and fed, from
 * the start of the pool to its end.
 */
#ifndef PP_CHANNEL_MONITOR_H
#define PP_CHANNEL_MONITOR_H

/* The thread's function; arg is the channel. */
void pp_monitor_run(void *arg);

#endif
