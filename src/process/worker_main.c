#include "process/worker_main.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/birth.h"
#include "process/worker.h"

#define WORKER_TASK_FD   3
#define WORKER_RESULT_FD 4

extern char **environ;

/* Put the two pipes where the manual says, and close everything else. */
static void
arrange_fds(int task, int result)
{
	const int kept[] = { WORKER_TASK_FD, WORKER_RESULT_FD };

	/* Each may stand in the other's place. */
	task = fcntl(task, F_DUPFD_CLOEXEC, WORKER_RESULT_FD + 1);
	result = fcntl(result, F_DUPFD_CLOEXEC, WORKER_RESULT_FD + 1);
	if (dup3(task, WORKER_TASK_FD, O_CLOEXEC) < 0 ||
	    dup3(result, WORKER_RESULT_FD, O_CLOEXEC) < 0)
		_exit(EXIT_FAILURE);
	pp_close_others(WORKER_TASK_FD, kept, 2);
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
	/* What a job forks has no business here, but may read the argument.  And
	 * a core of it all would be large, and slow to write. */
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

void
pp_worker_main(struct spawn_request *request, const int *fds, pid_t spawner)
{
	bool has_areas = request->has_areas != 0;
	struct page *page;
	int rc;

	/* The spawner has one thread, so its death is what this tells. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != spawner)
		_exit(EXIT_FAILURE);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_NAME, request->name, 0, 0, 0);
	page = map_page(fds[REQUEST_PAGE_FD], &has_areas);
	arrange_fds(fds[REQUEST_TASK_FD], fds[REQUEST_RESULT_FD]);
	environ = pp_env_merge(environ, request->env.text, request->env.len);
	if (environ == NULL)
		_exit(EXIT_FAILURE);
	(void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	limit_loaded_runtimes();
	pp_birth_unblock();
	rc = pp_worker_serve(
	    request, WORKER_TASK_FD, WORKER_RESULT_FD, page, has_areas);
	(void)fflush(stdout);
	_exit(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
