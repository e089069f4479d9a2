/*
 * libuv's thread pool (uv_queue_work): threads of one process, which share
 * memory and die together.
 *
 * The loop's thread submits, and gets the callbacks.  Requests are used over
 * and over, and nothing is allocated or copied: libuv at its best.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
	/* How many requests of W1 may be under way: as many as procpool's
	 * queue takes by default.  A smaller window makes libuv slower. */
	WINDOW = 8192
};

static uv_loop_t *
loop_with_threads(void)
{
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	return uv_default_loop();
}

static void
queue(uv_work_t *work, uv_work_cb run, uv_after_work_cb done)
{
	const int rc = uv_queue_work(uv_default_loop(), work, run, done);

	if (rc < 0)
		bench_die("uv_queue_work: %s", uv_strerror(rc));
}

/* One number on its way, and the stream of numbers that it belongs to. */
struct number {
	uv_work_t work;
	struct stream *stream;
	uint64_t value;
};

struct stream {
	uint64_t next, end, sum;
};

static void
square(uv_work_t *work)
{
	struct number *number = work->data;

	number->value *= number->value;
}

static void squared(uv_work_t *work, int status);

static void
send_next(struct number *number)
{
	if (number->stream->next == number->stream->end)
		return;
	number->value = number->stream->next++;
	queue(&number->work, square, squared);
}

static void
squared(uv_work_t *work, int status)
{
	struct number *number = work->data;

	(void)status; /* nothing is cancelled */
	number->stream->sum += number->value;
	send_next(number);
}

/* The pool's threads are made at its first use, which is not to be timed. */
static uint64_t
stream_squares(uv_loop_t *loop, uint64_t n)
{
	static struct number numbers[WINDOW];
	struct stream stream = { .end = n };

	for (int i = 0; i < WINDOW; i++) {
		numbers[i].work.data = &numbers[i];
		numbers[i].stream = &stream;
		send_next(&numbers[i]);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	return stream.sum;
}

static void
rate(void)
{
	const uint64_t n = bench_squares();
	uv_loop_t *loop = loop_with_threads();
	uint64_t start, sum;

	stream_squares(loop, 10000);
	start = bench_clock();
	sum = stream_squares(loop, n);
	bench_emit_rate(n, start, sum);
}

static uint64_t
square_one(void *loop, uint64_t x)
{
	struct stream one = { .next = x, .end = x + 1 };
	struct number number = { .stream = &one };

	number.work.data = &number;
	send_next(&number);
	uv_run(loop, UV_RUN_DEFAULT);
	return one.sum;
}

static void
round_trips(void)
{
	bench_round_trips(square_one, loop_with_threads(), false);
}

/* One payload on its way; the thread of the pool copies it. */
struct payload {
	uv_work_t work;
	const struct bench_echo *echo;
	uint64_t *next; /* shared by all payloads */
	uint64_t number;
	char *from, *to;
};

static void
copy(uv_work_t *work)
{
	struct payload *payload = work->data;

	memcpy(payload->to, payload->from, payload->echo->size);
}

static void copied(uv_work_t *work, int status);

static void
send_payload(struct payload *payload)
{
	if (*payload->next == payload->echo->count)
		return;
	payload->number = (*payload->next)++;
	bench_stamp(payload->from, payload->echo->size, payload->number);
	queue(&payload->work, copy, copied);
}

static void
copied(uv_work_t *work, int status)
{
	struct payload *payload = work->data;

	(void)status;
	bench_check_stamp(payload->to, payload->echo->size, payload->number);
	send_payload(payload);
}

static void
echo(const struct bench_echo *e, void *loop)
{
	struct payload payloads[BENCH_IN_FLIGHT];
	uint64_t next = 0, start;

	for (int i = 0; i < BENCH_IN_FLIGHT; i++) {
		payloads[i].work.data = &payloads[i];
		payloads[i].echo = e;
		payloads[i].next = &next;
		payloads[i].from = bench_pages(e->size);
		payloads[i].to = bench_pages(e->size);
	}
	start = bench_clock();
	for (int i = 0; i < BENCH_IN_FLIGHT; i++)
		send_payload(&payloads[i]);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_emit_echo(e, start);
	for (int i = 0; i < BENCH_IN_FLIGHT; i++) {
		free(payloads[i].from);
		free(payloads[i].to);
	}
}

static void
echoes(void)
{
	uv_loop_t *loop = loop_with_threads();

	stream_squares(loop, 1000);
	bench_echoes(echo, loop);
}

/* One number to test, and where primes are counted. */
struct candidate {
	uv_work_t work;
	uint64_t *count;
	uint64_t value;
	bool prime;
};

static void
test(uv_work_t *work)
{
	struct candidate *candidate = work->data;

	candidate->prime = bench_is_prime(candidate->value);
}

static void
tested(uv_work_t *work, int status)
{
	const struct candidate *candidate = work->data;

	(void)status;
	*candidate->count += candidate->prime;
}

static void
primes(void)
{
	const uint64_t n = bench_candidates();
	struct candidate *all = bench_pages(n * sizeof(*all));
	uv_loop_t *loop = loop_with_threads();
	uint64_t count = 0, start;

	stream_squares(loop, 1000);
	start = bench_clock();
	for (uint64_t i = 0; i < n; i++) {
		all[i].work.data = &all[i];
		all[i].count = &count;
		all[i].value = bench_candidate(i);
		queue(&all[i].work, test, tested);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	bench_emit_primes(start, count);
	free(all);
}

const struct bench_system bench_system = {
	.name = "libuv",
	.version = uv_version_string,
	.run = { [1] = rate, [2] = round_trips, [3] = echoes, [4] = primes },
};
