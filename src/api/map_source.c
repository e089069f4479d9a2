#include "api/map_source.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"

/* --------------------------------------------------------------- One source */

static bool
has_array(const struct procpool_source *source)
{
	return source->items != NULL || source->n_items > 0;
}

/* How many kinds it is of; none is an empty array. */
static int
count_kinds(const struct procpool_source *source)
{
	return (source->next != NULL) + has_array(source) +
	    (source->lines != NULL) + (source->map != NULL);
}

static int
check(const struct procpool_source *source)
{
	if (count_kinds(source) > 1)
		return PROCPOOL_ESOURCE;
	if (source->items == NULL && source->n_items > 0 &&
	    source->item_size > 0)
		return PROCPOOL_ENULL;
	return 0;
}

static int
read_array(struct input *input, struct procpool_bytes *item)
{
	const struct procpool_source *source = &input->source;
	const size_t size = source->item_size;

	if (input->position == source->n_items)
		return 0;
	*item = (struct procpool_bytes){ NULL, size };
	if (size > 0)
		item->data =
		    (const char *)source->items + input->position * size;
	input->position++;
	return 1;
}

static int
read_line(struct input *input, struct procpool_bytes *item)
{
	FILE *file = input->source.lines;
	const int cancel = pp_cancel_defer();
	ssize_t len;

	errno = 0;
	len = getline(&input->line, &input->line_size, file);
	pp_cancel_restore(cancel);
	if (len < 0)
		return feof(file) ? 0 : errno != 0 ? -errno : -EIO;
	if (len > 0 && input->line[len - 1] == '\n')
		len--;
	*item = (struct procpool_bytes){ input->line, (size_t)len };
	return 1;
}

/* What is wrong with an item of an inner map is wrong with the one made of
 * it. */
static int
read_map(struct input *input, struct procpool_bytes *item)
{
	const struct procpool_result *result;
	const int rc = procpool_map_next(input->source.map, &result);

	if (result == NULL)
		return rc;
	if (result->outcome < 0)
		input->failed = result;
	else
		*item = (struct procpool_bytes){ result->data, result->len };
	return 1;
}

static int
read_function(struct input *input, struct procpool_bytes *item)
{
	const int rc = input->source.next(input->source.user, item);

	return rc > 0 ? 1 : rc;
}

/* Have an item of the source: 1, 0 at its end, or an error. */
static int
read_input(struct input *input, struct procpool_bytes *item)
{
	int rc;

	if (input->ended)
		return 0;
	input->failed = NULL;
	if (input->source.next != NULL)
		rc = read_function(input, item);
	else if (input->source.lines != NULL)
		rc = read_line(input, item);
	else if (input->source.map != NULL)
		rc = read_map(input, item);
	else
		rc = read_array(input, item);
	input->ended = rc == 0;
	return rc;
}

/* -------------------------------------------------------------- All of them */

static int
take(struct sources *sources, const struct procpool_map_options *options)
{
	const struct procpool_source *from =
	    sources->packed ? options->sources : &options->source;
	size_t i;
	int rc = 0;

	for (i = 0; i < sources->n && rc == 0; i++) {
		rc = check(&from[i]);
		sources->inputs[i].source = from[i];
		if (sources->filled)
			sources->inputs[i].fill = options->fill[i];
	}
	return rc;
}

int
pp_sources_init(
    struct sources *sources, const struct procpool_map_options *options)
{
	int rc;

	*sources = (struct sources){ .packed = options->n_sources > 0,
		.n = options->n_sources > 0 ? options->n_sources : 1 };
	sources->filled = sources->packed && options->fill != NULL;
	if (sources->packed && options->sources == NULL)
		return PROCPOOL_ENULL;
	if (sources->packed && count_kinds(&options->source) > 0)
		return PROCPOOL_ESOURCE;
	sources->inputs = calloc(sources->n, sizeof(*sources->inputs));
	sources->items = calloc(sources->n, sizeof(*sources->items));
	rc = sources->inputs != NULL && sources->items != NULL
	    ? take(sources, options)
	    : -ENOMEM;
	if (rc < 0)
		pp_sources_done(sources);
	return rc;
}

void
pp_sources_done(struct sources *sources)
{
	size_t i;

	for (i = 0; sources->inputs != NULL && i < sources->n; i++)
		free(sources->inputs[i].line);
	free(sources->inputs);
	free(sources->items);
	free(sources->pack);
	*sources = (struct sources){ 0 };
}

void
pp_sources_stop(struct sources *sources)
{
	size_t i;

	for (i = 0; i < sources->n; i++) {
		const struct procpool_source *source =
		    &sources->inputs[i].source;

		if (source->map != NULL)
			(void)procpool_map_stop(source->map);
		else if (source->stop != NULL)
			source->stop(source->user);
	}
}

/* Have an item of each: 1, 0 when one that is needed has ended, or an error. */
static int
read_all(struct sources *sources)
{
	size_t i, n_read = 0;

	for (i = 0; i < sources->n; i++) {
		struct input *input = &sources->inputs[i];
		int rc = input->read;

		if (rc == 0)
			rc = read_input(input, &input->item);
		if (rc < 0 || (rc == 0 && !sources->filled))
			return rc;
		input->read = rc == 1;
		n_read += (size_t)rc;
	}
	return n_read > 0;
}

static int
make_room(struct sources *sources, size_t size)
{
	void *pack;

	if (size <= sources->pack_size)
		return 0;
	pack = size < SIZE_MAX ? malloc(size) : NULL;
	if (pack == NULL)
		return -ENOMEM;
	free(sources->pack);
	sources->pack = pack;
	sources->pack_size = size;
	return 0;
}

static int
pack(struct sources *sources, struct procpool_bytes *bytes)
{
	size_t i, size;
	int rc;

	for (i = 0; i < sources->n; i++) {
		const struct input *input = &sources->inputs[i];

		sources->items[i] =
		    (struct pack_item){ .bytes = input->read ? input->item
							     : input->fill,
			    .fill = !input->read };
	}
	size = pp_pack_size(sources->items, sources->n);
	rc = make_room(sources, size);
	if (rc < 0)
		return rc;
	pp_pack(sources->pack, sources->items, sources->n);
	*bytes = (struct procpool_bytes){ sources->pack, size };
	return 1;
}

/* Pass on what was read. */
static int
pass(struct sources *sources, struct drawn *drawn)
{
	int rc = 1;
	size_t i;

	*drawn = (struct drawn){ .failed = NULL };
	for (i = 0; i < sources->n && drawn->failed == NULL; i++)
		if (sources->inputs[i].read)
			drawn->failed = sources->inputs[i].failed;
	if (drawn->failed == NULL)
		rc = pack(sources, &drawn->bytes);
	for (i = 0; i < sources->n; i++)
		sources->inputs[i].read = false;
	return rc;
}

int
pp_sources_draw(struct sources *sources, struct drawn *drawn)
{
	int rc;

	if (!sources->packed) {
		rc = read_input(&sources->inputs[0], &drawn->bytes);
		drawn->failed = sources->inputs[0].failed;
		return rc;
	}
	rc = read_all(sources);
	return rc == 1 ? pass(sources, drawn) : rc;
}
