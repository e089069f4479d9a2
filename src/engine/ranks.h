/*
 * Tasks in the order in which they are to be started: broadcasts first, then
 * by priority, then by turn.  The tasks themselves are linked into a heap (a
 * leftist one), so that nothing is allocated and nothing can fail; to put one
 * in or to take the first one out takes a number of steps that is logarithmic
 * in theirs.
 */
#ifndef PP_ENGINE_RANKS_H
#define PP_ENGINE_RANKS_H

#include <stddef.h>

#include "engine/task.h"

struct ranks {
	struct task *first; /* NULL: there is none */
	size_t count;
	size_t pressing; /* of these, those that go before others */
};

void pp_ranks_push(struct ranks *ranks, struct task *task);

/* Take the first one out; there must be one. */
struct task *pp_ranks_pop(struct ranks *ranks);

/* Take out one, wherever it is: whether it was there.  In a time that is
 * proportional to their number, and a little more. */
bool pp_ranks_remove(struct ranks *ranks, struct task *task);

/* Whether a goes before b. */
bool pp_ranks_before(const struct task *a, const struct task *b);

#endif
