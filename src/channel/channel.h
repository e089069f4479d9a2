/*
 * A channel: one worker as the host sees it, through all of its lives.
 *
 * Its monitor thread drives it: sends frames, reads results, sees the worker
 * die.  While the worker is idle the monitor sleeps, and a blocking caller may
 * take the channel on lease and drive it for one task.  So at any time one
 * thread is the driver; what other threads change is under a lock.
 *
 * The mode says who has it:
 *
 *   AWAY     the monitor, for starting, ending or burying a worker
 *   AWAKE    the monitor, serving
 *   IDLE     nobody: in the pool's stack of idle channels
 *   LEASED   a caller
 */
#ifndef PP_CHANNEL_CHANNEL_H
#define PP_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/clock.h"
#include "channel/outbox.h"
#include "channel/printout.h"
#include "channel/spawn.h"
#include "channel/stream.h"
#include "engine/task.h"
#include "rules/life.h"
#include "rules/page.h"

/* How soon the ring is looked at: a result that is in it for so long is
 * fetched; and then, if need be, half as often each time. */
#define PP_LOOK_FIRST (2 * PP_MS)
#define PP_LOOK_LAST  (500 * PP_MS)

enum channel_mode {
	CHANNEL_AWAY,
	CHANNEL_AWAKE,
	CHANNEL_IDLE,
	CHANNEL_LEASED
};

#define PP_END_MAX (PP_TEXT_MAX + 128) /* with its final zero */

struct channel {
	/* Set once. */
	struct procpool *pool;
	int index;
	const char *name;
	uv_thread_t thread;
	int wake; /* raised to wake the monitor */

	/* Under the pool's lock. */
	enum channel_mode mode;
	bool hungry, ahead, rich; /* counted in the pool */
	uint64_t seen; /* what the queue had got when work was looked for */
	bool wanted_back; /* the monitor waits for the lease to end */
	bool given_up; /* not even a kill ended its worker, and the pool ends */
	bool renew; /* to be replaced by a worker of a new snapshot */
	struct channel *next_idle;

	uv_mutex_t lock;

	/* Under lock. */
	struct task *flight[PP_SLOTS]; /* by sequence; NULL: revoked, ended */
	uint64_t next; /* sequence of the next frame */
	uint64_t oldest; /* first that may be in flight */
	/* The first after a large one whose bytes are still in its task: until
	 * they have gone it stays in flight. */
	uint64_t fixed;
	size_t live; /* tasks in flight, */
	size_t tied; /* and of these, those that only it may run */
	bool lent; /* to a caller: nothing may be revoked */
	bool condemned; /* its task was cancelled: it was killed for that, and
			   is sent nothing */

	/* The monitor's, whoever drives. */
	int missing; /* why there is no worker, as the log was told; 0 */
	struct printout printout;

	/* Of this life of the worker: set and cleared by the monitor, or before
	 * there is one, while the mode is AWAY.  The driver uses them all; the
	 * monitor pid, pidfd and result_pipe even when it is not the driver; a
	 * thief the page, under lock and only while tasks are in flight. */
	struct spawner *spawner; /* a reference */
	pid_t pid;
	int task_pipe[2]; /* both ends: no write can meet a closed pipe */
	int result_pipe;
	int report;
	int pidfd;
	struct page *page;
	size_t page_size; /* with the areas, if there are any */

	/* The driver's. */
	enum life life;
	struct area
	    tasks; /* the area of a large task, once the worker has it */
	struct task *large; /* in flight, but its frame is not encoded yet */
	struct outbox out;
	struct stream in;
	uint64_t look; /* after so many ns without a result, at the ring; */
	uint64_t look_at; /* and that is then; 0: from the next wait on */
	bool told_to_end; /* the pool wants it to end */
	bool hung_up; /* it closed its pipe, and was killed for that */
	bool unreadable; /* it was killed for want of the large one's bytes */
	bool broke; /* it broke the protocol: nothing more is believed */
	char end[PP_END_MAX]; /* why it ended, "" until that is known */
};

/* Make a channel without a worker; pp_channel_done() undoes it, and forgets the
 * worker if there is one. */
int pp_channel_init(struct channel *ch, struct procpool *pool, int index);
void pp_channel_done(struct channel *ch);

/*
 * Ask for a worker, and wait until it has been forked.  Both 0 or a negative
 * error, and nothing is left.  PP_SPAWNER_GONE: another may do better.  By the
 * monitor, or before there is one, with life VACANT.
 */
int pp_channel_ask(struct channel *ch, struct spawner *spawner);
int pp_channel_await(struct channel *ch);

/* Let go of a worker that has just been awaited and is not wanted after all. */
void pp_channel_dismiss(struct channel *ch);

/* What is about to be sent; zeroed at first. */
struct load {
	size_t frames, bytes;
	bool large;
};

/* Whether one more task, of len bytes, fits; if so it is added to load. */
bool pp_channel_fits_locked(
    const struct channel *ch, struct load *load, size_t len);

/* Put a task in flight and encode its frame, which must fit.  By the driver,
 * under the channel's lock. */
void pp_channel_send_locked(struct channel *ch, struct task *task);

/* Write what the pipe takes.  By the driver. */
void pp_channel_flush(struct channel *ch);

/* Take back tasks that the worker has not claimed, newest first, at most
 * `most`, to the front of `list`; with those that are tied to this worker, or
 * without.  By any thread. */
void pp_channel_revoke_locked(
    struct channel *ch, size_t most, bool tied, struct task_list *list);

/* Where the search for a task that is to be cancelled ends. */
enum find {
	FIND_NOTHING, /* it is not here */
	FIND_UNRUN, /* it was taken out, and not begun */
	FIND_BEGUN /* it ends by itself soon: it has returned, or its worker
		      was killed */
};

/* Cancel a task if it is in flight.  Those that wait behind one that has been
 * begun are taken back first.  By any thread. */
enum find pp_channel_cancel_locked(
    struct channel *ch, const struct task *task, struct task_list *again);

/*
 * Frames that the worker has passed free their slots.  Results tell of most;
 * behind the last result only the worker's own count does: it can free no slot
 * that has a task.
 */
void pp_channel_skip_passed_locked(struct channel *ch);

/* Whether all slots are taken.  Without a task in flight they are by frames
 * that were revoked, and nobody is told when the worker skips those. */
bool pp_channel_is_full(struct channel *ch);

enum channel_event {
	CHANNEL_QUIET, /* the time is over */
	CHANNEL_ACTIVE, /* something was received or woken, or can be sent */
	CHANNEL_DIED /* the worker has ended */
};

/*
 * Read what has come, until something happened or the deadline is past, or
 * what is encoded can be written; ended tasks go to `ended`.  By the driver, who
 * writes (pp_channel_flush) before, and decides by what is left then how long
 * to wait: nothing is written here, or there might be nothing left to wait for.
 * `caller` says that it is not the monitor, and so not to be woken by the wake
 * descriptor.
 */
enum channel_event pp_channel_io(struct channel *ch, uint64_t deadline,
    bool caller, struct task_list *ended);

/* Sleep until the channel is woken, the worker dies or closes its pipe.  By the
 * monitor, also while a caller is the driver; what the worker prints is logged
 * meanwhile. */
void pp_channel_sleep(struct channel *ch);

/* The same until the channel is woken, or the deadline is past, only. */
void pp_channel_await_wake(struct channel *ch, uint64_t deadline);

/* Let an event happen to the worker, and do what the table says. */
void pp_channel_event(struct channel *ch, enum life_event event);

/* What a death says of the pool. */
enum burial {
	BURIAL_EXCUSED, /* it was wanted, or a task's */
	BURIAL_COUNTS, /* it was outside of any task */
	BURIAL_UNFIT /* likewise, before it could work: starting, or in a
			broadcast */
};

/*
 * The worker has ended, or is given up: take what it still said, then put the
 * task that it ran in `ended`, and those that it did not in `again`.  A task
 * that it ran when the pool ended it has the outcome `verdict`.
 */
enum burial pp_channel_bury(struct channel *ch, int verdict,
    struct task_list *ended, struct task_list *again);

/* Forget a buried worker: descriptors, page, positions.  pp_channel_done() does
 * it too. */
void pp_channel_clear(struct channel *ch);

/* Whether the worker has no task. */
bool pp_channel_is_free(struct channel *ch);

#endif
