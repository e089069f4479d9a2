#include "engine/posts.h"

#include <errno.h>
#include <stdlib.h>

int
pp_posts_init(struct procpool *pool)
{
	pool->posts = calloc((size_t)pool->n_jobs, sizeof(*pool->posts));
	if (pool->posts == NULL)
		return -ENOMEM;
	pp_posts_fill_all_locked(pool); /* (Nobody else has it yet.) */
	return 0;
}

void
pp_posts_done(struct procpool *pool)
{
	free(pool->posts);
	pool->posts = NULL;
}

void
pp_posts_fill_all_locked(struct procpool *pool)
{
	int i;

	for (i = 0; i < pool->n_jobs; i++)
		pool->posts[i] = (struct post){ .vacant = false, .keeper = i };
}

void
pp_posts_tie_locked(struct procpool *pool, struct task *task, uint64_t key)
{
	task->tie = TIE_KEY;
	task->home = (int)(key % (uint64_t)pool->n_jobs);
	task->worker = pool->posts[task->home].keeper;
}

void
pp_posts_retie_locked(const struct procpool *pool, struct task *task)
{
	task->worker = pool->posts[task->home].keeper;
}

/* The nearest post that is not vacant; the same one when all are. */
static int
next_filled_locked(const struct procpool *pool, int post)
{
	int i, at = post;

	for (i = 0; i < pool->n_jobs && pool->posts[at].vacant; i++)
		at = (at + 1) % pool->n_jobs;
	return at;
}

/* Give what a post keeps to whoever is nearest to its home: whether there was
 * any that somebody else keeps now. */
static bool
hand_on_locked(struct procpool *pool, int from)
{
	bool any = false;
	int i;

	for (i = 0; i < pool->n_jobs; i++) {
		struct post *home = &pool->posts[i];

		if (home->keeper != from)
			continue;
		/* It stays where it is rather than go to a third one. */
		if (!home->vacant || pool->posts[from].vacant)
			home->keeper = next_filled_locked(pool, i);
		any = any || home->keeper != from;
	}
	return any;
}

void
pp_posts_turn_over_locked(
    struct procpool *pool, int from, struct task_list *moved)
{
	struct task_list stay = { 0 };
	struct choice choice;
	struct task *task;

	if (!hand_on_locked(pool, from))
		return;
	while (pp_queue_choose(&pool->queue, from, false, &choice)) {
		task = pp_queue_take(&pool->queue, &choice);
		if (task->tie == TIE_KEY)
			task->worker = pool->posts[task->home].keeper;
		pp_list_push(task->worker == from ? &stay : moved, task);
	}
	while ((task = pp_list_pop(&stay)) != NULL)
		pp_queue_push(&pool->queue, task);
}
