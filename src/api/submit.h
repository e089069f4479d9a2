/*
 * What all that submits goes by.
 */
#ifndef PP_API_SUBMIT_H
#define PP_API_SUBMIT_H

#include "engine/task.h"

/* What a submit does when the queue is full. */
enum patience {
	PATIENT,
	IMPATIENT
};

/* Submit a task, for a caller who waits for it, for a future, or for neither:
 * 0 or why it was not accepted. */
int pp_submit(struct procpool *pool, const struct procpool_task *spec,
    enum patience patience, struct caller *caller,
    struct procpool_future *future);

#endif
