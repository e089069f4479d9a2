/*
 * A host to be killed: it opens a pool, and is dead by SIGKILL some time
 * later, in the middle of what MODE says.  See orphans.sh.
 *
 *     host MODE MICROSECONDS
 *
 * idle       its workers wait for tasks
 * busy       its workers are in endless jobs, with all signals blocked
 * writing    large arguments and results are under way, both ways
 * create     pools are opened and closed, one after the other
 * shutdown   a pool with busy workers is being shut down
 * bystander  as busy, and a child of the host lives on that has a copy of all
 *            that the host had open; it ends as soon as the workers and the
 *            spawner have, and not before
 * return     as busy, and it returns from main by itself; in the same way
 *            exit, _exit, abort and segv
 * exec       as busy, and it becomes another program, which ends as soon as
 *            the workers and the spawner have, and not before
 *
 * The time counts from when the mode has been reached.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procpool.h"

enum {
	WORKERS = 2,
	LARGE = 4 << 20
};

/* Written by the workers. */
static struct {
	sem_t spins; /* posted by each that does */
	atomic_int pid[WORKERS];
	atomic_int spawner;
} * seen;

static long delay_us;

static _Noreturn void
fail(const char *what, int rc)
{
	fprintf(stderr, "host: %s: %s\n", what, procpool_strerror(rc));
	_exit(1);
}

static void *
die_later(void *unused)
{
	usleep((useconds_t)delay_us);
	kill(getpid(), SIGKILL);
	return unused;
}

static void
begin_to_die(void)
{
	pthread_t thread;
	const int rc = pthread_create(&thread, NULL, die_later, NULL);

	if (rc != 0)
		fail("pthread_create", -rc);
}

static atomic_int forever = 1;

static int
spin(struct procpool_job *job, const void *arg, size_t len)
{
	sigset_t all;

	(void)arg;
	(void)len;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	atomic_store(&seen->pid[procpool_job_worker(job)], getpid());
	atomic_store(&seen->spawner, getppid());
	sem_post(&seen->spins);
	while (atomic_load_explicit(&forever, memory_order_relaxed))
		;
	return 0;
}

static int
echo(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

static struct procpool *
open_pool(procpool_job_fn entry_point)
{
	struct procpool *pool;
	const int rc = procpool_open(&pool,
	    &(struct procpool_options){ .entry_point = entry_point,
		.n_jobs = WORKERS,
		.oversubscribe = true });

	if (rc < 0)
		fail("procpool_open", rc);
	return pool;
}

static struct procpool *
open_busy(void)
{
	struct procpool *pool = open_pool(spin);

	for (int i = 0; i < 2 * WORKERS; i++) {
		const int rc = procpool_submit(pool, NULL, 0, NULL, NULL);

		if (rc < 0)
			fail("procpool_submit", rc);
	}
	for (int i = 0; i < WORKERS; i++)
		while (sem_wait(&seen->spins) != 0)
			;
	return pool;
}

static void
wait_for_death(void)
{
	for (;;)
		pause();
}

static void
be_idle(void)
{
	struct procpool *pool = open_pool(echo);
	struct procpool_result result;
	const int rc = procpool_call(pool, NULL, 0, &result);

	if (rc < 0)
		fail("procpool_call", rc);
	begin_to_die();
	wait_for_death();
}

static void
be_busy(void)
{
	(void)open_busy();
	begin_to_die();
	wait_for_death();
}

static void
be_writing(void)
{
	struct procpool *pool = open_pool(echo);
	char *bytes = calloc(1, LARGE);

	if (bytes == NULL)
		fail("calloc", -ENOMEM);
	begin_to_die();
	for (;;) {
		const int rc = procpool_submit(pool, bytes, LARGE, NULL, NULL);

		if (rc < 0)
			fail("procpool_submit", rc);
	}
}

static void
be_creating(void)
{
	begin_to_die();
	for (;;) {
		const int rc = procpool_close(open_pool(echo));

		if (rc < 0)
			fail("procpool_close", rc);
	}
}

static void
be_shutting_down(void)
{
	struct procpool *pool = open_busy();

	begin_to_die();
	(void)procpool_shutdown(pool);
	wait_for_death();
}

/* (A kernel without pidfds has to be asked again and again.) */
static void
await_end(pid_t pid)
{
	struct pollfd item = { .fd = (int)syscall(SYS_pidfd_open, pid, 0U),
		.events = POLLIN };

	if (item.fd >= 0)
		(void)poll(&item, 1, -1);
	else if (errno != ESRCH)
		while (kill(pid, 0) == 0)
			usleep(1000);
	(void)close(item.fd);
}

/* In the child: whoever waits for it to end learns whether they have. */
static _Noreturn void
stay(void)
{
	await_end(atomic_load(&seen->spawner));
	for (int i = 0; i < WORKERS; i++)
		await_end(atomic_load(&seen->pid[i]));
	_exit(0);
}

static void
have_a_bystander(void)
{
	pid_t child;

	(void)open_busy();
	child = fork();
	if (child == 0)
		stay();
	if (child < 0)
		fail("fork", -errno);
	begin_to_die();
	wait_for_death();
}

/* Ends that a host makes itself. */

static void
end_by_exit(void)
{
	(void)open_busy();
	exit(0);
}

static void
end_at_once(void)
{
	(void)open_busy();
	_exit(0);
}

static void
end_by_abort(void)
{
	(void)open_busy();
	abort();
}

static void
end_by_segv(void)
{
	(void)open_busy();
	signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
	kill(getpid(), SIGSEGV);
	wait_for_death();
}

static void
leave_main(void)
{
	(void)open_busy();
}

/* What runs then is this program again: see be_another(). */
static void
end_by_exec(void)
{
	char pids[1 + WORKERS][16];

	(void)open_busy();
	snprintf(pids[0], sizeof(pids[0]), "%d", atomic_load(&seen->spawner));
	for (int i = 0; i < WORKERS; i++)
		snprintf(pids[1 + i], sizeof(pids[1 + i]), "%d",
		    atomic_load(&seen->pid[i]));
	execl("/proc/self/exe", "host", "another", pids[0], pids[1], pids[2],
	    (char *)NULL);
	fail("execl", -errno);
}

/* The program that a host has become: it ends when these are gone. */
static int
be_another(int n, char **pids)
{
	alarm(10);
	for (int i = 0; i < n; i++)
		await_end((pid_t)atoi(pids[i]));
	return 0;
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "idle", be_idle },
	{ "busy", be_busy },
	{ "writing", be_writing },
	{ "create", be_creating },
	{ "shutdown", be_shutting_down },
	{ "bystander", have_a_bystander },
	{ "return", leave_main },
	{ "exit", end_by_exit },
	{ "_exit", end_at_once },
	{ "abort", end_by_abort },
	{ "segv", end_by_segv },
	{ "exec", end_by_exec },
};

int
main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "another") == 0)
		return be_another(argc - 2, argv + 2);
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc != 3 || seen == MAP_FAILED ||
	    sem_init(&seen->spins, 1, 0) != 0) {
		fprintf(stderr, "usage: host MODE MICROSECONDS\n");
		return 2;
	}
	delay_us = atol(argv[2]);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run();
			return 0;
		}
	fprintf(stderr, "host: there is no mode %s\n", argv[1]);
	return 2;
}
