/*
 * What the fault tests share beside the frame in testing.h: the oracle after
 * a fault, jobs that do what only a fault test wants, and threads that make
 * trouble for the host.
 *
 * Between begin_fault() and end_fault() the test's stdout and stderr go to
 * memory, since a library must not print whatever happens to it (U11).  Set
 * PP_TEST_NOISY=1 to see them, for a test that hangs.
 */
#ifndef SABOTAGE_H
#define SABOTAGE_H

#include "testing.h"

#include <pthread.h>

/* ------------------------------------------------------------ The oracle */

/* Open a pool of n workers, or of these options, whose entry point defaults
 * to t_ledger. */
struct procpool *begin_fault(int n);
struct procpool *begin_fault_with(struct procpool_options options);

/* Judge the ids 0 to n - 1 by the ledger (U1, U2), let the pool prove that it
 * works (U10), close it in bounded time (U3), and expect that nothing was
 * printed (U11).  What is left then, the runner finds (U4 to U7, U9). */
void end_fault(struct procpool *pool, int n);

/* The same, for a pool that is closed or gone. */
void end_fault_closed(int n);

/* Put back stdout and stderr; fail when anything was written. */
void expect_quiet(void);

/* --------------------------------------------------------------- Helpers */

/* Submit the ids from first to last with the same function and value. */
void submit_ops(struct procpool *pool, procpool_job_fn function, int first,
    int last, int value);

/* Assert how an id ended. */
void expect_end(int id, int outcome, int code);

/* Assert that all ids from first to last succeeded. */
void expect_success(int first, int last);

/* Wait until the pool has replaced n workers by its own count. */
void await_restarts(struct procpool *pool, uint64_t n, int64_t ms);

/* Let the pools that are opened from here on have memory areas, or none: a
 * limit on the size of files forbids them. */
void allow_areas(bool allowed);

/* Call a job that returns a pid. */
pid_t call_pid(struct procpool *pool, procpool_job_fn function);

/* The processor time that this process has used, ms. */
int64_t cpu_ms(void);

/* ------------------------------------------------------------------ Jobs */

/* Takes a struct op: works for value microseconds by the clock, in worker i
 * noting its pid in flag[PIDS + i], and finishes. */
int t_work(struct procpool_job *job, const void *arg, size_t len);

/* Anything to pid_t: the process that forked the worker. */
int t_parent(struct procpool_job *job, const void *arg, size_t len);

enum {
	PIDS = 32 /* the first of the flags that t_work() uses */
};

/* --------------------------------------------------------------- Trouble */

/* A thread that runs step(arg) until it is stopped.  It has all signals
 * blocked, so that handlers run where the test expects them. */
struct trouble {
	pthread_t thread;
	void (*step)(void *arg);
	void *arg;
	atomic_bool stop;
};

void trouble_start(struct trouble *trouble, void (*step)(void *arg), void *arg);
void trouble_stop(struct trouble *trouble);

/* Steps.  steal_children: waitpid(-1) for all that can be had. */
void steal_children(void *unused);

/* kill_a_worker: SIGKILL to a worker that t_work() named, then a pause of
 * 5 ms. */
void kill_a_worker(void *unused);

#endif
