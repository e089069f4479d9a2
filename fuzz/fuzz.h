/*
 * What the fuzz targets share: an input to be read from the front, and a word
 * for what must hold.  A target is one file with LLVMFuzzerTestOneInput(); it
 * is linked to libFuzzer by run.sh, and to replay.c by `make check`.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, or the input is a find. */
#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, \
			    __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* What is left of an input. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* Take a number of n bytes; bytes behind the end are zeros. */
static inline uint64_t
take_number(struct input *in, size_t n)
{
	uint64_t number = 0;

	if (n > in->left)
		n = in->left;
	memcpy(&number, in->at, n);
	in->at += n;
	in->left -= n;
	return number;
}

/*
 * A portion of a stream, written short: a length, how often it is repeated (as
 * a power of two), and the bytes.  So a small input can be a large result.
 */
struct portion {
	const uint8_t *bytes;
	size_t len, times;
};

static inline struct portion
take_portion(struct input *in)
{
	struct portion portion;

	portion.len = (size_t)take_number(in, 1) + 1;
	portion.times = (size_t)1 << take_number(in, 1) % 12;
	if (portion.len > in->left)
		portion.len = in->left;
	portion.bytes = in->at;
	in->at += portion.len;
	in->left -= portion.len;
	return portion;
}

#endif
