/*
 * Tasks that wait for their inputs: accepted, and parked beside the queue until
 * the last of these futures has ended.  Who ends it puts the task in the queue;
 * who ends one that failed ends the task.  Whoever takes a parked task out, for
 * that, to cancel it or because the pool ends, has it, and the others find
 * nothing.
 */
#ifndef PP_ENGINE_DEPEND_H
#define PP_ENGINE_DEPEND_H

#include "engine/future.h"

struct dependent;

/* Make one for these inputs, with references to them; NULL when there is no
 * memory. */
struct dependent *pp_depend_new(
    struct procpool *pool, struct procpool_future *const *inputs, size_t n);

/* Drop one that was not begun. */
void pp_depend_drop(struct dependent *dependent);

/* Park a task that was admitted. */
void pp_depend_park_locked(struct dependent *dependent, struct task *task);

/* Then wait for its inputs, without locks.  The dependent sees to itself from
 * here on.  A task that ends at once goes to `ended`. */
void pp_depend_begin(struct dependent *dependent, struct task_list *ended);

/* One of its inputs has ended, of which this was the watcher.  A task that ends
 * with it goes to `ended`. */
void pp_depend_tell(struct watcher *watcher, struct task_list *ended);

/* Take out one task: whether it was there. */
bool pp_depend_remove_locked(struct procpool *pool, const struct task *task);

/* Move all parked tasks to the end of a list. */
void pp_depend_empty_locked(struct procpool *pool, struct task_list *list);

#endif
