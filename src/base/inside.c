#include "base/inside.h"

static _Thread_local struct procpool *inside;

struct procpool *
pp_inside(void)
{
	return inside;
}

struct procpool *
pp_go_inside(struct procpool *pool)
{
	struct procpool *outer = inside;

	inside = pool;
	return outer;
}
