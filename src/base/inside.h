/*
 * Which pools this thread is inside of: it runs a function that the pool calls,
 * so that what would wait for that function can be refused.  Of several when one
 * pool is used in a function of another.
 */
#ifndef PP_BASE_INSIDE_H
#define PP_BASE_INSIDE_H

#include <procpool.h>
#include <stdbool.h>

/* One such function, on the stack of who calls it. */
struct inside {
	const struct procpool *pool;
	const struct inside *outer;
};

bool pp_is_inside(const struct procpool *pool);

void pp_go_inside(struct inside *here, const struct procpool *pool);
void pp_come_out(const struct inside *here);

#endif
