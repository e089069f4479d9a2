#include "base/inside.h"

static _Thread_local const struct inside *innermost;

bool
pp_is_inside(const struct procpool *pool)
{
	const struct inside *at = innermost;

	while (at != NULL && at->pool != pool)
		at = at->outer;
	return at != NULL;
}

void
pp_go_inside(struct inside *here, const struct procpool *pool)
{
	*here = (struct inside){ .pool = pool, .outer = innermost };
	innermost = here;
}

void
pp_come_out(const struct inside *here)
{
	innermost = here->outer;
}
