/*
 * A memory area: shared memory that serves one payload after the other, since
 * pages that were used before are many times faster than fresh ones.  It has
 * pages only as far as a payload has reached yet; what a very large one needed
 * is given back.
 */
#ifndef PP_BASE_AREA_H
#define PP_BASE_AREA_H

#include <stddef.h>

#define PP_AREA      ((size_t)256 << 20) /* bytes of address space */
#define PP_AREA_KEPT ((size_t)64 << 20) /* bytes of memory it may keep */

struct area {
	char *memory; /* NULL: there is no area */
	size_t made; /* bytes from its start that have pages */
};

/*
 * Have pages for the first `size` bytes: 0 or -ENOMEM.  Asked for here, memory
 * that cannot be had is an error; touched, it would be a signal.
 */
int pp_area_have(struct area *area, size_t size);

/* Give back the pages beyond what is kept, of the memory itself: all who share
 * it lose them. */
void pp_area_trim(struct area *area);

#endif
