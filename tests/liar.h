/*
 * A worker that lies: a job that takes its worker's place on the wire, and says
 * there what it likes.
 *
 * It finds its worker through its job, and so has the ends of both pipes, the
 * page and the areas.  What it says that is true it says by the drawings in
 * rules/frame.h and rules/page.h.  It may return into its worker, which then
 * goes on by the rules from where the lie has left it.
 */
#ifndef LIAR_H
#define LIAR_H

#include "testing.h"

#include "rules/frame.h"
#include "rules/page.h"

struct liar {
	struct worker *worker;
	struct page *page;
	char *area; /* of results; NULL: there is none */
	size_t max_payload;
	struct op op; /* the task that it was told to lie in, */
	uint64_t sequence; /* claimed and not answered */
	unsigned seed;
};

typedef void (*lie_fn)(struct liar *liar);

/* Every lie that there is, for who wants to mix them. */
extern const lie_fn all_lies[];
extern const size_t n_lies;

/* Take the place of the worker that runs this job; op is its argument.  What
 * the worker has finished is written to the pipe first. */
struct liar liar_take_over(struct procpool_job *job, const struct op *op);

/* Write to the result pipe, whole.  When nobody reads any more, end. */
void liar_say(struct liar *liar, const void *bytes, size_t len);

/* Say a header, with the payload that follows it. */
void liar_say_frame(
    struct liar *liar, struct result_frame frame, const void *payload);

/* Say that a task has ended, with the op as its result. */
void liar_answer(struct liar *liar, uint64_t sequence);

/* Read the next task's frame and its payload: the sequence. */
uint64_t liar_next(struct liar *liar);

/* Wait to be killed. */
void liar_wait(void) __attribute__((noreturn));

/* A random number below n. */
uint64_t liar_random(struct liar *liar, uint64_t n);

/* The lies.  Some wait to be killed, some end the worker, some return.  What
 * comes of the task, and of the worker, is said behind each. */

/* Results. */
void lie_twice(struct liar *liar); /* succeeds; killed */
void lie_unclaimed(struct liar *liar); /* succeeds; killed */
void lie_out_of_turn(struct liar *liar); /* killed */
void lie_never_given(struct liar *liar); /* killed */
void lie_ready_again(struct liar *liar); /* killed */
void lie_refused_late(struct liar *liar); /* killed */
void lie_garbage(struct liar *liar); /* killed, sooner or later */

/* Half of one. */
void lie_half_and_exit(struct liar *liar); /* exits */
void lie_half_and_hang_up(struct liar *liar); /* killed */
void lie_header_and_silence(struct liar *liar); /* nothing, for ever */
void lie_slowly(struct liar *liar); /* succeeds */

/* Large results: places that overlap, or have no memory (any more). */
void lie_overlap(struct liar *liar); /* succeeds */
void lie_anywhere(struct liar *liar); /* killed, or a wrong result */
void lie_and_punch(struct liar *liar); /* a wrong result */

/* The page. */
void lie_claim_back(struct liar *liar); /* exits; the task runs again */
void lie_claim_back_and_answer(struct liar *liar); /* killed; likewise */
void lie_claim_all(struct liar *liar); /* exits, with all it was given */
void lie_claims(struct liar *liar); /* returns */
void lie_words(struct liar *liar); /* returns */
void lie_committed(struct liar *liar); /* returns */
void lie_ring(struct liar *liar); /* returns */

/* Others. */
void lie_chatter(struct liar *liar); /* 1000 log lines; returns */
void lie_deaf(struct liar *liar); /* succeeds; reads nothing any more */
void lie_hang_up(struct liar *liar); /* killed */

#endif
