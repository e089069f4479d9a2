/*
 * Home: which process an object belongs to.  A home is a word that is there in
 * the process that made it and reads zero in every copy made by fork, without
 * a system call.
 */
#ifndef PP_BASE_HOME_H
#define PP_BASE_HOME_H

#include <stdbool.h>
#include <stddef.h>

struct home {
	volatile int *word; /* in a page that fork wipes in the child */
};

/* 0 or -errno. */
int pp_home_init(struct home *home);
void pp_home_done(struct home *home);

/* Whether this process is the one that made it. */
static inline bool
pp_at_home(const struct home *home)
{
	return home->word != NULL && *home->word != 0;
}

#endif
