/*
 * What time it is.
 */
#ifndef PP_NOW_H
#define PP_NOW_H

#include <stdint.h>

/* Nanoseconds since some moment; nobody can set this clock. */
uint64_t pp_now_ns(void);

/* Nanoseconds since the epoch, by the clock that can be set. */
uint64_t pp_now_epoch_ns(void);

#endif
