/*
 * How tasks enter a pool's books: the counterpart of settle.h.
 */
#ifndef PP_ENGINE_BOOK_H
#define PP_ENGINE_BOOK_H

#include "engine/pool.h"

/* A blank task, one that was used before if there is any; NULL when there is
 * no memory. */
struct task *pp_book_blank_locked(struct procpool *pool);

/* Enter a task that has been filled in: it will end in exactly one outcome. */
void pp_book_locked(struct procpool *pool, struct task *task);

#endif
