/*
 * A channel sends: tasks are put in flight, their frames encoded and written;
 * and what the worker has not begun is taken back.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "channel/parts.h"

bool
pp_channel_fits_locked(const struct channel *ch, struct load *load, size_t len)
{
	const bool large = len >= PP_LARGE;
	const size_t size = pp_outbox_size(len);

	/* There is one area, and what the pipe cannot hold cannot be taken back
	 * while the worker is busy: it is sent only to a worker that will read
	 * it now. */
	if (large && (ch->live > 0 || load->frames > 0))
		return false;
	if (load->large || ch->large != NULL ||
	    ch->next + load->frames - ch->oldest >= PP_SLOTS ||
	    !pp_outbox_fits(&ch->out, load->bytes + size))
		return false;
	load->frames++;
	load->bytes += size;
	load->large = large;
	return true;
}

static void
encode(struct channel *ch, const struct task *task, uint64_t sequence,
    enum task_type type)
{
	const struct task_frame frame = { .length = task->len,
		.sequence = sequence,
		.function = (uintptr_t)task->function,
		.type = (uint16_t)type,
		.bundled = task->bundled,
		.attempt = 1 };

	pp_outbox_add(&ch->out, &frame,
	    type == TASK_RUN_LARGE ? NULL : pp_task_arg(task));
}

void
pp_channel_send_locked(struct channel *ch, struct task *task)
{
	const uint64_t sequence = ch->next++;

	ch->flight[sequence % PP_SLOTS] = task;
	ch->live++;
	ch->tied += task->tie != TIE_NONE;
	pp_claim_offer(ch->page, sequence);
	if (task->len >= PP_LARGE) {
		ch->fixed = ch->next;
		ch->large = task;
	} else {
		encode(ch, task, sequence, TASK_RUN);
	}
	/* What is sent ahead does not put off a look that is due. */
	if (ch->live == 1)
		pp_channel_look_in(ch, PP_LOOK_FIRST);
}

/* The bytes of a large task are where the worker reads them, or on their way in
 * the pipe: it may be revoked. */
static void
loosen(struct channel *ch)
{
	uv_mutex_lock(&ch->lock);
	ch->fixed = 0;
	uv_mutex_unlock(&ch->lock);
}

/* Move a large task's bytes to the area, or have them written from where they
 * are.  Without the lock: either may take a while. */
static void
send_large(struct channel *ch)
{
	const struct task *task = ch->large;
	const uint64_t sequence = ch->fixed - 1;

	ch->large = NULL;
	if (pp_area_have(&ch->tasks, task->len) < 0) {
		encode(ch, task, sequence, TASK_RUN);
		return;
	}
	memcpy(ch->tasks.memory, pp_task_arg(task), task->len);
	encode(ch, task, sequence, TASK_RUN_LARGE);
	loosen(ch);
}

/* An argument that is sent from where it is, a blocking caller's, is not there
 * any more: unmapped, or of a file that was cut.  The worker has a part of it
 * and so must go, and its burial ends the task. */
static void
give_up_large(struct channel *ch)
{
	ch->unreadable = true;
	pp_outbox_clear(&ch->out);
	if (pp_life_step(&ch->life, LIFE_BROKE) == LIFE_KILL)
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
}

void
pp_channel_flush(struct channel *ch)
{
	if (ch->large != NULL)
		send_large(ch);
	while (pp_outbox_pending(&ch->out)) {
		struct iovec at[PP_OUTBOX_PIECES];
		const int count = pp_outbox_pieces(&ch->out, at);
		const bool large = ch->out.large != NULL;
		/* The kernel is a little quicker with one piece. */
		const ssize_t n = count == 1
		    ? write(ch->task_pipe[1], at[0].iov_base, at[0].iov_len)
		    : writev(ch->task_pipe[1], at, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EFAULT)
			give_up_large(ch);
		if (n < 0)
			return; /* full; a dead worker is seen elsewhere */
		pp_outbox_written(&ch->out, (size_t)n);
		if (large && ch->out.large == NULL)
			loosen(ch);
	}
}

void
pp_channel_revoke_locked(
    struct channel *ch, size_t most, bool tied, struct task_list *list)
{
	uint64_t n = ch->next;

	while (most > 0 && n > ch->oldest && n > ch->fixed && !ch->lent) {
		struct task *task = ch->flight[--n % PP_SLOTS];

		if (task == NULL || (task->tie != TIE_NONE && !tied))
			continue;
		if (!pp_claim_take(ch->page, n, CLAIM_REVOKED))
			return; /* claimed, and so is all before it */
		ch->flight[n % PP_SLOTS] = NULL;
		ch->live--;
		ch->tied -= task->tie != TIE_NONE;
		most--;
		pp_list_push_front(list, task);
	}
}

/* Where a task is; ch->next: nowhere. */
static uint64_t
find_locked(const struct channel *ch, const struct task *task)
{
	uint64_t n = ch->oldest;

	while (n < ch->next && ch->flight[n % PP_SLOTS] != task)
		n++;
	return n;
}

enum find
pp_channel_cancel_locked(
    struct channel *ch, const struct task *task, struct task_list *again)
{
	const uint64_t n = find_locked(ch, task);

	if (n == ch->next)
		return FIND_NOTHING;
	if (n >= ch->fixed && pp_claim_take(ch->page, n, CLAIM_REVOKED)) {
		ch->flight[n % PP_SLOTS] = NULL;
		ch->live--;
		ch->tied -= task->tie != TIE_NONE;
		return FIND_UNRUN;
	}
	/* When one behind it has been claimed, then this one has been passed:
	 * so a worker is killed only if it has claimed none and never can. */
	pp_channel_revoke_locked(ch, PP_SLOTS, true, again);
	if (atomic_load(&ch->page->passed) <= n) {
		ch->condemned = true;
		(void)pp_pidfd_kill(ch->pidfd, ch->pid, SIGKILL);
	}
	return FIND_BEGUN;
}

void
pp_channel_skip_passed_locked(struct channel *ch)
{
	const uint64_t passed =
	    atomic_load_explicit(&ch->page->passed, memory_order_acquire);

	while (ch->oldest < ch->next && ch->oldest < passed &&
	    ch->flight[ch->oldest % PP_SLOTS] == NULL)
		ch->oldest++;
}
