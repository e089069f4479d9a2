/*
 * Run a fuzz target on files, and on each of them changed a little, a number
 * of times, without a fuzzer: replay TIMES FILE...
 */
#include "fuzz.h"

#define SIZE_MAX_HERE ((size_t)1 << 20)

/* Change up to eight bytes, or end early; the same in every run. */
static size_t
change(uint8_t *data, size_t size, unsigned *seed)
{
	const int n = 1 + rand_r(seed) % 8;

	for (int i = 0; i < n && size > 0; i++)
		data[(size_t)rand_r(seed) % size] =
		    (uint8_t)(rand_r(seed) >> 8);
	if (size > 0 && rand_r(seed) % 8 == 0)
		size = (size_t)rand_r(seed) % size;
	return size;
}

/* The target gets memory of just that size, so that a sanitizer sees its end. */
static void
run(const uint8_t *data, size_t size, unsigned *seed)
{
	uint8_t *copy = malloc(size + 1);
	uint8_t *exact;

	must(copy != NULL);
	memcpy(copy, data, size);
	if (seed != NULL)
		size = change(copy, size, seed);
	exact = malloc(size > 0 ? size : 1);
	must(exact != NULL);
	memcpy(exact, copy, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(copy);
}

static void
replay(const char *path, int times)
{
	static uint8_t data[SIZE_MAX_HERE];
	FILE *file = fopen(path, "re");
	unsigned seed = 1;
	size_t size;

	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	run(data, size, NULL);
	for (int i = 0; i < times; i++)
		run(data, size, &seed);
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: replay TIMES FILE...\n");
		return EXIT_FAILURE;
	}
	for (int i = 2; i < argc; i++)
		replay(argv[i], atoi(argv[1]));
	printf("%d inputs, each changed %s times\n", argc - 2, argv[1]);
	return EXIT_SUCCESS;
}
