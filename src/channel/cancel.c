#include "channel/cancel.h"

#include "base/fd.h"
#include "channel/crew.h"
#include "channel/keeper.h"

/* What it leaves is seen to by the monitor. */
static enum find
cancel_at(struct channel *ch, const struct task *task, struct task_list *again)
{
	enum find find;

	uv_mutex_lock(&ch->lock);
	find = pp_channel_cancel_locked(ch, task, again);
	if (find != FIND_NOTHING)
		pp_wake(ch->wake);
	uv_mutex_unlock(&ch->lock);
	return find;
}

/*
 * The task was in no queue when it was marked as unwanted.  If it is in flight
 * it is found: who takes it there from the queue holds the channel's lock all
 * along, and a thief the lock for stealing.  If it is on the way back, it will
 * be stopped at the queue, and if its result has come, when it is settled.
 */
void
pp_cancel_sent(
    struct procpool *pool, struct task *task, struct task_list *unrun)
{
	struct task_list again = { 0 };
	enum find find = FIND_NOTHING;
	int i;

	uv_mutex_lock(&pool->crew->stealing);
	for (i = 0; i < pool->n_jobs && find == FIND_NOTHING; i++)
		find = cancel_at(&pool->crew->channels[i], task, &again);
	uv_mutex_unlock(&pool->crew->stealing);
	if (find == FIND_UNRUN)
		pp_list_push(unrun, task);
	pp_keeper_requeue(pool, &again);
}
