#include "base/log.h"

#include <stdio.h>

#include "base/inside.h"

int
pp_log_init(struct log *log, struct procpool *pool,
    const struct procpool_options *options)
{
	log->pool = pool;
	log->sink = options->log;
	log->level = options->log_level;
	log->user = options->user;
	return uv_mutex_init(&log->lock);
}

void
pp_log_done(struct log *log)
{
	uv_mutex_destroy(&log->lock);
}

/* Text can come from a worker: it shall stay one line, without escapes. */
static void
tame(char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') ||
		    *text == 0x7f)
			*text = '?';
}

void
pp_log(struct log *log, enum procpool_level level, const char *format, ...)
{
	char line[PP_LOG_LINE];
	struct inside here;
	va_list args;

	if (!pp_log_takes(log, level))
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	tame(line);
	uv_mutex_lock(&log->lock);
	pp_go_inside(&here, log->pool);
	log->sink(level, line, log->user);
	pp_come_out(&here);
	uv_mutex_unlock(&log->lock);
}
