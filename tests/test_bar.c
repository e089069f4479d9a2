/*
 * The line that `procpool map --progress` shows.  What a terminal makes of it
 * is in terminal.sh.
 */
#include "testing.h"

#include <string.h>

#include "../tools/bar.h"

#define WIDEST 300

/* The line of that width, valid until the next. */
static const char *
line_of(size_t width, struct bar bar)
{
	static char text[WIDEST + 1];
	size_t len;

	memset(text, '#', sizeof(text));
	len = pp_bar_format(text, width, &bar);
	ck_assert_uint_le(len, width);
	ck_assert_uint_eq(strlen(text), len);
	return text;
}

static const struct bar half = {
	.done = 50,
	.percent = 50,
	.per_second = 12.6,
	.seconds = 7,
};

START_TEST(a_bar_says_how_far_it_is_how_fast_and_what_is_left)
{
	ck_assert_str_eq(line_of(52, half),
	    " 50% [=========>          ] 50 done, 13/s, 0:07 left");
}
END_TEST

START_TEST(a_line_is_as_wide_as_there_is_room_if_there_is_a_bar)
{
	for (size_t width = 60; width <= WIDEST; width++)
		ck_assert_uint_eq(strlen(line_of(width, half)), width);
}
END_TEST

START_TEST(a_line_is_never_wider_than_there_is_room)
{
	struct bar large = {
		.done = UINT64_MAX,
		.failed = UINT64_MAX,
		.percent = 99,
		.per_second = 1e18,
		.seconds = INT64_MAX,
	};

	for (size_t width = 0; width <= WIDEST; width++) {
		(void)line_of(width, half);
		(void)line_of(width, large);
		large.percent = large.percent == 99 ? -1 : 99;
	}
}
END_TEST

START_TEST(what_has_no_room_goes_from_the_bar_first_and_then_from_the_right)
{
	ck_assert_str_eq(line_of(36, half), " 50% 50 done, 13/s, 0:07 left");
	ck_assert_str_eq(line_of(18, half), " 50% 50 done, 13/s");
	ck_assert_str_eq(line_of(5, half), "50 do");
	ck_assert_str_eq(line_of(0, half), "");
}
END_TEST

START_TEST(a_bar_grows_from_nothing_to_all)
{
	struct bar bar = { .done = 1 };
	size_t last = 0;

	for (bar.percent = 0; bar.percent <= 100; bar.percent++) {
		const char *line = line_of(100, bar);
		size_t full = 0;

		for (; *line != '\0'; line++)
			full += *line == '=' || *line == '>';
		ck_assert_uint_ge(full, last);
		ck_assert_int_eq(full > 0, bar.percent > 1);
		last = full;
	}
	ck_assert_ptr_null(strstr(line_of(100, bar), "= "));
}
END_TEST

START_TEST(without_a_percentage_there_is_no_bar_but_the_time_that_passed)
{
	const struct bar counted = {
		.done = 5,
		.failed = 2,
		.percent = -1,
		.per_second = 0.25,
		.seconds = 3723,
	};

	ck_assert_str_eq(
	    line_of(80, counted), "5 done, 2 failed, 0.2/s, 1:02:03");
}
END_TEST

START_TEST(at_the_end_the_time_is_what_it_took)
{
	struct bar bar = half;

	bar.percent = 100;
	ck_assert_str_eq(line_of(47, bar),
	    "100% [====================] 50 done, 13/s, 0:07");
}
END_TEST

START_TEST(a_time_that_is_not_known_is_no_number)
{
	struct bar bar = half;

	bar.seconds = -1;
	ck_assert_ptr_nonnull(strstr(line_of(80, bar), "/s, -:-- left"));
}
END_TEST

RUN_TESTS("bar", a_bar_says_how_far_it_is_how_fast_and_what_is_left,
    a_line_is_as_wide_as_there_is_room_if_there_is_a_bar,
    a_line_is_never_wider_than_there_is_room,
    what_has_no_room_goes_from_the_bar_first_and_then_from_the_right,
    a_bar_grows_from_nothing_to_all,
    without_a_percentage_there_is_no_bar_but_the_time_that_passed,
    at_the_end_the_time_is_what_it_took, a_time_that_is_not_known_is_no_number)
