/*
 * Maps.  Rows A4 and M1 to M19, and what the header says of them.
 */
#include "testing.h"

#include <math.h>
#include <time.h>

#include "base/cpus.h"
#include "rules/pack.h"
#include "rules/map_window.h"

/* -------------------------------------------------------------- Helpers */

static struct procpool_map *
open_map(struct procpool_map_options options)
{
	struct procpool_map *map = NULL;

	if (options.pool == NULL && options.workers.n_jobs == 0)
		options.workers.n_jobs = 2;
	options.workers.oversubscribe = true;
	ok(procpool_map_open(&map, &options));
	ck_assert_ptr_nonnull(map);
	return map;
}

static void
close_map(struct procpool_map *map)
{
	ok(procpool_map_close(map));
}

static const struct procpool_result *
next_of(struct procpool_map *map)
{
	const struct procpool_result *result = NULL;
	const int rc = procpool_map_next(map, &result);

	ck_assert_msg(rc == 1, "procpool_map_next returned %d: %s", rc,
	    procpool_strerror(rc));
	ck_assert_ptr_nonnull(result);
	return result;
}

/* What the map says instead of a result. */
static int
last_of(struct procpool_map *map)
{
	const struct procpool_result *result = NULL;

	return procpool_map_next(map, &result);
}

/* Counts from 0 to end - 1.  Who takes results says so in `handed`. */
struct counter {
	int64_t next, end;
	int error; /* what it ends with */
	int64_t handed, most_open;
	int64_t item;
};

static int
count(void *user, struct procpool_bytes *item)
{
	struct counter *counter = user;

	if (counter->next == counter->end)
		return counter->error;
	counter->item = counter->next++;
	*item =
	    (struct procpool_bytes){ &counter->item, sizeof(counter->item) };
	if (counter->next - counter->handed > counter->most_open)
		counter->most_open = counter->next - counter->handed;
	return 1;
}

static struct procpool_source
source_of(struct counter *counter)
{
	return (struct procpool_source){ .next = count, .user = counter };
}

static int64_t
number(const struct procpool_result *result)
{
	int64_t value;

	ck_assert_uint_eq(result->len, sizeof(value));
	memcpy(&value, result->data, sizeof(value));
	return value;
}

static int
code_of_letter(struct procpool_job *job, const void *arg, size_t len)
{
	const int64_t code = *(const unsigned char *)arg;

	(void)len;
	return procpool_return(job, &code, sizeof(code));
}

enum {
	N_LETTERS = 10000
};

static const char *
letters(void)
{
	static char text[N_LETTERS];
	int i;

	for (i = 0; i < N_LETTERS; i++)
		text[i] = (char)('a' + i * 7 % 26);
	return text;
}

static struct procpool_source
source_of_letters(void)
{
	return (struct procpool_source){
		.items = letters(), .n_items = N_LETTERS, .item_size = 1
	};
}

/* ------------------------------------------------------ Pure decisions */

/* M7: for F 0.3, 1 and 1.5 alike, never unbounded by rounding. */
START_TEST(the_bound_is_the_workers_and_twice_their_buffer)
{
	ck_assert_uint_eq(pp_window_bound(1, 1), 3);
	ck_assert_uint_eq(pp_window_bound(2, 1), 6);
	ck_assert_uint_eq(pp_window_bound(8, 1), 24);
	ck_assert_uint_eq(pp_window_bound(2, 0), 4);
	ck_assert_uint_eq(pp_window_bound(2, 0.3), 4);
	ck_assert_uint_eq(pp_window_bound(10, 0.3), 16);
	ck_assert_uint_eq(pp_window_bound(2, 1.5), 8);
	ck_assert_uint_eq(pp_window_bound(3, 1.5), 11);
	ck_assert_uint_eq(pp_window_bound(2, 1000), 4002);
}
END_TEST

START_TEST(an_ordered_window_gives_items_by_index_another_as_they_come)
{
	static char item[8];
	const bool ordered[] = { true, false };
	size_t i, k;

	for (k = 0; k < 2; k++) {
		struct window window;

		ok(pp_window_init(&window, 5, ordered[k]));
		for (i = 0; i < 40; i += 4) {
			window.drawn += 4;
			ck_assert(!pp_window_is_due(&window));
			ck_assert_ptr_null(pp_window_take(&window));
			pp_window_put(&window, i + 1, &item[1]);
			ck_assert_int_eq(pp_window_is_due(&window), k == 1);
			pp_window_put(&window, i + 3, &item[3]);
			pp_window_put(&window, i, &item[0]);
			pp_window_put(&window, i + 2, &item[2]);
			ck_assert_uint_eq(pp_window_open(&window), 4);
			ck_assert_ptr_eq(
			    pp_window_take(&window), &item[k == 0 ? 0 : 1]);
			ck_assert_ptr_eq(
			    pp_window_take(&window), &item[k == 0 ? 1 : 3]);
			ck_assert_ptr_eq(
			    pp_window_take(&window), &item[k == 0 ? 2 : 0]);
			ck_assert_ptr_eq(
			    pp_window_take(&window), &item[k == 0 ? 3 : 2]);
		}
		pp_window_done(&window);
	}
}
END_TEST

START_TEST(packed_items_are_found_aligned_and_nothing_else_is)
{
	static const struct pack_item items[] = {
		{ .bytes = { "seventeen bytes..", 17 } },
		{ .bytes = { NULL, 0 }, .fill = true },
		{ .bytes = { "x", 1 } },
	};
	_Alignas(16) char pack[256];
	const size_t size = pp_pack_size(items, 3);
	struct procpool_bytes item;
	size_t i;

	ck_assert_uint_le(size, sizeof(pack));
	pp_pack(pack, items, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(
		    procpool_map_item(pack, size, i, &item), items[i].fill);
		ck_assert_ptr_nonnull(item.data);
		ck_assert_uint_eq((uintptr_t)item.data % 16, 0);
		ck_assert_uint_eq(item.len, items[i].bytes.len);
		if (item.len > 0)
			ck_assert_mem_eq(
			    item.data, items[i].bytes.data, item.len);
	}
	expect(procpool_map_item(pack, size, 3, &item), PROCPOOL_EINDEX);
	expect(procpool_map_item(NULL, 0, 0, &item), PROCPOOL_ENULL);
	expect(procpool_map_item(pack, size, 0, NULL), PROCPOOL_ENULL);
	/* Cut anywhere, the last item is not found. */
	for (i = 0; i + 16 <= size; i++)
		expect(procpool_map_item(pack, i, 2, &item), -EBADMSG);
	pack[0] ^= 1;
	expect(procpool_map_item(pack, size, 0, &item), -EBADMSG);
}
END_TEST

/* -------------------------------------------------------------- Results */

/* M1 */
START_TEST(an_ordered_map_equals_a_loop)
{
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = code_of_letter, .source = source_of_letters() });
	int i;

	for (i = 0; i < N_LETTERS; i++) {
		ck_assert_int_eq(number(next_of(map)), letters()[i]);
		ck_assert_uint_eq(procpool_map_index(map), (uint64_t)i);
	}
	expect(last_of(map), 0);
	expect(last_of(map), 0);
	await_processes(0, 1000);
	close_map(map);
}
END_TEST

/* M2: as a multiset, counts too. */
START_TEST(an_unordered_map_gives_the_same_as_a_multiset)
{
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = code_of_letter,
		.source = source_of_letters(),
		.buffer_factor = 100,
		.unordered = true });
	int counts[256] = { 0 }, i;
	char *seen = calloc(N_LETTERS, 1);

	for (i = 0; i < N_LETTERS; i++) {
		const int64_t code = number(next_of(map));
		const uint64_t index = procpool_map_index(map);

		ck_assert_uint_lt(index, N_LETTERS);
		ck_assert_int_eq(seen[index]++, 0);
		ck_assert_int_eq(code, letters()[index]);
		counts[code]++;
	}
	expect(last_of(map), 0);
	for (i = 0; i < N_LETTERS; i++)
		counts[(int)letters()[i]]--;
	for (i = 0; i < 256; i++)
		ck_assert_int_eq(counts[i], 0);
	free(seen);
	close_map(map);
}
END_TEST

/* Item 0 waits for flag 0. */
static int
wait_in_the_first(struct procpool_job *job, const void *arg, size_t len)
{
	if (*(const int64_t *)arg == 0)
		flag_await(&shared->flag[0], 1, PATIENCE_MS);
	return procpool_return(job, arg, len);
}

/* M2: a fast item is delivered before a slow earlier one. */
START_TEST(an_unordered_map_gives_a_fast_item_before_a_slow_earlier_one)
{
	struct counter counter = { .end = 5 };
	struct procpool_map *map = open_map(
	    (struct procpool_map_options){ .function = wait_in_the_first,
		.source = source_of(&counter),
		.unordered = true });
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_ne(number(next_of(map)), 0);
	flag_set(&shared->flag[0], 1);
	ck_assert_int_eq(number(next_of(map)), 0);
	ck_assert_uint_eq(procpool_map_index(map), 0);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* M3 */
START_TEST(no_item_and_no_source_give_no_result_one_item_gives_one)
{
	static const int64_t three = 3;
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = t_square });

	expect(last_of(map), 0);
	close_map(map);
	map = open_map((struct procpool_map_options){
	    .function = t_square, .source = { .items = &three } });
	expect(last_of(map), 0);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	close_map(map);
	map = open_map((struct procpool_map_options){ .function = t_square,
	    .source = { .items = &three, .n_items = 1, .item_size = 8 } });
	ck_assert_int_eq(number(next_of(map)), 9);
	expect(last_of(map), 0);
	await_processes(0, 1000);
	close_map(map);
}
END_TEST

/* ------------------------------------------------------ Several sources */

/* The sum of the bytes; an empty item counts as 100. */
static int
add_items(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool_bytes item;
	int64_t sum = 0;
	size_t i;
	int rc;

	for (i = 0; (rc = procpool_map_item(arg, len, i, &item)) >= 0; i++)
		sum += item.len == 0 ? 100 : *(const char *)item.data;
	if (rc != PROCPOOL_EINDEX || i != 3)
		return procpool_fail(job, rc, "after item %zu", i);
	return procpool_return(job, &sum, sizeof(sum));
}

static const char twos[10] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };
static const struct procpool_source three_sources[] = {
	{ .items = twos, .n_items = 10, .item_size = 1 },
	{ .items = twos, .n_items = 4, .item_size = 1 },
	{ .items = twos, .n_items = 10, .item_size = 1 },
};

/* M4 */
START_TEST(of_several_sources_the_shortest_ends_the_map)
{
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = add_items, .sources = three_sources, .n_sources = 3 });
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(number(next_of(map)), 6);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

static void
expect_filled(const struct procpool_bytes *fill, int64_t sum)
{
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = add_items,
		.sources = three_sources,
		.n_sources = 3,
		.fill = fill });
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(number(next_of(map)), i < 4 ? 6 : sum);
	expect(last_of(map), 0);
	close_map(map);
}

/* M5 */
START_TEST(shorter_sources_are_filled_up_also_with_nothing)
{
	static const char ten = 10;
	static const struct procpool_bytes tens[3] = { { &ten, 1 }, { &ten, 1 },
		{ &ten, 1 } };
	static const struct procpool_bytes nothing[3];

	expect_filled(tens, 14);
	expect_filled(nothing, 104);
}
END_TEST

/* -------------------------------------------------------- When it draws */

/* M6 */
START_TEST(nothing_is_started_or_drawn_before_the_first_next)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of(&counter) });

	ck_assert_int_eq(our_processes(NULL, 0), 0);
	ck_assert_int_eq(counter.next, 0);
	(void)next_of(map);
	ck_assert_int_gt(our_processes(NULL, 0), 0);
	ck_assert_int_gt(counter.next, 0);
	close_map(map);
}
END_TEST

/* Run a map of 200 numbers: how many items were open at most. */
static int64_t
most_open(int workers, double factor, bool unordered)
{
	struct counter counter = { .end = 200 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = t_echo,
		.source = source_of(&counter),
		.workers = { .n_jobs = workers },
		.buffer_factor = factor,
		.unordered = unordered });
	int64_t sum = 0;

	while (counter.handed < 200) {
		sum += number(next_of(map));
		counter.handed++;
	}
	ck_assert_int_eq(sum, 199 * 200 / 2);
	expect(last_of(map), 0);
	close_map(map);
	return counter.most_open;
}

/* M7 */
START_TEST(no_more_is_drawn_ahead_than_the_bound_says)
{
	static const struct {
		int workers;
		double factor;
		int64_t bound;
	} cases[] = { { 2, 0.3, 4 }, { 4, 0.3, 6 }, { 2, 0, 6 }, { 1, 0, 3 },
		{ 2, 1.5, 8 }, { 3, 1.5, 11 } };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_le(
		    most_open(cases[i].workers, cases[i].factor, false),
		    cases[i].bound);
		ck_assert_int_le(
		    most_open(cases[i].workers, cases[i].factor, true),
		    cases[i].bound);
	}
}
END_TEST

/* Item 0 returns when all others of the window have run. */
static int
outlast_the_window(struct procpool_job *job, const void *arg, size_t len)
{
	if (*(const int64_t *)arg != 0)
		(void)flag_add(&shared->flag[0], 1);
	else if (!flag_await(&shared->flag[0], 11, PATIENCE_MS))
		return procpool_fail(job, 1, "the window was not filled");
	return procpool_return(job, arg, len);
}

/* M8: with the first of 5000 items held until the window is full, which is 4
 * workers and twice 4, exactly that many are drawn. */
START_TEST(an_ordered_map_with_a_slow_first_item_stays_in_its_window)
{
	struct counter counter = { .end = 5000 };
	struct procpool_map *map = open_map(
	    (struct procpool_map_options){ .function = outlast_the_window,
		.source = source_of(&counter),
		.workers = { .n_jobs = 4 } });

	while (counter.handed < 5000) {
		ck_assert_int_eq(number(next_of(map)), counter.handed);
		if (counter.handed++ == 0)
			ck_assert_int_eq(counter.next, 12);
	}
	ck_assert_int_eq(counter.most_open, 12);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* Item 0 takes 0.6 s, the last until it is let, the others 10 ms. */
static int
take_time(struct procpool_job *job, const void *arg, size_t len)
{
	const int64_t i = *(const int64_t *)arg;

	if (i == 7)
		flag_await(&shared->flag[0], 1, PATIENCE_MS);
	else
		usleep(i == 0 ? 600000 : 10000);
	return procpool_return(job, arg, len);
}

/* M9 */
START_TEST(results_that_are_ready_come_out_behind_a_slow_head)
{
	struct counter counter = { .end = 8 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = take_time, .source = source_of(&counter) });
	int64_t start;
	int i;

	ck_assert_int_eq(number(next_of(map)), 0);
	start = now_ms();
	for (i = 1; i < 7; i++)
		ck_assert_int_eq(number(next_of(map)), i);
	took_less(start, 100);
	flag_set(&shared->flag[0], 1);
	ck_assert_int_eq(number(next_of(map)), 7);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* Gives one item, then has nothing, in turn. */
static int
stutter(void *user, struct procpool_bytes *item)
{
	struct counter *counter = user;

	if (counter->handed++ % 2 == 1)
		return -EAGAIN;
	return count(&counter[1], item);
}

/* M9: a result does not wait for an item that is not there. */
START_TEST(a_source_that_has_nothing_just_now_holds_nothing_up)
{
	struct counter counters[2] = { { 0 }, { .end = 5 } };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = t_echo,
		.source = { .next = stutter, .user = counters } });
	int64_t i = 0;

	while (i < 5) {
		const struct procpool_result *result;
		const int rc = procpool_map_next(map, &result);

		ck_assert_msg(rc == 1 || rc == -EAGAIN, "%d", rc);
		if (rc == 1)
			ck_assert_int_eq(number(result), i++);
		else
			ck_assert_int_eq(counters[1].next, i);
	}
	ck_assert_int_le(counters[1].most_open, 6);
	while (last_of(map) == -EAGAIN)
		;
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* Adds two numbers. */
static int
add_two(struct procpool_job *job, const void *arg, size_t len)
{
	struct procpool_bytes a, b;
	int64_t sum;

	if (procpool_map_item(arg, len, 0, &a) != 0 ||
	    procpool_map_item(arg, len, 1, &b) != 0)
		return procpool_fail(job, 1, "an item is missing");
	sum = *(const int64_t *)a.data + *(const int64_t *)b.data;
	return procpool_return(job, &sum, sizeof(sum));
}

/* M4, M9: what the others have given waits for it. */
START_TEST(of_several_sources_one_may_have_nothing_just_now)
{
	struct counter counter = { .end = 7 };
	struct counter stuttering[2] = { { 0 }, { .end = 5 } };
	const struct procpool_source sources[] = { source_of(&counter),
		{ .next = stutter, .user = stuttering } };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = add_two, .sources = sources, .n_sources = 2 });
	const struct procpool_result *result;
	int64_t i = 0;
	int rc;

	while ((rc = procpool_map_next(map, &result)) != 0) {
		ck_assert_msg(rc == 1 || rc == -EAGAIN, "%d", rc);
		if (rc == 1)
			ck_assert_int_eq(number(result), 2 * i++);
	}
	ck_assert_int_eq(i, 5);
	close_map(map);
}
END_TEST

/* Gives numbers below `handed`, then has nothing and lets item 0 go on. */
static int
give_some(void *user, struct procpool_bytes *item)
{
	struct counter *counter = user;

	if (counter->next < counter->handed)
		return count(counter, item);
	flag_set(&shared->flag[0], 1);
	return -EAGAIN;
}

/* M9: nor for more than one draw. */
START_TEST(a_result_that_is_ready_waits_for_one_draw_at_most)
{
	struct procpool *pool = open_pool(2, wait_in_the_first);
	struct counter counter = { .end = 100, .handed = 2 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .pool = pool, .source = { .next = give_some, .user = &counter } });

	ck_assert_int_eq(number(next_of(map)), 0);
	drain_pool(pool);
	counter.handed = 100;
	ck_assert_int_eq(number(next_of(map)), 1);
	ck_assert_int_eq(counter.next, 3);
	close_map(map);
	close_pool(pool);
}
END_TEST

/* Of arguments of 1000 bytes, and results as long, no more than 5 are held. */
START_TEST(a_bound_in_bytes_holds)
{
	static char items[100][1000];
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = t_echo,
		.source = { .items = items, .n_items = 100, .item_size = 1000 },
		.buffer_factor = 1000,
		.max_bytes = 4001 });
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_map *narrow;
	struct procpool_stats stats;
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(next_of(map)->len, 1000);
	expect(last_of(map), 0);
	close_map(map);

	narrow = open_map((struct procpool_map_options){ .pool = pool,
	    .source = { .items = items, .n_items = 100, .item_size = 1000 },
	    .buffer_factor = 1000,
	    .max_bytes = 4001 });
	for (i = 0; i < 100; i++) {
		(void)next_of(narrow);
		stats = stats_of(pool);
		ck_assert_uint_le(stats.submitted, (uint64_t)i + 5);
	}
	expect(last_of(narrow), 0);
	close_map(narrow);
	close_pool(pool);
}
END_TEST

static int
tell_the_time(struct procpool_job *job, const void *arg, size_t len)
{
	struct timespec now;

	(void)len;
	usleep(*(const int64_t *)arg == 0 ? 1000000 : 1000);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return procpool_return(job, &now, sizeof(now));
}

static int64_t
ns_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* M10 */
START_TEST(a_map_that_waits_uses_no_time_and_wakes_at_once)
{
	struct counter counter = { .end = 1 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = tell_the_time,
		.source = source_of(&counter),
		.heartbeat_ms = 1 });
	struct timespec told;
	int64_t used;

	/* The first gets the pool started. */
	counter.end = 1;
	counter.next = 0;
	used = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	memcpy(&told, next_of(map)->data, sizeof(told));
	ck_assert_int_lt(ns_of(CLOCK_MONOTONIC) -
		((int64_t)told.tv_sec * 1000000000 + told.tv_nsec),
	    bound(10) * 1000000);
	used = ns_of(CLOCK_PROCESS_CPUTIME_ID) - used;
	/* 1 % of the second, and what the start of the pool takes. */
	ck_assert_int_lt(used, bound(30) * 1000000);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* M10 */
START_TEST(options_that_cannot_be_meant_are_refused)
{
	struct procpool_map *map = NULL;
	const struct procpool_source two = {
		.items = "x", .n_items = 1, .item_size = 1, .next = count
	};
	struct procpool_map_options options = { .function = t_echo,
		.heartbeat_ms = -1 };

	expect(procpool_map_open(&map, &options), PROCPOOL_EHEARTBEAT);
	options.heartbeat_ms = 1;
	options.buffer_factor = -0.5;
	expect(procpool_map_open(&map, &options), PROCPOOL_EBUFFER);
	options.buffer_factor = NAN;
	expect(procpool_map_open(&map, &options), PROCPOOL_EBUFFER);
	options.buffer_factor = INFINITY;
	expect(procpool_map_open(&map, &options), PROCPOOL_EBUFFER);
	options.buffer_factor = 0;
	options.source = two;
	expect(procpool_map_open(&map, &options), PROCPOOL_ESOURCE);
	options.source = three_sources[0];
	options.sources = three_sources;
	options.n_sources = 3;
	expect(procpool_map_open(&map, &options), PROCPOOL_ESOURCE);
	options.source = (struct procpool_source){ 0 };
	options.sources = NULL;
	expect(procpool_map_open(&map, &options), PROCPOOL_ENULL);
	options.n_sources = 0;
	options.source.n_items = options.source.item_size = 1;
	expect(procpool_map_open(&map, &options), PROCPOOL_ENULL);
	options.source = (struct procpool_source){ 0 };
	options.workers.n_jobs = -2;
	expect(procpool_map_open(&map, &options), PROCPOOL_ESIZE);
	options.workers.n_jobs = 0;
	options.function = NULL;
	expect(procpool_map_open(&map, &options), PROCPOOL_ENOENTRY);
	expect(procpool_map_open(NULL, &options), PROCPOOL_ENULL);
	expect(procpool_map_open(&map, NULL), PROCPOOL_ENULL);
	ck_assert_ptr_null(map);
}
END_TEST

/* --------------------------------------------------------------- Errors */

/* Numbers that end with 7 fail, with themselves as code. */
static int
fail_at_sevens(struct procpool_job *job, const void *arg, size_t len)
{
	const int64_t i = *(const int64_t *)arg;

	if (i % 10 == 7)
		return procpool_fail(job, (int)i, "item %d", (int)i);
	return procpool_return(job, arg, len);
}

/* M11 */
START_TEST(the_first_failure_comes_in_its_turn_once_and_ends_the_map)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = fail_at_sevens,
		.source = source_of(&counter),
		.buffer_factor = 20 });
	const struct procpool_result *result;
	int i;

	for (i = 0; i < 7; i++)
		ck_assert_int_eq(number(next_of(map)), i);
	expect(procpool_map_next(map, &result), PROCPOOL_EFAILED);
	ck_assert_ptr_nonnull(result);
	ck_assert_int_eq(result->code, 7);
	ck_assert_str_eq(result->message, "item 7");
	ck_assert_uint_eq(procpool_map_index(map), 7);
	await_processes(0, 1000);
	expect(procpool_map_next(map, &result), 0);
	ck_assert_ptr_null(result);
	expect(last_of(map), 0);
	ck_assert_int_eq(procpool_map_stopped(map), 0);
	close_map(map);
}
END_TEST

/* M11: unordered, it is the first that comes. */
START_TEST(unordered_the_first_failure_that_comes_ends_the_map)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = fail_at_sevens,
		.source = source_of(&counter),
		.unordered = true });
	const struct procpool_result *result;
	int rc, n = 0;

	while ((rc = procpool_map_next(map, &result)) == 1)
		n += number(result) % 10 != 7;
	expect(rc, PROCPOOL_EFAILED);
	ck_assert_int_le(n, 99);
	ck_assert_int_eq(result->code % 10, 7);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* M11 */
START_TEST(a_map_that_keeps_going_gives_every_index_in_order)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = fail_at_sevens,
		.source = source_of(&counter),
		.buffer_factor = 20,
		.keep_going = true });
	int i;

	for (i = 0; i < 100; i++) {
		const struct procpool_result *result = next_of(map);

		ck_assert_uint_eq(procpool_map_index(map), (uint64_t)i);
		if (i % 10 != 7) {
			ck_assert_int_eq(number(result), i);
			continue;
		}
		expect(result->outcome, PROCPOOL_EFAILED);
		ck_assert_int_eq(result->code, i);
	}
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* M12 */
START_TEST(the_error_of_a_source_comes_after_the_items_before_it)
{
	const bool keep_going[] = { false, true };
	size_t k;
	int i;

	for (k = 0; k < 2; k++) {
		struct counter counter = { .end = 5, .error = -EIO };
		struct procpool_map *map =
		    open_map((struct procpool_map_options){ .function = t_echo,
			.source = source_of(&counter),
			.keep_going = keep_going[k] });

		for (i = 0; i < 5; i++)
			ck_assert_int_eq(number(next_of(map)), i);
		expect(last_of(map), -EIO);
		expect(last_of(map), 0);
		close_map(map);
	}
}
END_TEST

/* Does to itself what the number says. */
static int
end_badly(struct procpool_job *job, const void *arg, size_t len)
{
	switch (*(const int64_t *)arg) {
	case 1:
		raise(SIGKILL);
		break;
	case 3:
		exit(3);
	case 5:
		_exit(0);
	case 7:
		return procpool_return(job, job, 2000);
	default:
		break;
	}
	return procpool_return(job, arg, len);
}

/* M17: a death, an exit, and a result that cannot be sent. */
START_TEST(what_ends_badly_is_an_error_at_its_index)
{
	static const int outcome[] = { 0, PROCPOOL_ECRASHED, 0,
		PROCPOOL_EEXITED, 0, PROCPOOL_EEXITED, 0, PROCPOOL_ETOOBIG, 0,
		0 };
	const bool unordered[] = { false, true };
	size_t k;
	int i;

	for (k = 0; k < 2; k++) {
		struct counter counter = { .end = 10 };
		struct procpool_map *map = open_map(
		    (struct procpool_map_options){ .function = end_badly,
			.source = source_of(&counter),
			.workers = { .max_payload = 1000 },
			.keep_going = true,
			.unordered = unordered[k] });

		for (i = 0; i < 10; i++) {
			const struct procpool_result *result = next_of(map);
			const uint64_t index = procpool_map_index(map);

			ck_assert_uint_lt(index, 10);
			ck_assert(unordered[k] || index == (uint64_t)i);
			expect(result->outcome, outcome[index]);
		}
		expect(last_of(map), 0);
		close_map(map);
	}
}
END_TEST

/* M17: also when it is the first that ends the map. */
START_TEST(a_death_ends_a_map_after_the_results_before_it)
{
	struct counter counter = { .end = 10 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = end_badly, .source = source_of(&counter) });
	const struct procpool_result *result;

	ck_assert_int_eq(number(next_of(map)), 0);
	expect(procpool_map_next(map, &result), PROCPOOL_ECRASHED);
	ck_assert_int_eq(result->code, SIGKILL);
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* M17: an item that cannot be sent. */
START_TEST(an_item_that_is_too_long_has_failed_at_its_index)
{
	static char text[4096];
	struct procpool_map *map;
	FILE *file;
	int i;

	memset(text, 'x', 2000);
	(void)snprintf(text + 2000, 100, "\nshort\n\nno newline");
	file = fmemopen(text, strlen(text), "r");
	ck_assert_ptr_nonnull(file);
	map = open_map((struct procpool_map_options){ .function = t_echo,
	    .source = { .lines = file },
	    .workers = { .max_payload = 1000 },
	    .keep_going = true });
	expect(next_of(map)->outcome, PROCPOOL_ETOOBIG);
	for (i = 0; i < 3; i++) {
		static const char *const lines[] = { "short", "",
			"no newline" };
		const struct procpool_result *result = next_of(map);

		ck_assert_uint_eq(result->len, strlen(lines[i]));
		ck_assert_mem_eq(result->data, lines[i], result->len);
	}
	expect(last_of(map), 0);
	close_map(map);
	(void)fclose(file);
}
END_TEST

/* ------------------------------------------------------------- Stopping */

struct aside_map {
	struct aside aside;
	struct procpool_map *map;
};

static int
call_next(struct aside *aside)
{
	return last_of(((struct aside_map *)aside)->map);
}

static int
call_stop(struct aside *aside)
{
	return procpool_map_stop(((struct aside_map *)aside)->map);
}

/* Never ends, whatever it is told. */
static int
spin(struct procpool_job *job, const void *arg, size_t len)
{
	signal(SIGTERM, SIG_IGN);
	(void)flag_add(&shared->flag[0], 1);
	return t_spin_blocked(job, arg, len);
}

/* M13: while the workers are busy and deaf, within the grace time of 0.5 s. */
START_TEST(a_stop_from_another_thread_ends_a_next_that_waits)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = spin, .source = source_of(&counter) });
	struct aside_map consumer = { { .call = call_next }, map };
	int64_t start;

	aside_start(&consumer.aside);
	await_flag(&shared->flag[0], 2, 5000);
	start = now_ms();
	ok(procpool_map_stop(map));
	took_less(start, 1500);
	await_processes(0, 1000);
	expect(aside_join(&consumer.aside), PROCPOOL_ESTOPPED);
	expect(last_of(map), PROCPOOL_ESTOPPED);
	ok(procpool_map_stop(map));
	ck_assert_int_eq(procpool_map_stopped(map), 1);
	close_map(map);
}
END_TEST

/* M13 */
START_TEST(a_map_that_is_stopped_before_it_began_never_begins)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of(&counter) });

	ck_assert_int_eq(procpool_map_stopped(map), 0);
	ok(procpool_map_stop(map));
	ok(procpool_map_stop(map));
	expect(last_of(map), PROCPOOL_ESTOPPED);
	expect(last_of(map), PROCPOOL_ESTOPPED);
	ck_assert_int_eq(counter.next, 0);
	ck_assert_int_eq(our_processes(NULL, 0), 0);
	close_map(map);
}
END_TEST

/* M13: two threads stop it while a third reads, and closes it at once. */
START_TEST(a_map_may_be_closed_while_others_still_stop_it)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct counter counter = { .end = INT64_MAX };
		struct procpool_map *map =
		    open_map((struct procpool_map_options){
			.function = t_echo, .source = source_of(&counter) });
		struct aside_map stops[2] = { { { .call = call_stop }, map },
			{ { .call = call_stop }, map } };
		int rc = 1, k;

		(void)next_of(map);
		for (k = 0; k < 2; k++)
			aside_start(&stops[k].aside);
		while (rc == 1)
			rc = last_of(map);
		expect(rc, PROCPOOL_ESTOPPED);
		for (k = 0; k < 2; k++)
			ok(aside_join(&stops[k].aside));
		close_map(map);
	}
}
END_TEST

/* Gives the same two megabytes a hundred times. */
struct large {
	char *bytes;
	size_t len;
	int left;
};

static int
give_large(void *user, struct procpool_bytes *item)
{
	struct large *large = user;

	*item = (struct procpool_bytes){ large->bytes, large->len };
	return large->left-- > 0;
}

/* M14 */
START_TEST(a_stop_with_megabytes_in_flight_takes_no_time)
{
	struct large large = { .len = 2 << 20, .left = 100 };
	struct procpool_map *map;
	int64_t start;

	large.bytes = calloc(1, large.len);
	ck_assert_ptr_nonnull(large.bytes);
	map = open_map((struct procpool_map_options){ .function = t_echo,
	    .source = { .next = give_large, .user = &large },
	    .buffer_factor = 5 });
	ck_assert_uint_eq(next_of(map)->len, large.len);
	start = now_ms();
	ok(procpool_map_stop(map));
	took_less(start, 1500);
	expect(last_of(map), PROCPOOL_ESTOPPED);
	close_map(map);
	free(large.bytes);
}
END_TEST

/* M15: the runner sees that nothing is left. */
START_TEST(a_map_that_is_abandoned_leaves_nothing)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = spin, .source = source_of(&counter) });
	struct procpool_map *idle = open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of_letters() });
	struct aside_map consumer = { { .call = call_next }, map };

	(void)next_of(idle);
	aside_start(&consumer.aside);
	await_flag(&shared->flag[0], 2, 5000);
	ok(procpool_map_stop(map));
	expect(aside_join(&consumer.aside), PROCPOOL_ESTOPPED);
	close_map(map);
	close_map(idle);
	await_processes(0, 1000);
}
END_TEST

/* M19 */
START_TEST(a_map_can_be_stopped_and_cleaned_up_in_any_order)
{
	struct counter counter = { .end = 3 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of(&counter) });

	ok(procpool_map_close(NULL));
	expect(procpool_map_stop(NULL), PROCPOOL_ENULL);
	ck_assert_int_eq(procpool_map_stopped(NULL), 0);
	ck_assert_uint_eq(procpool_map_index(NULL), 0);
	while (last_of(map) == 1)
		;
	ck_assert_int_eq(procpool_map_stopped(map), 0);
	ok(procpool_map_stop(map));
	ck_assert_int_eq(procpool_map_stopped(map), 1);
	expect(last_of(map), 0); /* it had ended before */
	ok(procpool_map_stop(map));
	close_map(map);
	map = open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of_letters() });
	(void)next_of(map);
	ok(procpool_map_stop(map));
	close_map(map);
	close_map(open_map((struct procpool_map_options){
	    .function = t_echo, .source = source_of_letters() }));
}
END_TEST

static void
note_name(enum procpool_level level, const char *message, void *user)
{
	(void)level;
	(void)user;
	if (strstr(message, "letters-w1") != NULL)
		flag_set(&shared->flag[0], 1);
	if (strstr(message, "pool letters started with 2 workers") != NULL)
		flag_set(&shared->flag[1], 1);
}

static int
log_a_line(struct procpool_job *job, const void *arg, size_t len)
{
	(void)flag_add(&shared->flag[2], 1);
	flag_await(&shared->flag[2], 2, PATIENCE_MS); /* both at once */
	procpool_job_log(job, PROCPOOL_INFO, "here");
	return procpool_return(job, arg, len);
}

/* M18 */
START_TEST(the_name_of_a_map_stands_in_the_log)
{
	struct counter counter = { .end = 2 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = log_a_line,
	    .source = source_of(&counter),
	    .workers = { .n_jobs = 2, .name = "letters", .log = note_name } });

	ck_assert_str_ne(next_of(map)->worker_name, "");
	(void)next_of(map);
	expect(last_of(map), 0);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 1);
	ck_assert_int_eq(atomic_load(&shared->flag[1]), 1);
	close_map(map);
}
END_TEST

static void *
read_map(void *map)
{
	(void)last_of(map);
	return NULL;
}

static int
leave_a_map(void *unused)
{
	static struct counter counter = { .end = 100 };
	const struct procpool_map_options options = { .function = spin,
		.source = source_of(&counter),
		.workers = { .n_jobs = 2, .oversubscribe = true } };
	struct procpool_map *map;
	pthread_t thread;

	(void)unused;
	need(procpool_map_open(&map, &options) == 0);
	need(pthread_create(&thread, NULL, read_map, map) == 0);
	need(flag_await(&shared->flag[0], 2, PATIENCE_MS));
	return 7;
}

/* M18: workers of a map do not outlive the program. */
START_TEST(a_program_that_ends_takes_its_map_along)
{
	expect_host(fork_host(leave_a_map, NULL), 7, 10000);
	await_processes(0, 1000);
}
END_TEST

/* -------------------------------------------------------------- Chains */

static int
add_one(struct procpool_job *job, const void *arg, size_t len)
{
	char c = *(const char *)arg;

	(void)len;
	c++;
	return procpool_return(job, &c, 1);
}

/* M16 */
START_TEST(four_maps_in_a_chain_equal_four_loops)
{
	struct procpool_map *maps[4];
	struct procpool_source source = source_of_letters();
	int i;

	for (i = 0; i < 4; i++) {
		maps[i] = open_map((struct procpool_map_options){
		    .function = add_one, .source = source });
		source = (struct procpool_source){ .map = maps[i] };
	}
	for (i = 0; i < N_LETTERS; i++) {
		const struct procpool_result *result = next_of(maps[3]);

		ck_assert_uint_eq(result->len, 1);
		ck_assert_int_eq(*(const char *)result->data, letters()[i] + 4);
	}
	expect(last_of(maps[3]), 0);
	for (i = 3; i >= 0; i--)
		close_map(maps[i]);
}
END_TEST

/* M16: an inner error reaches the outer consumer, in its place. */
START_TEST(what_fails_in_an_inner_map_has_failed_in_the_outer_one)
{
	const bool keep_going[] = { false, true };
	size_t k;
	int i, rc;

	for (k = 0; k < 2; k++) {
		struct counter counter = { .end = 30 };
		struct procpool_map *inner = open_map(
		    (struct procpool_map_options){ .function = fail_at_sevens,
			.source = source_of(&counter),
			.keep_going = keep_going[k] });
		struct procpool_map *outer =
		    open_map((struct procpool_map_options){ .function = t_echo,
			.source = { .map = inner },
			.keep_going = keep_going[k] });
		const struct procpool_result *result;

		for (i = 0; i < (keep_going[k] ? 30 : 8); i++) {
			rc = procpool_map_next(outer, &result);
			ck_assert_ptr_nonnull(result);
			ck_assert_uint_eq(
			    procpool_map_index(outer), (uint64_t)i);
			if (i % 10 != 7) {
				ck_assert_int_eq(number(result), i);
				continue;
			}
			expect(rc, keep_going[k] ? 1 : PROCPOOL_EFAILED);
			expect(result->outcome, PROCPOOL_EFAILED);
			ck_assert_int_eq(result->code, i);
			ck_assert_str_eq(result->message,
			    i == 7        ? "item 7"
				: i == 17 ? "item 17"
					  : "item 27");
		}
		expect(last_of(outer), 0);
		close_map(outer);
		close_map(inner);
	}
}
END_TEST

/* M13, M16: a stop reaches the inner maps, in one of which the reader waits. */
START_TEST(a_stop_reaches_the_maps_that_are_sources)
{
	struct counter counter = { .end = 100 };
	struct procpool_map *inner = open_map((struct procpool_map_options){
	    .function = spin, .source = source_of(&counter) });
	struct procpool_map *outer = open_map((struct procpool_map_options){
	    .function = t_echo, .source = { .map = inner } });
	struct aside_map consumer = { { .call = call_next }, outer };
	int64_t start;

	aside_start(&consumer.aside);
	await_flag(&shared->flag[0], 2, 5000);
	start = now_ms();
	ok(procpool_map_stop(outer));
	took_less(start, 2000);
	expect(aside_join(&consumer.aside), PROCPOOL_ESTOPPED);
	ck_assert_int_eq(procpool_map_stopped(inner), 1);
	close_map(outer);
	close_map(inner);
}
END_TEST

/* --------------------------------------------------------- Whose workers */

/* Returns its pid when as many as it says are there at once. */
static int
meet(struct procpool_job *job, const void *arg, size_t len)
{
	const pid_t pid = getpid();

	(void)len;
	(void)flag_add(&shared->flag[0], 1);
	if (!flag_await(&shared->flag[0], *(const int *)arg, PATIENCE_MS))
		return procpool_fail(job, 1, "the others did not come");
	return procpool_return(job, &pid, sizeof(pid));
}

/* How many workers n jobs that wait for each other meet in. */
static int
count_workers(int n, struct procpool_options workers)
{
	int items[64], i, k, distinct = 0;
	pid_t pids[64];
	const struct procpool_map_options options = { .function = meet,
		.source = { .items = items,
		    .n_items = (size_t)n,
		    .item_size = sizeof(items[0]) },
		.workers = workers };
	struct procpool_map *map;

	for (i = 0; i < n; i++)
		items[i] = n;
	atomic_store(&shared->flag[0], 0);
	ok(procpool_map_open(&map, &options));
	for (i = 0; i < n; i++) {
		memcpy(&pids[i], next_of(map)->data, sizeof(pids[i]));
		for (k = 0; k < i && pids[k] != pids[i]; k++)
			;
		distinct += k == i;
	}
	expect(last_of(map), 0);
	close_map(map);
	return distinct;
}

/* A4 */
START_TEST(a_map_has_a_worker_for_each_cpu_or_as_many_as_it_is_given)
{
	const int all = pp_usable_cpus();

	if (all > 64)
		SKIP("there are more than 64 CPUs");
	ck_assert_int_eq(
	    count_workers(all, (struct procpool_options){ 0 }), all);
	ck_assert_int_eq(
	    count_workers(all, (struct procpool_options){ .n_jobs = -1 }), all);
	ck_assert_int_eq(count_workers(16,
			     (struct procpool_options){
				 .n_jobs = 16, .oversubscribe = true }),
	    16);
}
END_TEST

/* In a pool of the user's: two at once, with more in their windows than the
 * queue takes, and the pool goes on. */
START_TEST(maps_share_a_pool_of_the_users)
{
	struct procpool *pool = open_with((struct procpool_options){
	    .entry_point = t_square, .n_jobs = 2, .queue_tasks = 3 });
	struct counter counters[2] = { { .end = 300 }, { .end = 300 } };
	struct procpool_map *squares = open_map((struct procpool_map_options){
	    .pool = pool, .source = source_of(&counters[0]) });
	struct procpool_map *echoes =
	    open_map((struct procpool_map_options){ .pool = pool,
		.function = t_echo,
		.source = source_of(&counters[1]),
		.buffer_factor = 10 });
	int64_t i;

	for (i = 0; i < 300; i++) {
		ck_assert_int_eq(number(next_of(squares)), i * i);
		ck_assert_int_eq(number(next_of(echoes)), i);
	}
	expect(last_of(squares), 0);
	expect(last_of(echoes), 0);
	close_map(squares);
	close_map(echoes);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* M13, M15: what a map has under way in a pool of the user's ends unheard, and
 * neither its stop nor its close waits for that. */
START_TEST(a_stop_leaves_a_pool_of_the_users_alone)
{
	struct procpool *pool = open_pool(2, wait_in_the_first);
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .pool = pool, .source = source_of(&counter) });
	struct aside_map consumer = { { .call = call_next }, map };
	struct procpool_stats stats;

	aside_start(&consumer.aside);
	ok(procpool_map_stop(map));
	expect(aside_join(&consumer.aside), PROCPOOL_ESTOPPED);
	close_map(map);
	ck_assert_int_eq(procpool_is_running(pool), 1);
	stats = stats_of(pool);
	ck_assert_uint_ge(stats.queued + stats.running, 1);
	flag_set(&shared->flag[0], 1);
	drain_pool(pool);
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* M15: and so it goes on, whatever they had under way. */
START_TEST(maps_come_and_go_in_a_pool_of_the_users)
{
	static char items[20][4096];
	struct procpool *pool = open_pool(2, t_echo);
	int i, k;

	for (i = 0; i < 200; i++) {
		struct procpool_map *map =
		    open_map((struct procpool_map_options){ .pool = pool,
			.source = { .items = items,
			    .n_items = 20,
			    .item_size = (size_t)i * 20 },
			.unordered = i % 2 == 0 });

		for (k = 0; k < i % 7; k++)
			ck_assert_uint_eq(next_of(map)->len, (size_t)i * 20);
		close_map(map);
	}
	pool_works(pool);
	close_pool(pool);
}
END_TEST

/* A pool of the user's that is shut down. */
START_TEST(a_shutdown_of_its_pool_ends_a_map)
{
	struct procpool *pool = open_pool(2, wait_in_the_first);
	struct counter counter = { .end = 100 };
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .pool = pool, .source = source_of(&counter), .keep_going = true });
	const struct procpool_result *result;
	int i;

	struct aside_map consumer = { { .call = call_next }, map };

	aside_start(&consumer.aside);
	ok(procpool_shutdown(pool));
	expect(aside_join(&consumer.aside), 1);
	for (i = 1; procpool_map_next(map, &result) == 1; i++)
		ck_assert_int_lt(i, 100);
	ck_assert_int_le(i, 8);
	expect(last_of(map), 0);
	close_map(map);
	close_pool(pool);
}
END_TEST

struct callback {
	struct procpool_map *map;
	int next, stop;
};

static void
call_the_map(const struct procpool_result *result, void *user)
{
	struct callback *callback = user;

	(void)result;
	callback->next = last_of(callback->map);
	callback->stop = procpool_map_stop(callback->map);
}

START_TEST(what_would_wait_for_its_own_callback_is_refused)
{
	struct procpool *pool = open_pool(2, t_echo);
	struct counter counter = { .end = 100 };
	struct callback callback = {
		.map = open_map((struct procpool_map_options){
		    .pool = pool, .source = source_of(&counter) })
	};

	ok(procpool_submit(pool, NULL, 0, call_the_map, &callback));
	drain_pool(pool);
	expect(callback.next, PROCPOOL_EDEADLOCK);
	ok(callback.stop); /* it waits for nothing */
	expect(last_of(callback.map), PROCPOOL_ESTOPPED);
	close_map(callback.map);
	close_pool(pool);
}
END_TEST

static int
use_a_copy(void *user)
{
	struct procpool_map *map = user;

	need(last_of(map) == PROCPOOL_EFORKED);
	need(procpool_map_stop(map) == PROCPOOL_EFORKED);
	need(procpool_map_stopped(map) == 0);
	need(procpool_map_close(map) == PROCPOOL_EFORKED);
	return 0;
}

START_TEST(a_map_belongs_to_its_process)
{
	struct procpool_map *map = open_map((struct procpool_map_options){
	    .function = code_of_letter, .source = source_of_letters() });

	(void)next_of(map);
	expect_host(fork_host(use_a_copy, map), 0, 10000);
	(void)next_of(map);
	close_map(map);
}
END_TEST

START_TEST(in_debug_mode_a_map_gives_the_same)
{
	struct counter counter = { .end = 50 };
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = fail_at_sevens,
		.source = source_of(&counter),
		.workers = { .debug = true },
		.keep_going = true });
	int i;

	for (i = 0; i < 50; i++) {
		const struct procpool_result *result = next_of(map);

		ck_assert_int_eq(result->pid, getpid());
		if (i % 10 != 7)
			ck_assert_int_eq(number(result), i);
		else
			ck_assert_int_eq(result->code, i);
	}
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

/* A result stays as it was until the next call, whatever its size. */
START_TEST(results_of_any_size_are_there_until_the_next_call)
{
	static const struct op ops[] = { { 0, 0 }, { 1, 1 }, { 2, 48 },
		{ 3, 49 }, { 4, 5000 }, { 5, 32768 }, { 6, 3000000 }, { 7, 0 },
		{ 8, 40 } };
	const int n = sizeof(ops) / sizeof(ops[0]);
	struct procpool_map *map =
	    open_map((struct procpool_map_options){ .function = t_alloc_result,
		.source = { .items = ops,
		    .n_items = (size_t)n,
		    .item_size = sizeof(ops[0]) } });
	int i;

	for (i = 0; i < n; i++) {
		const struct procpool_result *result = next_of(map);

		ck_assert_ptr_nonnull(result->data);
		ck_assert_uint_eq((uintptr_t)result->data % 16, 0);
		ck_assert_uint_eq(result->len, (size_t)ops[i].value);
		ck_assert(pattern_matches(result->data, result->len));
	}
	expect(last_of(map), 0);
	close_map(map);
}
END_TEST

RUN_TESTS("map", the_bound_is_the_workers_and_twice_their_buffer,
    an_ordered_window_gives_items_by_index_another_as_they_come,
    packed_items_are_found_aligned_and_nothing_else_is,
    an_ordered_map_equals_a_loop, an_unordered_map_gives_the_same_as_a_multiset,
    an_unordered_map_gives_a_fast_item_before_a_slow_earlier_one,
    no_item_and_no_source_give_no_result_one_item_gives_one,
    of_several_sources_the_shortest_ends_the_map,
    shorter_sources_are_filled_up_also_with_nothing,
    nothing_is_started_or_drawn_before_the_first_next,
    no_more_is_drawn_ahead_than_the_bound_says,
    an_ordered_map_with_a_slow_first_item_stays_in_its_window,
    results_that_are_ready_come_out_behind_a_slow_head,
    a_source_that_has_nothing_just_now_holds_nothing_up,
    of_several_sources_one_may_have_nothing_just_now,
    a_result_that_is_ready_waits_for_one_draw_at_most, a_bound_in_bytes_holds,
    a_map_that_waits_uses_no_time_and_wakes_at_once,
    options_that_cannot_be_meant_are_refused,
    the_first_failure_comes_in_its_turn_once_and_ends_the_map,
    unordered_the_first_failure_that_comes_ends_the_map,
    a_map_that_keeps_going_gives_every_index_in_order,
    the_error_of_a_source_comes_after_the_items_before_it,
    what_ends_badly_is_an_error_at_its_index,
    a_death_ends_a_map_after_the_results_before_it,
    an_item_that_is_too_long_has_failed_at_its_index,
    a_stop_from_another_thread_ends_a_next_that_waits,
    a_map_that_is_stopped_before_it_began_never_begins,
    a_map_may_be_closed_while_others_still_stop_it,
    a_stop_with_megabytes_in_flight_takes_no_time,
    a_map_that_is_abandoned_leaves_nothing,
    a_map_can_be_stopped_and_cleaned_up_in_any_order,
    the_name_of_a_map_stands_in_the_log,
    a_program_that_ends_takes_its_map_along,
    four_maps_in_a_chain_equal_four_loops,
    what_fails_in_an_inner_map_has_failed_in_the_outer_one,
    a_stop_reaches_the_maps_that_are_sources,
    a_map_has_a_worker_for_each_cpu_or_as_many_as_it_is_given,
    maps_share_a_pool_of_the_users, a_stop_leaves_a_pool_of_the_users_alone,
    maps_come_and_go_in_a_pool_of_the_users, a_shutdown_of_its_pool_ends_a_map,
    what_would_wait_for_its_own_callback_is_refused,
    a_map_belongs_to_its_process, in_debug_mode_a_map_gives_the_same,
    results_of_any_size_are_there_until_the_next_call)
