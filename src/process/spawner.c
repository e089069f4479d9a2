#include "process/spawner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "process/birth.h"
#include "process/request.h"
#include "process/selftest.h"
#include "process/worker_main.h"

#define PREPARE_S     10 /* longest that it prepares itself unwatched */
#define TELL_MS       2000 /* how long the host may be too busy to listen */
#define REAP_PATIENCE (500 * PP_MS) /* for killed children, at the end */

struct child {
	pid_t pid;
	int report;
};

struct spawner_state {
	int control, host, signals;
	bool finishing; /* end with the last worker */
	struct child *children;
	size_t count, capacity;
};

/* The request that is being served.  It is large, and little of it is touched;
 * the next one comes to the same place. */
static struct spawn_request request;

/* When the host has gone, the loop will see it. */
static int
report(int socket, const struct spawn_report *what, const int *fds, int n)
{
	return pp_send(
	    socket, what, sizeof(*what), fds, n, pp_deadline(TELL_MS));
}

/*
 * Introduce a new process to the host by a pidfd, so that it can be ended even
 * if it hangs at once; or tell why there is none.  (Without pidfds by its
 * number.)
 */
static void
introduce(int socket, pid_t pid, int error)
{
	struct spawn_report what = { .kind = REPORT_FAILED, .pid = pid };
	int pidfd = -1;

	if (error == 0) {
		error = pp_pidfd_open(pid, &pidfd);
		if (error == -ENOSYS)
			error = 0; /* the host does without */
		if (error < 0)
			(void)kill(pid, SIGKILL);
	}
	what.error = error;
	if (error == 0)
		what.kind = REPORT_BORN;
	(void)report(socket, &what, &pidfd, pidfd >= 0);
	pp_close(&pidfd);
}

/* ------------------------------------------------- Forking for the host */

/* Room for one more child, so that remembering it cannot fail. */
static int
reserve_child(struct spawner_state *s)
{
	const size_t capacity = s->capacity > 0 ? 2 * s->capacity : 16;
	struct child *children;

	if (s->count < s->capacity)
		return 0;
	children = realloc(s->children, capacity * sizeof(*children));
	if (children == NULL)
		return -ENOMEM;
	s->children = children;
	s->capacity = capacity;
	return 0;
}

/* Whether there is memory at an address. */
static bool
is_mapped(const void *address)
{
	const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char there;

	return mincore((void *)((uintptr_t)address & ~(size - 1)), 1, &there) ==
	    0;
}

/* In a worker: close what is the spawner's. */
static void
let_go(struct spawner_state *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		pp_close(&s->children[i].report);
	pp_close(&s->control);
	pp_close(&s->host);
	pp_close(&s->signals);
}

static int
fork_worker(struct spawner_state *s, const int *fds, pid_t *pid)
{
	const pid_t spawner = getpid();
	int rc = reserve_child(s);

	if (rc == 0 && request.check_user != 0 && !is_mapped(request.user))
		rc = PROCPOOL_EUNPREPARED;
	if (rc < 0)
		return rc;
	*pid = fork();
	if (*pid == 0) {
		let_go(s);
		pp_worker_main(&request, fds, spawner);
	}
	return *pid < 0 ? -errno : 0;
}

/* Fork a worker and tell how that went.  Takes the descriptors. */
static void
serve_worker(struct spawner_state *s, int *fds)
{
	pid_t pid = 0;
	const int error = fork_worker(s, fds, &pid);

	if (pid > 0) {
		(void)setpgid(pid, pid); /* whichever of the two is first */
		s->children[s->count++] =
		    (struct child){ pid, fds[REQUEST_REPORT_FD] };
	}
	introduce(fds[REQUEST_REPORT_FD], pid, error);
	pp_close(&fds[REQUEST_TASK_FD]);
	pp_close(&fds[REQUEST_RESULT_FD]);
	pp_close(&fds[REQUEST_PAGE_FD]);
	pp_close(&fds[REQUEST_OUTPUT_FD]);
	if (pid <= 0)
		pp_close(&fds[REQUEST_REPORT_FD]);
}

/* One request from the host: false when there will be no more. */
static bool
serve_request(struct spawner_state *s)
{
	int fds[REQUEST_FDS];
	const ssize_t n =
	    pp_receive(s->control, &request, sizeof(request), fds, REQUEST_FDS);
	int i;

	if (n <= 0)
		return false;
	for (i = 0; i < REQUEST_FDS; i++)
		if (fds[i] >= 0)
			pp_move_away(&fds[i]);
	if (request.kind == REQUEST_WORKER && fds[REQUEST_REPORT_FD] >= 0) {
		serve_worker(s, fds);
	} else if (request.kind == REQUEST_SPAWNER && fds[0] >= 0) {
		pp_spawner_fork(fds[0], s->host, true);
		pp_close(&fds[0]);
	} else {
		s->finishing = request.kind == REQUEST_FINISH;
		for (i = 0; i < REQUEST_FDS; i++)
			pp_close(&fds[i]);
	}
	return true;
}

/* ------------------------------------------------------------- Reaping */

static uint64_t
ms_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static void
tell_end(
    struct spawner_state *s, pid_t pid, int status, const struct rusage *used)
{
	const struct spawn_report what = { .kind = REPORT_ENDED,
		.pid = pid,
		.status = status,
		.cpu_ms = ms_of(&used->ru_utime) + ms_of(&used->ru_stime),
		.rss_kib = (uint64_t)used->ru_maxrss };
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (s->children[i].pid != pid)
			continue;
		(void)report(s->children[i].report, &what, NULL, 0);
		pp_close(&s->children[i].report);
		s->children[i] = s->children[--s->count];
		return;
	}
}

static bool
is_worker(const struct spawner_state *s, pid_t pid)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->children[i].pid == pid)
			return true;
	return false;
}

/*
 * Reap one child that has ended: false when there is none.  A worker's group
 * is ended while the worker itself is not reaped, so that the number of the
 * group cannot be somebody else's by then.
 */
static bool
reap_one(struct spawner_state *s)
{
	siginfo_t info = { .si_pid = 0 };
	struct rusage used;
	int status;
	pid_t pid;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return false;
	pid = info.si_pid;
	if (is_worker(s, pid))
		(void)kill(-pid, SIGKILL);
	if (wait4(pid, &status, 0, &used) == pid)
		tell_end(s, pid, status, &used);
	return true;
}

static void
reap(struct spawner_state *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while (reap_one(s))
		;
}

static bool
has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Kill what became our child because its parent, a worker, has ended: what a
 * job forked into a group of its own.  Whether there was any. */
static bool
kill_adopted(const struct spawner_state *s)
{
	FILE *list;
	bool any = false;
	int pid;

	if (!has_children())
		return false; /* nearly always; and files take their time */
	list = fopen("/proc/thread-self/children", "re");
	if (list == NULL)
		return false; /* a kernel that does not tell */
	while (fscanf(list, "%d", &pid) == 1)
		if (!is_worker(s, pid)) {
			(void)kill(pid, SIGKILL);
			any = true;
		}
	(void)fclose(list);
	return any;
}

/* Take down everything that was forked from here. */
static void
end_all(struct spawner_state *s)
{
	const uint64_t deadline = pp_now() + REAP_PATIENCE;
	size_t i;

	for (i = 0; i < s->count; i++) {
		(void)kill(-s->children[i].pid, SIGKILL);
		(void)kill(s->children[i].pid, SIGKILL);
	}
	while ((s->count > 0 || kill_adopted(s)) &&
	    pp_readable(s->signals, deadline))
		reap(s);
}

/* ------------------------------------------------------------ The loop */

static int
open_signals(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Do what may hang in the copy of a program with threads.  The host kills a
 * spawner that does; the alarm does when the host has gone meanwhile, since
 * nobody watches that yet. */
static void
prepare(bool sound)
{
	sigset_t alarm_only;

	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	(void)alarm(PREPARE_S);
	pp_birth_guard_exit();
	pp_worker_find_runtimes();
	if (!sound)
		pp_selftest();
	(void)alarm(0);
	(void)sigprocmask(SIG_BLOCK, &alarm_only, NULL);
}

static void
serve(struct spawner_state *s)
{
	struct pollfd items[] = {
		{ .fd = s->control, .events = POLLIN },
		{ .fd = s->host, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};

	while (!s->finishing || s->count > 0) {
		if (poll(items, 3, -1) < 0)
			continue; /* EINTR: a debugger */
		if (items[2].revents != 0)
			reap(s);
		if (items[1].revents != 0)
			return;
		if (items[0].revents != 0 && !serve_request(s))
			return;
	}
}

/* Be a spawner, in a fresh child. */
static void __attribute__((noreturn))
live(int control, int host_pidfd, bool sound)
{
	static const struct spawn_report ready = { .kind = REPORT_READY };
	static struct spawner_state state;
	int kept[] = { control, host_pidfd };

	pp_birth("pp-spawner");
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pp_move_away(&kept[0]);
	pp_move_away(&kept[1]);
	if (pp_close_others(STDERR_FILENO + 1, kept, 2) < 0)
		_exit(EXIT_FAILURE);
	state = (struct spawner_state){
		.control = kept[0], .host = kept[1], .signals = open_signals()
	};
	if (state.signals < 0)
		_exit(EXIT_FAILURE);
	pp_move_away(&state.signals);
	prepare(sound);
	(void)report(state.control, &ready, NULL, 0);
	serve(&state);
	end_all(&state);
	_exit(EXIT_SUCCESS);
}

void
pp_spawner_fork(int control, int host_pidfd, bool sound)
{
	const pid_t pid = fork();

	if (pid == 0)
		live(control, host_pidfd, sound);
	introduce(control, pid, pid < 0 ? -errno : 0);
}
