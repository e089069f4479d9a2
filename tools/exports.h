/*
 * The functions that a loaded shared object itself defines for others.
 */
#ifndef PP_EXPORTS_H
#define PP_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>

struct exports {
	/* In alphabetical order; they point into the object. */
	const char **names;
	size_t n;
};

/* List them, for an object that dlopen gave.  Returns 0 and fills *exports,
 * which is given back with pp_exports_done(); -1 when the object has no symbol
 * table that can be read, or there is no memory. */
int pp_exports_list(void *handle, struct exports *exports);

/* Whether there is one of that name. */
bool pp_exports_has(const struct exports *exports, const char *name);

void pp_exports_done(struct exports *exports);

#endif
