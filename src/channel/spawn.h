/*
 * The host's side of a spawner: make one, ask it for workers, see it end.
 * (Its own side is process/spawner.c.)
 */
#ifndef PP_CHANNEL_SPAWN_H
#define PP_CHANNEL_SPAWN_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/code.h"
#include "base/home.h"
#include "process/request.h"

struct spawner {
	/* Set once. */
	int control, pidfd;
	pid_t pid;
	bool prepared; /* its memory is that of procpool_prepare() */
	struct code code; /* of the program at the fork */
	pid_t between; /* its parent for a moment, to be reaped */
	pid_t parent; /* that, or the one kept by procpool_prepare() */
	int64_t fork_ms; /* how long a fork takes */
	bool awaited;
	struct home home; /* of the one kept by procpool_prepare() */

	atomic_bool deaf; /* has not answered in time: is asked no more */
	_Atomic unsigned refs;
};

/* It has gone, or does not listen or answer: no error number, so that no
 * function of the user's returns it. */
#define PP_SPAWNER_GONE INT_MIN

#define PP_SPAWNER_TRIES 8 /* made before giving up on one that works */

/*
 * Fork a spawner.  It can be asked for workers at once, but may turn out to be
 * of no use: pp_spawner_await() tells, and must be called.  One reference.
 * 0 or -errno.
 */
int pp_spawner_open(struct spawner **spawner);

/* Wait until it is ready: 0; PROCPOOL_ESPAWNER, and another may do better;
 * or -errno.  One that fails is killed. */
int pp_spawner_await(struct spawner *spawner);

/* Open and await, until one is of use: 0, PROCPOOL_ESPAWNER or -errno. */
int pp_spawner_make(struct spawner **spawner);

/* No more workers will be asked for: it may end after the last one. */
void pp_spawner_finish(struct spawner *spawner);

struct spawner *pp_spawner_ref(struct spawner *spawner);

/* Drop a reference; with the last one the spawner is ended and its process is
 * gone before this returns, in bounded time.  NULL is harmless. */
void pp_spawner_unref(struct spawner *spawner);

/* Ask for a worker: fds as in process/request.h, which stay the caller's.
 * 0, PP_SPAWNER_GONE or -errno. */
int pp_spawner_request(struct spawner *spawner,
    const struct spawn_request *request, const int fds[REQUEST_FDS],
    uint64_t deadline);

/* Wait for its answer on a socket, ms if it has nothing to hold it up, but not
 * beyond the moment when `stop` becomes readable: whether there is one. */
bool pp_spawner_answers(
    struct spawner *spawner, int socket, int64_t ms, int stop);

#endif
