/*
 * OpenMP tasks, with two threads: the one that makes the tasks runs some of
 * them too.  Without OpenMP in the compiler the system has no workloads.
 */
#include "bench.h"

#ifdef _OPENMP
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Have the threads made, which is not to be timed. */
static void
start_threads(void)
{
	int threads = 0;

	omp_set_num_threads(BENCH_WORKERS);
#pragma omp parallel
#pragma omp atomic
	threads++;
	bench_check("number of threads", (uint64_t)threads, BENCH_WORKERS);
}

/* There are no callbacks: the tasks leave their results in an array, which is
 * summed at the end. */
static void
rate(void)
{
	const uint64_t n = bench_squares();
	uint64_t *squares = bench_pages(n * sizeof(*squares)), sum = 0, start;

	start_threads();
	start = bench_clock();
#pragma omp parallel
#pragma omp single
	for (uint64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
		squares[i] = i * i;
	}
	for (uint64_t i = 0; i < n; i++)
		sum += squares[i];
	bench_emit_rate(n, start, sum);
	free(squares);
}

/* The nearest thing to a blocking call: a region of two threads in which the
 * other thread does the work.  Both spin. */
static uint64_t
square_one(void *unused, uint64_t x)
{
	uint64_t result = 0;

	(void)unused;
#pragma omp parallel
	if (omp_get_thread_num() == 1)
		result = x * x;
	return result;
}

static void
round_trips(void)
{
	start_threads();
	bench_round_trips(square_one, NULL, false);
}

static void
copy(char *to, const char *from, size_t size, uint64_t number)
{
	memcpy(to, from, size);
	/* Several tasks copy from one place: the number goes to each copy. */
	bench_stamp(to, size, number);
	bench_check_stamp(to, size, number);
}

static void
echo(const struct bench_echo *e, void *unused)
{
	char *from = bench_pages(e->size), *to[BENCH_WORKERS];
	uint64_t start;

	(void)unused;
	for (int i = 0; i < BENCH_WORKERS; i++)
		to[i] = bench_pages(e->size);
	start = bench_clock();
#pragma omp parallel
#pragma omp single
	for (uint64_t i = 0; i < e->count; i++) {
#pragma omp task firstprivate(i)
		copy(to[omp_get_thread_num()], from, e->size, i);
	}
	bench_emit_echo(e, start);
	for (int i = 0; i < BENCH_WORKERS; i++)
		free(to[i]);
	free(from);
}

static void
echoes(void)
{
	start_threads();
	bench_echoes(echo, NULL);
}

static void
primes(void)
{
	const uint64_t n = bench_candidates();
	uint64_t count = 0, start;

	start_threads();
	start = bench_clock();
#pragma omp parallel
#pragma omp single
	for (uint64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(i) shared(count)
		{
			const bool prime = bench_is_prime(bench_candidate(i));

#pragma omp atomic
			count += prime;
		}
	}
	bench_emit_primes(start, count);
}

const struct bench_system bench_system = {
	.name = "openmp",
	.version = bench_compiler,
	.run = { [1] = rate, [2] = round_trips, [3] = echoes, [4] = primes },
};
#else
const struct bench_system bench_system = { .name = "openmp" };
#endif
