/*
 * The records in flight: submitted, and their results not written yet.
 *
 *     written ............. taken
 *        |  done  .  done  .  |        . = still in the pool
 *        head                 next
 *
 * Records are taken and written in their order, and end in any.  A ring of
 * slots holds them, indexed by record number.  One thread takes and writes;
 * the pool's callback fills slots on other threads and wakes the first one
 * when that has reason to go on.
 *
 * Memory is bounded in two ways.  There are never more than WINDOW_SLOTS
 * records.  And what they hold, argument bytes in the pool and results not
 * written, stays below WINDOW_BYTES, the results to come being reckoned at
 * the mean size of those that have come; except that each worker may always
 * have two records, however large those are.
 *
 * A careful window also bounds the time it takes to be rid of what is in the
 * pool: to WINDOW_CAREFUL_NS, as reckoned by the mean time of the records that
 * have come, or two records for each worker.  And the first one that fails
 * wakes the writing thread.
 */
#ifndef PP_WINDOW_H
#define PP_WINDOW_H

#include <procpool.h>

#include <pthread.h>

#define WINDOW_SLOTS      ((size_t)4096)
#define WINDOW_BYTES      ((size_t)64 << 20)
#define WINDOW_CAREFUL_NS ((uint64_t)100 * 1000000)

/* Bytes of a slot's own. */
struct kept {
	char *bytes; /* ended by a NUL */
	size_t len; /* without that NUL */
	size_t capacity;
};

struct slot {
	struct window *window;
	size_t arg_len;
	struct kept record; /* empty unless the window keeps records */

	bool done; /* under lock; it hands over what follows */
	int outcome; /* these four as in struct procpool_result */
	int code;
	int worker;
	int pid;
	struct kept result; /* or why there is none */

	uint64_t started_ns; /* these two likewise */
	uint64_t ran_ns;
};

/* What a window shall be like. */
struct window_options {
	size_t n_workers;
	bool keep_records; /* until they are written */
	bool careful; /* there shall be little in the pool when one fails */
};

/* What has come back. */
struct window_counts {
	uint64_t ended; /* records */
	uint64_t done; /* of them, not counting what a shutdown ended */
	uint64_t failed; /* of those that are done */
	uint64_t bytes; /* of those, each with a terminator */
};

struct window {
	struct window_options options;
	struct slot *slots;
	int wake_fd; /* readable when the writing thread shall look again */

	/* Of the writing thread; others read it while that one waits. */
	uint64_t taken;
	uint64_t written;

	pthread_mutex_t lock;

	/* Under lock. */
	struct window_counts counts;
	uint64_t bytes_ended; /* of all results that have come */
	uint64_t ran_ns; /* of all records that have come */
	size_t held; /* bytes of records and results that are here */
	bool waiting; /* for the head to be done */
	bool wants_room; /* or for any to be */
	bool wants_failure; /* or for the first failure, as long as careful */
};

/* Returns 0, or -errno, and nothing is to be given back then. */
int pp_window_init(struct window *window, const struct window_options *options);

/* After the pool has been closed, whose callbacks use the window. */
void pp_window_done(struct window *window);

/* Whether one more record may be taken. */
bool pp_window_has_room(struct window *window);

/* Take the next record.  The slot goes with its task, for pp_window_end() or
 * pp_window_give_up(). */
struct slot *pp_window_take(struct window *window, size_t arg_len);

/* Keep its arg_len bytes, if the window does.  Returns 0 or -ENOMEM. */
int pp_window_keep(struct slot *slot, const char *record);

/* The pool's callback, with the slot as its user pointer: keep the result. */
void pp_window_end(const struct procpool_result *result, void *slot);

/* End a record that the pool never had. */
void pp_window_give_up(struct slot *slot, int outcome);

/* What has come back by now. */
struct window_counts pp_window_counts(struct window *window);

/* Whether a record of a careful window has failed; true once. */
bool pp_window_failed(struct window *window);

/* How many records can be written: done, and so are all before them. */
size_t pp_window_ready(struct window *window);

/* The oldest record, which must be ready, and to be done with it. */
struct slot *pp_window_head(struct window *window);
void pp_window_drop_head(struct window *window);

/* Say what is to be waited for, before waiting for wake_fd: the head, or also
 * room; and the first failure, if careful.  Returns false when it is there
 * already.  Then or after the wait, pp_window_woken() takes it back. */
bool pp_window_will_wait(struct window *window, bool for_room);
void pp_window_woken(struct window *window);

#endif
