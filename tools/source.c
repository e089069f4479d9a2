#include "source.h"

#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const stdin_alone[] = { "-" };

static bool
is_stdin(const char *name)
{
	return strcmp(name, "-") == 0;
}

static void
say_unreadable(const char *name, int error)
{
	if (is_stdin(name))
		pp_say("cannot read the input: %s", strerror(error));
	else
		pp_say("cannot read '%s': %s", name, strerror(error));
}

/* ------------------------------------------------- before any is opened */

/* Returns 0 or -errno. */
static int
check(const char *name, struct stat *status)
{
	if (is_stdin(name))
		return fstat(STDIN_FILENO, status) == 0 ? 0 : -errno;
	if (stat(name, status) < 0)
		return -errno;
	if (S_ISDIR(status->st_mode))
		return -EISDIR;
	return faccessat(AT_FDCWD, name, R_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

/* How much there is to read.  0: nobody knows. */
static uint64_t
measure(const char *name, const struct stat *status)
{
	off_t begin = 0;

	if (!S_ISREG(status->st_mode))
		return 0;
	if (is_stdin(name))
		begin = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return begin >= 0 && begin < status->st_size
	    ? (uint64_t)(status->st_size - begin)
	    : 0;
}

int
pp_source_init(
    struct source *source, const char *const *names, size_t n, char terminator)
{
	bool known = true;
	size_t i;

	*source = (struct source){ .names = names, .n = n };
	if (n == 0) {
		source->names = stdin_alone;
		source->n = 1;
	}
	pp_input_init(&source->input, terminator);

	for (i = 0; i < source->n; i++) {
		const char *name = source->names[i];
		struct stat status;
		uint64_t size;
		int rc = check(name, &status);

		if (rc < 0) {
			say_unreadable(name, -rc);
			source->failed = true;
			continue;
		}
		size = measure(name, &status);
		known = known && (size > 0 || S_ISREG(status.st_mode));
		source->bytes += size;
	}
	if (!known)
		source->bytes = 0;
	return source->failed ? -1 : 0;
}

bool
pp_source_reads(const struct source *source, const struct stat *file)
{
	struct stat status;
	size_t i;

	for (i = 0; i < source->n; i++)
		if (check(source->names[i], &status) == 0 &&
		    status.st_dev == file->st_dev &&
		    status.st_ino == file->st_ino)
			return true;
	return false;
}

/* ------------------------------------------------------- one by one */

/* A named pipe is opened without waiting for who writes into it: poll does
 * that, and other things meanwhile. */
static int
open_named(const char *name)
{
	if (is_stdin(name))
		return STDIN_FILENO;
	return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static void
close_current(struct source *source)
{
	if (source->input.fd > STDIN_FILENO)
		close(source->input.fd);
}

/* What cannot be read ends it all: later files would fill a gap. */
static void
give_up(struct source *source, int error)
{
	say_unreadable(source->names[source->next - 1], error);
	source->failed = true;
	source->ended = true;
}

static void
advance(struct source *source)
{
	int fd;

	close_current(source);
	source->input.fd = -1;
	if (source->next == source->n) {
		source->ended = true;
		return;
	}
	fd = open_named(source->names[source->next++]);
	if (fd < 0)
		give_up(source, errno);
	else
		pp_input_turn_to(&source->input, fd);
}

enum input_found
pp_source_next(struct source *source, const char **record, size_t *len)
{
	for (;;) {
		enum input_found found =
		    pp_input_next(&source->input, record, len);

		if (found != INPUT_NOTHING || !source->input.ended)
			return found;
		if (!source->ended)
			advance(source);
		if (source->ended)
			return INPUT_NOTHING;
	}
}

void
pp_source_read(struct source *source)
{
	int rc = pp_input_read(&source->input);

	if (rc < 0)
		give_up(source, -rc);
}

void
pp_source_done(struct source *source)
{
	close_current(source);
	pp_input_done(&source->input);
}
