#include "base/code.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>

static int
add_part(struct code *code, struct code_part part)
{
	if (code->count == code->capacity) {
		const size_t capacity = 2 * code->capacity + 16;
		struct code_part *parts =
		    realloc(code->parts, capacity * sizeof(*parts));

		if (parts == NULL)
			return -ENOMEM;
		code->parts = parts;
		code->capacity = capacity;
	}
	code->parts[code->count++] = part;
	return 0;
}

static int
add_object(struct dl_phdr_info *info, size_t size, void *code)
{
	int i, rc = 0;

	(void)size;
	for (i = 0; i < info->dlpi_phnum && rc == 0; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		const uintptr_t start = info->dlpi_addr + part->p_vaddr;

		if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0)
			rc = add_part(code,
			    (struct code_part){ start, start + part->p_memsz });
	}
	return rc;
}

int
pp_code_look(struct code *code)
{
	return dl_iterate_phdr(add_object, code);
}

int
pp_code_copy(struct code *to, const struct code *from)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < from->count && rc == 0; i++)
		rc = add_part(to, from->parts[i]);
	return rc;
}

bool
pp_code_has(const struct code *code, uintptr_t address)
{
	size_t i;

	for (i = 0; i < code->count; i++)
		if (address >= code->parts[i].start &&
		    address < code->parts[i].end)
			return true;
	return false;
}

void
pp_code_free(struct code *code)
{
	free(code->parts);
}
