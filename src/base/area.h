/*
 * A memory area: shared memory that serves one payload after the other, since
 * pages that were used before are many times faster than fresh ones.  It has
 * pages only as far as a payload has reached yet.
 */
#ifndef PP_BASE_AREA_H
#define PP_BASE_AREA_H

#include <stddef.h>

#define PP_AREA ((size_t)64 << 20) /* bytes */

struct area {
	char *memory; /* NULL: there is no area */
	size_t made; /* bytes from its start that have pages */
};

/*
 * Have pages for the first `size` bytes: 0 or -ENOMEM.  Asked for here, memory
 * that cannot be had is an error; touched, it would be a signal.
 */
int pp_area_have(struct area *area, size_t size);

#endif
