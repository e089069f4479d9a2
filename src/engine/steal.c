#include "engine/steal.h"

#include "engine/pool.h"

/* Tasks in flight, of which the worker is at the first. */
static size_t
load_of(struct channel *victim)
{
	size_t live;

	uv_mutex_lock(&victim->lock);
	live = victim->lent ? 0 : victim->live;
	uv_mutex_unlock(&victim->lock);
	return live;
}

static struct channel *
richest(const struct channel *thief)
{
	struct procpool *pool = thief->pool;
	struct channel *best = NULL;
	size_t most = 0;
	int i;

	for (i = 0; i < pool->n_jobs; i++) {
		struct channel *victim = &pool->channels[i];
		const size_t load = victim != thief ? load_of(victim) : 0;

		if (load > most) {
			most = load;
			best = victim;
		}
	}
	return best;
}

/* Revoke about half of what waits there.  A single task may wait too: the
 * worker has not come to it. */
static void
revoke_half(struct channel *victim, struct task_list *loot)
{
	uv_mutex_lock(&victim->lock);
	pp_channel_revoke_locked(victim, (victim->live + 1) / 2, loot);
	uv_mutex_unlock(&victim->lock);
}

/* Send what fits; the rest goes back to the front of the queue. */
static void
keep(struct channel *ch, struct task_list *loot)
{
	struct task_list fitting = { 0 };
	struct load load = { 0 };

	uv_mutex_lock(&ch->lock);
	while (loot->first != NULL &&
	    pp_channel_fits_locked(ch, &load, loot->first->len))
		pp_list_push(&fitting, pp_list_pop(loot));
	pp_channel_send_locked(ch, &fitting);
	uv_mutex_unlock(&ch->lock);
}

bool
pp_steal(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list loot = { 0 };
	struct channel *victim;
	bool found;

	/* One thief at a time: what one has in hand, the next would miss, and
	 * go to sleep while it waits here. */
	uv_mutex_lock(&pool->stealing);
	victim = richest(ch);
	if (victim != NULL)
		revoke_half(victim, &loot);
	found = loot.count > 0;
	if (found)
		keep(ch, &loot);
	if (loot.count > 0) {
		uv_mutex_lock(&pool->lock);
		pp_list_join(&loot, &pool->queue);
		pool->queue = loot;
		uv_mutex_unlock(&pool->lock);
	}
	uv_mutex_unlock(&pool->stealing);
	return found;
}
