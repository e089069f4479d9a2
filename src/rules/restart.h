/*
 * When to stop replacing what dies: after more than `limit` deaths in a row,
 * none a whole window of time after the one before.  Between deaths the wait
 * grows.  Whoever sees that things go well sets `deaths` back to nought.
 * Arithmetic only.
 */
#ifndef PP_RULES_RESTART_H
#define PP_RULES_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define PP_RESTART_WINDOW (UINT64_C(10) * 1000 * 1000 * 1000) /* ns */

struct restart {
	uint64_t last; /* time of the last death, ns */
	unsigned deaths; /* since things went well */
};

/*
 * Count a death at time `now`: whether another start is allowed.  `lived` says
 * that what died had got to work before; then deaths that are a whole window
 * apart have nothing to do with each other.  What cannot even start is given
 * up however slowly it fails.
 */
bool pp_restart_allowed(
    struct restart *restart, uint64_t now, unsigned limit, bool lived);

/* How long to wait before the next start, in ms: 0, 10, 20, 40 ... 1000. */
int pp_restart_delay(const struct restart *restart);

/* The limit for deaths outside tasks of a pool with n workers. */
unsigned pp_restart_limit(int n);

#endif
