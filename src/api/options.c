#include "api/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpus.h"
#include "rules/frame.h"
#include "rules/size.h"

#define DEFAULT_NAME        "procpool"
#define DEFAULT_QUEUE_TASKS 8192
#define DEFAULT_QUEUE_BYTES ((size_t)256 << 20)
#define DEFAULT_MAX_PAYLOAD (UINT64_C(1) << 30)
#define DEFAULT_GRACE_MS    500

static int
take_name(struct procpool *pool, const char *name)
{
	const char *at;

	if (name == NULL)
		name = DEFAULT_NAME;
	if (*name == '\0' || strlen(name) >= PP_POOL_NAME_MAX)
		return PROCPOOL_ENAME;
	for (at = name; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return PROCPOOL_ENAME;
	memcpy(pool->name, name, strlen(name) + 1);
	return 0;
}

static int
take_size(struct procpool *pool, const struct procpool_options *options)
{
	/* To count the CPUs is to read some files. */
	const bool counted = options->n_jobs > 0 && options->oversubscribe;
	int rc = pp_size_resolve(options->n_jobs, options->fraction,
	    options->oversubscribe, counted ? 1 : pp_usable_cpus(),
	    &pool->n_jobs);

	if (rc == 0 && options->debug)
		pool->n_jobs = 1;
	return rc;
}

static void
fill_defaults(struct procpool_options *options)
{
	if (options->queue_tasks == 0)
		options->queue_tasks = DEFAULT_QUEUE_TASKS;
	if (options->queue_bytes == 0)
		options->queue_bytes = DEFAULT_QUEUE_BYTES;
	if (options->max_payload == 0)
		options->max_payload = DEFAULT_MAX_PAYLOAD;
	if (options->grace_ms == 0)
		options->grace_ms = DEFAULT_GRACE_MS;
}

static const char *
host_value(const char *name)
{
	return getenv(name);
}

/* The settings that are the same for all workers. */
static int
take_env(struct procpool *pool, const struct procpool_options *options)
{
	int rc;

	pool->env_before = malloc(sizeof(*pool->env_before));
	if (pool->env_before == NULL)
		return -ENOMEM;
	pool->env_before->len = 0;
	rc = pp_env_limit_threads(pool->env_before, host_value);
	if (rc == 0)
		rc = pp_env_add_list(pool->env_before, options->env);
	if (rc < 0) {
		free(pool->env_before);
		pool->env_before = NULL;
	}
	return rc;
}

int
pp_options_take(struct procpool *pool, const struct procpool_options *options)
{
	int rc;

	if (options->entry_point == NULL)
		return PROCPOOL_ENOENTRY;
	if (options->max_payload > PP_PAYLOAD_MAX)
		return PROCPOOL_ELIMIT;
	if (options->grace_ms < 0)
		return PROCPOOL_EGRACE;
	if ((unsigned)options->log_level > PROCPOOL_ERROR)
		return PROCPOOL_ELEVEL;
	rc = take_name(pool, options->name);
	if (rc == 0)
		rc = take_size(pool, options);
	if (rc == 0)
		rc = take_env(pool, options);
	if (rc < 0)
		return rc;
	pool->options = *options;
	pool->options.name = pool->name;
	pool->options.env = NULL; /* its strings are the caller's */
	fill_defaults(&pool->options);
	return 0;
}
