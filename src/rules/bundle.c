#include "rules/bundle.h"

#include <stdint.h>
#include <string.h>

#include "rules/frame.h"

struct part {
	uint64_t place;
	uint64_t len;
};

struct bundle {
	uint64_t inputs;
	uint64_t len; /* of the argument */
	struct part parts[];
};

/* Where the argument is. */
static size_t
head_size(size_t inputs)
{
	return sizeof(struct bundle) + inputs * sizeof(struct part);
}

_Static_assert(sizeof(struct bundle) % PP_ALIGN == 0 &&
	sizeof(struct part) % PP_ALIGN == 0,
    "what follows is aligned");

size_t
pp_bundle_size(size_t inputs, size_t padded)
{
	return head_size(inputs) + padded;
}

/* With zeros behind it: what was in this memory is nobody's to see. */
static void
put(void *bundle, uint64_t place, const void *data, size_t len)
{
	char *at = (char *)bundle + place;

	if (len > 0)
		memcpy(at, data, len);
	memset(at + len, 0, (size_t)pp_padded(len) - len);
}

void
pp_bundle_begin(void *bundle, size_t inputs, const void *arg, size_t len)
{
	struct bundle *b = bundle;

	b->inputs = inputs;
	b->len = len;
	put(b, head_size(inputs), arg, len);
}

void
pp_bundle_add(void *bundle, size_t index, const void *data, size_t len)
{
	struct bundle *b = bundle;
	struct part *part = &b->parts[index];

	if (index == 0)
		part->place = head_size(b->inputs) + pp_padded(b->len);
	else
		part->place = part[-1].place + pp_padded(part[-1].len);
	part->len = len;
	put(b, part->place, data, len);
}

const void *
pp_bundle_arg(const void *bundle, size_t *len)
{
	const struct bundle *b = bundle;

	*len = b->len;
	return (const char *)b + head_size(b->inputs);
}

const void *
pp_bundle_input(const void *bundle, size_t index, size_t *len)
{
	const struct bundle *b = bundle;

	if (index >= b->inputs)
		return NULL;
	*len = b->parts[index].len;
	return (const char *)b + b->parts[index].place;
}
