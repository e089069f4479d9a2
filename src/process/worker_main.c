#include "process/worker_main.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/birth.h"
#include "process/worker.h"

extern char **environ;

/* Move a pipe's end to where the manual says: the first number that is free,
 * which it is unless a library makes descriptors in a forked process. */
static int
move_down(int fd)
{
	const int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (moved < 0)
		_exit(EXIT_FAILURE);
	(void)close(fd);
	return moved;
}

/* Lead stdout and stderr to the host's log. */
static void
capture_output(int fd)
{
	if (fd < 0)
		return;
	if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	(void)close(fd);
}

/* With a buffer of ours: in one that the host has used before, as its stream
 * was not buffered by line, the end of a line is not seen by putchar(). */
static void
buffer_by_line(void)
{
	static char buffer[BUFSIZ];

	(void)setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
}

static void *
map(int fd, size_t size)
{
	void *memory =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

/* The areas are done without where there is no address space for them. */
static struct page *
map_page(int fd, bool *has_areas)
{
	struct page *page = *has_areas ? map(fd, PP_PAGE_ALL) : NULL;

	*has_areas = page != NULL;
	if (page == NULL)
		page = map(fd, PP_PAGE_SPAN);
	if (page == NULL)
		_exit(EXIT_FAILURE);
	/* What a job forks has no business here, but may read the argument.
	 * And a core of it all would be large, and slow to write. */
	(void)madvise(page, PP_PAGE_SPAN, MADV_DONTFORK);
	if (*has_areas) {
		(void)madvise(pp_result_area(page), PP_AREA, MADV_DONTFORK);
		(void)madvise(pp_result_area(page), 2 * PP_AREA, MADV_DONTDUMP);
	}
	return page;
}

/* Runtimes that were loaded in the host have read their limits already. */
static struct runtime {
	const char *variable, *setter;
	void (*set)(int);
} runtimes[] = {
	{ "OMP_NUM_THREADS", "omp_set_num_threads", NULL },
	{ "OPENBLAS_NUM_THREADS", "openblas_set_num_threads", NULL },
};

#define RUNTIMES (sizeof(runtimes) / sizeof(*runtimes))

void
pp_worker_find_runtimes(void)
{
	size_t i;

	for (i = 0; i < RUNTIMES; i++)
		*(void **)&runtimes[i].set =
		    dlsym(RTLD_DEFAULT, runtimes[i].setter);
}

static void
limit_loaded_runtimes(void)
{
	size_t i;

	for (i = 0; i < RUNTIMES; i++) {
		const char *value = runtimes[i].set != NULL
		    ? getenv(runtimes[i].variable)
		    : NULL;

		if (value != NULL && atoi(value) > 0)
			runtimes[i].set(atoi(value));
	}
}

/* The spawner receives its next request where this one's settings are, and so
 * would that of a pool in this worker. */
static char **
make_environment(const struct procpool_env *env)
{
	char *text = malloc(env->len + 1);

	if (text == NULL)
		return NULL;
	memcpy(text, env->text, env->len);
	return pp_env_merge(environ, text, env->len);
}

/* One that was stopped before the host ended would stay, and so would whatever
 * it is to end. */
static void
wake_spawner(pid_t spawner)
{
	if (getppid() == spawner)
		(void)kill(spawner, SIGCONT);
}

/* The end of its thread is that of a worker, even if a job has left other
 * threads: they would keep a process that nobody can use. */
static void
thread_ends(void *unused)
{
	(void)unused;
	(void)fflush(stdout);
	_exit(EXIT_SUCCESS);
}

static int
serve(const struct spawn_request *request, int tasks, int results,
    struct page *page, bool has_areas)
{
	int rc;

	pthread_cleanup_push(thread_ends, NULL);
	rc = pp_worker_serve(request, tasks, results, page, has_areas);
	pthread_cleanup_pop(0);
	return rc;
}

void
pp_worker_main(
    const struct spawn_request *request, const int *fds, pid_t spawner)
{
	bool has_areas = request->has_areas != 0;
	struct page *page;
	int rc, tasks, results;

	/* It forks in one thread only, so its death is what this tells. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != spawner)
		_exit(EXIT_FAILURE);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_NAME, request->name, 0, 0, 0);
	pp_birth_volunteer();
	page = map_page(fds[REQUEST_PAGE_FD], &has_areas);
	(void)close(fds[REQUEST_PAGE_FD]);
	(void)close(fds[REQUEST_REPORT_FD]);
	capture_output(fds[REQUEST_OUTPUT_FD]);
	tasks = move_down(fds[REQUEST_TASK_FD]);
	results = move_down(fds[REQUEST_RESULT_FD]);
	environ = make_environment(&request->env);
	if (environ == NULL)
		_exit(EXIT_FAILURE);
	buffer_by_line();
	limit_loaded_runtimes();
	pp_birth_unblock();
	rc = serve(request, tasks, results, page, has_areas);
	if (rc == -EPIPE)
		wake_spawner(spawner);
	(void)fflush(stdout);
	_exit(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
