/*
 * Which task was started before which: see order.h.
 */
#include "order.h"

enum {
	PLACE = IDS / 2 /* the ledger's upper half: ran_in[PLACE + id] */
};

int
t_place(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const int n = flag_add(&shared->flag[PLACES], 1);

	(void)len;
	ledger_start(op->id);
	atomic_store(&shared->ran_in[PLACE + op->id], n);
	ledger_finish(op->id);
	return procpool_return(
	    job, &(int){ procpool_job_worker(job) }, sizeof(int));
}

int
place(int id)
{
	return atomic_load(&shared->ran_in[PLACE + id]);
}

void
hold_workers(struct procpool *pool, int first, int flag)
{
	const int n = procpool_n_jobs(pool);

	for (int i = 0; i < n; i++)
		ok(submit_op(pool, t_wait, first + i, flag));
	await_flag(&shared->flag[flag], n, 5000);
}

void
let_go(int flag)
{
	flag_set(&shared->flag[flag + 1], 1);
}

static bool
is_ahead(struct procpool *pool)
{
	return stats_of(pool).running > (uint64_t)procpool_n_jobs(pool);
}

void
await_ahead(struct procpool *pool)
{
	await_that(is_ahead(pool), 5000);
}

void
await_none_ahead(struct procpool *pool)
{
	await_that(!is_ahead(pool), 5000);
}
