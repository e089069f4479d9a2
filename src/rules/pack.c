#include "rules/pack.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "rules/frame.h"

#define MAGIC UINT64_C(0x736d6574692d7070) /* "pp-items" */

struct head {
	uint64_t magic;
	uint64_t n;
};

struct entry {
	uint64_t length;
	uint64_t fill;
};

_Static_assert(sizeof(struct head) % PP_ALIGN == 0, "bytes are aligned");
_Static_assert(sizeof(struct entry) % PP_ALIGN == 0, "bytes are aligned");

size_t
pp_pack_size(const struct pack_item *items, size_t n)
{
	size_t size = sizeof(struct head) + n * sizeof(struct entry), i;

	for (i = 0; i < n; i++) {
		const size_t len = items[i].bytes.len;

		if (len > SIZE_MAX - PP_ALIGN - size)
			return SIZE_MAX;
		size += pp_padded(len);
	}
	return size;
}

void
pp_pack(void *to, const struct pack_item *items, size_t n)
{
	const struct head head = { MAGIC, n };
	char *entries = (char *)to + sizeof(head);
	char *bytes = entries + n * sizeof(struct entry);
	size_t i;

	memcpy(to, &head, sizeof(head));
	for (i = 0; i < n; i++) {
		const size_t len = items[i].bytes.len;
		const struct entry entry = { len, items[i].fill };

		memcpy(entries + i * sizeof(entry), &entry, sizeof(entry));
		if (len > 0)
			memcpy(bytes, items[i].bytes.data, len);
		memset(bytes + len, 0, pp_padded(len) - len);
		bytes += pp_padded(len);
	}
}

/* Find an item: 0 (1 for a fill), or why not.  Nothing is believed: the bytes
 * may be any that a task was given. */
static int
find(const char *arg, size_t len, size_t index, struct procpool_bytes *item)
{
	struct head head;
	struct entry entry;
	size_t i, at;

	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, arg, sizeof(head));
	if (head.magic != MAGIC ||
	    head.n > (len - sizeof(head)) / sizeof(entry))
		return -EBADMSG;
	if (index >= head.n)
		return PROCPOOL_EINDEX;
	at = sizeof(head) + head.n * sizeof(entry);
	for (i = 0;; i++) {
		memcpy(&entry, arg + sizeof(head) + i * sizeof(entry),
		    sizeof(entry));
		if (entry.length > len - at)
			return -EBADMSG;
		if (i == index)
			break;
		if (pp_padded(entry.length) > len - at)
			return -EBADMSG;
		at += pp_padded(entry.length);
	}
	*item = (struct procpool_bytes){ arg + at, entry.length };
	return entry.fill != 0;
}

int
procpool_map_item(
    const void *arg, size_t len, size_t index, struct procpool_bytes *item)
{
	if (arg == NULL || item == NULL)
		return PROCPOOL_ENULL;
	return find(arg, len, index, item);
}
