#include "process/job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/bundle.h"

#define OWN_MIN 4096 /* bytes; the least that is allocated */

void
pp_job_done(struct procpool_job *job)
{
	free(job->own);
	job->own = NULL;
	job->own_size = 0;
}

static void
reset(struct procpool_job *job, int attempt)
{
	job->attempt = attempt;
	job->failed = false;
	job->code = 0;
	job->message_len = 0;
	job->space = job->own;
	job->len = 0;
	job->reserved = NULL;
}

/* Only the library's own refusals are passed on by their number. */
static bool
is_refusal(int rc)
{
	return rc == PROCPOOL_ETOOBIG || rc == PROCPOOL_ERESERVED ||
	    rc == -ENOMEM;
}

struct job_end
pp_job_run(struct procpool_job *job, procpool_job_fn function, int attempt,
    const void *arg, size_t len)
{
	int rc;

	reset(job, attempt);
	if (job->inputs != NULL)
		arg = pp_bundle_arg(job->inputs, &len);
	rc = function(job, arg, len);
	if (rc == 0 && !job->failed)
		return (struct job_end){ .type = RESULT_DATA,
			.data = job->space,
			.len = job->len,
			.is_lent = job->len > 0 && job->space != job->own };
	if (!job->failed && is_refusal(rc))
		return (struct job_end){ .type = RESULT_ERROR, .code = rc };
	return (struct job_end){ .type = RESULT_FAILED,
		.code = job->failed ? job->code : rc,
		.data = job->message,
		.len = job->message_len };
}

/* Find space for a result.  What had to give way is in *old: its bytes may be
 * needed before it is freed.  NULL: no memory, and nothing changed. */
static char *
find_space(struct procpool_job *job, size_t len, char **old)
{
	const size_t size = len > OWN_MIN ? len : OWN_MIN;
	char *space = NULL;

	*old = NULL;
	if (len >= PP_LARGE && job->lend != NULL)
		space = job->lend(job, len);
	if (space != NULL || (len <= job->own_size && job->own != NULL))
		return space != NULL ? space : job->own;
	space = malloc(size);
	if (space == NULL)
		return NULL;
	*old = job->own;
	job->own = space;
	job->own_size = size;
	return space;
}

/* Whether the bytes begin in what is reserved; *rest is how many follow. */
static bool
is_reserved(const struct procpool_job *job, const void *data, size_t *rest)
{
	const size_t offset = (uintptr_t)data - (uintptr_t)job->reserved;

	*rest = job->reserved_len - offset;
	return job->reserved != NULL &&
	    (offset == 0 || offset < job->reserved_len);
}

int
procpool_return(struct procpool_job *job, const void *data, size_t len)
{
	char *space, *old;
	bool reserved;
	size_t rest;

	if (job == NULL || (data == NULL && len > 0))
		return PROCPOOL_ENULL;
	if (len > job->max_payload)
		return PROCPOOL_ETOOBIG;
	reserved = is_reserved(job, data, &rest);
	if (reserved && len > rest)
		return PROCPOOL_ERESERVED;
	space = find_space(job, len, &old);
	if (space == NULL)
		return -ENOMEM;
	if (!reserved)
		job->reserved = NULL; /* it may be freed now */
	if (len > 0 && data != space)
		memmove(space, data, len);
	free(old);
	job->space = space;
	job->len = len;
	return 0;
}

void *
procpool_reserve(struct procpool_job *job, size_t len)
{
	char *space, *old;

	if (job == NULL || len > job->max_payload)
		return NULL;
	space = find_space(job, len, &old);
	if (space == NULL)
		return NULL;
	free(old);
	job->space = space;
	job->len = 0;
	job->reserved = space;
	job->reserved_len = len;
	return space;
}

int
procpool_fail(struct procpool_job *job, int code, const char *format, ...)
{
	va_list args;
	int written;

	if (code == 0)
		code = -1;
	if (job == NULL)
		return code;
	va_start(args, format);
	written = vsnprintf(job->message, sizeof(job->message), format, args);
	va_end(args);
	if (written < 0)
		written = 0;
	job->failed = true;
	job->code = code;
	job->message_len =
	    written > PP_TEXT_MAX ? PP_TEXT_MAX : (size_t)written;
	return code;
}

void
procpool_job_log(struct procpool_job *job, enum procpool_level level,
    const char *format, ...)
{
	char line[PP_TEXT_MAX + 1];
	va_list args;

	if (job == NULL || level < PROCPOOL_DEBUG || level > PROCPOOL_ERROR)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	job->log(job, level, line);
}

int
procpool_job_worker(const struct procpool_job *job)
{
	return job != NULL ? job->worker : -1;
}

void *
procpool_job_state(const struct procpool_job *job)
{
	return job != NULL ? job->state : NULL;
}

void *
procpool_job_user(const struct procpool_job *job)
{
	return job != NULL ? job->user : NULL;
}

int
procpool_job_attempt(const struct procpool_job *job)
{
	return job != NULL ? job->attempt : 0;
}

int
procpool_job_input(
    struct procpool_job *job, size_t index, const void **data, size_t *len)
{
	const void *input = NULL;

	if (job == NULL || data == NULL || len == NULL)
		return PROCPOOL_ENULL;
	if (job->inputs != NULL)
		input = pp_bundle_input(job->inputs, index, len);
	if (input == NULL)
		return PROCPOOL_EINDEX;
	*data = input;
	return 0;
}
