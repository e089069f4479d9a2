/*
 * A broadcast: what every worker of a pool runs once, and what is kept of it
 * for the workers that come later.  Each run is a task of its own, tied to its
 * worker; the argument is shared by all of them.
 *
 * Whether a worker still has to run one is not counted anywhere: as long as it
 * has not begun, its task waits for that worker, through deaths and refreshes.
 * So a worker that takes another's place gets a new task for each broadcast
 * that has none waiting for it.
 */
#ifndef PP_ENGINE_BROADCAST_H
#define PP_ENGINE_BROADCAST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/pool.h"

struct broadcast {
	_Atomic unsigned refs; /* the pool's, one for each task */

	/* Set once. */
	procpool_job_fn function;
	uint64_t key; /* which one it is among those of a function */
	procpool_done_fn done;
	void *user;
	uint64_t turn; /* when it was accepted: the order among them */
	size_t len;

	/* Under the pool's lock. */
	struct broadcast *next; /* that the pool keeps */
	bool waits; /* meaningful only while tasks are made */

	_Alignas(PP_ALIGN) char arg[];
};

/* Make one with one reference: NULL when there is no memory. */
struct broadcast *pp_broadcast_new(
    const struct procpool *pool, const struct procpool_task *spec);

void pp_broadcast_unref(struct broadcast *broadcast);

/* Make and book one task for each worker, where a post is not vacant, and keep
 * the broadcast for later ones, in place of one of the same function and key: 0
 * or -ENOMEM, and nothing has changed.  Takes the reference over. */
int pp_broadcast_begin_locked(struct procpool *pool,
    struct broadcast *broadcast, struct task_list *tasks);

/* Let a worker that has just been made have all that is kept, before anything
 * else: 0 or -ENOMEM; to try again is harmless. */
int pp_broadcast_again_locked(struct procpool *pool, int worker);

/* Take out of the queue what was broadcast and waits for a worker. */
void pp_broadcast_take_waiting_locked(
    struct procpool *pool, int worker, struct task_list *waiting);

/* Keep none any longer. */
void pp_broadcast_forget_all_locked(struct procpool *pool);

#endif
