/*
 * The line that --progress shows, as text.
 *
 *     45% [=========>           ] 5678 done, 3 failed, 1234/s, 0:12 left
 */
#ifndef PP_BAR_H
#define PP_BAR_H

#include <stddef.h>
#include <stdint.h>

struct bar {
	uint64_t done; /* records, also those that failed */
	uint64_t failed;
	double per_second;
	int percent; /* 0 to 100; -1: there is no telling */
	int64_t seconds; /* left, or if percent is -1 or 100, that it took;
	                    -1: not known */
};

/*
 * Put it into words.
 *
 * text    filled with at most width characters, and a NUL
 * width   what the line has room for, below the size of text; what does not
 *         fit is left out: first of the bar itself, then from the right
 *
 * Returns the number of characters.
 */
size_t pp_bar_format(char *text, size_t width, const struct bar *bar);

#endif
