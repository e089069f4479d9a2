/*
 * procpool: run a C function over many inputs in a pool of worker processes.
 *
 * A pool forks workers.  Each of them runs your function on bytes you submit
 * and gives bytes back.  A worker that crashes, exits or is killed costs the
 * one task it was running; it is replaced, and every other task goes on.
 *
 * This header is the manual.  What holds for every function stands here once;
 * each function then says only what differs.
 *
 * Errors     Functions return 0 (or a count) on success and one negative
 *            number on failure: -errno for what the system refused, or a
 *            PROCPOOL_E... number of enum procpool_error.  procpool_strerror()
 *            turns the latter into a sentence that says what to do, and the
 *            former into what strerror() says.  When a call
 *            fails nothing has changed, and what its out-arguments point to
 *            is untouched unless said otherwise.
 *
 * Outcomes   A task ends in exactly one outcome: 0, or one of the same
 *            numbers.  Three things are never mixed: the call failed (its
 *            return value), your function failed (PROCPOOL_EFAILED, with the
 *            code and text it gave), its process failed (PROCPOOL_ECRASHED,
 *            PROCPOOL_EEXITED, ...).  A task is started at most once.
 *
 * Ownership  Bytes you pass in are yours again when the call returns.  Bytes
 *            given to you are yours to read until the moment stated.
 *            All of them are aligned for any type (16 bytes), so a struct can
 *            be read in place.
 *
 * Threads    Every function on a pool or a batch may be called from any thread
 *            at any time, but procpool_close() and procpool_batch_close() must
 *            be the last call that begins on theirs.  A map is read by one
 *            thread at a time, and stopped by any.  What takes a job or an
 *            environment is for the function that was given it, one thread at
 *            a time.  None may be called from a signal handler.  A thread that
 *            is cancelled (pthread_cancel) in a call ends the call first.
 *
 * Callbacks  They run one at a time for each pool, on threads of the pool with
 *            all signals blocked; the last ones of a pool that is shut down in
 *            the thread that does so, and in debug mode in one that submits
 *            or cancels.
 *            They may submit and cancel.  What would wait for the callback is
 *            refused with PROCPOOL_EDEADLOCK, as it is in the pool's log
 *            function and in its worker_env.  A callback that takes long
 *            holds up other callbacks and, at worst, one worker.  It must
 *            return: no longjmp, no pthread_exit, no exception of C++.
 *
 * fork       A pool belongs to the process that opened it.  In a copy of that
 *            process made by fork (a worker is one) every call on it or its
 *            batches returns PROCPOOL_EFORKED, or if it returns no error what
 *            it does for NULL; only procpool_name(), procpool_n_jobs() and
 *            procpool_batch_size() answer there too.  A worker may open pools
 *            of its own.
 *
 * Snapshot   Workers see the memory of the program as it was when the pool
 *            was started (or procpool_prepare() was called), copy-on-write:
 *            what you load before costs nothing to pass.  A job can run any
 *            function that was in the program then.  Everything later reaches
 *            a worker as the bytes of a task only, until procpool_refresh().
 *            Descriptors are not part of it: see procpool_job_fn.
 *
 * Processes  A pool has one process that forks its workers (ps shows it as
 *            pp-spawner) and the workers (pp-w0, pp-w1, ...).  None of them is
 *            a child of yours: they belong to process 1, or to the nearest
 *            subreaper, which reaps the first when it ends.  A worker that
 *            dies is replaced, and the log says how it died, whether a core was
 *            written, and what processor time and memory it had used (at most,
 *            with what it shared with the program).
 *
 * Breaking   Deaths outside of any task or in a broadcast, more than 10 (or 3
 *            for each worker, if that is more) in a row with no task
 *            succeeding in between, break the pool: its tasks end with
 *            PROCPOOL_EBROKEN, the cause being their message and in the log,
 *            and every call says so until it is shut down; then it may be
 *            started again.  When the process that forks workers is killed, its
 *            workers end with it; another is made from the program as it is
 *            then (or was at procpool_prepare()), and the log says so.  The
 *            second time within ten seconds breaks the pool.  When a limit of
 *            the system (descriptors, processes, memory) forbids to replace a
 *            worker, it is tried again, up to once a second, and others go on
 *            meanwhile; a pool that has no other breaks after some seconds.
 *
 * Memory     Arguments and results of 32 KiB to 64 MiB travel in memory that
 *            the host shares with each worker, used again and again; larger
 *            ones go through a pipe, some two times slower.  What was touched
 *            stays: up to 64 MiB each way for every worker that had large
 *            ones, and as much in the host, until the pool is shut down.  It
 *            is 128 MiB of address space for each worker, in the host and in
 *            the worker; so a program under a limit (RLIMIT_AS, RLIMIT_FSIZE)
 *            has pipes only, and one on a kernel before Linux 5.14 too.
 *
 * Limits     Workers have the limits of the program.  One that crashes writes
 *            a core if those say so (RLIMIT_CORE), and what the program had in
 *            memory is in it; a worker_start that calls setrlimit() or
 *            prctl(PR_SET_DUMPABLE) forbids it.  When there is no memory left,
 *            the kernel ends a worker before it ends the program: where /proc
 *            allows it, a worker's oom_score_adj is 200 above that of the
 *            program, and at most 1000.
 *
 * Politeness The library installs no signal handler, reaps none of your
 *            children, prints nothing, and never exits or aborts.  It starts
 *            one thread per worker and one helper process per pool, and
 *            leaves nothing behind: workers end when the program does,
 *            however it ends.  (Only somebody who has stopped the process
 *            that forks them, by SIGSTOP, finds those in a job still there,
 *            until the job ends or that goes on.)
 *
 * Time       Limits are in milliseconds (int64_t; 0 polls, -1 or less waits
 *            for ever), measurements in nanoseconds, both on the monotonic
 *            clock.
 */
#ifndef PROCPOOL_H
#define PROCPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROCPOOL_VERSION "0.1.0"

/* The version of the library in use, as "MAJOR.MINOR.PATCH". */
const char *procpool_version(void);

/* ------------------------------------------------------------- Errors */

/* name, number, what it means and what to do */
#define PROCPOOL_ERROR_MAP(X) \
	/* How a task ended. */ \
	X(PROCPOOL_EFAILED, -10001, \
	    "the task's function failed: see the result's code and message") \
	X(PROCPOOL_ECRASHED, -10002, \
	    "the worker was killed by a signal while it ran the task: the " \
	    "result's code is the signal") \
	X(PROCPOOL_EEXITED, -10003, \
	    "the worker exited while it ran the task: the result's code is " \
	    "the exit status") \
	X(PROCPOOL_EDIED, -10004, \
	    "the worker died while it ran the task, and how is not known") \
	X(PROCPOOL_EPROTOCOL, -10005, \
	    "the worker broke the protocol while it ran the task and was " \
	    "killed: does the task write to descriptors it did not open?") \
	X(PROCPOOL_ELOST, -10006, \
	    "the task was lost: the process that forks the workers was killed, " \
	    "and they with it") \
	X(PROCPOOL_ETOOBIG, -10007, \
	    "the bytes are more than max_payload, an option of the pool, allows") \
	X(PROCPOOL_ESHUTDOWN, -10008, \
	    "the pool was shut down before this ended (a batch that it cut short " \
	    "takes no more tasks: open another)") \
	X(PROCPOOL_EBROKEN, -10009, \
	    "the pool cannot keep workers alive (why is in the log, and in the " \
	    "message of each task that ended so): shut it down, mend the " \
	    "cause, start it again") \
	X(PROCPOOL_ERESERVED, -10010, \
	    "the task's function returned more bytes than it had reserved: " \
	    "the len of procpool_reserve() is the most that may be used") \
	X(PROCPOOL_ECANCELLED, -10011, "the task was cancelled") \
	X(PROCPOOL_EDEPENDENCY, -10012, \
	    "the task was not run, since one of its inputs failed: the " \
	    "result's message says which, and how") \
	/* What was wrong with a pool's options. */ \
	X(PROCPOOL_ESIZE, -10020, \
	    "n_jobs must be a count from 1, or 0 or -1 for all usable CPUs") \
	X(PROCPOOL_EFRACTION, -10021, \
	    "fraction must be above 0 and at most 1 (0.5 is half of the usable " \
	    "CPUs)") \
	X(PROCPOOL_ETWOSIZES, -10022, \
	    "n_jobs and fraction are both set: give one of them") \
	X(PROCPOOL_ENOENTRY, -10023, \
	    "entry_point is NULL: name the function the workers run") \
	X(PROCPOOL_EENV, -10024, \
	    "an environment entry must read NAME=VALUE, and a NAME is not empty " \
	    "and has no '='") \
	X(PROCPOOL_EENVSIZE, -10025, \
	    "the environment entries are more than 64 KiB together, which is " \
	    "the most that is passed on") \
	X(PROCPOOL_ENAME, -10026, \
	    "a pool's name must be 1 to 31 bytes, none a control character") \
	X(PROCPOOL_ELIMIT, -10027, \
	    "max_payload must be at most 1 TiB (2^40 bytes)") \
	X(PROCPOOL_EGRACE, -10028, \
	    "grace_ms must be 0 (for the default) or more") \
	X(PROCPOOL_ELEVEL, -10029, \
	    "log_level must be one of enum procpool_level, as PROCPOOL_INFO") \
	/* What was wrong with a call. */ \
	X(PROCPOOL_ENULL, -10040, "an argument that must be given is NULL") \
	X(PROCPOOL_ENOTRUNNING, -10041, \
	    "the pool is not running: call procpool_start() first") \
	X(PROCPOOL_ERUNNING, -10042, \
	    "the pool is running already: only one that is shut down or was " \
	    "opened with start_later can be started") \
	X(PROCPOOL_ECLOSING, -10043, \
	    "the pool is closed, or is being closed, and takes no more tasks") \
	X(PROCPOOL_EFORKED, -10044, \
	    "the pool belongs to the process that opened it, and this is a " \
	    "copy: open a pool of its own here") \
	X(PROCPOOL_EDEADLOCK, -10045, \
	    "the call would wait for the callback, log function or job that " \
	    "makes it: use procpool_try_submit(), or another thread") \
	X(PROCPOOL_EFULL, -10046, \
	    "the queue is full and the call would block: try again later") \
	X(PROCPOOL_EFUNCTION, -10047, \
	    "the workers do not have this function: it must be in the program " \
	    "when the pool starts, or at procpool_prepare() if that is called " \
	    "(load it before, or call procpool_refresh())") \
	X(PROCPOOL_EOVERFLOW, -10048, \
	    "the batch has all its tasks already: open a larger one") \
	X(PROCPOOL_EINCOMPLETE, -10049, \
	    "not all tasks of the batch were submitted, or the one that is asked " \
	    "for has not ended: submit the others, and wait for them") \
	X(PROCPOOL_ETIMEDOUT, -10050, \
	    "the wait timed out; nothing has changed") \
	X(PROCPOOL_EFOREIGN, -10051, \
	    "the batch, or one of the inputs, belongs to another pool: a task " \
	    "goes to the one that they were opened for") \
	X(PROCPOOL_EINDEX, -10052, \
	    "there is no such index: it must be below the batch's size, or the " \
	    "number of inputs or of sources") \
	X(PROCPOOL_EPREPARED, -10053, \
	    "procpool_prepare() was called before: once in a process is enough") \
	X(PROCPOOL_EUNPREPARED, -10054, \
	    "a function of the options, or options.user, is not there in the " \
	    "process kept by procpool_prepare(): it must point to what was " \
	    "there at that call") \
	X(PROCPOOL_ESPAWNER, -10055, \
	    "the process that forks the workers could not be started: it hung " \
	    "or died at birth each time (call procpool_prepare() at the top of " \
	    "main, before any thread runs)") \
	X(PROCPOOL_EBROADCAST, -10056, \
	    "a broadcast has no batch, no priority and no inputs: leave them " \
	    "zero (done is told of each run, and all that waits comes after it)") \
	X(PROCPOOL_ECALL, -10057, \
	    "a task that is waited for has no done, no batch and no inputs: " \
	    "leave them zero (the result says how it ended), or submit it") \
	X(PROCPOOL_EFUTURE, -10058, \
	    "the task of a future has no batch: leave it NULL (several futures " \
	    "are waited for by procpool_future_wait_all())") \
	X(PROCPOOL_EPENDING, -10059, \
	    "the future is not ready: wait for it with procpool_future_wait()") \
	X(PROCPOOL_EENDED, -10060, \
	    "the task has ended already, and its result stands") \
	/* Of maps. */ \
	X(PROCPOOL_ESTOPPED, -10070, "the map was stopped") \
	X(PROCPOOL_ESOURCE, -10071, \
	    "a source of a map is one of next, items, lines and map; and a map " \
	    "has source, or sources for functions of several arguments") \
	X(PROCPOOL_EBUFFER, -10072, \
	    "buffer_factor must be a number from 0 (which means 1) to 1e6") \
	X(PROCPOOL_EHEARTBEAT, -10073, \
	    "heartbeat_ms must be above 0, or 0 when none is given")

/* What a function that failed returns, and how a task ended:
 * procpool_strerror() and procpool_errname() tell it.  0 is none of them. */
enum procpool_error {
#define X(name, number, text) name = number,
	PROCPOOL_ERROR_MAP(X)
#undef X
};

/*
 * Explain an error number or an outcome.
 *
 * error   what a function returned, or a result's outcome; 0 is "success"
 *
 * Returns one line without a full stop, never NULL, valid for ever.
 */
const char *procpool_strerror(int error);

/* The name of an error number, as "PROCPOOL_ESIZE"; "OK" for 0; for a system
 * error its own, as "EAGAIN".  Never NULL, valid for ever. */
const char *procpool_errname(int error);

/* ------------------------------------------------------------ In a job */

struct procpool;
struct procpool_job;
struct procpool_batch;
struct procpool_future;
struct procpool_env;

/*
 * The function that workers run, once for each task.
 *
 * job   this run; valid until the function returns
 * arg   the task's bytes, aligned to 16; not NULL even when len is 0; may be
 *       written to; gone when the function returns.  A process that the job
 *       forks has the bytes as well: from 32 KiB on the same ones, so that what
 *       one of the two writes the other sees
 * len   how many, in bytes
 *
 * Returns 0 when it succeeded (with the bytes of procpool_return(), or none),
 * anything else to fail: PROCPOOL_EFAILED with that code.
 *
 * It runs in a worker process with one thread, default signal dispositions,
 * nothing blocked, stdin from /dev/null, and descriptors 0 to 4 open: 0-2 the
 * standard ones (what is printed there: see procpool_log_fn; stdout is buffered
 * by line, and what is left of a line written when the job returns), 3 its
 * tasks, 4 its results (leave those two alone; when a library has opened some
 * in the forked process, they have the next numbers).  All other descriptors
 * of the program are closed there: what a job needs is opened in the job or in
 * worker_start.  It may crash, exit, fork, exec or be killed; the host is told
 * and goes on.  The end of its thread is that of the process, with the status
 * 0.  What it leaves changed there (directory, environment, limits, handlers,
 * threads) the next task in the same worker finds.
 *
 * It must not be left by longjmp(): the worker is a copy of the program, and
 * would go on with it where that lands.  An exception of C++ that leaves it
 * ends the worker by std::terminate(): catch it, and procpool_fail().
 */
typedef int (*procpool_job_fn)(
    struct procpool_job *job, const void *arg, size_t len);

/*
 * Give a job's result: copy it.
 *
 * data   the bytes; may be NULL when len is 0; or the space that
 *        procpool_reserve() gave, and then nothing is copied
 * len    how many, in bytes
 *
 * Returns 0, so that a job can end with `return procpool_return(...)`.
 * A second call replaces the first.
 *   PROCPOOL_ETOOBIG     len is above the pool's max_payload
 *   PROCPOOL_ERESERVED   data is reserved space, and its end comes before len
 *   -ENOMEM              no memory
 *   PROCPOOL_ENULL       job is NULL, or data is and len is not 0
 * When the job returns one of the first three, it becomes the task's outcome.
 */
int procpool_return(struct procpool_job *job, const void *data, size_t len);

/*
 * Get space to build a job's result in place.
 *
 * len   the most that is needed, in bytes; what is written beyond it may hit
 *       anything
 *
 * Returns the space, aligned to 16, to be filled and then given to
 * procpool_return() with the number of bytes used; NULL when job is, when len
 * is above max_payload, or when there is no memory.  It is the job's until the
 * function returns, the next call of this one, or procpool_return() with other
 * bytes, and its content is lost then.  A process that the job forks does not
 * have it.
 */
void *procpool_reserve(struct procpool_job *job, size_t len);

/*
 * Fail, with a code and a text of your own.
 *
 * code     your code; the result's code
 * format   as for printf, then its arguments; the text is cut at 1000 bytes
 *
 * The task has failed then, also when the job returns 0.
 *
 * Returns code (or -1 when code is 0; also when job is NULL, and then nothing
 * else happens), so that a job can end with
 * `return procpool_fail(job, 7, "no such record: %ld", id)`.
 */
int procpool_fail(struct procpool_job *job, int code, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The index of the worker, 0 to n_jobs - 1; a replacement keeps it.  -1 for
 * NULL; the three below give NULL or 0 then. */
int procpool_job_worker(const struct procpool_job *job);

/* What worker_start left in *state; NULL without one. */
void *procpool_job_state(const struct procpool_job *job);

/* The pool's options.user, as a pointer into the snapshot. */
void *procpool_job_user(const struct procpool_job *job);

/* How often the task has been started, this time included: 1. */
int procpool_job_attempt(const struct procpool_job *job);

/*
 * The result of one of the tasks that this one has waited for (task->inputs).
 *
 * index   in the order of task->inputs, from 0
 * data    set to the bytes: aligned to 16, not NULL even when there are none,
 *         and as arg otherwise: to be written to, and gone when the function
 *         returns
 * len     set to how many, in bytes
 *
 * Returns 0.
 *   PROCPOOL_ENULL
 *   PROCPOOL_EINDEX   there are not so many
 */
int procpool_job_input(
    struct procpool_job *job, size_t index, const void **data, size_t *len);

/* ------------------------------------------------------------- Logging */

/* How grave a line of the log is, from the least to the most. */
enum procpool_level {
	PROCPOOL_DEBUG,
	PROCPOOL_INFO,
	PROCPOOL_WARNING,
	PROCPOOL_ERROR
};

/*
 * Where a pool's log lines go.
 *
 * level     how grave
 * message   one line, no newline at its end; gone when the function returns
 * user      the pool's options.user
 *
 * Called from threads of the pool and from your calls, one line at a time.
 * It must not call any function on the pool.  What time it takes comes on top
 * of the bounds that this manual gives.  Bytes that would break a line, control
 * characters other than tabs, are shown as '?'; all others are as they were
 * written.
 *
 * What workers print comes here too: a log function that wants PROCPOOL_INFO
 * lines gets what jobs, and the programs that they start, write to stdout and
 * stderr, at that level, line by line in the order of writing, the worker's
 * name before each ("NAME-w3: ...").  A line of more than 4096 bytes comes in
 * pieces of so many; one without an end when nothing has followed it for 0.1 s,
 * or its worker is gone.  All that a worker wrote has come before the result
 * of a task that it died of, and before the pool is shut down; but the result
 * of a task that returned may come before the lines it wrote.  A worker that
 * prints faster than the log function takes waits for it.  Otherwise, with
 * options.keep_output, or in debug mode, all of it goes where the program's own
 * stdout and stderr go.
 */
typedef void (*procpool_log_fn)(
    enum procpool_level level, const char *message, void *user);

/*
 * Log from inside a job: the line reaches the pool's log function in the
 * host, with the worker's name before it, before the job's result does.  In a
 * process that the job has forked it does nothing.
 *
 * level    as it stands in the log; with one that is none nothing is logged
 * format   as for printf, then its arguments; cut at 1000 bytes
 */
void procpool_job_log(struct procpool_job *job, enum procpool_level level,
    const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* ------------------------------------------------------------- A pool */

/*
 * Set one environment variable for one worker.
 *
 * env      what worker_env was given
 * name     the variable; not empty, without '='
 * format   its value, as for printf, then its arguments; copied
 *
 * Returns 0.
 *   PROCPOOL_ENULL      env or name is NULL
 *   PROCPOOL_EENV       the name cannot be one
 *   PROCPOOL_EENVSIZE   the settings together would pass 64 KiB
 */
int procpool_env_set(
    struct procpool_env *env, const char *name, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/*
 * Choose the environment of one worker: called in the host before the worker
 * is forked, and again before each replacement of it.
 *
 * env      to be given to procpool_env_set()
 * worker   the worker's index, 0 to n_jobs - 1
 * user     the pool's options.user
 *
 * Returns 0, or a negative error and the worker is not forked:
 * procpool_start() returns that error, and for a replacement it counts as a
 * shortage (see Breaking above).  It may run on any thread, also on several at
 * once, and must not call the pool.
 */
typedef int (*procpool_env_fn)(
    struct procpool_env *env, int worker, void *user);

/*
 * Set up a worker, in the worker, before its first task (worker_start), and
 * clear up after its last one (worker_exit).
 *
 * job     for procpool_job_worker(), procpool_job_user(),
 *         procpool_job_log(), procpool_fail()
 * state   *state is the worker's own, NULL at first
 *
 * worker_start returns 0, or anything else when the worker cannot work: it
 * ends, and is made again a few times before the pool says that it is broken.
 * worker_exit is not called for a worker that dies or is killed.
 */
typedef int (*procpool_start_fn)(struct procpool_job *job, void **state);
typedef void (*procpool_exit_fn)(struct procpool_job *job, void *state);

/* How a pool shall be.  A field left zero means what it says after "0:". */
struct procpool_options {
	/* The function that runs a task which names none.  Must be given. */
	procpool_job_fn entry_point;

	/* How many workers: a count from 1, cut to the usable CPUs unless
	 * oversubscribe is set.  0 or -1: all usable CPUs.  Usable are those
	 * that the affinity mask and the cgroup's quota allow. */
	int n_jobs;

	/* Or as a part of the usable CPUs, above 0 and at most 1: cpus times
	 * fraction, rounded half to even, at least 1.  0: n_jobs says. */
	double fraction;

	/* Keep n_jobs as given, however few CPUs there are. */
	bool oversubscribe;

	/* Do not start yet: procpool_start() will. */
	bool start_later;

	/* Run every job in this process, one at a time, in the thread that
	 * submits (or in another that is submitting just then; what a job or a
	 * callback submits runs when it has returned), with n_jobs 1: for
	 * debuggers.  No environment is applied, and a crash is yours. */
	bool debug;

	/* Let workers see GPUs.  Otherwise each gets CUDA_VISIBLE_DEVICES,
	 * HIP_VISIBLE_DEVICES and ROCR_VISIBLE_DEVICES set to -1,
	 * ONEAPI_DEVICE_SELECTOR to "*:cpu" and TF_CPP_MIN_LOG_LEVEL to 3,
	 * whatever env says. */
	bool keep_gpus;

	/* The pool's name, in log lines and results ("NAME-w3"): 1 to 31
	 * bytes, copied.  NULL: "procpool". */
	const char *name;

	/* Environment of all workers: "NAME=VALUE" strings, NULL at the end,
	 * copied.  Without a value of their own here or in the host, these are
	 * set to 1, so that n_jobs workers do not start n_jobs threads each:
	 * OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS,
	 * BLIS_NUM_THREADS, VECLIB_MAXIMUM_THREADS, NUMBA_NUM_THREADS,
	 * NUMEXPR_NUM_THREADS.  (An OpenMP or OpenBLAS already loaded is told
	 * by its own function too.)  NULL: nothing more. */
	const char *const *env;

	/* Environment of each worker, after env.  NULL: the same for all. */
	procpool_env_fn worker_env;

	/* Set-up and clear-up of a worker.  NULL: none. */
	procpool_start_fn worker_start;
	procpool_exit_fn worker_exit;

	/* Where log lines go, and the least grave level that is wanted.
	 * NULL: nowhere.  0: PROCPOOL_DEBUG, all of them. */
	procpool_log_fn log;
	enum procpool_level log_level;

	/* Leave workers the program's stdout and stderr, also when the log
	 * takes what they print (see procpool_log_fn). */
	bool keep_output;

	/* The most tasks accepted and not yet ended (queued, running, or with
	 * a callback that has not returned); a submit beyond it waits.
	 * 0: 8192. */
	size_t queue_tasks;

	/* Likewise in bytes of arguments; a single task larger than this is
	 * accepted when no other is there.  0: 256 MiB. */
	size_t queue_bytes;

	/* The most bytes of one argument or of one result, at most 2^40.
	 * 0: 1 GiB. */
	uint64_t max_payload;

	/* How long a worker that is told to stop may take before it is killed,
	 * in milliseconds.  0: 500. */
	int64_t grace_ms;

	/* Yours: reaches log, worker_env and, through procpool_job_user(),
	 * every job. */
	void *user;
};

/*
 * Keep a process of this moment from which later pools get their workers.
 *
 * A process with several threads cannot be forked safely at any moment: a
 * lock that another thread holds is held for ever in the copy.  The library
 * tests such a copy and makes a new one when it hangs, so with the C library's
 * own locks this call is not needed for correctness.  It is with others that no
 * handler for forks looks after, as those of some allocators (a sanitizer's is
 * one); and a program that opens pools late, with threads running, is better
 * served by one call at the top of main() anyway.
 *
 * Pools opened afterwards have workers with the memory of this moment: their
 * options' functions must have been in the program now, and options.user must
 * point to memory that existed now.  (Should that process be killed, or stand
 * still when it is needed, later pools are forked from the program as it is
 * then.)
 *
 * Returns 0.
 *   PROCPOOL_EPREPARED   it was called before in this process
 *   PROCPOOL_ESPAWNER    the process could not be made
 *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE   a limit of the system
 *   -EFBIG   files may not be of 192 KiB (RLIMIT_FSIZE)
 */
int procpool_prepare(void);

/*
 * Make a pool, and start it unless options->start_later.
 *
 * pool      set to the new pool, which procpool_close() gives back
 * options   copied; pointers in it as said there
 *
 * Returns 0; by then every worker has been forked.  An option that is wrong
 * has an error of its own.
 *   PROCPOOL_ENULL   pool or options is NULL
 *   PROCPOOL_ESIZE, PROCPOOL_EFRACTION, PROCPOOL_ETWOSIZES,
 *   PROCPOOL_ENOENTRY, PROCPOOL_EENV, PROCPOOL_EENVSIZE, PROCPOOL_ENAME,
 *   PROCPOOL_ELIMIT, PROCPOOL_EGRACE, PROCPOOL_ELEVEL
 *   -ENOMEM   no memory
 *   and what procpool_start() returns
 */
int procpool_open(
    struct procpool **pool, const struct procpool_options *options);

/*
 * Start a pool that was opened with start_later or was shut down.
 *
 * Returns 0; by then every worker has been forked, from the program as it is
 * now.  Results of an earlier life of the pool are not seen again.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_ERUNNING      it is running
 *   PROCPOOL_EBROKEN       it is broken: shut it down first; in debug mode,
 *                          worker_start failed
 *   PROCPOOL_EDEADLOCK     called from a callback of this pool
 *   PROCPOOL_ESPAWNER      the process that forks workers hung or died
 *   PROCPOOL_EFUNCTION     a function of the options is not in the program or
 *                          in a library that it has loaded
 *   PROCPOOL_EUNPREPARED   a function or options.user is newer than the
 *                          process kept by procpool_prepare()
 *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE   a limit of the system
 *   -EFBIG   files may not be of 192 KiB (RLIMIT_FSIZE)
 *   and what options.worker_env returned
 * On failure no process, thread or descriptor is left.
 */
int procpool_start(struct procpool *pool);

/* Whether tasks are accepted: 1 from a successful start until a shutdown, a
 * close or PROCPOOL_EBROKEN; otherwise 0 (also for NULL, or after fork). */
int procpool_is_running(struct procpool *pool);

/*
 * Wait until every task accepted before this call has ended and its callback
 * has returned.  Tasks may be submitted meanwhile.
 *
 * timeout_ms   the longest wait; 0 polls, -1 waits for ever
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_ETIMEDOUT   some have not ended; nothing has changed
 *   PROCPOOL_EDEADLOCK   called from a callback of this pool
 */
int procpool_drain(struct procpool *pool, int64_t timeout_ms);

/*
 * Replace every worker by one forked from the program as it is now, one after
 * the other.  No task is lost: each old worker ends the task it runs, and what
 * waits behind it goes to others.  Blocks until the last has been replaced,
 * so as long as the longest task, or as a limit of the system forbids to make
 * a worker.
 *
 * With procpool_prepare() the new workers have the memory of that call, again.
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_ENOTRUNNING   it does not run
 *   PROCPOOL_EDEADLOCK     called from a callback of this pool
 *   PROCPOOL_ESHUTDOWN     the pool was shut down meanwhile
 *   PROCPOOL_EBROKEN       it broke meanwhile
 *   PROCPOOL_ESPAWNER, -EAGAIN, -ENOMEM, -EMFILE, -ENFILE   as for
 *                          procpool_start(); the old workers stay
 */
int procpool_refresh(struct procpool *pool);

/*
 * Stop at once.  Tasks that have not ended do so with PROCPOOL_ESHUTDOWN,
 * their callbacks run, waiting calls return, and the workers are ended: idle
 * ones are asked to, busy ones get SIGTERM, and after grace_ms all that are
 * left SIGKILL.  Returns when they are gone, within grace_ms and a second, or
 * when a callback that takes longer has returned.
 *
 * The pool can be started again.  Shutting down a pool that does not run is
 * harmless; of two at once, the later waits for the earlier.
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_EDEADLOCK   called from a callback of this pool
 */
int procpool_shutdown(struct procpool *pool);

/*
 * Finish what was accepted, shut down, and give the pool back.
 *
 * New tasks are refused (PROCPOOL_ECLOSING), all accepted ones end and their
 * callbacks run, worker_exit runs in each worker, and everything the pool had
 * is freed.  Blocks as long as the tasks take: procpool_shutdown() first (or,
 * from another thread, meanwhile) makes it quick.  Must be the last call that
 * begins on this pool; calls that wait at that time return before it does.
 * Batches and futures stay valid.
 *
 * Returns 0; then, and only then, the pool is gone.  NULL is harmless.
 *   PROCPOOL_EFORKED     called in a copy of the process
 *   PROCPOOL_EDEADLOCK   called from a callback of this pool
 */
int procpool_close(struct procpool *pool);

/* How many workers the pool has; 1 in debug mode.  PROCPOOL_ENULL for NULL. */
int procpool_n_jobs(const struct procpool *pool);

/* The pool's name, valid until it is closed; NULL for NULL. */
const char *procpool_name(const struct procpool *pool);

/* The name of the first worker of which a task failed, crashed or exited
 * since the pool was opened; NULL when there is none.  Valid until the pool
 * is closed. */
const char *procpool_first_failed(struct procpool *pool);

/* ---------------------------------------------------------- Results */

/* How far a task had come when it ended. */
enum procpool_phase {
	PROCPOOL_QUEUED, /* its function was never called */
	PROCPOOL_RUNNING, /* its function had been called */
	PROCPOOL_RETURNING, /* part of its result had been received */
	PROCPOOL_ENDED /* its function returned, its whole result arrived */
};

/* How a task ended. */
struct procpool_result {
	/* 0, or how it failed: PROCPOOL_EFAILED, PROCPOOL_ECRASHED,
	 * PROCPOOL_EEXITED, PROCPOOL_EDIED, PROCPOOL_EPROTOCOL,
	 * PROCPOOL_ELOST, PROCPOOL_ETOOBIG, PROCPOOL_ERESERVED,
	 * PROCPOOL_ECANCELLED, PROCPOOL_EDEPENDENCY, PROCPOOL_ESHUTDOWN,
	 * PROCPOOL_EBROKEN, -ENOMEM; when the bytes of a blocking call could
	 * not be read any more, -EFAULT; or, of a broadcast, why there is no
	 * worker to run it. */
	int outcome;

	/* PROCPOOL_EFAILED: the function's code; PROCPOOL_ECRASHED: the
	 * signal; PROCPOOL_EEXITED: the exit status; otherwise 0. */
	int code;

	/* What the job told (procpool_fail), what became of its worker, which
	 * input failed, or why the pool broke; "" when there is nothing to add
	 * to the outcome; never NULL.  Bytes of a worker's choice: do not use
	 * it as a format. */
	const char *message;

	/* The returned bytes, aligned to 16; not NULL even when len is 0. */
	const void *data;
	size_t len;

	/* The number that the task got when it was accepted, from 1. */
	uint64_t task;

	/* The worker: index and name (-1 and "" when none was involved), and
	 * process id (0 likewise; the host's own in debug mode). */
	int worker;
	int pid;
	const char *worker_name;

	/* How often it was started (0 or 1), and how far it came. */
	int attempt;
	enum procpool_phase phase;

	/* From acceptance to start, and from start to end or death; ns.  When
	 * it was never started, the first is the time until it was given up.
	 * While more than 64 tasks are queued the first is exact to a tick of
	 * the kernel (1 to 10 ms). */
	uint64_t queued_ns;
	uint64_t ran_ns;

	/* When it was started, by the clock of clock_gettime(CLOCK_MONOTONIC),
	 * ns; 0 when it never was, or that is not known.  Of two tasks that ran
	 * in one worker the later is not started before the earlier has ended,
	 * started_ns + ran_ns; but for a worker killed for PROCPOOL_EPROTOCOL,
	 * of which nothing is known for sure. */
	uint64_t started_ns;

	/* The library's own. */
	void *memory;
};

/*
 * Give back what a result holds (of procpool_call() only).  result->data,
 * message and worker_name are gone then.  Harmless for a result given back
 * before, a zeroed one and NULL.
 */
void procpool_result_done(struct procpool_result *result);

/*
 * Called when a task has ended.
 *
 * result   how; gone when the function returns
 * user     what was submitted with the task
 */
typedef void (*procpool_done_fn)(
    const struct procpool_result *result, void *user);

/* ------------------------------------------------------- Submitting */

/* A task in full.  A field left zero means none. */
struct procpool_task {
	const void *arg; /* the bytes; may be NULL when len is 0 */
	size_t len; /* how many, in bytes */
	procpool_job_fn function; /* NULL: the pool's entry point */
	procpool_done_fn done; /* called when it has ended */
	void *user; /* for done */
	struct procpool_batch
	    *batch; /* or NULL; takes the result, after done */

	/* Any number.  Of the tasks that wait, a higher one is started before
	 * a lower one, whoever submitted it and in whatever way; one that runs
	 * is not interrupted, and lower ones wait as long as there are higher.
	 * What workers were sent and have not begun waits, too; to take it
	 * back for a higher one takes a moment.  While one other than 0 waits,
	 * a worker is given one task at a time, which costs tiny tasks most of
	 * their rate. */
	int priority;

	/* 0: any worker.  Otherwise tasks of one key run in one worker, that
	 * of index key % n_jobs, one after the other; those of one priority in
	 * the order of submission.  They wait for this worker, whatever others
	 * have to do.  When it dies or is refreshed they go on in its
	 * replacement; while none can be made, for want of something, in one
	 * of the others, and from then on until that one ends.  What a job has
	 * left in the memory of the one before is not there then.
	 * (Mix keys that have a common factor, as addresses do.) */
	uint64_t key;

	/* Futures of the same pool that the task waits for; copied, and to be
	 * closed when you like.  It is accepted at once, and waits for its turn
	 * from when the last of them is ready.  Their results go with it (see
	 * procpool_job_input), as bytes of its argument from then on: together
	 * with arg, more than max_payload ends it with PROCPOOL_ETOOBIG.  When
	 * one of them fails, it ends at once with PROCPOOL_EDEPENDENCY and is
	 * not run.  NULL, 0: none. */
	struct procpool_future *const *inputs;
	size_t n_inputs;
};

/*
 * Submit a task whose end is told by a callback.
 *
 * arg    the bytes for the entry point, copied; may be NULL when len is 0
 * len    how many, in bytes
 * done   called when the task has ended; NULL when nobody wants to know
 * user   for done
 *
 * Returns 0: the task is accepted and will end in exactly one outcome.
 * Waits while the queue is full (queue_tasks, queue_bytes).
 *   PROCPOOL_ENULL         pool is NULL, or arg is and len is not 0
 *   PROCPOOL_EFORKED
 *   PROCPOOL_ETOOBIG       len is above max_payload
 *   PROCPOOL_ENOTRUNNING   the pool was not started or was shut down
 *   PROCPOOL_ECLOSING      it is being closed
 *   PROCPOOL_ESHUTDOWN     it was shut down while this call waited
 *   PROCPOOL_EBROKEN       it cannot keep workers alive
 *   PROCPOOL_EDEADLOCK     the queue is full, in a callback of this pool
 *   -ENOMEM                no memory
 */
int procpool_submit(struct procpool *pool, const void *arg, size_t len,
    procpool_done_fn done, void *user);

/*
 * Submit a task in full.
 *
 * Returns as procpool_submit(), and
 *   PROCPOOL_EFUNCTION   the workers do not have task->function: it is not
 *                        in the program or in a library that was loaded when
 *                        the pool started (code made at run time never is)
 *   PROCPOOL_EOVERFLOW   task->batch has all its tasks already
 *   PROCPOOL_EFOREIGN    task->batch, or one of task->inputs, belongs to
 *                        another pool
 *   PROCPOOL_ENULL       task is NULL, or one of task->inputs
 */
int procpool_submit_task(
    struct procpool *pool, const struct procpool_task *task);

/*
 * Submit a task in full, without waiting for space in the queue.  In debug
 * mode the job itself is run all the same.
 *
 * Returns as procpool_submit_task(), and
 *   PROCPOOL_EFULL   the queue is full, where that function would wait
 */
int procpool_try_submit(
    struct procpool *pool, const struct procpool_task *task);

/*
 * Run a task once in every worker of the pool, and once in every worker that
 * takes another's place later, before that worker runs anything else: to load
 * or to change what jobs find in their worker.
 *
 * task   copied, also for later; its batch, priority and inputs must be zero.
 *        done is called for each run, and the result says in which worker it
 *        was
 *
 * It goes before all tasks that wait: one that is submitted after this call
 * has returned finds its effect wherever it runs.  Each run counts as a task,
 * for procpool_drain() and in the statistics.  One that fails has told so,
 * nothing more; a worker that dies of it is replaced, and the next one gets it
 * again (see Breaking above for how often).
 *
 * Later workers run what was broadcast in its order, but of several with the
 * same function and key only the latest that was accepted, even if its runs
 * failed: so give a different key to what is to be kept beside the other.  One
 * that this call refuses replaces none.  The function must stay in the program.
 * All is forgotten when the pool is shut down.
 *
 * While a worker cannot be made, for want of something, nothing waits for it:
 * it runs this when it is there.  A run that was waiting for its worker ends
 * then, with what is short as its outcome (-EMFILE, -EAGAIN, ...).
 *
 * Returns 0: it is accepted for every worker, in one moment.  It waits for room
 * in the queue as one task, and then takes that of a task for each worker.  As
 * procpool_submit_task(), and
 *   PROCPOOL_EBROADCAST   task->batch, task->priority or task->inputs is set
 */
int procpool_broadcast(struct procpool *pool, const struct procpool_task *task);

/*
 * Run one task and wait for it.
 *
 * arg, len   the bytes for the entry point; not to be changed meanwhile
 * result     set to how it ended; give it back with procpool_result_done().
 *            When the task was not accepted it is set to hold nothing, and
 *            the returned error as its outcome.
 *
 * Returns the outcome: 0 when the function succeeded, otherwise as in struct
 * procpool_result.  When the task was not accepted, as procpool_submit(), and
 *   PROCPOOL_ENULL       result is NULL, too
 *   PROCPOOL_EDEADLOCK   called from a callback of this pool, or in debug mode
 *                        from a job
 *
 * The quickest way to a result: when a worker is idle the calling thread
 * drives it itself.
 */
int procpool_call(struct procpool *pool, const void *arg, size_t len,
    struct procpool_result *result);

/*
 * Run one task, given in full, and wait for it.
 *
 * Returns as procpool_call(), and
 *   PROCPOOL_ECALL   task->done, task->batch or task->inputs is set
 */
int procpool_call_task(struct procpool *pool, const struct procpool_task *task,
    struct procpool_result *result);

/* ---------------------------------------------------------- Batches */

/*
 * Make a batch: a number of tasks whose results are waited for together and
 * read in the order of submission.
 *
 * batch   set to the new batch, which procpool_batch_close() gives back
 * size    how many tasks it will have; 0 is complete at once
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   -ENOMEM   no memory
 */
int procpool_batch_open(
    struct procpool_batch **batch, struct procpool *pool, size_t size);

/*
 * Submit the batch's next task.
 *
 * arg, len   as for procpool_submit(); the function is the pool's entry point
 *            (procpool_submit_task() takes any, and a batch too)
 *
 * Returns as procpool_submit_task(), and
 *   PROCPOOL_ECLOSING    the pool is closed, too
 *   PROCPOOL_ESHUTDOWN   the pool was shut down since the batch was opened,
 *                        before it had all its tasks: open another one
 *   PROCPOOL_EBROKEN     likewise, the pool broke, even if it runs again
 */
int procpool_batch_add(
    struct procpool_batch *batch, const void *arg, size_t len);

/*
 * Wait until all tasks of the batch have ended (in whatever outcome).
 * Any number of threads may wait, and again later.
 *
 * timeout_ms   the longest wait; 0 polls, -1 waits for ever
 *
 * Returns 0 when all have ended.
 *   PROCPOOL_ENULL
 *   PROCPOOL_ETIMEDOUT     some have not
 *   PROCPOOL_EINCOMPLETE   likewise, and not all have been submitted
 *   PROCPOOL_ESHUTDOWN     the pool was shut down before all had ended
 *   PROCPOOL_EBROKEN       the pool broke before all were submitted
 *   PROCPOOL_EDEADLOCK     called from a callback of its pool, or in debug mode
 *                          from a job, while some have not ended
 *   PROCPOOL_EFORKED       in a copy of the process, a worker for example
 */
int procpool_batch_wait(struct procpool_batch *batch, int64_t timeout_ms);

/* How many tasks the batch takes; 0 for NULL. */
size_t procpool_batch_size(const struct procpool_batch *batch);

/* How many of its tasks have ended; 0 for NULL. */
size_t procpool_batch_ended(struct procpool_batch *batch);

/*
 * One result of a batch.
 *
 * index    in the order of submission, from 0
 * result   set to the result, valid until the batch is closed; there is
 *          nothing to give back
 *
 * Returns 0.
 *   PROCPOOL_ENULL
 *   PROCPOOL_EINDEX        index is not below the size
 *   PROCPOOL_EINCOMPLETE   that task has not ended yet
 *   PROCPOOL_EFORKED
 */
int procpool_batch_result(struct procpool_batch *batch, size_t index,
    const struct procpool_result **result);

/* Give a batch back: at any time, also before its tasks have ended (they run,
 * and their results are dropped) or while other threads wait on it (they go on
 * waiting).  NULL is harmless. */
void procpool_batch_close(struct procpool_batch *batch);

/* ---------------------------------------------------------- Futures */

/*
 * Submit a task whose result is asked for later.
 *
 * future     set to its future, with one reference, which
 *            procpool_future_close() gives back
 * arg, len   the bytes for the entry point, copied
 *
 * A future is ready when its task has ended, in whatever outcome, and its
 * completion functions have returned.  To a callback of its pool it is ready
 * when the task has ended.  It may outlive the pool.
 *
 * Returns as procpool_submit(), and
 *   PROCPOOL_ENULL   future is NULL
 */
int procpool_future_open(struct procpool_future **future, struct procpool *pool,
    const void *arg, size_t len);

/*
 * Submit a task in full whose result is asked for later.
 *
 * task   task->done is called as for any task, before all completion functions
 *
 * Returns as procpool_submit_task(), and
 *   PROCPOOL_EFUTURE   task->batch is not NULL
 *   PROCPOOL_ENULL     future is NULL
 */
int procpool_future_open_task(struct procpool_future **future,
    struct procpool *pool, const struct procpool_task *task);

/* Take one more reference to a future, to be given back by a
 * procpool_future_close() of its own.  Returns the future; NULL for NULL. */
struct procpool_future *procpool_future_ref(struct procpool_future *future);

/* Give a reference back: at any time, also before the task has ended (it runs,
 * and its completion functions too) or while other threads wait for the future
 * (they go on waiting).  With the last one the result is gone.  NULL is
 * harmless. */
void procpool_future_close(struct procpool_future *future);

/* Whether a future is ready: 1 or 0 (also for NULL, or after fork). */
int procpool_future_is_ready(struct procpool_future *future);

/*
 * Wait until a future is ready.  Any number of threads may wait, and again
 * later.
 *
 * timeout_ms   the longest wait; 0 polls, -1 waits for ever
 *
 * Returns 0 when it is, in whatever outcome.
 *   PROCPOOL_ENULL
 *   PROCPOOL_ETIMEDOUT   it is not; nothing has changed
 *   PROCPOOL_EDEADLOCK   called from a callback of its pool, or in debug mode
 *                        from a job, while it is not ready
 *   PROCPOOL_EFORKED     in a copy of the process, a worker for example
 *   -ENOMEM              no memory
 */
int procpool_future_wait(struct procpool_future *future, int64_t timeout_ms);

/*
 * Wait until all of several futures are ready.
 *
 * futures      of one pool or of several; NULL among them is passed over
 * n            how many; 0 of them are ready at once
 * timeout_ms   the longest wait; 0 polls, -1 waits for ever
 *
 * Returns as procpool_future_wait(); PROCPOOL_EDEADLOCK when it would be for
 * any of them.
 */
int procpool_future_wait_all(
    struct procpool_future *const *futures, size_t n, int64_t timeout_ms);

/*
 * Wait until any of several futures is ready.
 *
 * futures      of one pool or of several; NULL among them is passed over
 * n            how many
 * timeout_ms   the longest wait; 0 polls, -1 waits for ever
 * index        set to which one: of several the one that was ready first
 *
 * To take them in the order of completion, close what was given and put NULL
 * in its place; when only that is left, the call returns PROCPOOL_ENULL:
 *
 * `while (procpool_future_wait_any(futures, n, -1, &i) == 0) { ...`
 *
 * A call takes time in proportion to n.  Of thousands, let a completion
 * function tell (see procpool_future_then()).
 *
 * Returns as procpool_future_wait(); PROCPOOL_EDEADLOCK when it would be for
 * all of them; and
 *   PROCPOOL_ENULL   futures or index is NULL, or there is none to wait for
 */
int procpool_future_wait_any(struct procpool_future *const *futures, size_t n,
    int64_t timeout_ms, size_t *index);

/*
 * The result of a future.
 *
 * result   set to the result, valid until the last reference is given back;
 *          there is nothing else to give back
 *
 * Returns 0, whatever the outcome.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_EPENDING   the future is not ready
 */
int procpool_future_result(
    struct procpool_future *future, const struct procpool_result **result);

/*
 * Attach a completion function, called once with the future's result.  There
 * may be several; they are called in the order in which they were attached.
 *
 * done   called like any callback of the pool, before the future is ready; but
 *        at once, by this call, when the others have returned or there are none
 *        and the task has ended.  The result is valid as that of
 *        procpool_future_result(); hold a reference while you use it later
 * user   for done
 *
 * Who waits for the future waits for its completion functions, and for those of
 * other tasks that are called before them.  A future without any, and without
 * task->done, waits for nobody's.
 *
 * Returns 0.
 *   PROCPOOL_ENULL     future or done is NULL
 *   PROCPOOL_EFORKED
 *   -ENOMEM            no memory; it is not called
 */
int procpool_future_then(
    struct procpool_future *future, procpool_done_fn done, void *user);

/*
 * Cancel the task of a future: it ends with PROCPOOL_ECANCELLED.
 *
 * One that no worker has begun ends in this call, or just after it, and is not
 * run.  When a worker runs it, that worker is killed and replaced, which counts
 * neither as a failure nor towards a broken pool, and takes nothing with it but
 * what the job had forked: what waited behind the task goes to others.  The
 * call does not wait for that; the future is ready when the worker is gone.  In
 * debug mode the job runs to its end first.
 *
 * Returns 0: the outcome is PROCPOOL_ECANCELLED, even if the function should
 * return in this moment.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_EENDED   too late: the task has ended, and its result stands
 */
int procpool_future_cancel(struct procpool_future *future);

/* ------------------------------------------------------- Statistics */

/* Counts since the pool was opened, all taken at one moment. */
struct procpool_stats {
	uint64_t submitted; /* accepted */

	/* Ended, by outcome.  Together with queued and running they make up
	 * submitted. */
	uint64_t succeeded; /* 0 */
	uint64_t failed; /* PROCPOOL_EFAILED, and all that is named nowhere
			  * below: PROCPOOL_ETOOBIG, -ENOMEM, ... */
	uint64_t crashed; /* PROCPOOL_ECRASHED, PROCPOOL_EEXITED and
			   * PROCPOOL_EDIED */
	uint64_t protocol; /* PROCPOOL_EPROTOCOL */
	uint64_t lost; /* PROCPOOL_ELOST */
	uint64_t shutdown; /* PROCPOOL_ESHUTDOWN, PROCPOOL_EBROKEN */
	uint64_t cancelled; /* PROCPOOL_ECANCELLED, PROCPOOL_EDEPENDENCY */

	uint64_t queued; /* not given to a worker yet, or waiting for inputs */
	uint64_t running; /* sent to a worker, which may not have begun it */

	uint64_t workers; /* alive now */
	uint64_t restarts; /* workers replaced after a death */
	uint64_t bytes_in; /* of arguments accepted */
	uint64_t bytes_out; /* of results received */
	uint64_t busy_ns; /* time in job functions, of all workers */
};

/*
 * Take the counts.
 *
 * stats     filled
 * busy_ns   NULL, or space for procpool_n_jobs() values of 8 bytes: filled
 *           with the time that each worker spent in job functions, ns
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 */
int procpool_get_stats(
    struct procpool *pool, struct procpool_stats *stats, uint64_t *busy_ns);

/* ------------------------------------------------------------- Maps */

struct procpool_map;

/* Some bytes. */
struct procpool_bytes {
	const void *data; /* may be NULL when len is 0 */
	size_t len; /* how many */
};

/*
 * Give a map its next item.
 *
 * user   what stands beside it in the source
 * item   set to the item's bytes, which stay as they are until the next call
 *
 * Returns 1, or 0 at the end, or a negative error of your choice, which
 * procpool_map_next() returns after the results of the items before it; it is
 * not called again then.  -EAGAIN says that there is nothing just now: the map
 * hands out what it has, and asks again.
 *
 * It runs in procpool_map_next(), in the thread that calls that; while it
 * blocks, no result is handed out.
 */
typedef int (*procpool_next_fn)(void *user, struct procpool_bytes *item);

/*
 * Where a map has its items from.  It is of one kind; one that is all zero is
 * an empty array.  What it points to must stay until the map is closed.
 */
struct procpool_source {
	/* A function, and what it is given.  stop, if there is one, is called
	 * with the same, by the thread that stops the map, so that a next that
	 * blocks returns soon. */
	procpool_next_fn next;
	void (*stop)(void *user);
	void *user;

	/* An array: its first item, their number, and the bytes of one. */
	const void *items;
	size_t n_items;
	size_t item_size;

	/* The lines of a file, without their newlines; yours to close. */
	FILE *lines;

	/* The results of another map, which nobody else reads.  What fails
	 * there has failed here, at that place, and runs no job.  Stopping this
	 * map stops that one; it is yours to close, after this one. */
	struct procpool_map *map;
};

/* How a map shall be.  A field left zero means what it says after "0:". */
struct procpool_map_options {
	/* What is applied to each item.  NULL: the pool's entry point. */
	procpool_job_fn function;

	/* Where the items come from; each is the bytes that a job gets. */
	struct procpool_source source;

	/* Or several, of which one job gets an item each: by
	 * procpool_map_item().  The map ends with the one that ends first, and
	 * items that others had given for the same job are dropped.  Copied. */
	const struct procpool_source *sources;
	size_t n_sources;

	/* Go on until the last of the sources ends: n_sources items, of which
	 * each stands for those that its source has not; a length of 0 will
	 * do.  The array is copied, the bytes must stay.  NULL: do not. */
	const struct procpool_bytes *fill;

	/* The pool that runs the jobs; it must stay until the map is closed.
	 * NULL: one of the map's own. */
	struct procpool *pool;

	/* How its own shall be: how many workers, its name, log and so on.  It
	 * is started when the first item has been drawn, so the workers see the
	 * program as it is then. */
	struct procpool_options workers;

	/* Hand out results as they come.  Otherwise: in the order of items. */
	bool unordered;

	/* Hand out what fails as any other result, and go on.  Otherwise the
	 * first failure ends the map. */
	bool keep_going;

	/* How far ahead of the consumer items are drawn: with C workers and a
	 * factor F at most C + 2 * max(1, floor(C * F)) are drawn and not yet
	 * handed out.  For jobs of a few microseconds 1000 is better; the
	 * greatest is 1e6.  0: 1. */
	double buffer_factor;

	/* And in bytes: none is drawn while those under way hold as many, which
	 * are the bytes of items that wait for their job, and of results that
	 * wait for the consumer; one is always drawn.  0: no bound. */
	size_t max_bytes;

	/* For those who are used to give one: nothing here beats.  It may not
	 * be negative.  0: none. */
	int64_t heartbeat_ms;
};

/*
 * Make a map: a function applied to each item of its sources, by the workers of
 * a pool, while the results are read one after the other.
 *
 *     while ((rc = procpool_map_next(map, &result)) > 0)
 *             use(result->data, result->len);
 *
 * Nothing runs and no item is drawn before the first procpool_map_next().
 *
 * map       set to the new map, which procpool_map_close() gives back
 * options   copied; pointers in it as said there
 *
 * Returns 0.
 *   PROCPOOL_ENULL        map or options is NULL; sources is, and n_sources
 *                         not 0; the items of an array are
 *   PROCPOOL_ESOURCE, PROCPOOL_EBUFFER, PROCPOOL_EHEARTBEAT
 *   PROCPOOL_EFORKED      options->pool is that of another process
 *   -ENOMEM               no memory
 *   and what procpool_open() returns for workers
 */
int procpool_map_open(
    struct procpool_map **map, const struct procpool_map_options *options);

/*
 * Have the next result; draw items meanwhile.  It waits for the result whose
 * turn it is, and no longer.
 *
 * result   set to it: valid until the next call of this function for the map,
 *          or its close, whichever is first; nothing to give back.  NULL when
 *          there is none
 *
 * Returns 1: a result, of a job that succeeded; with keep_going, of any, and
 * its outcome says.  0: the end, also after an error.  An error ends the map:
 *   an outcome         the first failure (when keep_going is not set), in the
 *                      order in which results are handed out; *result is that
 *                      of the job
 *   PROCPOOL_ESTOPPED  it was stopped; said again each time
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_EDEADLOCK called from a callback of its pool; nothing has changed
 *   -EAGAIN            a source has nothing just now, and all results were
 *                      handed out: it goes on with the next call
 *   -ENOMEM            no memory
 *   and what a source returned, or procpool_start() for a pool of its own,
 *   after the results of all items drawn before
 *
 * When it has returned 0 or an error that ends it, a pool of its own is shut
 * down: busy workers as procpool_shutdown() ends them.  In a pool of yours,
 * jobs that were under way end unheard.
 *
 * An item that is too long for its pool has failed with PROCPOOL_ETOOBIG.  One
 * that the pool refuses because it is not running has failed with that, and is
 * the last.
 */
int procpool_map_next(
    struct procpool_map *map, const struct procpool_result **result);

/* The place of the result that was handed out last, by the order of the items,
 * from 0; 0 when none was, and for NULL. */
uint64_t procpool_map_index(const struct procpool_map *map);

/*
 * Find one of several items, in the job.
 *
 * arg, len   what the job was given
 * index      which source's, from 0
 * item       set to its bytes, which are aligned to 16 and never at NULL
 *
 * Returns 0, or 1 when the source has ended and this is its fill.
 *   PROCPOOL_ENULL    arg or item is NULL
 *   PROCPOOL_EINDEX   there are not as many sources
 *   -EBADMSG          the bytes are not those of several items
 */
int procpool_map_item(
    const void *arg, size_t len, size_t index, struct procpool_bytes *item);

/*
 * Stop a map: procpool_map_next() returns PROCPOOL_ESTOPPED, also one that
 * waits.  From any thread, at any time, as often as you like.  A pool of its
 * own is shut down, as procpool_shutdown() does, within grace_ms and a second;
 * a pool of yours is left alone, and jobs that are under way there end unheard.
 * Maps that are its sources are stopped too, one after the other.
 *
 * Returns 0.
 *   PROCPOOL_ENULL, PROCPOOL_EFORKED
 *   PROCPOOL_EDEADLOCK   called from a log function of its own pool
 */
int procpool_map_stop(struct procpool_map *map);

/* Whether procpool_map_stop() was called; 0 for NULL and after fork. */
int procpool_map_stopped(const struct procpool_map *map);

/*
 * Give a map back, and stop it first if it has not come to its end.  Must be
 * the last call that begins on it, when procpool_map_next() has returned;
 * others that stop it just now return before it does.  Results are gone then.
 *
 * Returns 0; then, and only then, the map is gone.  NULL is harmless.
 *   PROCPOOL_EFORKED     called in a copy of the process
 *   PROCPOOL_EDEADLOCK   called from a log function of its own pool
 */
int procpool_map_close(struct procpool_map *map);

#ifdef __cplusplus
}
#endif

#endif
