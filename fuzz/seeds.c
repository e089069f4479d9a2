/*
 * Write the seeds of the fuzz targets: seeds DIRECTORY makes files in
 * DIRECTORY/stream and DIRECTORY/channel, which are there.  They follow the
 * inputs that stream.c and channel.c describe, and rules/frame.h; when one of
 * these changes, `make fuzz-seeds` brings fuzz/corpus up to date.
 */
#include "fuzz.h"

#include <procpool.h>

#include "rules/frame.h"

static const char *directory;
static FILE *file;

static void
begin(const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

static void
end(void)
{
	must(fclose(file) == 0);
}

static void
number(uint64_t value, size_t n)
{
	must(fwrite(&value, n, 1, file) == 1);
}

/* By the ring or the pipe: len bytes (1 to 256), 1 << power times. */
static void
portion(unsigned ring, const void *bytes, size_t len, unsigned power)
{
	number(ring, 1);
	number(len - 1, 1);
	number(power, 1);
	must(fwrite(bytes, len, 1, file) == 1);
}

static struct result_frame
frame_of(uint32_t type, uint64_t sequence, uint64_t length)
{
	return (struct result_frame){
		.type = type, .sequence = sequence, .length = length
	};
}

/* ---------------------------------------------------------- For stream.c */

static void
frame_in_portions(unsigned ring, struct result_frame frame, size_t piece)
{
	const char *byte = (const char *)&frame;

	for (size_t at = 0; at < sizeof(frame); at += piece)
		portion(ring, byte + at,
		    piece < sizeof(frame) - at ? piece : sizeof(frame) - at, 0);
}

static void
zeros(unsigned ring, size_t len, unsigned power)
{
	static const char none[256];

	portion(ring, none, len, power);
}

static void
write_streams(void)
{
	struct result_frame log = frame_of(RESULT_LOG, 0, 5);
	struct result_frame ready = frame_of(RESULT_READY, 0, 0);

	begin("stream/one-result");
	number(1 << 20, 3);
	frame_in_portions(0, frame_of(RESULT_DATA, 0, 8), 48);
	zeros(0, 16, 0);
	end();

	begin("stream/byte-by-byte");
	number(1 << 20, 3);
	frame_in_portions(0, frame_of(RESULT_FAILED, 1, 16), 1);
	zeros(1, 16, 0);
	end();

	begin("stream/ring-and-pipe");
	number(1 << 20, 3);
	ready.code = 1;
	frame_in_portions(1, ready, 20);
	log.code = PROCPOOL_INFO;
	frame_in_portions(0, log, 47);
	portion(1, "hello\0\0\0\0\0\0\0\0\0\0", 16, 0);
	frame_in_portions(1, frame_of(RESULT_LARGE, 2, 70000), 48);
	end();

	begin("stream/large-by-pipe");
	number(1 << 20, 3);
	frame_in_portions(0, frame_of(RESULT_DATA, 0, 1 << 18), 48);
	zeros(0, 256, 10);
	frame_in_portions(0, frame_of(RESULT_DATA, 1, PP_LARGE), 48);
	zeros(1, 256, 7);
	end();

	begin("stream/many");
	number(1 << 10, 3);
	for (int i = 0; i < 4; i++) {
		struct result_frame empty = frame_of(RESULT_DATA, 7, 0);

		portion(i % 2 != 0, &empty, sizeof(empty), 11);
	}
	end();

	begin("stream/too-long");
	number(1 << 10, 3);
	frame_in_portions(0, frame_of(RESULT_DATA, 0, UINT64_MAX - 15), 48);
	end();
}

/* --------------------------------------------------------- For channel.c */

/* Its operations, by their numbers there. */
enum {
	SAY,
	SAY_HEADER,
	SET_WORD = 3,
	SET_CLAIM,
	CLAIM,
	SEND = 7,
	SEND_LARGE,
	TAKE_BACK,
	FLUSH,
	FETCH
};

static void
header(unsigned ring, unsigned type, int code, unsigned ahead, size_t length,
    size_t place)
{
	number(SAY_HEADER, 1);
	number(ring, 1);
	number(type, 1);
	number((uint8_t)code, 1);
	number(ahead, 1);
	number(length, 3);
	number(place / PP_ALIGN, 3);
}

static void
operation(unsigned which, uint64_t value, size_t n)
{
	number(which, 1);
	number(value, n);
}

static void
begin_life(const char *name)
{
	begin(name);
	header(0, RESULT_READY, 1, 0, 0, 0);
}

static void
write_channels(void)
{
	begin_life("channel/by-pipe");
	operation(SEND, 8, 1);
	operation(SEND, 100, 1);
	operation(CLAIM, 0, 1);
	header(0, RESULT_DATA, 0, 0, 16, 0);
	number(SAY, 1);
	zeros(0, 16, 0);
	operation(CLAIM, 0, 1);
	header(0, RESULT_FAILED, -7, 0, 0, 0);
	end();

	begin_life("channel/by-ring");
	operation(SEND, 8, 1);
	operation(SEND, 8, 1);
	operation(CLAIM, 0, 1);
	/* The ring begins behind what the pipe has said. */
	number(SET_WORD, 1), operation(0, 48, 8);
	header(1, RESULT_DATA, 0, 0, 0, 0);
	number(FETCH, 1);
	operation(TAKE_BACK, 1, 1);
	number(SET_WORD, 1), operation(2, 2, 8);
	number(FLUSH, 1);
	operation(SEND, 3, 1);
	end();

	begin_life("channel/large");
	operation(SEND_LARGE, PP_LARGE, 3);
	number(FLUSH, 1);
	operation(CLAIM, 0, 1);
	header(0, RESULT_LARGE, 0, 0, 500000, 1 << 16);
	operation(SEND_LARGE, 40000, 3);
	operation(CLAIM, 0, 1);
	header(0, RESULT_LARGE, 0, 0, 500000, 0);
	end();

	begin_life("channel/outside");
	operation(SEND, 8, 1);
	operation(CLAIM, 0, 1);
	header(0, RESULT_LARGE, 0, 0, 1000, (size_t)200 << 20);
	end();

	begin_life("channel/large-by-pipe");
	operation(SEND, 8, 1);
	operation(CLAIM, 0, 1);
	header(0, RESULT_DATA, 0, 0, PP_LARGE, 0);
	number(SAY, 1);
	zeros(0, 256, 7);
	end();

	begin_life("channel/half-in-the-ring");
	operation(SEND, 8, 1);
	operation(CLAIM, 0, 1);
	number(SET_WORD, 1), operation(0, 48, 8);
	header(1, RESULT_DATA, 0, 0, 16, 0);
	number(FETCH, 1);
	end();

	begin_life("channel/taken-back");
	for (int i = 0; i < 10; i++)
		operation(SEND, 8, 1);
	operation(CLAIM, 0, 1);
	operation(TAKE_BACK, 5, 1);
	operation(CLAIM, 3, 1);
	header(0, RESULT_ERROR, -12, 0, 0, 0);
	header(0, RESULT_DATA, 0, 7, 0, 0);
	end();

	begin_life("channel/claims");
	for (int i = 0; i < 5; i++)
		operation(SEND, 8, 1);
	number(SET_CLAIM, 1), operation(2, 0, 1), number(7, 8);
	number(SET_CLAIM, 1), operation(0, 0, 1), number(1, 8);
	operation(TAKE_BACK, 9, 1);
	header(0, RESULT_DATA, 0, 1, 0, 0);
	end();
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIRECTORY\n");
		return EXIT_FAILURE;
	}
	directory = argv[1];
	write_streams();
	write_channels();
	return EXIT_SUCCESS;
}
