#include "engine/stock.h"

#include <stdlib.h>

#include "rules/frame.h"

#define ALIGNMENT 4096 /* bytes: a page, of most machines */

int
pp_stock_init(struct stock *stock)
{
	stock->count = stock->bytes = 0;
	return uv_mutex_init(&stock->lock);
}

void
pp_stock_empty(struct stock *stock)
{
	uv_mutex_lock(&stock->lock);
	while (stock->count > 0)
		free(stock->blocks[--stock->count].memory);
	stock->bytes = 0;
	uv_mutex_unlock(&stock->lock);
}

void
pp_stock_done(struct stock *stock)
{
	pp_stock_empty(stock);
	uv_mutex_destroy(&stock->lock);
}

bool
pp_block_suits(const struct block *block, size_t len)
{
	return block->size >= len && block->size / 2 <= len;
}

/* Take one out, by its place in the list. */
static struct block
remove_locked(struct stock *stock, size_t i)
{
	const struct block block = stock->blocks[i];

	for (stock->count--; i < stock->count; i++)
		stock->blocks[i] = stock->blocks[i + 1];
	stock->bytes -= block.size;
	return block;
}

/* Find the one used last that suits. */
static struct block
find(struct stock *stock, size_t len)
{
	struct block block = { 0 };
	size_t i;

	uv_mutex_lock(&stock->lock);
	for (i = stock->count; i > 0 && block.memory == NULL; i--)
		if (pp_block_suits(&stock->blocks[i - 1], len))
			block = remove_locked(stock, i - 1);
	uv_mutex_unlock(&stock->lock);
	return block;
}

struct block
pp_stock_take(struct stock *stock, size_t len)
{
	struct block block = { 0 };

	if (len >= PP_LARGE)
		block = find(stock, len);
	if (block.memory != NULL)
		return block;
	if (len < PP_LARGE)
		block.memory = malloc(len);
	else if (posix_memalign(&block.memory, ALIGNMENT, len) != 0)
		block.memory = NULL;
	block.size = len;
	return block;
}

/* Keep it, in place of those that lay there longest. */
static void
keep(struct stock *stock, struct block block)
{
	struct block gone[PP_STOCK_BLOCKS];
	size_t n = 0;

	uv_mutex_lock(&stock->lock);
	while (stock->count == PP_STOCK_BLOCKS ||
	    stock->bytes > PP_STOCK_BYTES - block.size)
		gone[n++] = remove_locked(stock, 0);
	stock->blocks[stock->count++] = block;
	stock->bytes += block.size;
	uv_mutex_unlock(&stock->lock);
	while (n > 0)
		free(gone[--n].memory);
}

void
pp_stock_give(struct stock *stock, struct block block)
{
	if (block.memory != NULL && block.size >= PP_LARGE &&
	    block.size <= PP_STOCK_BYTES)
		keep(stock, block);
	else
		free(block.memory);
}
