#include "engine/ranks.h"

bool
pp_ranks_before(const struct task *a, const struct task *b)
{
	const bool first = a->tie == TIE_BROADCAST;

	if (first != (b->tie == TIE_BROADCAST))
		return first;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->turn < b->turn;
}

/* The length of the way down on the right, which is the shortest. */
static unsigned
height(const struct task *task)
{
	return task != NULL ? task->height : 0;
}

/* Lead the longer way down to the left. */
static void
lean(struct task *task)
{
	struct task *left = task->left;

	if (height(left) < height(task->right)) {
		task->left = task->right;
		task->right = left;
	}
	task->height = height(task->right) + 1;
}

/* One heap of two.  It goes down on the right only, so never deep. */
static struct task *
merge(struct task *a, struct task *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (pp_ranks_before(b, a))
		return merge(b, a);
	a->right = merge(a->right, b);
	lean(a);
	return a;
}

void
pp_ranks_push(struct ranks *ranks, struct task *task)
{
	task->left = task->right = NULL;
	task->height = 1;
	ranks->first = merge(ranks->first, task);
	ranks->count++;
	ranks->pressing += pp_task_presses(task);
}

struct task *
pp_ranks_pop(struct ranks *ranks)
{
	struct task *task = ranks->first;

	ranks->first = merge(task->left, task->right);
	ranks->count--;
	ranks->pressing -= pp_task_presses(task);
	return task;
}

/* Link all that are below a task behind it, by `next`. */
static void
string_up(struct task *first)
{
	struct task *task, *below;

	first->next = NULL;
	for (task = first; task != NULL; task = task->next) {
		below = task->left;
		if (below != NULL) {
			below->next = task->next;
			task->next = below;
		}
		below = task->right;
		if (below != NULL) {
			below->next = task->next;
			task->next = below;
		}
	}
}

bool
pp_ranks_remove(struct ranks *ranks, struct task *task)
{
	struct task *each = ranks->first, *next;
	bool found = false;

	if (each == NULL)
		return false;
	string_up(each);
	for (; each != NULL && !found; each = each->next)
		found = each == task;
	if (!found)
		return false;
	each = ranks->first;
	*ranks = (struct ranks){ 0 };
	for (; each != NULL; each = next) {
		next = each->next;
		if (each != task)
			pp_ranks_push(ranks, each);
	}
	return true;
}
