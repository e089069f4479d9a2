#include "rules/life.h"

/* A hole is { 0, LIFE_BUG }. */
static const struct {
	enum life next;
	enum life_action action;
} steps[LIFE_STATES][LIFE_EVENTS] = {
	[LIFE_VACANT] = {
		[LIFE_BORN] = { LIFE_STARTING, LIFE_NOTHING },
	},
	[LIFE_STARTING] = {
		[LIFE_READY] = { LIFE_SERVING, LIFE_NOTHING },
		[LIFE_BROKE] = { LIFE_DYING, LIFE_KILL },
		[LIFE_RETIRE] = { LIFE_STOPPING, LIFE_STOP },
		[LIFE_DIED] = { LIFE_VACANT, LIFE_BURY },
	},
	[LIFE_SERVING] = {
		[LIFE_BROKE] = { LIFE_DYING, LIFE_KILL },
		[LIFE_RETIRE] = { LIFE_STOPPING, LIFE_STOP },
		[LIFE_DIED] = { LIFE_VACANT, LIFE_BURY },
	},
	[LIFE_STOPPING] = {
		[LIFE_READY] = { LIFE_STOPPING, LIFE_NOTHING },
		[LIFE_BROKE] = { LIFE_DYING, LIFE_KILL },
		[LIFE_RETIRE] = { LIFE_STOPPING, LIFE_NOTHING },
		[LIFE_OVERDUE] = { LIFE_DYING, LIFE_KILL },
		[LIFE_DIED] = { LIFE_VACANT, LIFE_BURY },
	},
	[LIFE_DYING] = {
		[LIFE_READY] = { LIFE_DYING, LIFE_NOTHING },
		[LIFE_BROKE] = { LIFE_DYING, LIFE_NOTHING },
		[LIFE_RETIRE] = { LIFE_DYING, LIFE_NOTHING },
		[LIFE_OVERDUE] = { LIFE_DYING, LIFE_KILL },
		[LIFE_DIED] = { LIFE_VACANT, LIFE_BURY },
	},
};

enum life_action
pp_life_step(enum life *state, enum life_event event)
{
	const enum life_action action = steps[*state][event].action;

	if (action != LIFE_BUG)
		*state = steps[*state][event].next;
	return action;
}
