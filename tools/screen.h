/*
 * Standard error, and at times a bar in its last line.
 *
 * With a bar this is a terminal, and all that is written to it has to come
 * through here, so that the bar makes room: also what jobs print.  Their
 * standard output and error are a pipe then, which is read here.  There is one
 * standard error, so this is the one part of the command with state of its
 * own.
 */
#ifndef PP_SCREEN_H
#define PP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* The widest bar. */
#define SCREEN_BAR_MAX ((size_t)200)

/* Whether standard error is a terminal that can show a bar. */
bool pp_screen_can_show(void);

/* Have a place for a bar, before there are workers.  Returns 0 or -errno. */
int pp_screen_open(void);

/* Show what jobs have printed, and restore standard error.  Harmless when it
 * was not opened. */
void pp_screen_close(void);

/* Write to standard error: above the bar, if there is one. */
void pp_screen_write(const char *text, size_t len);

/* What follows is harmless when it was not opened. */

/* How many characters a bar may have now. */
size_t pp_screen_width(void);

/* Show a bar instead of the last, unless in the background; or none; or the
 * last one, which stays, below all that jobs have printed. */
void pp_screen_show_bar(const char *text, size_t len);
bool pp_screen_hide_bar(void); /* whether there was one */
void pp_screen_bring_back_bar(void); /* the one that was hidden */
void pp_screen_leave_bar(const char *text, size_t len);

/* What becomes readable when jobs have printed something, or -1, and to show
 * that: whole lines, and what is left at the end. */
int pp_screen_fd(void);
void pp_screen_forward(void);

#endif
