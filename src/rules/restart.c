#include "rules/restart.h"

bool
pp_restart_allowed(
    struct restart *restart, uint64_t now, unsigned limit, bool lived)
{
	if (lived && now - restart->last > PP_RESTART_WINDOW)
		restart->deaths = 0;
	restart->last = now;
	restart->deaths++;
	return restart->deaths <= limit;
}

int
pp_restart_delay(const struct restart *restart)
{
	if (restart->deaths <= 1)
		return 0;
	return restart->deaths > 8 ? 1000 : 10 << (restart->deaths - 2);
}

unsigned
pp_restart_limit(int n)
{
	return n > 3 ? 3 * (unsigned)n : 10;
}
