/*
 * Where the records come from: files, one after the other, as if each were a
 * stream of its own.  A record never goes on in the next file.
 */
#ifndef PP_SOURCE_H
#define PP_SOURCE_H

#include "input.h"

#include <stdint.h>
#include <sys/stat.h>

struct source {
	const char *const *names; /* "-" is standard input */
	size_t n;
	size_t next; /* the one to be opened next */
	struct input input; /* the one before that */

	uint64_t bytes; /* in all files together; 0: not known */
	bool ended; /* no more will be read */
	bool failed; /* and not because that was all */
};

/*
 * Begin.
 *
 * names        the files, which stay the caller's; n of them, and when that is
 *              0, standard input
 * terminator   of the records
 *
 * Returns 0, or -1 after saying which of the files cannot be read.  None has
 * been opened by then: a named pipe can be opened only once.
 */
int pp_source_init(
    struct source *source, const char *const *names, size_t n, char terminator);

/* Whether a file, of which this is what stat told, is one of them. */
bool pp_source_reads(const struct source *source, const struct stat *file);

/* As pp_input_next(); a file that has been read to its end is followed by the
 * next.  When that cannot be opened it says so, and source->failed is set. */
enum input_found pp_source_next(
    struct source *source, const char **record, size_t *len);

/* Read once from the file that is open, source->input.fd.  When it cannot be
 * read it says so, and source->failed is set. */
void pp_source_read(struct source *source);

void pp_source_done(struct source *source);

#endif
