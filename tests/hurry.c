/*
 * Waits that are shorter: see hurry.h.
 */
#include "hurry.h"

#include "testing.h"

#include "rules/restart.h"

static int divisor = 1;

void
hurry(void)
{
	if (!is_long())
		divisor = 5;
}

int __real_pp_restart_delay(const struct restart *restart);
int __wrap_pp_restart_delay(const struct restart *restart);
int
__wrap_pp_restart_delay(const struct restart *restart)
{
	return __real_pp_restart_delay(restart) / divisor;
}
