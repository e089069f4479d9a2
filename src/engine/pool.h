/*
 * What the parts of the engine share: the pool.  Its lock is taken for a few
 * instructions at a time, never while something blocks or a user's function
 * runs.
 *
 * Lock order: a future's, renewing, stealing, a channel's lock, the pool's, a
 * batch's.
 * The locks of deliveries, the stock and the log are leaves.
 */
#ifndef PP_ENGINE_POOL_H
#define PP_ENGINE_POOL_H

#include <procpool.h>
#include <stdbool.h>
#include <uv.h>

#include "base/home.h"
#include "base/inside.h"
#include "base/log.h"
#include "engine/backend.h"
#include "engine/queue.h"
#include "engine/task.h"
#include "rules/env.h"
#include "rules/restart.h"

#define PP_POOL_NAME_MAX 32 /* with its final zero */
#define PP_CAUSE_MAX     (PP_TEXT_MAX + 256) /* why it broke, likewise */

enum pool_state {
	POOL_STOPPED,
	POOL_STARTING,
	POOL_RUNNING,
	POOL_CLOSING, /* finishes what it has */
	POOL_BROKEN, /* cannot keep workers alive; waits to be shut down */
	POOL_STOPPING
};

/* Tasks accepted and not yet ended, counted so that a drain can wait for the
 * ones of its past only: each drain opens an epoch, and of two epochs one is
 * being filled while the other can only become empty. */
struct epochs {
	unsigned current;
	size_t open[2]; /* tasks of the current epoch and of the one before */
};

/* A reading of the clock that several submits share. */
struct stamp {
	uint64_t now, tick;
	unsigned uses;
};

/* Callbacks that are due, run by one thread at a time. */
struct deliveries {
	uv_mutex_t lock;

	/* Under lock. */
	struct task_list due;
	bool running; /* a thread is at it */
};

struct procpool {
	/* Set once. */
	struct procpool_options options;
	char name[PP_POOL_NAME_MAX];
	int n_jobs;
	char (*worker_names)[PP_NAME_MAX]; /* n_jobs of them */
	struct procpool_env *env_before; /* limits and options.env */
	struct home home;
	struct log log;
	const struct backend *backend;
	struct deliveries deliveries; /* under its own lock */
	struct stock stock; /* likewise */

	uv_mutex_t lock;
	uv_cond_t changed; /* a state, an empty epoch, a refresh */
	uv_cond_t room; /* in the queue; or a state */

	/* Under lock. */
	enum pool_state state;
	struct queue queue;
	struct task_list spare; /* tasks to be used again */
	size_t open_tasks; /* accepted and not ended */
	size_t open_bytes; /* of their arguments */
	struct epochs epochs;
	unsigned waiting; /* threads that wait on these or hold a lease */
	unsigned short_of_room; /* of these, submitters */
	bool departing; /* a close waits for these to leave */
	uint64_t last_task; /* number given last */
	struct stamp stamp;
	struct procpool_batch *batches; /* open ones */
	struct post *posts; /* n_jobs of them */
	struct dependent *parked; /* tasks that wait for their inputs */
	size_t n_parked;
	struct broadcast *broadcasts; /* for later workers, oldest first */
	struct procpool_stats stats;
	uint64_t *busy_ns; /* for each worker */
	const char *first_failed;
	struct restart restart; /* after deaths of workers */
	struct restart shortage; /* of what it takes to make one */
	/* Why it is broken: written under lock when it breaks, and not changed
	 * until it has been shut down. */
	char cause[PP_CAUSE_MAX];
	bool refreshing; /* a thread is at it; others wait their turn */
	unsigned visitors; /* threads of the user's at the back end */

	/* The back end's own: of worker processes, */
	struct crew *crew;
	/* and of debug mode. */
	struct procpool_job *job; /* of the thread that runs the queue */
	bool in_job; /* under lock: there is one */
};

/* Whether a call on the pool makes sense in this process at all: 0,
 * PROCPOOL_ENULL or PROCPOOL_EFORKED. */
int pp_pool_check(const struct procpool *pool);

/* The same for a call that waits for the pool: PROCPOOL_EDEADLOCK in what the
 * pool itself waits for, a callback of it for example. */
int pp_pool_check_outside(const struct procpool *pool);

/* Change the state, and tell everybody who waits for anything. */
void pp_pool_set_state_locked(struct procpool *pool, enum pool_state state);
void pp_pool_set_state(struct procpool *pool, enum pool_state state);

/* Whether a quarter of the queue is free. */
bool pp_pool_has_much_room_locked(const struct procpool *pool);

/* Wait until there is much room, or any for some time, or another state. */
void pp_pool_wait_room_locked(struct procpool *pool);

/* Wait on `changed` once, with the lock held: 0 or -ETIMEDOUT. */
int pp_pool_wait_locked(struct procpool *pool, uint64_t deadline);

/* One thread less is waiting. */
void pp_pool_leave_locked(struct procpool *pool);

/* A thread of the user's looks into the back end or settles tasks, which a stop
 * waits for: while workers are kept alive it may begin, with the lock held. */
void pp_pool_visit_locked(struct procpool *pool);
void pp_pool_end_visit(struct procpool *pool);

/* Whether workers are kept alive and given tasks. */
static inline bool
pp_pool_serves_locked(const struct procpool *pool)
{
	return pool->state == POOL_STARTING || pool->state == POOL_RUNNING ||
	    pool->state == POOL_CLOSING;
}

/* The same, now. */
bool pp_pool_serves(struct procpool *pool);

/* The outcome of tasks that cannot be run any more. */
static inline int
pp_pool_verdict_locked(const struct procpool *pool)
{
	return pool->state == POOL_BROKEN ? PROCPOOL_EBROKEN
					  : PROCPOOL_ESHUTDOWN;
}

#endif
