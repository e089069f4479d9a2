/*
 * The parts common to all programs of the benchmark; see bench.h.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The first number that W4 tests; a prime of this size takes about a million
 * divisions. */
#define FIRST_CANDIDATE UINT64_C(5000000000001)

const char *
bench_compiler(void)
{
	static char text[32];

#ifdef __clang__
	snprintf(text, sizeof(text), "clang %d.%d", __clang_major__,
	    __clang_minor__);
#else
	snprintf(text, sizeof(text), "gcc %d.%d", __GNUC__, __GNUC_MINOR__);
#endif
	return text;
}

bool
bench_full(void)
{
	const char *mode = getenv("BENCH");

	return mode != NULL && strcmp(mode, "full") == 0;
}

uint64_t
bench_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

double
bench_seconds(uint64_t since)
{
	return (double)(bench_clock() - since) / 1e9;
}

void
bench_emit(int workload, const char *metric, double value, const char *unit)
{
	/* No exponents: the column is for sort and awk as well. */
	const char *format = value >= 1000 ? "%s\tW%d\t%s\t%.0f\t%s\n"
					   : "%s\tW%d\t%s\t%.4g\t%s\n";

	printf(format, bench_system.name, workload, metric, value, unit);
	fflush(stdout);
}

void
bench_die(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "bench/%s: ", bench_system.name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void
bench_check(const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		bench_die("wrong %s: %llu instead of %llu", what,
		    (unsigned long long)got, (unsigned long long)expected);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_quantile(double *values, size_t n, double q)
{
	qsort(values, n, sizeof(*values), compare);
	return values[(size_t)((double)(n - 1) * q + 0.5)];
}

void *
bench_pages(size_t n)
{
	void *pages = aligned_alloc(4096, (n + 4095) / 4096 * 4096);

	if (pages == NULL)
		bench_die("no memory for %zu bytes", n);
	return memset(pages, 0x5a, n);
}

uint64_t
bench_squares(void)
{
	return bench_full() ? 5000000 : 2000000;
}

uint64_t
bench_sum_of_squares(uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += i * i;
	return sum;
}

void
bench_emit_rate(uint64_t n, uint64_t since, uint64_t sum)
{
	const double seconds = bench_seconds(since);

	bench_check("sum", sum, bench_sum_of_squares(n));
	bench_emit(1, "rate", (double)n / seconds, "tasks/s");
}

size_t
bench_round_trips(void)
{
	return bench_full() ? 20000 : 8000;
}

size_t
bench_warm_up(void)
{
	return bench_round_trips() / 4;
}

void
bench_emit_round_trips(bool two_cpus, double *ns, size_t n)
{
	bench_emit(2, two_cpus ? "p50_two_cpus" : "p50",
	    bench_quantile(ns, n, 0.5) / 1e3, "us");
	bench_emit(2, two_cpus ? "p99_two_cpus" : "p99",
	    bench_quantile(ns, n, 0.99) / 1e3, "us");
}

/* The CPUs that the program was given, read before it moves. */
static const cpu_set_t *
usable_cpus(void)
{
	static cpu_set_t usable;

	if (CPU_COUNT(&usable) == 0 &&
	    sched_getaffinity(0, sizeof(usable), &usable) != 0)
		bench_die("sched_getaffinity: %s", strerror(errno));
	return &usable;
}

bool
bench_two_cpus(void)
{
	return CPU_COUNT(usable_cpus()) > 1;
}

void
bench_move(enum bench_place place)
{
	cpu_set_t chosen = *usable_cpus();

	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&chosen) > 1; cpu++)
		if (place == BENCH_LAST_CPU)
			CPU_CLR(cpu, &chosen);
		else if (place == BENCH_FIRST_CPU)
			CPU_CLR(CPU_SETSIZE - 1 - cpu, &chosen);
	if (sched_setaffinity(0, sizeof(chosen), &chosen) != 0)
		bench_die("sched_setaffinity: %s", strerror(errno));
}

struct bench_echo
bench_echo(int which)
{
	if (which == 0)
		return (struct bench_echo){ "echo_1MiB", BENCH_MIB,
			bench_full() ? 2000 : 600 };
	return (struct bench_echo){ "echo_64MiB", (size_t)64 * BENCH_MIB,
		bench_full() ? 24 : 12 };
}

void
bench_stamp(void *payload, size_t size, uint64_t number)
{
	memcpy(payload, &number, sizeof(number));
	memcpy(
	    (char *)payload + size - sizeof(number), &number, sizeof(number));
}

void
bench_check_stamp(const void *payload, size_t size, uint64_t number)
{
	uint64_t first, last;

	memcpy(&first, payload, sizeof(first));
	memcpy(
	    &last, (const char *)payload + size - sizeof(last), sizeof(last));
	bench_check("first bytes of a payload", first, number);
	bench_check("last bytes of a payload", last, number);
}

void
bench_emit_echo(const struct bench_echo *echo, uint64_t since)
{
	const double bytes = (double)echo->count * (double)echo->size;

	bench_emit(3, echo->metric, bytes / bench_seconds(since) / 1e9, "GB/s");
}

uint64_t
bench_candidate(uint64_t index)
{
	return FIRST_CANDIDATE + 2 * index;
}

uint64_t
bench_candidates(void)
{
	return bench_full() ? 20000 : 6000;
}

bool
bench_is_prime(uint64_t n)
{
	if (n < 4 || n % 2 == 0)
		return n == 2 || n == 3;
	for (uint64_t d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return true;
}

void
bench_emit_primes(uint64_t since, uint64_t count)
{
	const double seconds = bench_seconds(since);

	bench_check("count of primes", count, bench_full() ? 1418 : 423);
	bench_emit(4, "seconds", seconds, "s");
}

size_t
bench_starts(int workers)
{
	const size_t quick = workers > BENCH_WORKERS ? 10 : 40;

	return bench_full() ? 5 * quick : quick;
}

void
bench_emit_starts(int workers, double *ns, size_t n)
{
	char metric[32];

	snprintf(metric, sizeof(metric), "startstop_%d", workers);
	bench_emit(5, metric, bench_quantile(ns, n, 0.5) / 1e6, "ms");
}

/* The number of a workload by its name. */
static int
workload_number(const char *name)
{
	if (name[0] == 'W' && name[1] >= '0' && name[1] <= '9' &&
	    name[2] == '\0')
		return name[1] - '0';
	bench_die("%s is no workload: give W0 to W9", name);
}

static void
emit_version(void)
{
	if (bench_system.version != NULL)
		printf("%s\tW0\tversion\t%s\ttext\n", bench_system.name,
		    bench_system.version());
}

static void
run(int workload)
{
	if (workload == 0)
		emit_version();
	else if (bench_system.run[workload] != NULL)
		bench_system.run[workload]();
}

int
main(int argc, char **argv)
{
	/* A run that hangs must not hang the whole benchmark. */
	alarm(bench_full() ? 300 : 60);
	for (int i = 1; i < argc; i++)
		run(workload_number(argv[i]));
	for (int w = 0; argc == 1 && w < BENCH_WORKLOADS; w++)
		run(w);
	return 0;
}
