/*
 * A stock of memory for large payloads.  What one task has done with serves the
 * next: to touch fresh pages takes longer than to copy a payload there.
 */
#ifndef PP_ENGINE_STOCK_H
#define PP_ENGINE_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define PP_STOCK_BLOCKS 8
#define PP_STOCK_BYTES  ((size_t)64 << 20) /* most that is kept unused */

struct block {
	void *memory; /* from malloc() or the like; NULL: none */
	size_t size;
};

struct stock {
	uv_mutex_t lock;

	/* Under lock. */
	struct block blocks[PP_STOCK_BLOCKS];
	size_t count, bytes;
};

int pp_stock_init(struct stock *stock);
void pp_stock_done(struct stock *stock);

/* Free all that is kept. */
void pp_stock_empty(struct stock *stock);

/*
 * Memory for a payload: aligned for any type, and a large one to pages, since
 * copying between like alignments is quick.  It is the taker's, to free or to
 * give back.  Without memory the block is empty.
 */
struct block pp_stock_take(struct stock *stock, size_t len);

/* Whether a block is of the size for a payload: not too small, nor so large
 * that much of it would lie idle. */
bool pp_block_suits(const struct block *block, size_t len);

/* Give a block back, whether it comes from here or not; an empty one too. */
void pp_stock_give(struct stock *stock, struct block block);

#endif
