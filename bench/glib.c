/*
 * GLib's thread pool (GThreadPool): threads of one process, as libuv's are.
 *
 * Its tasks end without a callback.  What has ended goes to a queue
 * (GAsyncQueue), which the thread that submits empties.
 */
#include "bench.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* How many tasks of W1 may be under way: as for libuv. */
	WINDOW = 8192
};

/* What a task works on, and how. */
struct task {
	void (*run)(struct task *task);
	uint64_t value;
	const struct bench_echo *echo;
	char *from, *to;
};

static GAsyncQueue *ended;

static void
run_task(gpointer data, gpointer user)
{
	struct task *task = data;

	(void)user;
	task->run(task);
	g_async_queue_push(ended, task);
}

static GThreadPool *
open_pool(int threads)
{
	GThreadPool *pool =
	    g_thread_pool_new(run_task, NULL, threads, TRUE, NULL);

	if (pool == NULL)
		bench_die("g_thread_pool_new has failed");
	if (ended == NULL)
		ended = g_async_queue_new();
	return pool;
}

static void
close_pool(GThreadPool *pool)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void
push(GThreadPool *pool, struct task *task)
{
	g_thread_pool_push(pool, task, NULL);
}

static struct task *
pop(void)
{
	return g_async_queue_pop(ended);
}

static void
square(struct task *task)
{
	task->value *= task->value;
}

static uint64_t
stream_squares(GThreadPool *pool, uint64_t n)
{
	static struct task tasks[WINDOW];
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct task *task = i < WINDOW ? &tasks[i] : pop();

		if (i >= WINDOW)
			sum += task->value;
		task->run = square;
		task->value = i;
		push(pool, task);
	}
	for (uint64_t i = 0; i < n && i < WINDOW; i++)
		sum += pop()->value;
	return sum;
}

static void
rate(void)
{
	const uint64_t n = bench_squares();
	GThreadPool *pool = open_pool(BENCH_WORKERS);
	uint64_t start, sum;

	stream_squares(pool, 10000);
	start = bench_clock();
	sum = stream_squares(pool, n);
	bench_emit_rate(n, start, sum);
	close_pool(pool);
}

static uint64_t
square_one(void *pool, uint64_t x)
{
	struct task task = { .run = square, .value = x };

	push(pool, &task);
	pop();
	return task.value;
}

static void
round_trips(void)
{
	GThreadPool *pool = open_pool(BENCH_WORKERS);

	bench_round_trips(square_one, pool, false);
	close_pool(pool);
}

static void
copy(struct task *task)
{
	memcpy(task->to, task->from, task->echo->size);
}

static void
push_payload(GThreadPool *pool, struct task *task, uint64_t number)
{
	task->value = number;
	bench_stamp(task->from, task->echo->size, number);
	push(pool, task);
}

static void
echo(const struct bench_echo *e, void *pool)
{
	struct task tasks[BENCH_IN_FLIGHT], *task;
	uint64_t start, i;

	for (i = 0; i < BENCH_IN_FLIGHT; i++)
		tasks[i] = (struct task){ .run = copy,
			.echo = e,
			.from = bench_pages(e->size),
			.to = bench_pages(e->size) };
	start = bench_clock();
	for (i = 0; i < BENCH_IN_FLIGHT; i++)
		push_payload(pool, &tasks[i], i);
	for (; i < e->count + BENCH_IN_FLIGHT; i++) {
		task = pop();
		bench_check_stamp(task->to, e->size, task->value);
		if (i < e->count)
			push_payload(pool, task, i);
	}
	bench_emit_echo(e, start);
	for (i = 0; i < BENCH_IN_FLIGHT; i++) {
		free(tasks[i].from);
		free(tasks[i].to);
	}
}

static void
echoes(void)
{
	GThreadPool *pool = open_pool(BENCH_WORKERS);

	bench_echoes(echo, pool);
	close_pool(pool);
}

static void
test(struct task *task)
{
	task->value = bench_is_prime(task->value);
}

static void
primes(void)
{
	const uint64_t n = bench_candidates();
	struct task *all = bench_pages(n * sizeof(*all));
	GThreadPool *pool = open_pool(BENCH_WORKERS);
	const uint64_t start = bench_clock();
	uint64_t count = 0;

	for (uint64_t i = 0; i < n; i++) {
		all[i].run = test;
		all[i].value = bench_candidate(i);
		push(pool, &all[i]);
	}
	for (uint64_t i = 0; i < n; i++)
		count += pop()->value;
	bench_emit_primes(start, count);
	close_pool(pool);
	free(all);
}

/* Threads are made one by one as tasks come, as long as there are fewer than
 * the pool may have. */
static void
start_and_stop(int threads)
{
	GThreadPool *pool = open_pool(threads);
	struct task tasks[BENCH_MANY_WORKERS];

	for (int i = 0; i < threads; i++) {
		tasks[i] = (struct task){ .run = square, .value = 3 };
		push(pool, &tasks[i]);
	}
	for (int i = 0; i < threads; i++)
		bench_check("square", pop()->value, 9);
	close_pool(pool);
}

static void
starts(void)
{
	bench_starts(start_and_stop);
}

static const char *
version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u", glib_major_version,
	    glib_minor_version, glib_micro_version);
	return text;
}

const struct bench_system bench_system = {
	.name = "glib",
	.version = version,
	.run = {
	    [1] = rate,
	    [2] = round_trips,
	    [3] = echoes,
	    [4] = primes,
	    [5] = starts,
	},
};
