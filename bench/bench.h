/*
 * What the programs of the benchmark share.
 *
 * One program measures one system.  It defines bench_system; main() is in
 * bench.c, runs the workloads named on the command line ("W0" to "W9", none
 * for all that the system has) and the program prints one line per figure:
 *
 *     system <tab> workload <tab> metric <tab> value <tab> unit
 *
 * W0 is the version of what is measured; its unit, as that of anything that is
 * no number, is "text".
 *
 * Sizes are small unless the environment says BENCH=full.  A wrong result
 * ends the program: no figure comes from work that was not done.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BENCH_WORKLOADS = 10,
	BENCH_WORKERS = 2,
	BENCH_MANY_WORKERS = 16, /* of W5 */
	BENCH_IN_FLIGHT = 4, /* payloads of W3 */
	BENCH_MIB = 1 << 20
};

/* A system and what it runs for each workload; NULL where it has none, and
 * where it has no version of its own. */
struct bench_system {
	const char *name;
	const char *(*version)(void);
	void (*run[BENCH_WORKLOADS])(void);
};

extern const struct bench_system bench_system;

/* The compiler and its version: for what came with it. */
const char *bench_compiler(void);

/* Whether BENCH=full was asked for. */
bool bench_full(void);

/* The monotonic clock, in nanoseconds, and the seconds since a reading. */
uint64_t bench_clock(void);
double bench_seconds(uint64_t since);

/* Print one figure.  The workload is given by its number. */
void bench_emit(
    int workload, const char *metric, double value, const char *unit);

/* Say on stderr what went wrong, as for printf, and end the program. */
_Noreturn void bench_die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* End the program unless a result is what it must be. */
void bench_check(const char *what, uint64_t got, uint64_t expected);

/* The value below which the part q (0 to 1) of n values lies; sorts them. */
double bench_quantile(double *values, size_t n, double q);

/* Memory for n bytes on a page of its own, every byte set: touching it later
 * costs no page fault. */
void *bench_pages(size_t n);

/* W1: how many numbers are squared, the sum of the squares of 0 to n - 1
 * modulo 2^64, and printing the rate once the sum is found to be right. */
uint64_t bench_squares(void);
uint64_t bench_sum_of_squares(uint64_t n);
void bench_emit_rate(uint64_t n, uint64_t since, uint64_t sum);

/* The sum, in KiB, of the lines of a file of /proc that begin with key; and the
 * memory of a process that no other shares. */
double bench_sum_of_lines(const char *path, const char *key);
double bench_private_memory(int pid);

/*
 * W2: have numbers squared one by one by trip(pool, x), and print the median
 * and the 99th percentile of the times that it takes.
 *
 * Whether the two ends share a CPU is the kernel's choice, changes with
 * whatever else runs, and makes a difference of ten times.  A new process
 * shares its parent's at first, so there are many untimed ones; and some
 * systems measure again with the ends on the first and the last usable CPU.
 */
enum bench_place {
	BENCH_ANY_CPU,
	BENCH_FIRST_CPU,
	BENCH_LAST_CPU
};

void bench_round_trips(
    uint64_t (*trip)(void *pool, uint64_t x), void *pool, bool two_cpus);

/* Whether there are two CPUs, and moving the calling thread. */
bool bench_two_cpus(void);
void bench_move(enum bench_place place);

/*
 * W3: one size of payload, how many are timed, and what the figure is called.
 * A payload carries its number at both ends, so that an echo of an earlier
 * one is not taken for it.
 */
struct bench_echo {
	const char *metric;
	size_t size;
	uint64_t count;
};

/* Each size, with what the system has for it. */
void bench_echoes(
    void (*echo)(const struct bench_echo *echo, void *pool), void *pool);

void bench_stamp(void *payload, size_t size, uint64_t number);
void bench_check_stamp(const void *payload, size_t size, uint64_t number);
void bench_emit_echo(const struct bench_echo *echo, uint64_t since);

/*
 * W4: odd numbers by their index, how many there are, a test that takes up to
 * a few milliseconds, and printing the time once the count of primes is found
 * to be right.  The speed-up is for bench/run.sh, which has the loop's time.
 */
uint64_t bench_candidate(uint64_t index);
uint64_t bench_candidates(void);
bool bench_is_prime(uint64_t n);
void bench_emit_primes(uint64_t since, uint64_t count);

/* W5: start and stop few and many workers, often, and print the median of the
 * times that it takes. */
void bench_starts(void (*start_and_stop)(int workers));

#endif
