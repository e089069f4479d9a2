/*
 * procpool: the command.  This file reads the command line; map.c does the
 * work.  It uses the library as any program would, by procpool.h alone.
 */
#include "jobs.h"
#include "map.h"
#include "module.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: procpool map [OPTION]... MODULE.so:FUNCTION [FILE]...\n"
    "Apply a C function of a shared object to every record of the files, in\n"
    "a pool of worker processes, and write the results in input order.  With\n"
    "no FILE, or when FILE is -, read standard input.\n"
    "\n"
    "  -j, --jobs=N           workers: a count (4), or a percentage (50%) or\n"
    "                         fraction (0.5) of the usable CPUs; -1, the\n"
    "                         default, is all of them\n"
    "  -0, --null             records and results end with NUL, not newline\n"
    "      --tag              begin each line of a result with its record and\n"
    "                         a tab\n"
    "      --halt=WHEN        stop at the first record that fails: now (give\n"
    "                         up those under way), soon (finish them) or\n"
    "                         never, the default\n"
    "      --joblog=FILE      write a line for each record: its number,\n"
    "                         worker, time and outcome\n"
    "      --progress         show a bar, if standard error is a terminal\n"
    "      --stats            at the end, write statistics to standard error\n"
    "      --env=NAME=VALUE   set a variable in the workers (may be repeated)\n"
    "      --keep-gpus        let the workers see the GPUs\n"
    "      --debug            run everything in one process, for a debugger\n"
    "  -h, --help             show this help\n"
    "      --version          show the version\n"
    "\n"
    "Exit status: 0 when every record has its result, 1 when some failed (an\n"
    "empty result, and a message on standard error), 2 when the command could\n"
    "not do its work.\n"
    "\n"
    "Example: find . -name '*.h' | procpool map --jobs 50% ./wc.so:wc\n";

enum {
	OPTION_ENV = 256,
	OPTION_KEEP_GPUS,
	OPTION_DEBUG,
	OPTION_HALT,
	OPTION_JOBLOG,
	OPTION_PROGRESS,
	OPTION_STATS,
	OPTION_TAG,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{ "jobs", required_argument, NULL, 'j' },
	{ "null", no_argument, NULL, '0' },
	{ "env", required_argument, NULL, OPTION_ENV },
	{ "keep-gpus", no_argument, NULL, OPTION_KEEP_GPUS },
	{ "debug", no_argument, NULL, OPTION_DEBUG },
	{ "halt", required_argument, NULL, OPTION_HALT },
	{ "joblog", required_argument, NULL, OPTION_JOBLOG },
	{ "progress", no_argument, NULL, OPTION_PROGRESS },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "tag", no_argument, NULL, OPTION_TAG },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* What the command line asks for. */
struct request {
	struct map_options map;
	const char **env; /* map.env, to be filled: as long as argv */
	size_t n_env;
	const char *spec; /* of the function */
	bool help;
	bool version;
};

/* Returns -1, for those who pass it on. */
static int
hint(void)
{
	pp_say("see 'procpool --help'");
	return -1;
}

static int
set_jobs(struct request *request, const char *text)
{
	if (pp_jobs_parse(text, &request->map.n_jobs, &request->map.fraction) ==
	    0)
		return 0;
	pp_say("--jobs cannot be '%s': give a count from 1, a percentage above "
	       "0 and up to 100 (50%%), a fraction above 0 and up to 1 (0.5), "
	       "or -1 for all usable CPUs",
	    text);
	return -1;
}

static int
add_env(struct request *request, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text) {
		pp_say(
		    "--env cannot be '%s': give NAME=VALUE, with a NAME", text);
		return -1;
	}
	request->env[request->n_env++] = text;
	return 0;
}

static int
set_halt(struct request *request, const char *text)
{
	static const char *const names[] = {
		[HALT_NEVER] = "never",
		[HALT_SOON] = "soon",
		[HALT_NOW] = "now",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			request->map.halt = (enum halt)i;
			return 0;
		}
	pp_say("--halt cannot be '%s': give now, soon or never", text);
	return -1;
}

static int
set_joblog(struct request *request, const char *text)
{
	if (text[0] == '\0' || strcmp(text, "-") == 0) {
		pp_say(
		    "--joblog cannot be '%s': give the name of a file", text);
		return -1;
	}
	request->map.joblog = text;
	return 0;
}

static int
set_option(struct request *request, int option)
{
	switch (option) {
	case 'j':
		return set_jobs(request, optarg);
	case '0':
		request->map.terminator = '\0';
		return 0;
	case OPTION_ENV:
		return add_env(request, optarg);
	case OPTION_KEEP_GPUS:
		request->map.keep_gpus = true;
		return 0;
	case OPTION_DEBUG:
		request->map.debug = true;
		return 0;
	case OPTION_HALT:
		return set_halt(request, optarg);
	case OPTION_JOBLOG:
		return set_joblog(request, optarg);
	case OPTION_PROGRESS:
		request->map.progress = true;
		return 0;
	case OPTION_STATS:
		request->map.stats = true;
		return 0;
	case OPTION_TAG:
		request->map.tag = true;
		return 0;
	case 'h':
		request->help = true;
		return 0;
	case OPTION_VERSION:
		request->version = true;
		return 0;
	default: /* getopt_long has said what is wrong */
		return hint();
	}
}

static int
read_options(struct request *request, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "j:0h", long_options, NULL)) !=
	    -1)
		if (set_option(request, option) < 0)
			return -1;
	return 0;
}

/* The words that are no options: "map", what to map, and over what. */
static int
read_words(struct request *request, int n, char **words)
{
	if (n == 0) {
		pp_say("a command is missing: procpool map MODULE.so:FUNCTION");
		return hint();
	}
	if (strcmp(words[0], "map") != 0) {
		pp_say("there is no command '%s': the one there is is 'map'",
		    words[0]);
		return hint();
	}
	if (n == 1) {
		pp_say("map lacks its function: give MODULE.so:FUNCTION, for "
		       "example ./wc.so:wc");
		return hint();
	}
	request->spec = words[1];
	request->map.files = (const char *const *)words + 2;
	request->map.n_files = (size_t)n - 2;
	return 0;
}

/* As a command, for those who try that first. */
static bool
is_help(int n, char **words)
{
	return n > 0 && strcmp(words[0], "help") == 0;
}

static enum tool_status
print(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
		pp_say("cannot write to standard output: %s", strerror(errno));
		return STATUS_TROUBLE;
	}
	return STATUS_OK;
}

static enum tool_status
print_version(void)
{
	char text[64];

	snprintf(text, sizeof(text), "procpool %s\n", procpool_version());
	return print(text);
}

static enum tool_status
serve(struct request *request, int argc, char **argv)
{
	if (read_options(request, argc, argv) < 0)
		return STATUS_TROUBLE;
	if (request->help || is_help(argc - optind, argv + optind))
		return print(help);
	if (request->version)
		return print_version();
	if (read_words(request, argc - optind, argv + optind) < 0)
		return STATUS_TROUBLE;

	/* Before there are workers, so that they have it too. */
	if (pp_module_load(request->spec, &request->map.function) < 0)
		return STATUS_TROUBLE;
	return pp_map_run(&request->map);
}

/*
 * A command started with one of its standard descriptors closed would get
 * other files there, and write results or messages into them.  What takes its
 * place refuses what it is for, so that the usual messages tell.
 */
static void
fill_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };
	int fd;

	/* open takes the lowest number, which is the closed one. */
	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", modes[fd]);
}

int
main(int argc, char **argv)
{
	static char name[] = "procpool";
	struct request request = { .map.terminator = '\n' };
	enum tool_status status;

	fill_standard_descriptors();
	if (argc > 0)
		argv[0] = name; /* what getopt_long calls us in messages */

	/* One NULL at the end is what calloc leaves. */
	request.env = calloc((size_t)argc + 1, sizeof(*request.env));
	if (request.env == NULL) {
		pp_say("out of memory");
		return STATUS_TROUBLE;
	}
	request.map.env = request.env;
	status = serve(&request, argc, argv);
	free(request.env);
	return (int)status;
}
