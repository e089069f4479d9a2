/*
 * A worker that lies: see liar.h.
 */
#include "liar.h"

#include <sys/mman.h>
#include <sys/time.h>

/* What a worker has in its hands is nobody's business but its own.  So this
 * program has a copy of it, which takes the place of the library's. */
#include "process/worker.c"

struct liar
liar_take_over(struct procpool_job *job, const struct op *op)
{
	struct worker *w = job->owner;

	if (pp_outstream_flush(&w->out) < 0)
		_exit(97);
	return (struct liar){ .worker = w,
		.page = w->page,
		.area = w->out.area.memory,
		.max_payload = (size_t)w->request->max_payload,
		.op = *op,
		/* A worker passes its frames one after the other: this is the
		 * next. */
		.sequence = atomic_load(&w->page->passed),
		.seed = (unsigned)op->value + 1 };
}

void
liar_say(struct liar *liar, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		const ssize_t n = write(liar->worker->out.fd, from, len);

		if (n < 0 && errno != EINTR)
			_exit(97);
		from += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void
liar_say_frame(
    struct liar *liar, struct result_frame frame, const void *payload)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)pp_result_follows(&frame);

	liar_say(liar, &frame, sizeof(frame));
	liar_say(liar, payload, len);
	liar_say(liar, zeros, (size_t)pp_padded(len) - len);
}

static struct result_frame
answer_to(uint64_t sequence, size_t len)
{
	return (struct result_frame){
		.type = RESULT_DATA, .sequence = sequence, .length = len
	};
}

void
liar_answer(struct liar *liar, uint64_t sequence)
{
	liar_say_frame(liar, answer_to(sequence, sizeof(liar->op)), &liar->op);
}

/* The same for the liar's own task, as a job of the kit would. */
static void
answer_truly(struct liar *liar)
{
	ledger_start(liar->op.id);
	ledger_finish(liar->op.id);
	liar_answer(liar, liar->sequence);
}

uint64_t
liar_next(struct liar *liar)
{
	struct task_frame frame;
	const void *arg;

	if (pp_inbox_next(&liar->worker->inbox, &frame, &arg) < 0)
		_exit(97);
	if (frame.type == TASK_STOP)
		_exit(0);
	return frame.sequence;
}

void
liar_wait(void)
{
	for (;;)
		pause();
}

uint64_t
liar_random(struct liar *liar, uint64_t n)
{
	uint64_t bits = 0;

	for (int i = 0; i < 3; i++)
		bits = bits << 24 ^ (uint64_t)rand_r(&liar->seed) >> 4;
	return bits % n;
}

static void
fill_randomly(struct liar *liar, void *bytes, size_t len)
{
	unsigned char *byte = bytes;

	for (size_t i = 0; i < len; i++)
		byte[i] = (unsigned char)liar_random(liar, 256);
}

/* Any word, of any magnitude. */
static uint64_t
random_word(struct liar *liar)
{
	const uint64_t word = liar_random(liar, UINT64_MAX);

	return word >> liar_random(liar, 64);
}

/* --------------------------------------------------------------- Results */

void
lie_twice(struct liar *liar)
{
	answer_truly(liar);
	liar_answer(liar, liar->sequence);
	liar_wait();
}

void
lie_unclaimed(struct liar *liar)
{
	answer_truly(liar);
	liar_answer(liar, liar_next(liar));
	liar_wait();
}

void
lie_out_of_turn(struct liar *liar)
{
	const uint64_t next = liar_next(liar);

	(void)pp_claim_take(liar->page, next, CLAIM_CLAIMED);
	liar_answer(liar, next);
	liar_wait();
}

void
lie_never_given(struct liar *liar)
{
	liar_answer(liar, liar->sequence + 1 + random_word(liar));
	liar_wait();
}

void
lie_ready_again(struct liar *liar)
{
	const struct result_frame frame = { .type = RESULT_READY,
		.code = (int)liar_random(liar, 2) };

	liar_say_frame(liar, frame, NULL);
	liar_wait();
}

void
lie_refused_late(struct liar *liar)
{
	const struct result_frame frame = {
		.type = RESULT_REFUSED, .code = 7, .length = sizeof(liar->op)
	};

	liar_say_frame(liar, frame, &liar->op);
	liar_wait();
}

void
lie_garbage(struct liar *liar)
{
	unsigned char bytes[4096];

	fill_randomly(liar, bytes, sizeof(bytes));
	liar_say(liar, bytes, 48 + liar_random(liar, sizeof(bytes) - 48));
	liar_wait();
}

/* ---------------------------------------------------------- Half of one */

/* The bytes of an answer: a header, the op, zeros. */
struct answer {
	struct result_frame frame;
	struct op op;
	char zeros[PP_ALIGN - sizeof(struct op)];
};

_Static_assert(sizeof(struct answer) == 64, "a header and 16 bytes");

static void
say_half(struct liar *liar)
{
	const struct answer answer = { answer_to(liar->sequence, 8), liar->op,
		{ 0 } };

	liar_say(liar, &answer, 1 + liar_random(liar, sizeof(answer) - 1));
}

void
lie_half_and_exit(struct liar *liar)
{
	say_half(liar);
	_exit(4);
}

void
lie_half_and_hang_up(struct liar *liar)
{
	say_half(liar);
	lie_hang_up(liar);
}

void
lie_header_and_silence(struct liar *liar)
{
	const struct result_frame frame =
	    answer_to(liar->sequence, liar->max_payload);

	liar_say(liar, &frame, sizeof(frame));
	liar_wait();
}

void
lie_slowly(struct liar *liar)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
	const struct answer answer = { answer_to(liar->sequence, 8), liar->op,
		{ 0 } };

	ledger_start(liar->op.id);
	ledger_finish(liar->op.id);
	for (size_t i = 0; i < sizeof(answer); i++) {
		usleep(2000);
		liar_say(liar, (const char *)&answer + i, 1);
	}
	/* However long that took, it ends soon. */
	(void)setitimer(ITIMER_REAL, &soon, NULL);
	liar_wait();
}

/* -------------------------------------------------------- Large results */

static void
say_large(struct liar *liar, uint64_t sequence, size_t place, size_t len)
{
	const struct result_frame frame = { .type = RESULT_LARGE,
		.sequence = sequence,
		.length = len,
		.place = place };

	liar_say(liar, &frame, sizeof(frame));
}

/* Two results in one place, where there is a second task. */
void
lie_overlap(struct liar *liar)
{
	char *area = liar->area;
	uint64_t next;

	ledger_start(liar->op.id);
	ledger_finish(liar->op.id);
	if (area == NULL) {
		liar_answer(liar, liar->sequence);
		liar_wait();
	}
	memcpy(area, &liar->op, sizeof(liar->op));
	say_large(liar, liar->sequence, 0, sizeof(liar->op));
	next = liar_next(liar);
	if (pp_claim_take(liar->page, next, CLAIM_CLAIMED))
		say_large(liar, next, 0, 64 * 1024);
	liar_wait();
}

void
lie_anywhere(struct liar *liar)
{
	const size_t place = (size_t)random_word(liar) & ~(size_t)15;

	say_large(liar, liar->sequence, place % (PP_AREA + 4096),
	    (size_t)liar_random(liar, liar->max_payload));
	liar_wait();
}

void
lie_and_punch(struct liar *liar)
{
	if (liar->area != NULL)
		(void)madvise(liar->area, PP_AREA, MADV_REMOVE);
	(void)madvise(liar->page, PP_PAGE_SPAN, MADV_REMOVE);
	say_large(liar, liar->sequence, 0, 300000);
	liar_wait();
}

/* -------------------------------------------------------------- The page */

static void
set_claim(struct liar *liar, uint64_t sequence, enum claim state)
{
	atomic_store(pp_claim_slot(liar->page, sequence),
	    pp_claim_word(sequence, state));
}

void
lie_claim_back(struct liar *liar)
{
	set_claim(liar, liar->sequence, CLAIM_OFFERED);
	_exit(4);
}

void
lie_claim_back_and_answer(struct liar *liar)
{
	set_claim(liar, liar->sequence, CLAIM_OFFERED);
	liar_answer(liar, liar->sequence);
	liar_wait();
}

void
lie_claim_all(struct liar *liar)
{
	for (uint64_t i = 1; i < PP_SLOTS; i++)
		(void)pp_claim_take(
		    liar->page, liar->sequence + i, CLAIM_CLAIMED);
	_exit(4);
}

void
lie_claims(struct liar *liar)
{
	for (int i = 0; i < PP_SLOTS; i++)
		if (liar_random(liar, 2) == 0)
			set_claim(liar,
			    liar->sequence + liar_random(liar, 2000),
			    (enum claim)liar_random(liar, 4));
		else
			atomic_store(&liar->page->claims[i], random_word(liar));
}

void
lie_words(struct liar *liar)
{
	struct page *page = liar->page;

	atomic_store(&page->committed, random_word(liar));
	atomic_store(&page->writing, random_word(liar));
	atomic_store(&page->passed, random_word(liar));
	atomic_store(&page->since, random_word(liar));
	atomic_store(&page->taken, random_word(liar));
}

void
lie_committed(struct liar *liar)
{
	atomic_fetch_add(
	    &liar->page->committed, 1 + liar_random(liar, PP_RING));
}

void
lie_ring(struct liar *liar)
{
	fill_randomly(liar, liar->page->ring, PP_RING);
	lie_committed(liar);
}

/* ---------------------------------------------------------------- Others */

void
lie_chatter(struct liar *liar)
{
	const struct result_frame frame = {
		.type = RESULT_LOG, .code = PROCPOOL_DEBUG, .length = 8
	};

	for (int i = 0; i < 1000; i++)
		liar_say_frame(liar, frame, "chatter\n");
}

void
lie_deaf(struct liar *liar)
{
	answer_truly(liar);
	liar_wait();
}

void
lie_hang_up(struct liar *liar)
{
	close(liar->worker->out.fd);
	liar_wait();
}

const lie_fn all_lies[] = { lie_twice, lie_unclaimed, lie_out_of_turn,
	lie_never_given, lie_ready_again, lie_refused_late, lie_garbage,
	lie_half_and_exit, lie_half_and_hang_up, lie_header_and_silence,
	lie_slowly, lie_overlap, lie_anywhere, lie_and_punch, lie_claim_back,
	lie_claim_back_and_answer, lie_claim_all, lie_claims, lie_words,
	lie_committed, lie_ring, lie_chatter, lie_deaf, lie_hang_up };
const size_t n_lies = sizeof(all_lies) / sizeof(all_lies[0]);
