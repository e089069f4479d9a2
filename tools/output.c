#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPACITY ((size_t)64 << 10)

int
pp_output_init(struct output *output, int fd, char terminator)
{
	*output = (struct output){ .fd = fd, .terminator = terminator };
	output->buf = malloc(CAPACITY);
	return output->buf != NULL ? 0 : -ENOMEM;
}

/* Another program may have made our end of a shared pipe or terminal
 * non-blocking, so "would block" has to be waited for. */
static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd writable = { fd, POLLOUT, 0 };

			(void)poll(&writable, 1, -1); /* write will tell */
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int
pp_output_flush(struct output *output)
{
	size_t used = output->used;

	output->used = 0;
	return write_all(output->fd, output->buf, used);
}

static int
put(struct output *output, const void *data, size_t len)
{
	if (len > CAPACITY - output->used) {
		int rc = pp_output_flush(output);

		if (rc < 0)
			return rc;
	}
	if (len > CAPACITY)
		return write_all(output->fd, data, len);
	if (len > 0)
		memcpy(output->buf + output->used, data, len);
	output->used += len;
	return 0;
}

int
pp_output_add(struct output *output, const void *data, size_t len)
{
	int rc;

	if (len > 0 && len < CAPACITY - output->used) {
		memcpy(output->buf + output->used, data, len);
		output->used += len;
		output->buf[output->used++] = output->terminator;
		return 0;
	}
	rc = put(output, data, len);
	return rc < 0 ? rc : put(output, &output->terminator, 1);
}

int
pp_output_add_tagged(
    struct output *output, const struct span *tag, const void *data, size_t len)
{
	const char *line = data, *end = line + len;
	int rc;

	for (;;) {
		size_t left = (size_t)(end - line);
		const char *found =
		    left > 0 ? memchr(line, output->terminator, left) : NULL;

		rc = put(output, tag->bytes, tag->len);
		if (rc == 0)
			rc = put(output, "\t", 1);
		if (rc == 0)
			rc = pp_output_add(output, line,
			    found != NULL ? (size_t)(found - line) : left);
		if (rc < 0 || found == NULL)
			return rc;
		line = found + 1;
	}
}

bool
pp_output_has_room(const struct output *output, size_t len)
{
	return len < CAPACITY - output->used;
}

int
pp_output_done(struct output *output)
{
	int fd = output->fd;

	free(output->buf);
	*output = (struct output){ .fd = -1 };
	return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}
