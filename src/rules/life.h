/*
 * The life of a worker as a table: in each state, what an event leads to and
 * what the monitor has to do about it.
 *
 *              BORN      READY     BROKE     RETIRE    OVERDUE   DIED
 *   VACANT     STARTING  -         -         -         -         -
 *   STARTING   -         SERVING   DYING     STOPPING  -         VACANT
 *   SERVING    -         -         DYING     STOPPING  -         VACANT
 *   STOPPING   -         STOPPING  DYING     STOPPING  DYING     VACANT
 *   DYING      -         DYING     DYING     DYING     DYING     VACANT
 *
 * Tasks are sent in SERVING only.  A hole (-) is what must not happen: READY
 * there is a breach of the protocol.
 */
#ifndef PP_RULES_LIFE_H
#define PP_RULES_LIFE_H

enum life {
	LIFE_VACANT, /* no process */
	LIFE_STARTING, /* forked; worker_start has not returned */
	LIFE_SERVING, /* runs tasks */
	LIFE_STOPPING, /* told to end */
	LIFE_DYING, /* killed, not gone yet */
	LIFE_STATES
};

enum life_event {
	LIFE_BORN, /* the spawner forked it */
	LIFE_READY, /* it says that worker_start succeeded */
	LIFE_BROKE, /* it broke the protocol */
	LIFE_RETIRE, /* the pool wants it to end */
	LIFE_OVERDUE, /* it did not end in time */
	LIFE_DIED, /* its process has ended */
	LIFE_EVENTS
};

enum life_action {
	LIFE_BUG, /* a hole in the table */
	LIFE_NOTHING,
	LIFE_STOP, /* ask it to end */
	LIFE_KILL, /* end it */
	LIFE_BURY /* settle or requeue what it had */
};

/* Take a step: changes *state, returns what to do. */
enum life_action pp_life_step(enum life *state, enum life_event event);

#endif
