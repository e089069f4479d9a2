/*
 * The log: a sink of the user's, a level, and a lock that lets one line
 * through at a time.  The sink runs inside of its pool, and so cannot wait for
 * that.
 */
#ifndef PP_BASE_LOG_H
#define PP_BASE_LOG_H

#include <procpool.h>
#include <stdarg.h>
#include <stdbool.h>
#include <uv.h>

#define PP_LOG_LINE 4200 /* longest line, in bytes, with its final zero */

struct log {
	/* Set once. */
	procpool_log_fn sink;
	enum procpool_level level;
	void *user;
	struct procpool *pool; /* whose it is */

	uv_mutex_t lock; /* held while the sink runs */
};

int pp_log_init(struct log *log, struct procpool *pool,
    const struct procpool_options *options);
void pp_log_done(struct log *log);

/* Whether somebody wants lines of this level. */
static inline bool
pp_log_takes(const struct log *log, enum procpool_level level)
{
	return log->sink != NULL && level >= log->level;
}

/* Write one line, when somebody wants it; bytes that would break a line are
 * shown as '?'. */
void pp_log(struct log *log, enum procpool_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
