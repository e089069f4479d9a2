/*
 * The plain loop: no pool at all.  It is the base of W4's speed-ups, and in
 * W1 and W3 what the work itself costs.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
square(uint64_t x)
{
	return x * x;
}

static void
rate(void)
{
	/* Many more than elsewhere, or the time would be too short to read. */
	const uint64_t n = 50 * bench_squares();
	/* Volatile, so that each number costs a call of an unknown function,
	 * as a task does. */
	uint64_t (*volatile work)(uint64_t) = square;
	uint64_t sum = 0;
	const uint64_t start = bench_clock();

	for (uint64_t i = 0; i < n; i++)
		sum += work(i);
	bench_emit_rate(n, start, sum);
}

static void
echo(const struct bench_echo *e, void *unused)
{
	char *from = bench_pages(e->size), *to = bench_pages(e->size);
	const uint64_t start = bench_clock();

	(void)unused;
	for (uint64_t i = 0; i < e->count; i++) {
		bench_stamp(from, e->size, i);
		memcpy(to, from, e->size);
		bench_check_stamp(to, e->size, i);
	}
	bench_emit_echo(e, start);
	free(from);
	free(to);
}

static void
echoes(void)
{
	bench_echoes(echo, NULL);
}

static void
primes(void)
{
	const uint64_t start = bench_clock();
	uint64_t count = 0;

	for (uint64_t i = 0; i < bench_candidates(); i++)
		count += bench_is_prime(bench_candidate(i));
	bench_emit_primes(start, count);
}

const struct bench_system bench_system = {
	.name = "loop",
	.version = bench_compiler,
	.run = { [1] = rate, [3] = echoes, [4] = primes },
};
