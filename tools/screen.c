#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TO_LINE_START "\r\033[K" /* and erase the line */

static struct {
	bool open;
	bool bar; /* there is one on the line of the cursor */
	char last[SCREEN_BAR_MAX]; /* what it says, or said */
	size_t last_len;
	int terminal;
	int jobs; /* the end of their pipe that is read */

	/* What they printed of a line that has not ended. */
	char part[4096];
	size_t part_len;
} screen = { .terminal = STDERR_FILENO, .jobs = -1 };

/* ------------------------------------------------------- the terminal */

/* Nothing can be done when standard error fails, and nobody told. */
static void
put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(screen.terminal, text, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* A job of the shell that is not in the foreground has no line of its own. */
static bool
in_background(void)
{
	pid_t foreground = tcgetpgrp(screen.terminal);

	return foreground >= 0 && foreground != getpgrp();
}

bool
pp_screen_can_show(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDERR_FILENO) && kind != NULL &&
	    strcmp(kind, "dumb") != 0;
}

size_t
pp_screen_width(void)
{
	struct winsize size;
	size_t width = 80;

	if (ioctl(screen.terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	/* In the last column a terminal may begin the next line. */
	return width - 1 < SCREEN_BAR_MAX ? width - 1 : SCREEN_BAR_MAX;
}

/* ----------------------------------------------------------- the bar */

bool
pp_screen_hide_bar(void)
{
	bool bar = screen.bar;

	if (bar && !in_background())
		put(TO_LINE_START, strlen(TO_LINE_START));
	screen.bar = false;
	return bar;
}

void
pp_screen_show_bar(const char *text, size_t len)
{
	char line[sizeof(TO_LINE_START) + SCREEN_BAR_MAX];

	memmove(screen.last, text, len);
	screen.last_len = len;
	screen.bar = screen.open && !in_background();
	if (!screen.bar)
		return;
	/* Erasing comes last: a line that is empty in between flickers. */
	put(line,
	    (size_t)snprintf(
		line, sizeof(line), "\r%.*s\033[K", (int)len, text));
}

void
pp_screen_bring_back_bar(void)
{
	/* One that is too wide by now would leave a line of it behind. */
	if (screen.last_len <= pp_screen_width())
		pp_screen_show_bar(screen.last, screen.last_len);
}

void
pp_screen_write(const char *text, size_t len)
{
	pp_screen_hide_bar();
	put(text, len);
}

/* ---------------------------------------------------- what jobs print */

int
pp_screen_open(void)
{
	int ends[2];
	int terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (terminal < 0)
		return -errno;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		int rc = -errno;

		close(terminal);
		return rc;
	}
	/* The end that jobs write to is an open file of its own, and waits. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	(void)dup2(ends[1], STDOUT_FILENO);
	(void)dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	screen.terminal = terminal;
	screen.jobs = ends[0];
	screen.open = true;
	return 0;
}

int
pp_screen_fd(void)
{
	return screen.jobs;
}

static void
show_part(void)
{
	if (screen.part_len == 0)
		return;
	pp_screen_write(screen.part, screen.part_len);
	screen.part_len = 0;
	put("\n", 1);
}

/* New bytes are there, from old on: show the lines that have ended, and keep
 * the rest, unless that is too long. */
static void
show_lines(size_t old)
{
	const char *last =
	    memrchr(screen.part + old, '\n', screen.part_len - old);
	size_t whole;

	if (last != NULL) {
		whole = (size_t)(last - screen.part) + 1;
		pp_screen_write(screen.part, whole);
		screen.part_len -= whole;
		memmove(screen.part, screen.part + whole, screen.part_len);
	} else if (screen.part_len == sizeof(screen.part)) {
		show_part();
	}
}

void
pp_screen_forward(void)
{
	/* Not for ever, however quickly jobs print: the caller has other work
	 * to do. */
	int rounds = 64;

	while (screen.open && rounds-- > 0) {
		size_t old = screen.part_len;
		ssize_t n = read(
		    screen.jobs, screen.part + old, sizeof(screen.part) - old);

		if (n <= 0)
			return;
		screen.part_len += (size_t)n;
		show_lines(old);
	}
}

void
pp_screen_leave_bar(const char *text, size_t len)
{
	pp_screen_forward();
	show_part();
	pp_screen_show_bar(text, len);
	if (screen.bar)
		put("\n", 1);
	screen.bar = false;
}

void
pp_screen_close(void)
{
	if (!screen.open)
		return;
	pp_screen_forward();
	show_part();
	(void)dup2(screen.terminal, STDOUT_FILENO);
	(void)dup2(screen.terminal, STDERR_FILENO);
	close(screen.terminal);
	close(screen.jobs);
	screen.terminal = STDERR_FILENO;
	screen.jobs = -1;
	screen.open = false;
}
