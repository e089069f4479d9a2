#include "process/selftest.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
take_heap(void)
{
	static const size_t sizes[] = { 16, 1000, 70000, 300000 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *volatile block = malloc(sizes[i]);

		free(block);
	}
}

static void
take_stdio(void)
{
	FILE *const files[] = { stdin, stdout, stderr };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		flockfile(files[i]);
		funlockfile(files[i]);
	}
}

static void
take_time(void)
{
	const time_t now = time(NULL);
	struct tm parts;

	(void)localtime_r(&now, &parts);
}

static void
take_environment(void)
{
	(void)unsetenv("PROCPOOL_SELFTEST");
}

static void
take_loader(void)
{
	(void)dlsym(RTLD_DEFAULT, "procpool_open");
}

void
pp_selftest(void)
{
	take_heap();
	take_stdio();
	take_time();
	take_environment();
	take_loader();
}
