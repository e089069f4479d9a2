/*
 * Home: which process an object belongs to.  There is one word, in a page that
 * the kernel wipes in every copy made by fork; so a copy is told from the
 * process it was copied from without a system call.
 */
#ifndef PP_BASE_HOME_H
#define PP_BASE_HOME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct home {
	int pid; /* of the process; 0: of none */
};

/* The word: the process's id, or 0 as long as it has no object.  NULL before
 * the first one. */
extern _Atomic(atomic_int *) pp_home_word;

/* Make this process an object's home: 0 or -errno. */
int pp_home_init(struct home *home);

/* Whether this process is an object's home. */
static inline bool
pp_at_home(const struct home *home)
{
	atomic_int *word =
	    atomic_load_explicit(&pp_home_word, memory_order_acquire);

	return word != NULL && home->pid != 0 &&
	    atomic_load_explicit(word, memory_order_relaxed) == home->pid;
}

#endif
