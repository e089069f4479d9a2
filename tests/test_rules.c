/*
 * The parts that decide and do no I/O: the life table, restarts, the queue, the
 * outbox, the stream of results.  Rows W22 and W24 (when to give up), P03
 * (memory grows with the bytes that come) and H17 (any cut of the stream) at
 * their root.
 */
#include "testing.h"

#include "channel/outbox.h"
#include "channel/stream.h"
#include "engine/queue.h"
#include "rules/bundle.h"
#include "rules/life.h"
#include "rules/restart.h"

/* ------------------------------------------------------------- The life */

START_TEST(whatever_happens_to_a_worker_a_death_is_followed_by_a_burial)
{
	for (int s = LIFE_STARTING; s < LIFE_STATES; s++) {
		enum life life = (enum life)s;

		ck_assert_int_eq(pp_life_step(&life, LIFE_DIED), LIFE_BURY);
		ck_assert_int_eq(life, LIFE_VACANT);
	}
}
END_TEST

START_TEST(a_worker_is_killed_once_and_asked_once)
{
	enum life life = LIFE_SERVING;

	ck_assert_int_eq(pp_life_step(&life, LIFE_RETIRE), LIFE_STOP);
	ck_assert_int_eq(pp_life_step(&life, LIFE_RETIRE), LIFE_NOTHING);
	ck_assert_int_eq(pp_life_step(&life, LIFE_BROKE), LIFE_KILL);
	ck_assert_int_eq(pp_life_step(&life, LIFE_BROKE), LIFE_NOTHING);
	ck_assert_int_eq(pp_life_step(&life, LIFE_RETIRE), LIFE_NOTHING);
	ck_assert_int_eq(life, LIFE_DYING);
}
END_TEST

START_TEST(a_hole_in_the_table_changes_nothing)
{
	enum life life = LIFE_SERVING;

	ck_assert_int_eq(pp_life_step(&life, LIFE_READY), LIFE_BUG);
	ck_assert_int_eq(pp_life_step(&life, LIFE_BORN), LIFE_BUG);
	ck_assert_int_eq(life, LIFE_SERVING);
	life = LIFE_VACANT;
	ck_assert_int_eq(pp_life_step(&life, LIFE_DIED), LIFE_BUG);
	ck_assert_int_eq(life, LIFE_VACANT);
}
END_TEST

/* W24 */
START_TEST(deaths_in_a_row_are_counted_and_those_far_apart_are_not)
{
	struct restart restart = { 0 };

	for (uint64_t i = 0; i < 10; i++)
		ck_assert(pp_restart_allowed(&restart, 1000 + i, 10, true));
	ck_assert(!pp_restart_allowed(&restart, 1010, 10, true));
	ck_assert(
	    pp_restart_allowed(&restart, 1011 + PP_RESTART_WINDOW, 10, true));
	ck_assert_uint_eq(restart.deaths, 1);
}
END_TEST

/* W22 */
START_TEST(what_cannot_even_start_is_given_up_however_slowly_it_fails)
{
	struct restart restart = { 0 };

	for (uint64_t i = 1; i <= 10; i++)
		ck_assert(pp_restart_allowed(
		    &restart, 2 * i * PP_RESTART_WINDOW, 10, false));
	ck_assert(
	    !pp_restart_allowed(&restart, 22 * PP_RESTART_WINDOW, 10, false));
}
END_TEST

/* W24 */
START_TEST(the_wait_between_deaths_grows_to_a_second)
{
	struct restart restart = { 0 };
	int before = 0;

	for (int i = 0; i < 30; i++) {
		(void)pp_restart_allowed(&restart, 1, 100, true);
		ck_assert_int_ge(pp_restart_delay(&restart), before);
		before = pp_restart_delay(&restart);
		if (i == 0)
			ck_assert_int_eq(before, 0);
	}
	ck_assert_int_eq(before, 1000);
}
END_TEST

/* ------------------------------------------------------------ The queue */

START_TEST(the_queue_keeps_its_order_when_tasks_come_back_and_it_grows)
{
	struct queue queue;
	static struct task tasks[300];
	struct task_list back = { 0 };
	struct choice choice;

	ok(pp_queue_init(&queue, 1));
	ck_assert_int_eq(pp_queue_reserve(&queue, 300), 0);
	for (size_t i = 2; i < 200; i++) {
		tasks[i].len = i;
		pp_queue_push(&queue, &tasks[i]);
	}
	/* The ring has wrapped, and then grows. */
	for (size_t i = 2; i < 150; i++) {
		ck_assert(pp_queue_choose(&queue, 0, true, &choice));
		ck_assert_ptr_eq(pp_queue_take(&queue, &choice), &tasks[i]);
	}
	for (size_t i = 200; i < 300; i++) {
		tasks[i].len = i;
		pp_queue_push(&queue, &tasks[i]);
	}
	for (size_t i = 100; i < 150; i++)
		pp_list_push(&back, &tasks[i]);
	pp_queue_put_back(&queue, &back);
	ck_assert_int_eq(pp_queue_reserve(&queue, 5000), 0);
	ck_assert_uint_eq(queue.count, 200);
	for (size_t i = 100; i < 300; i++) {
		ck_assert(pp_queue_choose(&queue, 0, true, &choice));
		ck_assert_uint_eq(choice.len, i);
		ck_assert_ptr_eq(pp_queue_take(&queue, &choice), &tasks[i]);
	}
	ck_assert_uint_eq(queue.count, 0);
	pp_queue_done(&queue);
}
END_TEST

/* ----------------------------------------------------------- The outbox */

/* Take what is to be written in steps of `step` bytes. */
static size_t
drain(struct outbox *out, char *to, size_t step)
{
	size_t total = 0;

	while (pp_outbox_pending(out)) {
		struct iovec pieces[PP_OUTBOX_PIECES];
		const int n = pp_outbox_pieces(out, pieces);
		const size_t len =
		    pieces[0].iov_len < step ? pieces[0].iov_len : step;

		ck_assert_int_gt(n, 0);
		memcpy(to + total, pieces[0].iov_base, len);
		total += len;
		pp_outbox_written(out, len);
	}
	return total;
}

/* H17 */
START_TEST(frames_leave_the_outbox_whole_however_few_bytes_go_at_a_time)
{
	static char large[PP_LARGE + 20], got[2 * PP_LARGE];
	const struct task_frame small = { .length = 5, .type = TASK_RUN };
	const struct task_frame big = { .length = sizeof(large) - 3,
		.type = TASK_RUN };
	struct outbox out = { 0 };

	memset(large, 'x', sizeof(large));
	ck_assert_int_eq(pp_outbox_init(&out), 0);
	for (size_t step = 1; step < 200; step += 33) {
		pp_outbox_add(&out, &small, "hello");
		pp_outbox_add(&out, &big, large);
		ck_assert(!pp_outbox_fits(&out, 16));
		ck_assert_uint_eq(drain(&out, got, step),
		    sizeof(small) + 16 + sizeof(big) + pp_padded(big.length));
		ck_assert_mem_eq(got + sizeof(small), "hello", 5);
		ck_assert_mem_eq(got + sizeof(small) + 16, &big, sizeof(big));
		ck_assert_mem_eq(got + sizeof(small) + 16 + sizeof(big), large,
		    (size_t)big.length);
		ck_assert(pp_outbox_fits(&out, 16));
	}
	pp_outbox_done(&out);
}
END_TEST

/* ----------------------------------------------------------- The stream */

/* Put bytes in, at most `step` at a time, and count the frames that come out
 * with the payload expected. */
static int
feed(struct stream *s, const char *bytes, size_t len, size_t step,
    const char *payload)
{
	int frames = 0;

	while (len > 0) {
		struct arrival arrival;
		size_t room, n;
		char *place = pp_stream_space(s, &room);

		ck_assert_uint_gt(room, 0);
		n = len < step ? len : step;
		n = n < room ? n : room;
		memcpy(place, bytes, n);
		pp_stream_put(s, n);
		bytes += n;
		len -= n;
		while (pp_stream_take(s, &arrival) == 1) {
			ck_assert_mem_eq(arrival.data, payload,
			    (size_t)arrival.frame.length);
			free(arrival.heap);
			frames++;
		}
	}
	return frames;
}

/* H17: small and large payloads, cut anywhere. */
START_TEST(the_stream_gives_the_same_frames_however_it_is_cut)
{
	static char payload[100000], bytes[2 * 100100];
	const size_t lengths[] = { 0, 1, 16, 1000, 32767, 32768, 99999 };
	const size_t steps[] = { 1, 7, 48, 4096, 65536, 300000 };

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (char)(i * 7);
	for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		const struct result_frame frame = { .type = RESULT_DATA,
			.length = lengths[l] };
		const size_t size =
		    sizeof(frame) + (size_t)pp_padded(frame.length);

		for (int i = 0; i < 2; i++) {
			char *at = bytes + (size_t)i * size;

			memset(at, 0, size);
			memcpy(at, &frame, sizeof(frame));
			memcpy(at + sizeof(frame), payload, lengths[l]);
		}
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			struct stream s;

			ck_assert_int_eq(pp_stream_init(&s, 1 << 20), 0);
			ck_assert_int_eq(
			    feed(&s, bytes, 2 * size, steps[i], payload), 2);
			ck_assert_uint_eq(s.taken, 2 * size);
			pp_stream_done(&s);
		}
	}
}
END_TEST

/* P03: a length is a claim. */
START_TEST(a_claimed_length_costs_no_memory_before_its_bytes_come)
{
	const struct result_frame frame = { .type = RESULT_DATA,
		.length = UINT64_C(1) << 39 };
	struct arrival arrival;
	struct stream s;
	size_t room;

	ck_assert_int_eq(pp_stream_init(&s, PP_PAYLOAD_MAX), 0);
	memcpy(pp_stream_space(&s, &room), &frame, sizeof(frame));
	pp_stream_put(&s, sizeof(frame));
	ck_assert_int_eq(pp_stream_take(&s, &arrival), 0);
	ck_assert(s.large);
	ck_assert_uint_le(s.size, 1 << 20);
	ck_assert(pp_stream_is_amid(&s, 0));
	pp_stream_done(&s);
}
END_TEST

/* W16: half a frame that never was in the ring is forgotten. */
START_TEST(a_rewound_stream_goes_on_behind_the_last_whole_frame)
{
	const struct result_frame frame = { .type = RESULT_DATA };
	struct page *page = aligned_alloc(64, sizeof(*page));
	struct arrival arrival;
	struct stream s;
	size_t room;

	memset(page, 0, sizeof(*page));
	memcpy(page->ring, &frame, sizeof(frame));
	memcpy(page->ring + sizeof(frame), &frame, sizeof(frame));
	atomic_store(&page->writing, 2 * sizeof(frame));
	atomic_store(&page->committed, 2 * sizeof(frame));
	ck_assert_int_eq(pp_stream_init(&s, 4096), 0);
	memcpy(pp_stream_space(&s, &room), &frame, sizeof(frame));
	pp_stream_put(&s, sizeof(frame));
	ck_assert_int_eq(pp_stream_take(&s, &arrival), 1);
	memset(pp_stream_space(&s, &room), 0xff, 20);
	pp_stream_put(&s, 20);
	pp_stream_rewind(&s, page);
	ck_assert_uint_eq(pp_stream_from_ring(&s, page), sizeof(frame));
	ck_assert_int_eq(pp_stream_take(&s, &arrival), 1);
	ck_assert_int_eq(pp_stream_take(&s, &arrival), 0);
	pp_stream_done(&s);
	free(page);
}
END_TEST

/* A ring that the worker has come round in is not believed. */
START_TEST(bytes_that_may_have_been_overwritten_are_not_taken)
{
	struct page *page = aligned_alloc(64, sizeof(*page));
	struct stream s;

	memset(page, 0, sizeof(*page));
	atomic_store(&page->committed, 1000);
	atomic_store(&page->writing, PP_RING + 1);
	ck_assert_int_eq(pp_stream_init(&s, 4096), 0);
	ck_assert_uint_eq(pp_stream_from_ring(&s, page), 0);
	atomic_store(&page->writing, PP_RING);
	ck_assert_uint_eq(pp_stream_from_ring(&s, page), 1000);
	pp_stream_done(&s);
	free(page);
}
END_TEST

/* Each part is where it can be read in place, and as it was. */
START_TEST(a_bundle_gives_back_what_was_put_in)
{
	enum {
		MANY = 70
	};
	static _Alignas(16) char bundle[16384], bytes[100];
	size_t padded = 0, len;

	pattern_fill(bytes, sizeof(bytes));
	for (size_t n = 0; n < MANY; n++) {
		padded += pp_padded(n);
		ck_assert_uint_le(pp_bundle_size(n, padded + pp_padded(n + 1)),
		    sizeof(bundle));
		memset(bundle, 0xff, sizeof(bundle));
		pp_bundle_begin(bundle, n, bytes, n + 1);
		for (size_t i = 0; i < n; i++)
			pp_bundle_add(bundle, i, bytes, i);
		ck_assert_mem_eq(pp_bundle_arg(bundle, &len), bytes, n + 1);
		ck_assert_uint_eq(len, n + 1);
		for (size_t i = 0; i < n; i++) {
			const void *input = pp_bundle_input(bundle, i, &len);

			ck_assert_uint_eq(len, i);
			ck_assert_uint_eq((uintptr_t)input % 16, 0);
			ck_assert_mem_eq(input, bytes, i);
			for (size_t j = i; j % 16 != 0; j++)
				ck_assert_int_eq(((const char *)input)[j], 0);
		}
		ck_assert_ptr_null(pp_bundle_input(bundle, n, &len));
	}
}
END_TEST

RUN_TESTS("rules", whatever_happens_to_a_worker_a_death_is_followed_by_a_burial,
    a_worker_is_killed_once_and_asked_once, a_hole_in_the_table_changes_nothing,
    deaths_in_a_row_are_counted_and_those_far_apart_are_not,
    what_cannot_even_start_is_given_up_however_slowly_it_fails,
    the_wait_between_deaths_grows_to_a_second,
    the_queue_keeps_its_order_when_tasks_come_back_and_it_grows,
    frames_leave_the_outbox_whole_however_few_bytes_go_at_a_time,
    the_stream_gives_the_same_frames_however_it_is_cut,
    a_claimed_length_costs_no_memory_before_its_bytes_come,
    a_rewound_stream_goes_on_behind_the_last_whole_frame,
    bytes_that_may_have_been_overwritten_are_not_taken,
    a_bundle_gives_back_what_was_put_in)
