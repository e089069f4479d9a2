/*
 * Which task was started before which: what the tests of keys, priorities and
 * broadcasts share.
 */
#ifndef ORDER_H
#define ORDER_H

#include "testing.h"

enum {
	PLACES = FLAGS - 1 /* the flag that has how many have a place */
};

/* Takes a struct op: as t_ledger, and has a place among all others that were
 * started.  Returns the index of its worker, an int. */
int t_place(struct procpool_job *job, const void *arg, size_t len);

/* The place of a task, from 1; 0 when it has not been started. */
int place(int id);

/* Keep all workers busy: each at a task, with ids from first on, that is as
 * t_wait with this flag as its value. */
void hold_workers(struct procpool *pool, int first, int flag);
void let_go(int flag);

/* Wait until more has been sent to the workers than they run; or nothing is
 * sent ahead any more. */
void await_ahead(struct procpool *pool);
void await_none_ahead(struct procpool *pool);

#endif
