/*
 * Which pool this thread is inside of: it runs a function that the pool calls,
 * so that what would wait for that function can be refused.
 */
#ifndef PP_BASE_INSIDE_H
#define PP_BASE_INSIDE_H

#include <procpool.h>

/* The innermost one; NULL: none. */
struct procpool *pp_inside(void);

/* Go inside, or back out: the one before, to go back to. */
struct procpool *pp_go_inside(struct procpool *pool);

#endif
