/*
 * A back end: who runs the tasks of a pool.  It is chosen once, in api/pool.c.
 */
#ifndef PP_ENGINE_BACKEND_H
#define PP_ENGINE_BACKEND_H

#include <procpool.h>

struct task;
struct task_list;

struct backend {
	/* Have what is kept from open to close: 0 or an error, and nothing is
	 * left. */
	int (*open)(struct procpool *pool);
	void (*close)(struct procpool *pool);

	/* Be ready for tasks.  0 or an error, and nothing is left. */
	int (*start)(struct procpool *pool);

	/* End everything; the pool's state is POOL_STOPPING and its queue is
	 * empty.  Tasks that were running are settled when it returns. */
	void (*stop)(struct procpool *pool);

	/* Tasks were accepted, in one moment: put them where they will be
	 * run.  That of a caller comes alone.  Called with the pool's lock
	 * held; gives it back. */
	void (*accept)(struct procpool *pool, struct task_list *tasks);

	/* A task that is not in the queue is unwanted: what is here of it is to
	 * end soon.  One that has not been begun is taken out and put in the
	 * list.  Called without locks, by a visitor. */
	void (*cancel)(
	    struct procpool *pool, struct task *task, struct task_list *unrun);

	/* Have callbacks that are due run, soon, by a thread that may.  Called
	 * without locks, by a visitor. */
	void (*call_back)(struct procpool *pool);

	/* Replace the workers by ones of a new snapshot. */
	int (*refresh)(struct procpool *pool);

	/* Whether a function can be run there: 0 or PROCPOOL_EFUNCTION.
	 * Called without the lock. */
	int (*check)(struct procpool *pool, procpool_job_fn function);
};

extern const struct backend pp_backend_debug;

#endif
