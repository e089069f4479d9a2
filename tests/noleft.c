/*
 * Run a command, and see that it leaves no process behind.
 *
 *     noleft SECONDS COMMAND [ARGUMENT...]
 *
 * Ends with the command's exit status (128 + N when signal N ended it), or
 * with 97 when any process that came from it is alive SECONDS after its end:
 * those are named on stderr and killed.  PP_TEST_TIME_SCALE stretches the
 * seconds.
 *
 * It is a subreaper: whatever loses its parent becomes a child of its own, so
 * that no descendant can get away, whatever group or session it makes.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LEFT = 97,
	FAILED = 98 /* of noleft itself */
};

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
scaled(const char *seconds)
{
	const char *scale = getenv("PP_TEST_TIME_SCALE");

	return atof(seconds) *
	    (scale != NULL && atof(scale) > 0 ? atof(scale) : 1);
}

/* The parent, the state and the name of a process; 0: it is gone. */
static pid_t
parent_of(pid_t pid, char *state, char *name, size_t size)
{
	char path[64];
	char line[512] = "";
	char *start;
	char *end;
	int parent = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return 0;
	if (fgets(line, sizeof(line), stat) == NULL)
		line[0] = '\0';
	fclose(stat);
	start = strchr(line, '(');
	end = strrchr(line, ')');
	if (start == NULL || end == NULL ||
	    sscanf(end, ") %c %d", state, &parent) != 2)
		return 0;
	*end = '\0';
	snprintf(name, size, "%s", start + 1);
	return (pid_t)parent;
}

/* Kill the children that are there; their own become ours when they die. */
static void
kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		const pid_t pid = (pid_t)atoi(entry->d_name);
		char name[64];
		char state;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    parent_of(pid, &state, name, sizeof(name)) != getpid() ||
		    state == 'Z')
			continue;
		fprintf(stderr, "noleft: process %d (%s, state %c) is left\n",
		    (int)pid, name, state);
		kill(pid, SIGKILL);
	}
	if (proc != NULL)
		closedir(proc);
}

static int
status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Sleep until a child has ended since the last look, or the time is over; for
 * ever when there is none. */
static void
await_child(bool timed, double seconds)
{
	struct timespec left = { .tv_sec = 0 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (seconds > 0) {
		left.tv_sec = (time_t)seconds;
		left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	}
	(void)sigtimedwait(&child, NULL, timed ? &left : NULL);
}

/* Reap until nobody is left, or it is too late. */
static int
watch(pid_t command, double seconds)
{
	int rc = -1;
	bool timed = false; /* the command has ended, and nothing was killed */
	double end = 0;

	for (;;) {
		int status;
		const pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid == command) {
			rc = status_of(status);
			end = now() + seconds;
			timed = true;
		} else if (pid < 0 && errno == ECHILD) {
			return rc;
		} else if (pid == 0 && rc >= 0 && now() > end) {
			rc = LEFT;
			timed = false;
			kill_children();
		}
		if (pid == 0)
			await_child(timed, end - now());
	}
}

int
main(int argc, char **argv)
{
	sigset_t child, before;
	pid_t command;

	if (argc < 3) {
		fprintf(stderr, "usage: noleft SECONDS COMMAND...\n");
		return FAILED;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror("noleft: prctl");
		return FAILED;
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	command = fork();
	if (command < 0) {
		perror("noleft: fork");
		return FAILED;
	}
	if (command == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(FAILED);
	}
	return watch(command, scaled(argv[1]));
}
