/*
 * What a task with inputs is sent as: its argument and theirs in one payload.
 *
 *    0  number of inputs       8  argument's length, bytes
 *   16  place of input 0      24  its length ...
 *       argument, padded
 *       input 0, padded ...
 *
 * Places are counted from the start, and are multiples of 16, as the start is:
 * so everything is aligned for any type.
 */
#ifndef PP_RULES_BUNDLE_H
#define PP_RULES_BUNDLE_H

#include <stddef.h>

/* The bytes of a bundle, given those of all it has, each padded. */
size_t pp_bundle_size(size_t inputs, size_t padded);

/* Write a bundle of so many inputs, none of which is there yet, and then one
 * after the other. */
void pp_bundle_begin(void *bundle, size_t inputs, const void *arg, size_t len);
void pp_bundle_add(void *bundle, size_t index, const void *data, size_t len);

/* The argument, and its length. */
const void *pp_bundle_arg(const void *bundle, size_t *len);

/* One of the inputs, and its length; NULL when there is none of that index. */
const void *pp_bundle_input(const void *bundle, size_t index, size_t *len);

#endif
