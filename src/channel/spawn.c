#include "channel/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/patience.h"
#include "base/thread.h"
#include "process/birth.h"
#include "process/spawner.h"

#define SELFTEST_MS 600 /* how long a spawner may take to pass its self-test */
#define END_MS      1000 /* how long it may take to end */
#define TELL_MS     2000 /* how long it may be too busy to listen */

/*
 * The spawner kept by procpool_prepare(), from which others are forked.  There
 * is no lock in this file: one that is held at a fork would stay held in the
 * workers, which may open pools of their own.
 */
static _Atomic(struct spawner *) dormant;

/* --------------------------------------------------- Forking a spawner */

/* The life of the process in between.  Without other threads there is no lock
 * that one of them could hold, unless a library has started one here. */
static void __attribute__((noreturn))
be_between(int control, int host_pidfd, bool alone)
{
	const int kept[] = { control, host_pidfd };

	(void)pp_close_others(STDERR_FILENO + 1, kept, 2);
	pp_spawner_fork(control, host_pidfd, alone && pp_thread_is_alone());
	_exit(0);
}

/*
 * Fork twice, so that the spawner is nobody's child here: the host may wait
 * for its own children, all of them, and would otherwise wait for it too.
 */
static int
fork_fresh(struct spawner *s, int control)
{
	const uint64_t start = pp_now();
	int host_pidfd, rc = pp_pidfd_open(getpid(), &host_pidfd);
	bool alone;

	/* Without pidfds the spawner sees the host end by its socket alone. */
	if (rc < 0 && rc != -ENOSYS)
		return rc;
	alone = pp_thread_is_alone();
	s->between = pp_fork();
	if (s->between == 0)
		be_between(control, host_pidfd, alone);
	rc = s->between < 0 ? -errno : 0;
	/* Later forks will take about as long: it is a matter of size. */
	s->fork_ms = (int64_t)((pp_now() - start) / PP_MS);
	pp_close(&host_pidfd);
	return rc;
}

/* Reap the process in between, unless somebody else has.  It ends by itself
 * unless it hangs in a handler that the host has set for forks. */
static void
reap(pid_t pid)
{
	siginfo_t info;
	int fd;

	if (pid <= 0 ||
	    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return;
	/* (Not reaped yet, it has its number for itself.) */
	if (pp_pidfd_open(pid, &fd) < 0 ||
	    !pp_readable(fd, pp_deadline(END_MS)))
		(void)kill(pid, SIGKILL);
	pp_close(&fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Whether nobody could be told: it has ended, or does not listen. */
static bool
has_gone(int error)
{
	return error == -EPIPE || error == -ECONNRESET || error == -EAGAIN;
}

/* Send a request that is no more than its kind, and perhaps a descriptor. */
static int
tell(const struct spawner *spawner, uint32_t kind, const int *fd)
{
	return pp_send(spawner->control, &kind, sizeof(kind), fd, fd != NULL,
	    pp_deadline(TELL_MS));
}

/* The dormant spawner, if this process has one and nobody has killed it. */
static struct spawner *
dormant_here(void)
{
	struct spawner *s = atomic_load(&dormant);

	return s != NULL && pp_at_home(&s->home) && !pp_readable(s->pidfd, 0)
	    ? s
	    : NULL;
}

/* One that is asked to fork and does not has died just now, or stands still
 * and would do so for the next pool too. */
static void
give_up_dormant(void)
{
	const struct spawner *s = dormant_here();

	if (s == NULL)
		return;
	(void)pp_pidfd_kill(s->pidfd, s->pid, SIGKILL);
	(void)pp_readable(s->pidfd, pp_deadline(END_MS));
}

static int
fork_from(const struct spawner *parent, int control)
{
	const int rc = tell(parent, REQUEST_SPAWNER, &control);

	if (!has_gone(rc))
		return rc;
	give_up_dormant();
	return PROCPOOL_ESPAWNER;
}

/* Wait for one report about a new spawner, BORN or READY: 0, or
 * PROCPOOL_ESPAWNER, or the error that is reported. */
static int
await(struct spawner *s, int64_t ms, bool *ready)
{
	/* Who is heard of first is not known, but the child needs longest. */
	const pid_t teller = s->pidfd >= 0 ? s->pid : s->parent;
	struct spawn_report report;
	int fd = -1;
	ssize_t n;

	if (!pp_await_answer(s->control, ms, teller, -1))
		return PROCPOOL_ESPAWNER;
	n = pp_receive(s->control, &report, sizeof(report), &fd, 1);
	/* It ended with requests unread; what it said before comes next. */
	if (n == -ECONNRESET)
		n = pp_receive(s->control, &report, sizeof(report), &fd, 1);
	if (n == -EPROTO)
		return -EMFILE; /* its descriptor could not be received */
	if (n != (ssize_t)sizeof(report))
		return PROCPOOL_ESPAWNER;
	if (report.kind == REPORT_BORN && s->pidfd < 0) {
		s->pid = report.pid;
		s->pidfd = fd;
		/* (Nothing else comes here once it is ready.) */
		return fd < 0 ? pp_pidfd_stand_in(s->control, &s->pidfd) : 0;
	}
	pp_close(&fd);
	*ready = report.kind == REPORT_READY;
	if (report.kind == REPORT_FAILED && report.error < 0)
		return report.error;
	return *ready ? 0 : PROCPOOL_ESPAWNER;
}

/* See the process end; kill it when it does not.  When it had become our
 * child after all (the host is a subreaper, or process 1), reap it. */
static void
see_off(struct spawner *spawner)
{
	siginfo_t info;

	if (spawner->pidfd < 0)
		return;
	if (atomic_load(&spawner->deaf) ||
	    !pp_readable(spawner->pidfd, pp_deadline(END_MS))) {
		(void)pp_pidfd_kill(spawner->pidfd, spawner->pid, SIGKILL);
		(void)pp_readable(spawner->pidfd, pp_deadline(END_MS));
	}
	(void)waitid(P_PIDFD, (id_t)spawner->pidfd, &info, WEXITED | WNOHANG);
}

int
pp_spawner_await(struct spawner *s)
{
	const int64_t ms = SELFTEST_MS + 10 * s->fork_ms;
	bool ready = false;
	int rc = 0;

	s->awaited = true;
	/* Two processes tell, so either may be first. */
	while (rc == 0 && (!ready || s->pidfd < 0))
		rc = await(s, ms, &ready);
	reap(s->between);
	if (rc < 0 && s->pidfd >= 0)
		(void)pp_pidfd_kill(s->pidfd, s->pid, SIGKILL);
	else if (rc == PROCPOOL_ESPAWNER && s->prepared)
		give_up_dormant();
	return rc;
}

static void
destroy(struct spawner *s)
{
	/* Unless it has been introduced there is nothing to see it off by. */
	if (s->control >= 0 && !s->awaited)
		(void)pp_spawner_await(s);
	/* The socket stays open where it stands for the pidfd. */
	if (s->control >= 0)
		(void)tell(s, REQUEST_FINISH, NULL);
	pp_close(&s->control);
	see_off(s);
	pp_close(&s->pidfd);
	pp_code_free(&s->code);
	free(s);
}

/* Fork it: nothing is waited for. */
static int
launch(struct spawner *s, const struct spawner *parent)
{
	int ends[2], rc = pp_socketpair(ends);

	if (rc < 0)
		return rc;
	s->control = ends[0];
	if (parent != NULL) {
		s->fork_ms = parent->fork_ms;
		s->parent = parent->pid;
		rc = fork_from(parent, ends[1]);
	} else {
		rc = fork_fresh(s, ends[1]);
		s->parent = s->between;
	}
	pp_close(&ends[1]);
	return rc;
}

static int
open_from(struct spawner **spawner, const struct spawner *parent)
{
	struct spawner *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->control = s->pidfd = -1;
	s->refs = 1;
	s->prepared = parent != NULL;
	if (parent != NULL)
		rc = pp_code_copy(&s->code, &parent->code);
	else
		rc = pp_code_look(&s->code);
	if (rc == 0)
		rc = launch(s, parent);
	if (rc < 0) {
		destroy(s);
		return rc;
	}
	*spawner = s;
	return 0;
}

/* Open and await, as often as it takes; from the program itself, or from the
 * dormant spawner as long as there is one. */
static int
make(struct spawner **spawner, bool fresh)
{
	struct spawner *s = NULL;
	int i, rc = PROCPOOL_ESPAWNER;

	for (i = 0; i < PP_SPAWNER_TRIES && rc == PROCPOOL_ESPAWNER; i++) {
		rc = open_from(&s, fresh ? NULL : dormant_here());
		if (rc < 0)
			continue;
		rc = pp_spawner_await(s);
		if (rc < 0)
			destroy(s);
	}
	if (rc == 0)
		*spawner = s;
	return rc;
}

int
pp_spawner_open(struct spawner **spawner)
{
	return open_from(spawner, dormant_here());
}

int
pp_spawner_make(struct spawner **spawner)
{
	return make(spawner, false);
}

static int
prepare(void)
{
	struct spawner *before = atomic_load(&dormant), *s = NULL;
	int rc;

	if (before != NULL && pp_at_home(&before->home))
		return PROCPOOL_EPREPARED;
	rc = make(&s, true);
	if (rc != 0)
		return rc;
	rc = pp_home_init(&s->home);
	if (rc == 0 && !atomic_compare_exchange_strong(&dormant, &before, s))
		rc = PROCPOOL_EPREPARED;
	if (rc < 0)
		destroy(s);
	return rc;
}

int
procpool_prepare(void)
{
	const int cancel = pp_cancel_defer();
	const int rc = prepare();

	pp_cancel_restore(cancel);
	return rc;
}

/* ------------------------------------------------------------ Using it */

struct spawner *
pp_spawner_ref(struct spawner *spawner)
{
	atomic_fetch_add(&spawner->refs, 1);
	return spawner;
}

void
pp_spawner_unref(struct spawner *spawner)
{
	if (spawner != NULL && atomic_fetch_sub(&spawner->refs, 1) == 1)
		destroy(spawner);
}

void
pp_spawner_finish(struct spawner *spawner)
{
	/* Untold, it ends when its socket is closed, a little later. */
	(void)tell(spawner, REQUEST_FINISH, NULL);
}

int
pp_spawner_request(struct spawner *spawner, const struct spawn_request *request,
    const int fds[REQUEST_FDS], uint64_t deadline)
{
	/* The last one is not always there. */
	const int n = REQUEST_FDS - (fds[REQUEST_OUTPUT_FD] < 0);
	int rc;

	if (atomic_load(&spawner->deaf))
		return PP_SPAWNER_GONE;
	rc = pp_send(spawner->control, request, pp_request_size(request), fds,
	    n, deadline);
	return has_gone(rc) ? PP_SPAWNER_GONE : rc;
}

bool
pp_spawner_answers(struct spawner *spawner, int socket, int64_t ms, int stop)
{
	const bool deaf = atomic_load(&spawner->deaf);
	const bool answers =
	    pp_await_answer(socket, deaf ? 0 : ms, spawner->pid, stop);

	if (!answers && !pp_readable(stop, 0))
		atomic_store(&spawner->deaf, true);
	return answers;
}
