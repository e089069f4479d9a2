/*
 * Waiting for descriptors, in a program that may have forbidden itself to open
 * any more: poll() takes no more of them than RLIMIT_NOFILE says, whatever is
 * open.
 */
#ifndef PP_BASE_POLL_H
#define PP_BASE_POLL_H

#include <poll.h>

/* As poll(), for POLLIN and POLLOUT, with any limit. */
int pp_poll(struct pollfd *items, int n, int timeout_ms);

#endif
