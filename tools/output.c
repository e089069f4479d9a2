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

int
pp_output_add(struct output *output, const void *data, size_t len)
{
	int rc = 0;

	if (len >= CAPACITY - output->used)
		rc = pp_output_flush(output);
	if (rc == 0 && len >= CAPACITY) {
		rc = write_all(output->fd, data, len);
		len = 0;
	}
	if (rc < 0)
		return rc;

	if (len > 0)
		memcpy(output->buf + output->used, data, len);
	output->used += len;
	output->buf[output->used++] = output->terminator;
	return 0;
}

int
pp_output_done(struct output *output)
{
	int fd = output->fd;

	free(output->buf);
	*output = (struct output){ .fd = -1 };
	return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}
