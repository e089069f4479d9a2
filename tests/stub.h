/*
 * A worker that lies: a job that takes its worker's place on the wire, and says
 * there what it likes.
 *
 * It finds its worker through its job, and so has the ends of both pipes, the
 * page and the areas.  What it says that is true it says by the drawings in
 * rules/frame.h and rules/page.h.  It may return into its worker, which then
 * goes on by the rules from where the lie has left it.
 */
#ifndef STUB_H
#define STUB_H

#include "testing.h"

#include "rules/frame.h"
#include "rules/page.h"

struct stub {
	struct worker *worker;
	struct page *page;
	char *area; /* of results; NULL: there is none */
	size_t max_payload;
	struct op op; /* the task that it was told to lie in, */
	uint64_t sequence; /* claimed and not answered */
	unsigned seed;
};

typedef void (*lie_fn)(struct stub *stub);

/* Every lie that there is, for who wants to mix them. */
extern const lie_fn stub_lies[];
extern const size_t stub_lies_count;

/* Take the place of the worker that runs this job; op is its argument.  What
 * the worker has finished is written to the pipe first. */
struct stub stub_take_over(struct procpool_job *job, const struct op *op);

/* Write to the result pipe, whole.  When nobody reads any more, end. */
void stub_say(struct stub *stub, const void *bytes, size_t len);

/* Say a header, with the payload that follows it. */
void stub_say_frame(
    struct stub *stub, struct result_frame frame, const void *payload);

/* Say that a task has ended, with the op as its result. */
void stub_answer(struct stub *stub, uint64_t sequence);

/* Read the next task's frame and its payload: the sequence. */
uint64_t stub_next(struct stub *stub);

/* Wait to be killed. */
void stub_wait(void) __attribute__((noreturn));

/* A random number below n. */
uint64_t stub_random(struct stub *stub, uint64_t n);

/* The lies.  Some wait to be killed, some end the worker, some return.  What
 * comes of the task, and of the worker, is said behind each. */

/* Results. */
void lie_twice(struct stub *stub); /* succeeds; killed */
void lie_unclaimed(struct stub *stub); /* succeeds; killed */
void lie_out_of_turn(struct stub *stub); /* killed */
void lie_never_given(struct stub *stub); /* killed */
void lie_ready_again(struct stub *stub); /* killed */
void lie_refused_late(struct stub *stub); /* killed */
void lie_garbage(struct stub *stub); /* killed, sooner or later */

/* Half of one. */
void lie_half_and_exit(struct stub *stub); /* exits */
void lie_half_and_hang_up(struct stub *stub); /* killed */
void lie_header_and_silence(struct stub *stub); /* nothing, for ever */
void lie_slowly(struct stub *stub); /* succeeds */

/* Large results: places that overlap, or have no memory (any more). */
void lie_overlap(struct stub *stub); /* succeeds */
void lie_anywhere(struct stub *stub); /* killed, or a wrong result */
void lie_and_punch(struct stub *stub); /* a wrong result */

/* The page. */
void lie_claim_back(struct stub *stub); /* exits; the task runs again */
void lie_claim_back_and_answer(struct stub *stub); /* killed; likewise */
void lie_claim_all(struct stub *stub); /* exits, with all it was given */
void lie_claims(struct stub *stub); /* returns */
void lie_words(struct stub *stub); /* returns */
void lie_committed(struct stub *stub); /* returns */
void lie_ring(struct stub *stub); /* returns */

/* Others. */
void lie_chatter(struct stub *stub); /* 1000 log lines; returns */
void lie_deaf(struct stub *stub); /* succeeds; reads nothing any more */
void lie_hang_up(struct stub *stub); /* killed */

#endif
