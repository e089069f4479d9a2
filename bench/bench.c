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

double
bench_sum_of_lines(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	char line[256];
	double sum = 0;

	if (f == NULL)
		bench_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) == 0 && colon != NULL)
			sum += strtod(colon + 1, NULL);
	}
	fclose(f);
	return sum;
}

double
bench_private_memory(int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	return bench_sum_of_lines(path, "Private_Clean:") +
	    bench_sum_of_lines(path, "Private_Dirty:");
}

void
bench_round_trips(
    uint64_t (*trip)(void *pool, uint64_t x), void *pool, bool two_cpus)
{
	const size_t n = bench_full() ? 20000 : 8000, warm_up = n / 4;
	double *ns = bench_pages(n * sizeof(*ns));

	for (size_t i = 0; i < warm_up + n; i++) {
		const uint64_t start = bench_clock();
		const uint64_t square = trip(pool, i);

		if (i >= warm_up)
			ns[i - warm_up] = (double)(bench_clock() - start);
		bench_check("square", square, (uint64_t)i * i);
	}
	bench_emit(2, two_cpus ? "p50_two_cpus" : "p50",
	    bench_quantile(ns, n, 0.5) / 1e3, "us");
	bench_emit(2, two_cpus ? "p99_two_cpus" : "p99",
	    bench_quantile(ns, n, 0.99) / 1e3, "us");
	free(ns);
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

void
bench_echoes(
    void (*echo)(const struct bench_echo *echo, void *pool), void *pool)
{
	const struct bench_echo echoes[] = {
		{ "echo_1MiB", BENCH_MIB, bench_full() ? 2000 : 600 },
		{ "echo_64MiB", (size_t)64 * BENCH_MIB,
		    bench_full() ? 24 : 12 },
	};

	for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++)
		echo(&echoes[i], pool);
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

static void
time_starts(void (*start_and_stop)(int workers), int workers, size_t n)
{
	double *ns = bench_pages(n * sizeof(*ns));
	char metric[32];

	start_and_stop(workers);
	for (size_t i = 0; i < n; i++) {
		const uint64_t start = bench_clock();

		start_and_stop(workers);
		ns[i] = (double)(bench_clock() - start);
	}
	snprintf(metric, sizeof(metric), "startstop_%d", workers);
	bench_emit(5, metric, bench_quantile(ns, n, 0.5) / 1e6, "ms");
	free(ns);
}

void
bench_starts(void (*start_and_stop)(int workers))
{
	const size_t n = bench_full() ? 50 : 10;

	time_starts(start_and_stop, BENCH_WORKERS, 4 * n);
	time_starts(start_and_stop, BENCH_MANY_WORKERS, n);
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
