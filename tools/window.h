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
 */
#ifndef PP_WINDOW_H
#define PP_WINDOW_H

#include <procpool.h>

#include <pthread.h>

#define WINDOW_SLOTS ((size_t)4096)
#define WINDOW_BYTES ((size_t)64 << 20)

struct slot {
	struct window *window;
	size_t arg_len;

	bool done; /* under lock; it hands over what follows */
	int outcome; /* as in struct procpool_result */
	int code;
	char *bytes; /* the result, or why there is none, ended by a NUL */
	size_t len; /* without that NUL */
	size_t capacity;
};

struct window {
	struct slot *slots;
	size_t n_workers;
	int wake_fd; /* readable when the writing thread shall look again */

	/* Of the writing thread; others read it while that one waits. */
	uint64_t taken;
	uint64_t written;

	pthread_mutex_t lock;

	/* Under lock. */
	uint64_t ended;
	uint64_t bytes_ended; /* of all results that have come */
	size_t held; /* bytes of arguments in the pool and results here */
	bool waiting; /* for the head to be done */
	bool wants_room; /* or for any to be */
};

/* Returns 0, -errno, and nothing to give back then. */
int pp_window_init(struct window *window, size_t n_workers);

/* After the pool has been closed, whose callbacks use the window. */
void pp_window_done(struct window *window);

/* Whether one more record may be taken. */
bool pp_window_has_room(struct window *window);

/* Take the next record.  The slot goes with its task, for pp_window_end() or
 * pp_window_give_up(). */
struct slot *pp_window_take(struct window *window, size_t arg_len);

/* The pool's callback, with the slot as its user pointer: keep the result. */
void pp_window_end(const struct procpool_result *result, void *slot);

/* End a record that the pool never had. */
void pp_window_give_up(struct slot *slot, int outcome);

/* How many records can be written: done, and so are all before them. */
size_t pp_window_ready(struct window *window);

/* The oldest record, which must be ready, and to be done with it. */
struct slot *pp_window_head(struct window *window);
void pp_window_drop_head(struct window *window);

/* Say what is to be waited for, before waiting for wake_fd: the head, or also
 * room.  Returns false when it is there already.  Then or after the wait,
 * pp_window_woken() takes it back. */
bool pp_window_will_wait(struct window *window, bool for_room);
void pp_window_woken(struct window *window);

#endif
