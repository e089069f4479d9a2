#include "channel/steal.h"

#include "base/fd.h"
#include "channel/crew.h"
#include "channel/keeper.h"
#include "channel/mode.h"

/* Revoke about half of what one worker has, so that it keeps at least one
 * task: the result of that will wake its monitor, which would otherwise not
 * know that its worker has nothing left. */
static void
revoke_half(struct channel *victim, struct task_list *loot)
{
	uv_mutex_lock(&victim->lock);
	pp_channel_revoke_locked(victim, victim->live / 2, false, loot);
	uv_mutex_unlock(&victim->lock);
}

/* Go round the others until something is found. */
static void
search(const struct channel *thief, struct task_list *loot)
{
	struct procpool *pool = thief->pool;
	int i;

	for (i = 1; i < pool->n_jobs && loot->count == 0; i++)
		revoke_half(
		    &pool->crew->channels[(thief->index + i) % pool->n_jobs],
		    loot);
}

/* Whether something waits by now that the worker is to be given first: all of
 * the loot is older than what is put in the queue after this was asked. */
static bool
has_better(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	bool better;

	uv_mutex_lock(&pool->lock);
	better = pp_queue_presses(&pool->queue, ch->index) ||
	    pp_queue_has_own(&pool->queue, ch->index);
	uv_mutex_unlock(&pool->lock);
	return better;
}

/* Send what fits, and wake somebody for it when it is more than one task:
 * whether there is any now. */
static bool
keep(struct channel *ch, struct task_list *loot)
{
	struct procpool *pool = ch->pool;
	size_t live, tied;

	uv_mutex_lock(&ch->lock);
	while (loot->first != NULL &&
	    pp_channel_fits_locked(ch, &(struct load){ 0 }, loot->first->len))
		pp_channel_send_locked(ch, pp_list_pop(loot));
	live = ch->live;
	tied = ch->tied;
	uv_mutex_lock(&pool->lock);
	pp_mode_tell_load_locked(ch, live, tied);
	if (live > 1)
		pp_mode_rouse_locked(pool);
	/* What came since then did not see that anything was sent ahead. */
	if (pp_queue_presses(&pool->queue, ch->index))
		pp_wake(ch->wake);
	uv_mutex_unlock(&pool->lock);
	uv_mutex_unlock(&ch->lock);
	return live > 0;
}

bool
pp_steal(struct channel *ch)
{
	struct procpool *pool = ch->pool;
	struct task_list loot = { 0 };
	bool found;

	/* One thief at a time: what one has in hand, the next would miss, and
	 * go to sleep while it waits here. */
	uv_mutex_lock(&pool->crew->stealing);
	search(ch, &loot);
	found = loot.count > 0 && !has_better(ch) && keep(ch, &loot);
	uv_mutex_unlock(&pool->crew->stealing);
	pp_keeper_requeue(pool, &loot);
	return found;
}
