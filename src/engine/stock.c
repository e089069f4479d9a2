#include "engine/stock.h"

#include <stdlib.h>

#include "rules/frame.h"

#define PAGE 4096 /* bytes; larger ones are aligned well enough by this */

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

/* Take a block out of the stock: the one used last that suits. */
static struct block
find(struct stock *stock, size_t len)
{
	struct block block = { 0 };
	size_t i;

	uv_mutex_lock(&stock->lock);
	for (i = stock->count; i > 0 && block.memory == NULL; i--)
		if (pp_block_suits(&stock->blocks[i - 1], len))
			block = stock->blocks[i - 1];
	if (block.memory != NULL) {
		for (stock->count--; i < stock->count; i++)
			stock->blocks[i] = stock->blocks[i + 1];
		stock->bytes -= block.size;
	}
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
	else if (posix_memalign(&block.memory, PAGE, len) != 0)
		block.memory = NULL;
	block.size = len;
	return block;
}

void
pp_stock_give(struct stock *stock, struct block block)
{
	if (block.memory != NULL && block.size >= PP_LARGE) {
		uv_mutex_lock(&stock->lock);
		if (stock->count < PP_STOCK_BLOCKS &&
		    block.size <= PP_STOCK_BYTES - stock->bytes) {
			stock->blocks[stock->count++] = block;
			stock->bytes += block.size;
			block.memory = NULL;
		}
		uv_mutex_unlock(&stock->lock);
	}
	free(block.memory);
}
