/*
 * state: what each worker loads once and keeps: a model, a connection, a
 * library that wants to be set up in the process that uses it.
 *
 *     state FILE NUMBER...
 *
 * prints the lines of FILE that have these numbers.  Each worker opens FILE
 * for itself (descriptors of the program do not reach it) and notes where the
 * lines begin, before its first task; tasks find both ready.
 *
 * Notice that what the program can load before it opens the pool is loaded
 * once for all workers, as in cow.c: state is for what cannot be shared.
 */
#include <procpool.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model {
	FILE *file;
	long n_lines;
	long begins[10000];
	char line[10000];
};

/* Once in each worker, and in each that replaces one. */
static int
load(struct procpool_job *job, void **state)
{
	const char *name = procpool_job_user(job);
	struct model *model = calloc(1, sizeof(*model));

	if (model == NULL || (model->file = fopen(name, "r")) == NULL)
		return procpool_fail(job, 1, "%s: %s", name, strerror(errno));
	for (long at = 0; at >= 0 && model->n_lines < 10000 &&
	     fgets(model->line, sizeof(model->line), model->file) != NULL;
	     at = ftell(model->file))
		model->begins[model->n_lines++] = at;
	fprintf(stderr, "worker %d knows %ld lines\n", procpool_job_worker(job),
	    model->n_lines);
	*state = model;
	return 0;
}

/* When a worker ends, unless it is killed. */
static void
unload(struct procpool_job *job, void *state)
{
	struct model *model = state;

	(void)job;
	fclose(model->file);
	free(model);
}

static int
find_line(struct procpool_job *job, const void *arg, size_t len)
{
	struct model *model = procpool_job_state(job);
	long number = *(const long *)arg;

	(void)len; /* always that of a long, see below */
	if (number < 1 || number > model->n_lines)
		return procpool_fail(job, 2, "there is no line %ld", number);
	if (fseek(model->file, model->begins[number - 1], SEEK_SET) != 0 ||
	    fgets(model->line, sizeof(model->line), model->file) == NULL)
		return procpool_fail(job, 3, "cannot read line %ld", number);
	return procpool_return(job, model->line, strcspn(model->line, "\n"));
}

static void
complain(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)user;
	fprintf(stderr, "state: %s\n", message);
}

int
main(int argc, char **argv)
{
	struct procpool_options options = { .entry_point = find_line,
		.worker_start = load,
		.worker_exit = unload,
		.log = complain, /* tells why a worker cannot start */
		.log_level = PROCPOOL_WARNING,
		.user = argv[1] };
	struct procpool *pool = NULL;
	struct procpool_result result;
	int rc = argc < 2 ? -EINVAL : procpool_open(&pool, &options);

	if (rc < 0)
		fprintf(stderr, "state: %s\n", procpool_strerror(rc));
	for (int i = 2; i < argc && rc == 0; i++) {
		long number = strtol(argv[i], NULL, 10);

		rc = procpool_call(pool, &number, sizeof(number), &result);
		if (rc == 0)
			printf("%.*s\n", (int)result.len,
			    (const char *)result.data);
		else
			fprintf(stderr, "state: %s: %s\n",
			    procpool_strerror(rc), result.message);
		procpool_result_done(&result);
	}
	procpool_close(pool); /* harmless when it is NULL */
	return rc < 0;
}
