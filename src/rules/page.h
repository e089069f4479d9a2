/*
 * The page: what the host and one life of a worker share beside the pipes.
 *
 *   claim words   One per slot; a task frame with sequence n has slot
 *                 n % PP_SLOTS.  The host writes {n, OFFERED} and then sends
 *                 the frame.  Whoever changes that word by compare-and-swap
 *                 has the task: the worker makes it CLAIMED right before it
 *                 runs the function, the host makes it REVOKED to give the
 *                 task to another worker, and the frame is then skipped.
 *   ring          The results as a stream of bytes.  The worker appends to it
 *                 and raises `committed`, and at its leisure writes the same
 *                 bytes to the result pipe.  A finished result is in the ring
 *                 before the next task is claimed, so it outlives the worker:
 *                 the host drains the pipe and goes on in the ring.
 *   areas         Behind the page, where there was room for them: one for the
 *                 payloads of large results and one for that of a large task.
 *                 Their frames travel as all others do, but alone.  The host
 *                 fills the area of tasks only while the worker has no task;
 *                 the worker uses that of results from its start again only
 *                 when the host has `taken` all that it gave.
 *
 * model/claim.pml is the first two with a crash at every step.  The page is as
 * untrusted as the pipe: a worker that lies here hurts only its own tasks.
 */
#ifndef PP_RULES_PAGE_H
#define PP_RULES_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/area.h"

#define PP_SLOTS 1024
#define PP_RING  (128 * 1024) /* bytes */

enum claim {
	CLAIM_NONE,
	CLAIM_OFFERED,
	CLAIM_CLAIMED,
	CLAIM_REVOKED
};

struct page {
	/* Written by the worker only.  Stream positions, in bytes. */
	_Alignas(64) _Atomic uint64_t committed; /* all before it is there */
	_Atomic uint64_t writing; /* all before it minus PP_RING may be gone */
	_Atomic uint64_t passed; /* frames run or skipped */
	_Atomic uint64_t since; /* when the last task that it
				came to was begun, ns */

	/* Written by the host only. */
	_Alignas(64) _Atomic uint64_t taken; /* large results, by number */

	/* Written by the host first, then by whoever claims or revokes. */
	_Alignas(64) _Atomic uint64_t claims[PP_SLOTS];

	_Alignas(64) unsigned char ring[PP_RING];
};

/* What the page takes of the memory with the areas behind it: whole pages of
 * the machine's, up to 64 KiB each. */
#define PP_PAGE_SPAN ((size_t)192 * 1024)
#define PP_PAGE_ALL  (PP_PAGE_SPAN + 2 * PP_AREA)

_Static_assert(sizeof(struct page) <= PP_PAGE_SPAN, "the page has its place");

static inline char *
pp_result_area(struct page *page)
{
	return (char *)page + PP_PAGE_SPAN;
}

static inline char *
pp_task_area(struct page *page)
{
	return pp_result_area(page) + PP_AREA;
}

static inline uint64_t
pp_claim_word(uint64_t sequence, enum claim state)
{
	return sequence << 2 | (uint64_t)state;
}

static inline _Atomic uint64_t *
pp_claim_slot(struct page *page, uint64_t sequence)
{
	return &page->claims[sequence % PP_SLOTS];
}

static inline void
pp_claim_offer(struct page *page, uint64_t sequence)
{
	atomic_store_explicit(pp_claim_slot(page, sequence),
	    pp_claim_word(sequence, CLAIM_OFFERED), memory_order_release);
}

/* Take an offered task: by the worker (CLAIMED) or the host (REVOKED). */
static inline bool
pp_claim_take(struct page *page, uint64_t sequence, enum claim state)
{
	uint64_t offered = pp_claim_word(sequence, CLAIM_OFFERED);

	return atomic_compare_exchange_strong(pp_claim_slot(page, sequence),
	    &offered, pp_claim_word(sequence, state));
}

static inline bool
pp_claimed(struct page *page, uint64_t sequence)
{
	return atomic_load_explicit(
		   pp_claim_slot(page, sequence), memory_order_acquire) ==
	    pp_claim_word(sequence, CLAIM_CLAIMED);
}

#endif
