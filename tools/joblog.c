#include "joblog.h"

#include "now.h"
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES ((size_t)200)

static const char header[] =
    "index\tworker\tpid\tstart\tseconds\toutcome\tcode";

/* A log that cannot be written is no reason to stop the work. */
static void
note_error(struct joblog *joblog, int rc)
{
	if (rc == 0 || joblog->failed)
		return;
	joblog->failed = true;
	pp_say("cannot write the job log '%s': %s", joblog->name,
	    procpool_strerror(rc));
}

static bool
is_on(const struct joblog *joblog)
{
	return joblog->name != NULL && !joblog->failed;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
is_open_as(int fd, const struct stat *log)
{
	struct stat status;

	return fstat(fd, &status) == 0 && is_same(&status, log);
}

static int
is_that_file(struct dl_phdr_info *info, size_t size, void *log)
{
	struct stat status;

	(void)size;
	return stat(info->dlpi_name, &status) == 0 && is_same(&status, log);
}

/* What else the file is, or NULL.  Standard input counts even if we do not
 * read it: then it is a loop of the shell that does. */
static const char *
find_other_use(struct stat *log, const struct source *source)
{
	if (pp_source_reads(source, log) || is_open_as(STDIN_FILENO, log))
		return "an input";
	if (is_open_as(STDOUT_FILENO, log))
		return "the output";
	if (is_open_as(STDERR_FILENO, log))
		return "standard error";
	if (dl_iterate_phdr(is_that_file, log) != 0)
		return "the module, or a library in use";
	return NULL;
}

/* Empty the file, if it is for nothing else.  Pipes and devices hold nothing
 * that could be lost.  Returns 0 or -errno. */
static int
make_empty(struct joblog *joblog, int fd, const struct source *source)
{
	struct stat log;
	const char *other;

	if (fstat(fd, &log) < 0)
		return -errno;
	if (!S_ISREG(log.st_mode))
		return 0;
	other = find_other_use(&log, source);
	if (other != NULL) {
		pp_say("the job log '%s' is also %s: give another file",
		    joblog->name, other);
		joblog->failed = true;
		return -EINVAL;
	}
	return ftruncate(fd, 0) < 0 ? -errno : 0;
}

/* Returns 0 or -errno. */
static int
open_output(struct joblog *joblog, const struct source *source)
{
	int rc, fd = open(joblog->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	rc = make_empty(joblog, fd, source);
	if (rc == 0)
		rc = pp_output_init(&joblog->output, fd, '\n');
	if (rc < 0)
		close(fd);
	return rc;
}

int
pp_joblog_open(
    struct joblog *joblog, const char *name, const struct source *source)
{
	int rc;

	*joblog = (struct joblog){ .name = name };
	if (name == NULL)
		return 0;

	joblog->epoch_ns = pp_now_epoch_ns() - pp_now_ns();
	rc = open_output(joblog, source);
	if (rc == 0)
		rc = pp_output_add(&joblog->output, header, sizeof(header) - 1);
	note_error(joblog, rc);
	return rc < 0 ? -1 : 0;
}

/* As "failed", "crashed", "toobig"; errors of the system as "ENOMEM". */
static void
name_outcome(int outcome, char *text, size_t size)
{
	static const char prefix[] = "PROCPOOL_E";
	const char *name = outcome == 0 ? "success" : procpool_errname(outcome);
	size_t i;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0) {
		snprintf(text, size, "%s", name);
		return;
	}
	snprintf(text, size, "%s", name + sizeof(prefix) - 1);
	for (i = 0; text[i] != '\0'; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
}

/* With six digits after the point, which a double would not have. */
static void
print_seconds(uint64_t ns, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu64 ".%06" PRIu64, ns / 1000000000,
	    ns / 1000 % 1000000);
}

static size_t
print_line(const struct joblog *joblog, uint64_t index, const struct slot *slot,
    char *line)
{
	char worker[16] = "-", pid[16] = "-", start[32] = "-";
	char seconds[32], outcome[40];

	/* One that was in no worker was never started. */
	if (slot->worker >= 0) {
		snprintf(worker, sizeof(worker), "%d", slot->worker);
		snprintf(pid, sizeof(pid), "%d", slot->pid);
	}
	if (slot->started_ns > 0)
		print_seconds(
		    joblog->epoch_ns + slot->started_ns, start, sizeof(start));
	print_seconds(slot->ran_ns, seconds, sizeof(seconds));
	name_outcome(slot->outcome, outcome, sizeof(outcome));
	return (size_t)snprintf(line, LINE_BYTES,
	    "%" PRIu64 "\t%s\t%s\t%s\t%s\t%s\t%d", index, worker, pid, start,
	    seconds, outcome, slot->code);
}

bool
pp_joblog_has_room(const struct joblog *joblog)
{
	return !is_on(joblog) ||
	    pp_output_has_room(&joblog->output, LINE_BYTES);
}

void
pp_joblog_add(struct joblog *joblog, uint64_t index, const struct slot *slot)
{
	char line[LINE_BYTES];

	if (!is_on(joblog))
		return;
	note_error(joblog,
	    pp_output_add(
		&joblog->output, line, print_line(joblog, index, slot, line)));
}

void
pp_joblog_flush(struct joblog *joblog)
{
	if (is_on(joblog))
		note_error(joblog, pp_output_flush(&joblog->output));
}

void
pp_joblog_close(struct joblog *joblog)
{
	if (joblog->name != NULL)
		note_error(joblog, pp_output_done(&joblog->output));
}
