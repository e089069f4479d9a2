#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A quarter of this is what a pipe holds by default. */
#define FIRST_CAPACITY ((size_t)256 << 10)

void
pp_input_init(struct input *input, char terminator)
{
	*input = (struct input){
		.fd = -1,
		.terminator = terminator,
		.ended = true,
	};
}

void
pp_input_turn_to(struct input *input, int fd)
{
	input->fd = fd;
	input->ended = false;
	input->skipping = false;
	input->start = input->end = input->scanned = 0;
}

/* What begins at start and is len long has been looked at. */
static enum input_found
take(struct input *input, size_t len, size_t terminator_len,
    const char **record, size_t *record_len)
{
	const char *begin = input->buf + input->start;

	input->start += len + terminator_len;
	input->scanned = 0;
	if (len > INPUT_RECORD_MAX)
		return INPUT_TOO_LONG;
	*record = begin;
	*record_len = len;
	return INPUT_RECORD;
}

/* Once a record is known to be too long, its bytes need not be kept. */
static enum input_found
drop_start(struct input *input)
{
	input->skipping = true;
	input->start = input->end;
	input->scanned = 0;
	return INPUT_TOO_LONG;
}

enum input_found
pp_input_next(struct input *input, const char **record, size_t *len)
{
	for (;;) {
		size_t left = input->end - input->start;
		const char *begin, *found;

		if (left == 0)
			return INPUT_NOTHING;
		begin = input->buf + input->start;
		found = memchr(begin + input->scanned, input->terminator,
		    left - input->scanned);

		if (input->skipping) {
			input->start +=
			    found != NULL ? (size_t)(found - begin) + 1 : left;
			input->skipping = found == NULL;
			continue;
		}
		if (found != NULL)
			return take(
			    input, (size_t)(found - begin), 1, record, len);
		if (input->ended)
			return take(input, left, 0, record, len);
		if (left > INPUT_RECORD_MAX)
			return drop_start(input);
		input->scanned = left;
		return INPUT_NOTHING;
	}
}

/* Have room behind what is there: by moving it to the front, or by growing. */
static int
make_room(struct input *input)
{
	size_t left = input->end - input->start;
	size_t capacity = input->capacity;
	char *buf;

	if (left > 0 && input->start > 0)
		memmove(input->buf, input->buf + input->start, left);
	input->start = 0;
	input->end = left;
	if (left < capacity)
		return 0;

	capacity = capacity == 0 ? FIRST_CAPACITY : 2 * capacity;
	buf = realloc(input->buf, capacity);
	if (buf == NULL)
		return -ENOMEM;
	input->buf = buf;
	input->capacity = capacity;
	return 0;
}

int
pp_input_read(struct input *input)
{
	ssize_t n;
	int rc = make_room(input);

	if (rc < 0)
		return rc;
	n = read(
	    input->fd, input->buf + input->end, input->capacity - input->end);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	input->end += (size_t)n;
	input->ended = n == 0;
	return 0;
}

void
pp_input_done(struct input *input)
{
	free(input->buf);
	*input = (struct input){ .fd = -1 };
}
