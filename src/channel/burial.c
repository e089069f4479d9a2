/*
 * A channel's worker has died: its last words are taken, and its tasks sorted
 * into those that ended, the one that it died of, and those that go again.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/parts.h"

#define LAST_WORDS_MS 1000 /* how long a dead worker's pipe is read */

/* How a worker ended. */
struct death {
	int outcome; /* of the task that it ran */
	int code;
	const char *how; /* "signal", "status" or NULL */
	const char *core; /* " (core dumped)" or "" */
	bool wanted; /* to cancel its task */
	uint64_t cpu_ms, rss_kib; /* what it had used */
};

static struct death
death_of(const struct spawn_report *report)
{
	const int status = report->status;
	struct death death = { .outcome = PROCPOOL_EEXITED,
		.code = WEXITSTATUS(status),
		.how = "status",
		.core = WCOREDUMP(status) ? " (core dumped)" : "",
		.cpu_ms = report->cpu_ms,
		.rss_kib = report->rss_kib };

	if (WIFSIGNALED(status)) {
		death.outcome = PROCPOOL_ECRASHED;
		death.code = WTERMSIG(status);
		death.how = "signal";
	}
	return death;
}

/* What the spawner says of it.  A spawner that says nothing has died, and its
 * workers with it: they are not to blame. */
static struct death
learn_death(struct channel *ch)
{
	struct spawn_report report;
	int fd;
	ssize_t n;

	if (!pp_readable(ch->pidfd, 0) || !pp_channel_await_report(ch, 0))
		return (struct death){ .outcome = PROCPOOL_EDIED };
	n = pp_receive(ch->report, &report, sizeof(report), &fd, 1);
	pp_close(&fd);
	if (n != (ssize_t)sizeof(report) || report.kind != REPORT_ENDED)
		return (struct death){ .outcome = PROCPOOL_ELOST };
	return death_of(&report);
}

static bool
is_condemned(struct channel *ch)
{
	bool is;

	uv_mutex_lock(&ch->lock);
	is = ch->condemned;
	uv_mutex_unlock(&ch->lock);
	return is;
}

/* Why it ended.  The spawner need not be waited for when the host ended it. */
static struct death
judge(struct channel *ch, int verdict)
{
	const struct death guilty = { .outcome = PROCPOOL_EPROTOCOL };
	struct death death = { .outcome = verdict };

	if (ch->broke)
		return guilty;
	if (ch->told_to_end)
		return death;
	death = learn_death(ch);
	death.wanted = is_condemned(ch);
	/* Killed for it, or dying already when it hung up? */
	if (ch->hung_up && !death.wanted &&
	    death.outcome == PROCPOOL_ECRASHED && death.code == SIGKILL)
		return guilty;
	return death;
}

/* The words for a death without a status.  It may have been at no task. */
static const char *
cause_of(const struct death *death)
{
	switch (death->outcome) {
	case PROCPOOL_EPROTOCOL:
		return "killed, since it broke the protocol";
	case PROCPOOL_ELOST:
		return "with the process that forks the workers";
	default:
		return "in a way that is not known";
	}
}

/* A refusal to start says more than the exit that comes of it. */
static void
log_death(struct channel *ch, const struct death *death)
{
	char how[64];

	if (death->how != NULL)
		(void)snprintf(how, sizeof(how), "%s %d%s", death->how,
		    death->code, death->core);
	else
		(void)snprintf(how, sizeof(how), "%s", cause_of(death));
	if (ch->end[0] == '\0')
		(void)snprintf(ch->end, sizeof(ch->end), "%s", how);
	if (death->how != NULL)
		pp_log(&ch->pool->log, PROCPOOL_ERROR,
		    "%s (pid %d) died: %s; it had used %.2f s of processor "
		    "time and %.1f MiB of memory",
		    ch->name, (int)ch->pid, how, (double)death->cpu_ms / 1000,
		    (double)death->rss_kib / 1024);
	else
		pp_log(&ch->pool->log, PROCPOOL_ERROR, "%s (pid %d) died: %s",
		    ch->name, (int)ch->pid, how);
}

/*
 * Take the results that the worker finished before it died: from the pipe,
 * then from the ring.  The ring has the last word: when a job that ended its
 * worker has written half a frame to the pipe itself, the results before it
 * are in the ring, whole.
 */
static void
take_last_words(struct channel *ch, struct task_list *ended)
{
	/* What the worker wrote is there by now.  Something that a job forked
	 * may go on writing for ever. */
	const uint64_t deadline = pp_deadline(LAST_WORDS_MS);

	while (
	    !ch->broke && pp_now() < deadline && pp_channel_read(ch, ended) > 0)
		;
	if (ch->broke)
		return; /* nothing that it says is believed any more */
	pp_stream_rewind(&ch->in, ch->page);
	pp_channel_harvest(ch, ended);
}

/* When it was begun and how long it ran, as far as the worker is to be
 * believed. */
static void
set_times(struct channel *ch, struct task *task)
{
	const uint64_t now = pp_now();
	const uint64_t since = atomic_load(&ch->page->since);

	if (since < task->submitted || since > now)
		return;
	task->result.queued_ns = since - task->submitted;
	task->result.ran_ns = now - since;
	task->result.started_ns = since;
}

static void
end_killed(struct channel *ch, struct task *task, uint64_t sequence,
    const struct death *death)
{
	const char *cause = ch->pool->cause;
	char text[128];
	int len = snprintf(text, sizeof(text), "worker %s (pid %d) ended",
	    ch->name, (int)ch->pid);

	if (death->how != NULL)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    " by %s %d%s", death->how, death->code, death->core);
	pp_channel_name_worker(ch, task);
	set_times(ch, task);
	task->result.phase = pp_stream_is_amid(&ch->in, sequence)
	    ? PROCPOOL_RETURNING
	    : PROCPOOL_RUNNING;
	pp_task_end(task, death->outcome);
	task->result.code = death->code;
	if (death->outcome == PROCPOOL_EBROKEN)
		pp_task_message(task, cause, strlen(cause));
	else
		pp_task_message(task, text, (size_t)len);
}

/* What was in flight: claimed tasks die with the worker, others go again.  A
 * task is to blame for the death; a broadcast is too, but the next worker will
 * have it again: of that no pool shall die for ever. */
static enum burial
empty_flight(struct channel *ch, const struct death *death,
    struct task_list *ended, struct task_list *again)
{
	enum burial burial = BURIAL_COUNTS;
	uint64_t n;

	uv_mutex_lock(&ch->lock);
	for (n = ch->oldest; n < ch->next; n++) {
		struct task *task = ch->flight[n % PP_SLOTS];

		ch->flight[n % PP_SLOTS] = NULL;
		if (task == NULL)
			continue;
		if (ch->unreadable && n + 1 == ch->fixed) {
			pp_task_blank_result(task);
			pp_task_end(task, -EFAULT);
			pp_list_push(ended, task);
			burial = BURIAL_EXCUSED;
		} else if (pp_claim_take(ch->page, n, CLAIM_REVOKED)) {
			pp_list_push(again, task);
		} else {
			end_killed(ch, task, n, death);
			pp_list_push(ended, task);
			burial = task->tie == TIE_BROADCAST ? BURIAL_UNFIT
							    : BURIAL_EXCUSED;
		}
	}
	ch->live = ch->tied = 0;
	ch->oldest = ch->next;
	uv_mutex_unlock(&ch->lock);
	return burial;
}

enum burial
pp_channel_bury(struct channel *ch, int verdict, struct task_list *ended,
    struct task_list *again)
{
	const bool starting = ch->life == LIFE_STARTING;
	struct death death;
	enum burial burial;

	take_last_words(ch, ended);
	pp_printout_finish(&ch->printout, &ch->pool->log, ch->name);
	death = judge(ch, verdict);
	if (death.wanted)
		pp_log(&ch->pool->log, PROCPOOL_INFO,
		    "%s (pid %d) was killed, since its task was cancelled",
		    ch->name, (int)ch->pid);
	else if (!ch->told_to_end)
		log_death(ch, &death);
	burial = empty_flight(ch, &death, ended, again);
	if (burial == BURIAL_COUNTS && starting)
		burial = BURIAL_UNFIT;
	if (ch->told_to_end || death.wanted || death.outcome == PROCPOOL_ELOST)
		burial = BURIAL_EXCUSED;
	pp_channel_event(ch, LIFE_DIED);
	return burial;
}
