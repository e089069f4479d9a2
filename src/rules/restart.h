/*
 * When to stop replacing what dies: after more than `limit` deaths within a
 * window of time.  Between deaths the wait grows.  Whoever sees that things go
 * well sets `deaths` back to nought.  Arithmetic only.
 */
#ifndef PP_RULES_RESTART_H
#define PP_RULES_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define PP_RESTART_WINDOW (UINT64_C(10) * 1000 * 1000 * 1000) /* ns */

struct restart {
	uint64_t since; /* start of the window, ns */
	unsigned deaths; /* in it */
};

/* Count a death at time `now`: whether another start is allowed. */
bool pp_restart_allowed(struct restart *restart, uint64_t now, unsigned limit);

/* How long to wait before the next start, in ms: 0, 10, 20, 40 ... 1000. */
int pp_restart_delay(const struct restart *restart);

/* The limit for deaths outside tasks of a pool with n workers. */
unsigned pp_restart_limit(int n);

#endif
