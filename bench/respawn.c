/*
 * procpool again: what is left of many deaths and many lives, how soon a death
 * is seen and made good, and what it costs to listen to silent workers.
 *
 * Its figures are procpool's, W8 and W9, for which no other system has a like.
 */
#define _GNU_SOURCE
#include "pools.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a process has, or several have together. */
struct holdings {
	double descriptors;
	double threads;
	double zombies; /* its children */
	double memory; /* that no other shares; KiB */
};

/* How many entries a directory of /proc/PID has. */
static double
count_entries(int pid, const char *name)
{
	char path[64];
	struct dirent *entry;
	double n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	dir = opendir(path);
	if (dir == NULL)
		bench_die("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* The state and the parent of a process; false when it has gone. */
static bool
read_stat(const char *pid, char *state, int *parent)
{
	char path[300], line[512];
	const char *end = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) != NULL)
		end = strrchr(line, ')'); /* of the name, which may hold any */
	fclose(f);
	return end != NULL && sscanf(end, ") %c %d", state, parent) == 2;
}

static double
count_zombies(int parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	double n = 0;
	char state;
	int its_parent;

	if (proc == NULL)
		bench_die("/proc: %s", strerror(errno));
	while ((entry = readdir(proc)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_stat(entry->d_name, &state, &its_parent))
			n += its_parent == parent && state == 'Z';
	closedir(proc);
	return n;
}

static void
add_holdings(struct holdings *all, int pid)
{
	all->descriptors += count_entries(pid, "fd");
	all->threads += count_entries(pid, "task");
	all->zombies += count_zombies(pid);
	all->memory += bench_private_memory(pid);
}

static void
emit_growth(
    const char *of, const struct holdings *before, const struct holdings *after)
{
	const struct {
		const char *name;
		double growth;
		const char *unit;
	} rows[] = {
		{ "fds", after->descriptors - before->descriptors, "count" },
		{ "threads", after->threads - before->threads, "count" },
		{ "zombies", after->zombies, "count" },
		{ "memory", after->memory - before->memory, "KiB" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char metric[32];

		snprintf(metric, sizeof(metric), "%s_%s", of, rows[i].name);
		bench_emit(8, metric, rows[i].growth, rows[i].unit);
	}
}

/* ------------------------------------------------------- W8: deaths */

/* What the host and its worker tell each other beside the pool. */
struct scene {
	_Atomic uint64_t killed_at; /* the clock, by the victim */
	uint64_t seen_at; /* the clock, in the callback */
	useconds_t pause; /* before the death, so that the host sleeps */
};

static int
be_killed(struct procpool_job *job, const void *arg, size_t len)
{
	struct scene *scene = procpool_job_user(job);

	(void)arg;
	(void)len;
	if (scene->pause > 0)
		usleep(scene->pause);
	atomic_store(&scene->killed_at, bench_clock());
	kill(getpid(), SIGKILL);
	return 0;
}

static void
victim_ended(const struct procpool_result *result, void *user)
{
	struct scene *scene = user;

	scene->seen_at = bench_clock();
	if (result->outcome != PROCPOOL_ECRASHED || result->code != SIGKILL)
		bench_die("the killed task ended as %s",
		    procpool_errname(result->outcome));
}

/* Runs a task, and returns the process that did. */
static int
call(struct procpool *pool)
{
	int pid;

	bench_check("square", bench_call(pool, 12, &pid), 144);
	return pid;
}

/* Kill the only worker while it is at work, and run a task on the next. */
static void
kill_once(struct procpool *pool, struct scene *scene)
{
	bench_must(procpool_submit_task(pool,
		       &(struct procpool_task){
			   .function = be_killed,
			   .done = victim_ended,
			   .user = scene,
		       }),
	    "procpool_submit_task");
	call(pool);
}

/* The host, and the process that forks the workers: the parent of one. */
static struct holdings
pool_holdings(struct procpool *pool)
{
	struct holdings all = { 0 };
	char pid[16], state;
	int spawner;

	snprintf(pid, sizeof(pid), "%d", call(pool));
	if (!read_stat(pid, &state, &spawner))
		bench_die("worker %s is not in /proc", pid);
	add_holdings(&all, getpid());
	add_holdings(&all, spawner);
	return all;
}

static void
respawn(struct procpool *pool, struct scene *scene)
{
	const size_t n = bench_full() ? 10000 : 500;
	struct holdings before, after;

	scene->pause = 0;
	for (size_t i = 0; i < n / 10; i++)
		kill_once(pool, scene);
	before = pool_holdings(pool);
	for (size_t i = 0; i < n; i++)
		kill_once(pool, scene);
	after = pool_holdings(pool);
	emit_growth("respawn", &before, &after);
}

/* A replacement is ready when a task, which waited for it, has ended there. */
static void
time_deaths(struct procpool *pool, struct scene *scene)
{
	const size_t n = bench_full() ? 1000 : 100;
	double *seen = bench_pages(n * sizeof(*seen));
	double *ready = bench_pages(n * sizeof(*ready));

	scene->pause = 5000;
	for (size_t i = 0; i < n; i++) {
		kill_once(pool, scene);
		ready[i] = (double)(bench_clock() - scene->killed_at);
		seen[i] = (double)(scene->seen_at - scene->killed_at);
	}
	bench_emit(8, "death_p99", bench_quantile(seen, n, 0.99) / 1e6, "ms");
	bench_emit(8, "ready_p99", bench_quantile(ready, n, 0.99) / 1e6, "ms");
	free(seen);
	free(ready);
}

static void
open_and_close(void)
{
	const size_t n = bench_full() ? 1000 : 100;
	struct holdings before = { 0 }, after = { 0 };

	for (size_t i = 0; i < n / 10 + n; i++) {
		struct procpool *pool = bench_open((struct procpool_options){
		    .entry_point = bench_square, .n_jobs = BENCH_WORKERS });

		call(pool);
		bench_close(pool);
		if (i + 1 == n / 10)
			add_holdings(&before, getpid());
	}
	add_holdings(&after, getpid());
	emit_growth("open_close", &before, &after);
}

static void
deaths(void)
{
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct procpool *pool;

	if (scene == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	pool = bench_open((struct procpool_options){
	    .entry_point = bench_square, .n_jobs = 1, .user = scene });
	respawn(pool, scene);
	time_deaths(pool, scene);
	bench_close(pool);
	munmap(scene, sizeof(*scene));
	open_and_close();
}

/* ------------------------------------------------- W9: a silent log */

static void
add_square(const struct procpool_result *result, void *user)
{
	uint64_t *sum = user;

	bench_must(result->outcome, "a task");
	*sum += *(const uint64_t *)result->data;
}

/* Only what workers print comes often; nothing does here. */
static void
hear(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)message;
	(void)user;
}

static uint64_t
submit_squares(struct procpool *pool, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		bench_must(
		    procpool_submit(pool, &i, sizeof(i), add_square, &sum),
		    "procpool_submit");
	bench_drain(pool);
	return sum;
}

/* The rate of W1: tasks a second. */
static double
rate(procpool_log_fn log)
{
	const uint64_t n = bench_squares() / 2;
	struct procpool *pool = bench_open((struct procpool_options){
	    .entry_point = bench_square, .n_jobs = BENCH_WORKERS, .log = log });
	uint64_t start, sum;
	double seconds;

	submit_squares(pool, 10000);
	start = bench_clock();
	sum = submit_squares(pool, n);
	seconds = bench_seconds(start);
	bench_check("sum", sum, bench_sum_of_squares(n));
	bench_close(pool);
	return (double)n / seconds;
}

/* In turns, and so that neither is always the first. */
static void
listen_to_silence(void)
{
	enum {
		TURNS = 6
	};
	double without[TURNS], with[TURNS], a, b;

	for (int i = 0; i < TURNS; i++) {
		if (i % 2 == 0)
			without[i] = rate(NULL);
		with[i] = rate(hear);
		if (i % 2 == 1)
			without[i] = rate(NULL);
	}
	a = bench_quantile(without, TURNS, 0.5);
	b = bench_quantile(with, TURNS, 0.5);
	bench_emit(9, "rate_without_log", a, "tasks/s");
	bench_emit(9, "rate_with_log", b, "tasks/s");
	bench_emit(9, "with/without", b / a, "x");
}

const struct bench_system bench_system = {
	.name = "procpool",
	.run = { [8] = deaths, [9] = listen_to_silence },
};
