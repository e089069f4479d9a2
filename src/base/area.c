#include "base/area.h"

#include <errno.h>
#include <sys/mman.h>

#define STEP ((size_t)256 * 1024) /* pages are made for so many bytes at once */

int
pp_area_have(struct area *area, size_t size)
{
	size_t need;

	if (area->memory == NULL || size > PP_AREA)
		return -ENOMEM;
	if (size <= area->made)
		return 0;
	need = (size + STEP - 1) / STEP * STEP;
	/* (A kernel before 5.14 cannot do this, and has no areas.) */
	if (madvise(area->memory + area->made, need - area->made,
		MADV_POPULATE_WRITE) < 0)
		return -ENOMEM;
	area->made = need;
	return 0;
}
