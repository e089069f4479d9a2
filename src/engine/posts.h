/*
 * Posts: the places of a pool's workers.  A post is vacant while no worker can
 * be made for it, for want of something: from the first try that fails until
 * one succeeds.  Nothing waits for it then: broadcasts pass it over, and tasks
 * with a key go on at another post.
 *
 * Each key belongs to one post, its home.  The keeper of a home is the post
 * where tasks of its keys are run: itself, but for a vacancy.  It changes only
 * when the worker of the old keeper has ended, so no two workers ever run tasks
 * of one key, and what those leave in a worker is there as long as it lives.
 */
#ifndef PP_ENGINE_POSTS_H
#define PP_ENGINE_POSTS_H

#include "engine/pool.h"

struct post {
	bool vacant;
	int keeper; /* of the keys whose home this is */
};

/* Make them: 0 or -ENOMEM. */
int pp_posts_init(struct procpool *pool);
void pp_posts_done(struct procpool *pool);

/* Begin with a worker at each. */
void pp_posts_fill_all_locked(struct procpool *pool);

/* Tie a task to the worker that runs its key. */
void pp_posts_tie_locked(
    struct procpool *pool, struct task *task, uint64_t key);

/* The same for one that was tied, and may have waited aside since. */
void pp_posts_retie_locked(const struct procpool *pool, struct task *task);

/* The worker of a post has ended, or could not be made (the post is vacant
 * then): change the keepers of the homes that it kept, and take out of the
 * queue what is to be run elsewhere now, tied to other workers. */
void pp_posts_turn_over_locked(
    struct procpool *pool, int from, struct task_list *moved);

#endif
