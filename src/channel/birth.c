/*
 * A channel's worker is born: its pipes and its page are made, and the spawner
 * is asked for a process.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/parts.h"

_Static_assert(REQUEST_FDS <= PP_FDS_MAX, "one message takes them all");

static int
make_pipes(struct channel *ch, int fds[REQUEST_FDS])
{
	int results[2], reports[2];
	int rc = pp_pipe(ch->task_pipe);

	if (rc < 0)
		return rc;
	rc = pp_pipe(results);
	if (rc < 0)
		return rc;
	ch->result_pipe = results[0];
	fds[REQUEST_RESULT_FD] = results[1];
	rc = pp_socketpair(reports);
	if (rc < 0)
		return rc;
	ch->report = reports[0];
	fds[REQUEST_REPORT_FD] = reports[1];
	return 0;
}

/* When the log takes what the worker prints, that comes by a pipe. */
static int
make_output(struct channel *ch, int fds[REQUEST_FDS])
{
	int output[2];
	int rc;

	if (ch->pool->options.keep_output ||
	    !pp_log_takes(&ch->pool->log, PROCPOOL_INFO))
		return 0;
	rc = pp_pipe(output);
	if (rc < 0)
		return rc;
	ch->printout.fd = output[0];
	fds[REQUEST_OUTPUT_FD] = output[1];
	return pp_nonblock(ch->printout.fd);
}

/* The worker blocks on its ends, the host on neither of its own.  The read
 * end of the task pipe is one open file for both, so it stays blocking: the
 * host never reads there. */
static int
set_nonblocking(struct channel *ch)
{
	const int rc = pp_nonblock(ch->task_pipe[1]);

	return rc < 0 ? rc : pp_nonblock(ch->result_pipe);
}

/* Map it, for now and after all that the host may have locked with mlockall():
 * what nobody uses shall not take memory. */
static void *
map_unlocked(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)munlock(memory, size);
	if (mprotect(memory, size, PROT_READ | PROT_WRITE) == 0)
		return memory;
	(void)munmap(memory, size);
	return NULL;
}

static int
map_page(struct channel *ch, size_t size, int *fd)
{
	const int rc = pp_shared_memory("procpool", size, fd);

	if (rc < 0)
		return rc;
	ch->page = map_unlocked(*fd, size);
	if (ch->page == NULL) {
		pp_close(fd);
		return -ENOMEM;
	}
	/* The spawner is not to have it either, nor the host's children. */
	(void)madvise(ch->page, size, MADV_DONTFORK);
	(void)madvise(ch->page, size, MADV_DONTDUMP);
	ch->page_size = size;
	return 0;
}

/* A program that may have only so much address space needs it itself. */
static bool
may_have_areas(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur == RLIM_INFINITY;
}

/* Areas are a matter of speed, and the size of files may be limited too. */
static int
make_page(struct channel *ch, int fds[REQUEST_FDS])
{
	int *fd = &fds[REQUEST_PAGE_FD];

	if (may_have_areas() && map_page(ch, PP_PAGE_ALL, fd) == 0)
		return 0;
	return map_page(ch, PP_PAGE_SPAN, fd);
}

static int
worker_settings(struct channel *ch, struct procpool_env *env)
{
	const struct procpool_options *options = &ch->pool->options;
	const struct procpool_env *before = ch->pool->env_before;
	int rc = 0;

	memcpy(env->text, before->text, before->len);
	env->len = before->len;
	if (options->worker_env != NULL) {
		struct inside here;

		pp_go_inside(&here, ch->pool);
		rc = options->worker_env(env, ch->index, options->user);
		pp_come_out(&here);
	}
	if (rc >= 0 && !options->keep_gpus)
		rc = pp_env_hide_gpus(env);
	return rc < 0 ? rc : 0;
}

/* How much longer the spawner may take.  It forks one worker after the other,
 * and a fork takes the longer the larger the program is. */
static int64_t
forks_ms(const struct channel *ch)
{
	return 2 * ch->pool->n_jobs * ch->spawner->fork_ms;
}

static int
ask(struct channel *ch, struct spawner *spawner, const int fds[REQUEST_FDS])
{
	const struct procpool_options *options = &ch->pool->options;
	struct spawn_request *request = malloc(sizeof(*request));
	int rc;

	if (request == NULL)
		return -ENOMEM;
	memset(request, 0, offsetof(struct spawn_request, env));
	request->kind = REQUEST_WORKER;
	request->worker = ch->index;
	(void)snprintf(
	    request->name, sizeof(request->name), "pp-w%d", ch->index);
	request->max_payload = options->max_payload;
	request->has_areas = ch->page_size == PP_PAGE_ALL;
	request->entry_point = options->entry_point;
	request->start = options->worker_start;
	request->exit = options->worker_exit;
	request->user = options->user;
	request->check_user = spawner->prepared && options->user != NULL;
	rc = worker_settings(ch, &request->env);
	if (rc == 0)
		rc = pp_spawner_request(spawner, request, fds,
		    pp_deadline(PP_REPORT_MS + forks_ms(ch)));
	free(request);
	return rc;
}

static int
await_birth(struct channel *ch)
{
	struct spawn_report report;
	ssize_t n;

	if (!pp_channel_await_report(ch, forks_ms(ch)))
		return PP_SPAWNER_GONE; /* alive or not, it is of no use */
	n = pp_receive(ch->report, &report, sizeof(report), &ch->pidfd, 1);
	if (n == -EPROTO)
		return -EMFILE; /* its descriptor could not be received */
	if (n != (ssize_t)sizeof(report))
		return PP_SPAWNER_GONE;
	if (report.kind != REPORT_BORN)
		return report.error < 0 ? report.error : PP_SPAWNER_GONE;
	ch->pid = report.pid;
	return ch->pidfd < 0 ? pp_pidfd_stand_in(ch->report, &ch->pidfd) : 0;
}

int
pp_channel_ask(struct channel *ch, struct spawner *spawner)
{
	int fds[REQUEST_FDS];
	int i, rc;

	for (i = 0; i < REQUEST_FDS; i++)
		fds[i] = -1;
	ch->spawner = pp_spawner_ref(spawner);
	rc = make_pipes(ch, fds);
	if (rc == 0)
		rc = set_nonblocking(ch);
	if (rc == 0)
		rc = make_output(ch, fds);
	if (rc == 0)
		rc = make_page(ch, fds);
	if (rc == 0) {
		fds[REQUEST_TASK_FD] = ch->task_pipe[0];
		rc = ask(ch, spawner, fds);
		fds[REQUEST_TASK_FD] = -1; /* stays ours */
	}
	for (i = 0; i < REQUEST_FDS; i++)
		pp_close(&fds[i]);
	if (rc < 0)
		pp_channel_clear(ch);
	return rc;
}

int
pp_channel_await(struct channel *ch)
{
	const int rc = await_birth(ch);

	if (rc == 0)
		pp_channel_event(ch, LIFE_BORN);
	else
		pp_channel_clear(ch);
	return rc;
}

void
pp_channel_dismiss(struct channel *ch)
{
	(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
	pp_channel_event(ch, LIFE_DIED);
	pp_channel_clear(ch);
}
