/*
 * Fuzz target: the decoder of the stream of results (channel/stream.c and
 * rules/frame.c).
 *
 * The input is what a worker says: portions, each by the pipe or by the ring.
 * They are decoded as they come, and once more from the pipe alone in portions
 * as large as can be: both must give the same frames, whole and within their
 * limits.
 */
#include "fuzz.h"

#include "channel/stream.h"

#include <procpool.h>

#define ALL_MAX ((size_t)1 << 20) /* bytes that a worker says here */

/* What came out. */
struct decoded {
	uint64_t hash;
	size_t frames;
	int rc;
};

/* The bytes in order, and from where on each portion is in which way. */
struct said {
	unsigned char *bytes;
	size_t len;
};

static void
mix(struct decoded *out, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		out->hash = (out->hash ^ byte[i]) * UINT64_C(1099511628211);
}

static void
look_at(const struct stream *s, struct arrival *arrival, struct decoded *out)
{
	const struct result_frame *frame = &arrival->frame;

	must(pp_result_check(frame, s->max_payload) == 0);
	must(s->taken <= s->position);
	mix(out, frame, sizeof(*frame));
	if (pp_result_follows(frame) > 0 && !arrival->no_memory) {
		must((uintptr_t)arrival->data % PP_ALIGN == 0);
		mix(out, arrival->data, (size_t)frame->length);
	}
	free(arrival->heap);
	out->frames++;
}

/* Take all frames that are there. */
static void
take_all(struct stream *s, struct decoded *out)
{
	struct arrival arrival;

	if (out->rc < 0)
		return;
	while ((out->rc = pp_stream_take(s, &arrival)) == 1)
		look_at(s, &arrival, out);
}

static void
by_pipe(struct stream *s, const unsigned char *bytes, size_t len,
    struct decoded *out)
{
	while (len > 0 && out->rc == 0) {
		size_t room;
		char *place = pp_stream_space(s, &room);

		must(room > 0);
		if (room > len)
			room = len;
		memcpy(place, bytes, room);
		pp_stream_put(s, room);
		bytes += room;
		len -= room;
		take_all(s, out);
	}
}

static void
by_ring(struct stream *s, struct page *page, const unsigned char *bytes,
    size_t len, struct decoded *out)
{
	while (len > 0 && out->rc == 0) {
		const size_t n = len < PP_RING ? len : PP_RING;
		const uint64_t end = s->position + n;

		for (size_t i = 0; i < n; i++)
			page->ring[(s->position + i) % PP_RING] = bytes[i];
		atomic_store(&page->writing, end);
		atomic_store(&page->committed, end);
		while (out->rc == 0 && pp_stream_from_ring(s, page) > 0)
			take_all(s, out);
		must(out->rc < 0 || s->position == end);
		bytes += n;
		len -= n;
	}
}

/* Decode as the portions come; all bytes are kept in `said`. */
static void
decode_portions(struct stream *s, struct page *page, struct input in,
    struct said *said, struct decoded *out)
{
	while (in.left > 0) {
		const bool ring = take_number(&in, 1) % 2 != 0;
		const struct portion portion = take_portion(&in);
		const size_t start = said->len;

		if (portion.len * portion.times > ALL_MAX - said->len)
			return;
		for (size_t i = 0; i < portion.times; i++) {
			memcpy(said->bytes + said->len, portion.bytes,
			    portion.len);
			said->len += portion.len;
		}
		if (ring)
			by_ring(s, page, said->bytes + start, said->len - start,
			    out);
		else
			by_pipe(s, said->bytes + start, said->len - start, out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct page page;
	static unsigned char bytes[ALL_MAX];
	struct input in = { data, size };
	const uint64_t max_payload = take_number(&in, 3);
	struct decoded portions = { 0 }, whole = { 0 };
	struct said said = { .bytes = bytes };
	struct stream s;

	must(pp_stream_init(&s, max_payload) == 0);
	decode_portions(&s, &page, in, &said, &portions);
	pp_stream_clear(&s);
	by_pipe(&s, said.bytes, said.len, &whole);
	pp_stream_done(&s);
	must(portions.frames == whole.frames && portions.hash == whole.hash);
	must(portions.rc == whole.rc);
	return 0;
}
