/*
 * A batch: a fixed number of places for ended tasks, and threads that wait for
 * the last one.  It is shared by its opener, its unfinished tasks and those
 * who wait, and outlives its pool.
 */
#ifndef PP_ENGINE_BATCH_H
#define PP_ENGINE_BATCH_H

#include <stdbool.h>

#include "base/home.h"
#include "engine/task.h"

struct procpool_batch {
	/* Set once. */
	size_t size;
	struct procpool *pool;
	struct home home;

	/* Under the pool's lock. */
	struct procpool_batch *next, *previous; /* the pool's batches */

	uv_mutex_t lock;
	uv_cond_t changed;

	/* Under lock. */
	unsigned refs; /* its opener's, one for each task, who waits */
	size_t given; /* tasks accepted */
	size_t ended;
	int cut; /* why the pool ended before all were given; 0: it did not */
	bool shut_down; /* a task ended with the pool */
	bool gone; /* the pool is closed, and not to be followed */
	struct task *tasks[]; /* ended ones, in the order of submission */
};

/* Make a batch with one reference: 0 or -errno. */
int pp_batch_new(struct procpool_batch **batch, size_t size);

/* Drop a reference; the batch's lock is held, and given back. */
void pp_batch_unref_locked(struct procpool_batch *batch);

/* Enter it into its pool's list, or take it out, with the pool's lock held. */
void pp_batch_enlist_locked(
    struct procpool *pool, struct procpool_batch *batch);
void pp_batch_delist_locked(
    struct procpool *pool, struct procpool_batch *batch);

/* Take the next place for a task, with the pool's lock held: 0 and *index, or
 * PROCPOOL_EOVERFLOW, or why the batch was cut: PROCPOOL_ESHUTDOWN or
 * PROCPOOL_EBROKEN.  The task gets a reference. */
int pp_batch_take_locked(struct procpool_batch *batch, size_t *index);

/* Put an ended task in its place; takes it, and its reference. */
void pp_batch_fill(struct procpool_batch *batch, struct task *task);

/* The pool takes no more tasks: who waits for a batch that has not been given
 * all of its tasks waits in vain.  With the pool's lock held. */
void pp_batch_cut_all_locked(struct procpool *pool, int why);

/* The pool goes: its batches are on their own.  With the pool's lock held. */
void pp_batch_forget_all_locked(struct procpool *pool);

#endif
