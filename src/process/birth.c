#include "process/birth.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OOM_STEP 200 /* in thousandths of all memory */
#define OOM_MOST 1000

pid_t
pp_fork(void)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid != 0)
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static void
reset_signals(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	const stack_t none = { .ss_flags = SS_DISABLE };
	int i;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &dfl, NULL); /* fails for KILL and STOP */
	(void)sigaltstack(&none, NULL);
}

/* Where the host's root has no /dev/null, a pipe at its end has as little to
 * read, and refuses to be written to. */
static void
open_nothing(int flags)
{
	int fds[2];

	if (open("/dev/null", flags) < 0 && pipe(fds) == 0)
		(void)close(fds[1]);
}

/* What is opened takes the lowest number that is free.  If the host had closed
 * stdout or stderr, something else would get its number, and a job's printf()
 * would write there. */
static void
fill_standard(void)
{
	(void)close(STDIN_FILENO);
	open_nothing(O_RDONLY);
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		open_nothing(O_WRONLY);
	if (fcntl(STDERR_FILENO, F_GETFD) < 0)
		open_nothing(O_WRONLY);
}

void
pp_birth(const char *name)
{
	reset_signals();
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	/* The host will write what it has buffered; nobody else shall. */
	__fpurge(stdout);
	__fpurge(stderr);
	fill_standard();
}

/* The score that was inherited is the host's. */
void
pp_birth_volunteer(void)
{
	const int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[16] = "";
	int score, len;

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		score = atoi(text) + OOM_STEP;
		if (score > OOM_MOST)
			score = OOM_MOST;
		len = snprintf(text, sizeof(text), "%d", score);
		(void)!pwrite(fd, text, (size_t)len, 0);
	}
	(void)close(fd);
}

void
pp_birth_unblock(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
leave(int status, void *unused)
{
	(void)unused;
	(void)fflush(stdout);
	_exit(status);
}

void
pp_birth_guard_exit(void)
{
	/* Handlers run in reverse order: this one before any of the host. */
	if (on_exit(leave, NULL) != 0)
		_exit(EXIT_FAILURE);
}
