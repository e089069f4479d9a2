/*
 * What code the program has: the executable parts of all that is loaded, which
 * is where functions can be.
 */
#ifndef PP_BASE_CODE_H
#define PP_BASE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code_part {
	uintptr_t start, end;
};

/* Zeroed at first; pp_code_free() when done, also after a failure. */
struct code {
	size_t count, capacity;
	struct code_part *parts;
};

/* Add what is loaded now, or what another has: 0 or -ENOMEM. */
int pp_code_look(struct code *code);
int pp_code_copy(struct code *to, const struct code *from);

/* Whether there is code at an address. */
bool pp_code_has(const struct code *code, uintptr_t address);

void pp_code_free(struct code *code);

#endif
