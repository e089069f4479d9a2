/*
 * What the files of the command share: its exit statuses and its voice.
 */
#ifndef PP_TOOL_H
#define PP_TOOL_H

#include <procpool.h>

/* The exit statuses, as the manual page lists them. */
enum tool_status {
	STATUS_OK = 0, /* every record has its result */
	STATUS_FAILED = 1, /* some records failed, and the others have theirs */
	STATUS_TROUBLE = 2 /* the command could not do what it was told */
};

/* Say one line on stderr, after "procpool: "; the format is without a
 * newline.  Bytes that could drive a terminal are shown as \ooo. */
void pp_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Say what happened to a record that has no result.
 *
 * record          its number, counted from 1 as line numbers are
 * outcome, code   as in struct procpool_result
 * text            what the job or the library said of it
 */
void pp_say_failed(uint64_t record, int outcome, int code, const char *text);

/* What of the statistics the pool does not know. */
struct tally {
	uint64_t records;
	uint64_t succeeded;
	uint64_t failed;
	uint64_t ns;
};

/* Say the statistics: a name and a value in each line, for programs too. */
void pp_say_stats(struct procpool *pool, const struct tally *tally);

#endif
