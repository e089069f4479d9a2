/*
 * procpool, with worker processes, through its public header only.
 */
#define _GNU_SOURCE
#include "pools.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the callbacks, which run one at a time, have seen so far. */
struct stream {
	uint64_t ended, sum;
	int pids[BENCH_WORKERS];
};

static void
add_result(const struct procpool_result *result, void *user)
{
	struct stream *stream = user;

	bench_must(result->outcome, "a task");
	stream->sum += *(const uint64_t *)result->data;
	stream->ended++;
	stream->pids[result->worker] = result->pid;
}

static void
submit_squares(
    struct procpool *pool, struct stream *stream, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		bench_must(
		    procpool_submit(pool, &i, sizeof(i), add_result, stream),
		    "procpool_submit");
}

static void
rate(void)
{
	const uint64_t n = bench_squares();
	struct procpool *pool = bench_open((struct procpool_options){
	    .entry_point = bench_square, .n_jobs = BENCH_WORKERS });
	struct stream warm_up = { 0 }, stream = { 0 };
	uint64_t start;

	submit_squares(pool, &warm_up, 0, 10000);
	bench_drain(pool);
	start = bench_clock();
	submit_squares(pool, &stream, 0, n);
	bench_drain(pool);
	bench_emit_rate(n, start, stream.sum);
	bench_check("number of callbacks", stream.ended, n);
	bench_close(pool);
}

/* Both workers go to the last CPU, as only one of them will have work. */
static int
move_worker(struct procpool_job *job, void **state)
{
	const enum bench_place *place = procpool_job_user(job);

	(void)state;
	bench_move(*place);
	return 0;
}

static uint64_t
call(void *pool, uint64_t x)
{
	return bench_call(pool, x, NULL);
}

static void
time_round_trips(enum bench_place ours, enum bench_place workers)
{
	struct procpool *pool =
	    bench_open((struct procpool_options){ .entry_point = bench_square,
		.n_jobs = BENCH_WORKERS,
		.worker_start = move_worker,
		.user = &workers });

	bench_move(ours);
	bench_round_trips(call, pool, ours != BENCH_ANY_CPU);
	bench_move(BENCH_ANY_CPU);
	bench_close(pool);
}

static void
round_trips(void)
{
	time_round_trips(BENCH_ANY_CPU, BENCH_ANY_CPU);
	if (bench_two_cpus())
		time_round_trips(BENCH_FIRST_CPU, BENCH_LAST_CPU);
}

static int
give_back(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

static void
check_payload(const struct procpool_result *result, void *user)
{
	const struct bench_echo *e = user;

	bench_must(result->outcome, "an echo");
	bench_check("length of a payload", result->len, e->size);
	/* Tasks of a pool are numbered from 1, payloads from 0. */
	bench_check_stamp(result->data, result->len, result->task - 1);
}

static void
submit_payloads(struct procpool *pool, const struct bench_echo *e, char *from,
    uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		bench_stamp(from, e->size, i);
		bench_must(procpool_submit(
			       pool, from, e->size, check_payload, (void *)e),
		    "procpool_submit");
	}
	bench_drain(pool);
}

/* The bound of the queue is what keeps the payloads in flight few. */
static void
echo(const struct bench_echo *e, void *unused)
{
	struct procpool *pool =
	    bench_open((struct procpool_options){ .entry_point = give_back,
		.n_jobs = BENCH_WORKERS,
		.queue_tasks = BENCH_IN_FLIGHT });
	char *from = bench_pages(e->size);
	uint64_t start;

	(void)unused;
	submit_payloads(pool, e, from, 0, BENCH_IN_FLIGHT);
	start = bench_clock();
	submit_payloads(pool, e, from, BENCH_IN_FLIGHT, e->count);
	bench_emit_echo(e, start);
	bench_close(pool);
	free(from);
}

static void
echoes(void)
{
	bench_echoes(echo, NULL);
}

static int
test(struct procpool_job *job, const void *arg, size_t len)
{
	const uint64_t prime = bench_is_prime(*(const uint64_t *)arg);

	(void)len;
	return procpool_return(job, &prime, sizeof(prime));
}

static void
primes(void)
{
	const uint64_t n = bench_candidates();
	struct procpool *pool = bench_open((struct procpool_options){
	    .entry_point = test, .n_jobs = BENCH_WORKERS });
	struct stream stream = { 0 };
	uint64_t start = bench_clock();

	for (uint64_t i = 0; i < n; i++) {
		const uint64_t x = bench_candidate(i);

		bench_must(
		    procpool_submit(pool, &x, sizeof(x), add_result, &stream),
		    "procpool_submit");
	}
	bench_drain(pool);
	bench_emit_primes(start, stream.sum);
	bench_close(pool);
}

/* Which worker runs which of the tasks is the pool's choice. */
static void
start_and_stop(int workers)
{
	struct procpool *pool = bench_open((struct procpool_options){
	    .entry_point = bench_square, .n_jobs = workers });
	struct procpool_batch *batch;
	const uint64_t x = 3;

	bench_must(procpool_batch_open(&batch, pool, (size_t)workers),
	    "procpool_batch_open");
	for (int i = 0; i < workers; i++)
		bench_must(procpool_batch_add(batch, &x, sizeof(x)),
		    "procpool_batch_add");
	bench_must(procpool_batch_wait(batch, -1), "procpool_batch_wait");
	for (int i = 0; i < workers; i++) {
		const struct procpool_result *result;

		bench_must(procpool_batch_result(batch, (size_t)i, &result),
		    "procpool_batch_result");
		bench_must(result->outcome, "a square");
		bench_check("square", *(const uint64_t *)result->data, 9);
	}
	procpool_batch_close(batch);
	bench_close(pool);
}

static void
starts(void)
{
	bench_starts(start_and_stop);
}

static void
memory(void)
{
	const uint64_t million = 1000000;
	struct procpool *pool = bench_open((struct procpool_options){
	    .entry_point = bench_square, .n_jobs = BENCH_WORKERS });
	struct stream stream = { 0 };
	double peak, largest = 0;

	submit_squares(pool, &stream, 0, million);
	peak = bench_sum_of_lines("/proc/self/status", "VmHWM:");
	submit_squares(pool, &stream, million, 10 * million);
	peak = bench_sum_of_lines("/proc/self/status", "VmHWM:") - peak;
	bench_drain(pool);
	bench_check("sum", stream.sum, bench_sum_of_squares(10 * million));
	for (int k = 0; k < BENCH_WORKERS; k++) {
		double kib;

		if (stream.pids[k] == 0)
			bench_die("worker %d has run nothing", k);
		kib = bench_private_memory(stream.pids[k]);
		largest = kib > largest ? kib : largest;
	}
	bench_emit(6, "private_per_worker", largest, "KiB");
	bench_emit(6, "host_growth_10M", peak, "KiB");
	bench_close(pool);
}

/* W7: what the host and its workers tell each other beside the pool. */
struct scene {
	sem_t long_runs; /* posted by the long task when it starts */
	sem_t seen; /* posted by the victim's callback */
	atomic_bool stop; /* ends the long task */
	_Atomic uint64_t killed_at; /* the clock, by the victim */
	uint64_t seen_at; /* the clock, in the callback, then posted */
	uint64_t ended, lost; /* of the other tasks; by callbacks */
};

/* Others that wait in line when the victim dies. */
enum {
	BYSTANDERS = 100
};

static struct scene *
open_scene(void)
{
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (scene == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	if (sem_init(&scene->long_runs, 1, 0) != 0 ||
	    sem_init(&scene->seen, 1, 0) != 0)
		bench_die("sem_init: %s", strerror(errno));
	return scene;
}

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		if (errno != EINTR)
			bench_die("sem_wait: %s", strerror(errno));
}

/* Compute until told to stop, or long after that should have come. */
static int
compute(struct procpool_job *job, const void *arg, size_t len)
{
	struct scene *scene = procpool_job_user(job);
	const uint64_t start = bench_clock();
	uint64_t primes = 0;

	(void)arg;
	(void)len;
	sem_post(&scene->long_runs);
	while (!atomic_load(&scene->stop) && bench_seconds(start) < 20)
		primes += bench_is_prime(1000003);
	return procpool_return(job, &primes, sizeof(primes));
}

/* Be killed while at work, after the host has had time to fall asleep. */
static int
be_killed(struct procpool_job *job, const void *arg, size_t len)
{
	struct scene *scene = procpool_job_user(job);

	(void)arg;
	(void)len;
	usleep(20000);
	atomic_store(&scene->killed_at, bench_clock());
	kill(getpid(), SIGKILL);
	return 0;
}

static void
victim_ended(const struct procpool_result *result, void *user)
{
	struct scene *scene = user;

	if (result->outcome != PROCPOOL_ECRASHED || result->code != SIGKILL)
		bench_die("the killed task ended as %s",
		    procpool_errname(result->outcome));
	scene->seen_at = bench_clock();
	sem_post(&scene->seen);
}

static void
other_ended(const struct procpool_result *result, void *user)
{
	struct scene *scene = user;

	scene->ended++;
	if (result->outcome != 0)
		scene->lost++;
}

static void
submit(struct procpool *pool, procpool_job_fn function, procpool_done_fn done,
    struct scene *scene)
{
	const uint64_t x = 3;

	bench_must(procpool_submit_task(pool,
		       &(struct procpool_task){
			   .arg = &x,
			   .len = sizeof(x),
			   .function = function,
			   .done = done,
			   .user = scene,
		       }),
	    "procpool_submit_task");
}

/* Kill one worker while the other computes and tasks wait behind both.  Sets
 * how long it took to see it and to get the next success; ns. */
static void
kill_once(struct procpool *pool, struct scene *scene, double *seen_after,
    double *next_ok_after)
{
	submit(pool, compute, other_ended, scene);
	wait_for(&scene->long_runs);
	submit(pool, be_killed, victim_ended, scene);
	for (int i = 0; i < BYSTANDERS; i++)
		submit(pool, bench_square, other_ended, scene);
	wait_for(&scene->seen);
	bench_check("square", bench_call(pool, 12, NULL), 144);
	*next_ok_after = (double)(bench_clock() - scene->killed_at);
	*seen_after = (double)(scene->seen_at - scene->killed_at);
	atomic_store(&scene->stop, true);
	bench_drain(pool);
	atomic_store(&scene->stop, false);
}

static void
kills(void)
{
	const size_t n = bench_full() ? 25 : 9;
	double *seen = bench_pages(n * sizeof(*seen));
	double *next_ok = bench_pages(n * sizeof(*next_ok));
	struct scene *scene = open_scene();
	struct procpool *pool =
	    bench_open((struct procpool_options){ .entry_point = bench_square,
		.n_jobs = BENCH_WORKERS,
		.user = scene });

	for (size_t i = 0; i < n; i++)
		kill_once(pool, scene, &seen[i], &next_ok[i]);
	bench_close(pool);
	bench_check("number of callbacks", scene->ended, n * (BYSTANDERS + 1));
	bench_emit(7, "seen_after", bench_quantile(seen, n, 0.5) / 1e6, "ms");
	bench_emit(
	    7, "next_ok_after", bench_quantile(next_ok, n, 0.5) / 1e6, "ms");
	bench_emit(7, "others_lost", (double)scene->lost, "tasks");
	munmap(scene, sizeof(*scene));
	free(seen);
	free(next_ok);
}

const struct bench_system bench_system = {
	.name = "procpool",
	.version = procpool_version,
	.run = {
	    [1] = rate,
	    [2] = round_trips,
	    [3] = echoes,
	    [4] = primes,
	    [5] = starts,
	    [6] = memory,
	    [7] = kills,
	},
};
