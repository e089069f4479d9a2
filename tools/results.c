#include "results.h"

#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ------------------------------------------------- beginning and end */

/* Returns the descriptor of the results, or -errno. */
static int
split_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0)
		return -errno;
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static int
open_output(struct results *results, char terminator)
{
	int fd = split_stdout();
	int rc = fd;

	if (fd >= 0) {
		rc = pp_output_init(&results->output, fd, terminator);
		if (rc < 0)
			close(fd);
	}
	if (rc < 0)
		pp_say("cannot use the output: %s", procpool_strerror(rc));
	return rc;
}

int
pp_results_open(struct results *results, const struct results_options *options)
{
	*results = (struct results){ .tag = options->tag };
	if (pp_joblog_open(&results->joblog, options->joblog, options->source) <
	    0)
		return -1;
	if (open_output(results, options->terminator) < 0) {
		pp_joblog_close(&results->joblog);
		return -1;
	}
	return 0;
}

int
pp_results_close(struct results *results)
{
	pp_joblog_close(&results->joblog);
	return pp_output_done(&results->output);
}

/* ------------------------------------------------------- one by one */

static void
tell_failure(struct results *results, const struct slot *slot)
{
	results->failed++;
	if (slot->outcome == PROCPOOL_EBROKEN)
		results->broken = true;
	/* Only the command shuts its pool down, and says so. */
	if (slot->outcome == PROCPOOL_ESHUTDOWN)
		results->cut++;
	else
		pp_say_failed(results->written + 1, slot->outcome, slot->code,
		    slot->result.len > 0 ? slot->result.bytes : "no message");
}

static int
write_result(struct results *results, const struct slot *slot)
{
	size_t len = slot->outcome == 0 ? slot->result.len : 0;
	const char *bytes = len > 0 ? slot->result.bytes : "";
	struct span tag = { slot->record.bytes, slot->record.len };

	if (results->tag)
		return pp_output_add_tagged(&results->output, &tag, bytes, len);
	return pp_output_add(&results->output, bytes, len);
}

int
pp_results_flush(struct results *results)
{
	int rc = pp_output_flush(&results->output);

	if (rc == 0)
		pp_joblog_flush(&results->joblog);
	return rc;
}

/* What is full is written in the order that a line of the log promises. */
static int
log_record(struct results *results, const struct slot *slot)
{
	int rc = 0;

	if (!pp_joblog_has_room(&results->joblog))
		rc = pp_results_flush(results);
	if (rc == 0)
		pp_joblog_add(&results->joblog, results->written, slot);
	return rc;
}

int
pp_results_add(struct results *results, const struct slot *slot)
{
	int rc;

	if (slot->outcome != 0)
		tell_failure(results, slot);
	rc = write_result(results, slot);
	results->written++;
	if (rc == 0 && results->joblog.name != NULL)
		rc = log_record(results, slot);
	return rc;
}
