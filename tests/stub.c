/*
 * A worker that lies: see stub.h.
 */
#include "stub.h"

#include <sys/mman.h>

/* What a worker has in its hands is nobody's business but its own.  So this
 * program has a copy of it, which takes the place of the library's. */
#include "process/worker.c"

struct stub
stub_take_over(struct procpool_job *job, const struct op *op)
{
	struct worker *w = job->owner;

	if (pp_outstream_flush(&w->out) < 0)
		_exit(97);
	return (struct stub){ .worker = w,
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
stub_say(struct stub *stub, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		const ssize_t n = write(stub->worker->out.fd, from, len);

		if (n < 0 && errno != EINTR)
			_exit(97);
		from += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void
stub_say_frame(
    struct stub *stub, struct result_frame frame, const void *payload)
{
	static const char zeros[PP_ALIGN];
	const size_t len = (size_t)pp_result_follows(&frame);

	stub_say(stub, &frame, sizeof(frame));
	stub_say(stub, payload, len);
	stub_say(stub, zeros, (size_t)pp_padded(len) - len);
}

static struct result_frame
answer_to(uint64_t sequence, size_t len)
{
	return (struct result_frame){
		.type = RESULT_DATA, .sequence = sequence, .length = len
	};
}

void
stub_answer(struct stub *stub, uint64_t sequence)
{
	stub_say_frame(stub, answer_to(sequence, sizeof(stub->op)), &stub->op);
}

/* The same for the stub's own task, as a job of the kit would. */
static void
answer_truly(struct stub *stub)
{
	ledger_start(stub->op.id);
	ledger_finish(stub->op.id);
	stub_answer(stub, stub->sequence);
}

uint64_t
stub_next(struct stub *stub)
{
	struct task_frame frame;
	const void *arg;

	if (pp_inbox_next(&stub->worker->inbox, &frame, &arg) < 0)
		_exit(97);
	if (frame.type == TASK_STOP)
		_exit(0);
	return frame.sequence;
}

void
stub_wait(void)
{
	for (;;)
		pause();
}

uint64_t
stub_random(struct stub *stub, uint64_t n)
{
	uint64_t bits = 0;

	for (int i = 0; i < 3; i++)
		bits = bits << 24 ^ (uint64_t)rand_r(&stub->seed) >> 4;
	return bits % n;
}

static void
fill_randomly(struct stub *stub, void *bytes, size_t len)
{
	unsigned char *byte = bytes;

	for (size_t i = 0; i < len; i++)
		byte[i] = (unsigned char)stub_random(stub, 256);
}

/* Any word, of any magnitude. */
static uint64_t
random_word(struct stub *stub)
{
	const uint64_t word = stub_random(stub, UINT64_MAX);

	return word >> stub_random(stub, 64);
}

/* --------------------------------------------------------------- Results */

void
lie_twice(struct stub *stub)
{
	answer_truly(stub);
	stub_answer(stub, stub->sequence);
	stub_wait();
}

void
lie_unclaimed(struct stub *stub)
{
	answer_truly(stub);
	stub_answer(stub, stub_next(stub));
	stub_wait();
}

void
lie_out_of_turn(struct stub *stub)
{
	const uint64_t next = stub_next(stub);

	(void)pp_claim_take(stub->page, next, CLAIM_CLAIMED);
	stub_answer(stub, next);
	stub_wait();
}

void
lie_never_given(struct stub *stub)
{
	stub_answer(stub, stub->sequence + 1 + random_word(stub));
	stub_wait();
}

void
lie_ready_again(struct stub *stub)
{
	const struct result_frame frame = { .type = RESULT_READY,
		.code = (int)stub_random(stub, 2) };

	stub_say_frame(stub, frame, NULL);
	stub_wait();
}

void
lie_refused_late(struct stub *stub)
{
	const struct result_frame frame = {
		.type = RESULT_REFUSED, .code = 7, .length = sizeof(stub->op)
	};

	stub_say_frame(stub, frame, &stub->op);
	stub_wait();
}

void
lie_garbage(struct stub *stub)
{
	unsigned char bytes[4096];

	fill_randomly(stub, bytes, sizeof(bytes));
	stub_say(stub, bytes, 48 + stub_random(stub, sizeof(bytes) - 48));
	stub_wait();
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
say_half(struct stub *stub)
{
	const struct answer answer = { answer_to(stub->sequence, 8), stub->op,
		{ 0 } };

	stub_say(stub, &answer, 1 + stub_random(stub, sizeof(answer) - 1));
}

void
lie_half_and_exit(struct stub *stub)
{
	say_half(stub);
	_exit(4);
}

void
lie_half_and_hang_up(struct stub *stub)
{
	say_half(stub);
	lie_hang_up(stub);
}

void
lie_header_and_silence(struct stub *stub)
{
	const struct result_frame frame =
	    answer_to(stub->sequence, stub->max_payload);

	stub_say(stub, &frame, sizeof(frame));
	stub_wait();
}

void
lie_slowly(struct stub *stub)
{
	const struct answer answer = { answer_to(stub->sequence, 8), stub->op,
		{ 0 } };

	ledger_start(stub->op.id);
	ledger_finish(stub->op.id);
	for (size_t i = 0; i < sizeof(answer); i++) {
		usleep(2000);
		stub_say(stub, (const char *)&answer + i, 1);
	}
	stub_wait();
}

/* -------------------------------------------------------- Large results */

static void
say_large(struct stub *stub, uint64_t sequence, size_t place, size_t len)
{
	const struct result_frame frame = { .type = RESULT_LARGE,
		.sequence = sequence,
		.length = len,
		.place = place };

	stub_say(stub, &frame, sizeof(frame));
}

/* Two results in one place, where there is a second task. */
void
lie_overlap(struct stub *stub)
{
	char *area = stub->area;
	uint64_t next;

	ledger_start(stub->op.id);
	ledger_finish(stub->op.id);
	if (area == NULL) {
		stub_answer(stub, stub->sequence);
		stub_wait();
	}
	memcpy(area, &stub->op, sizeof(stub->op));
	say_large(stub, stub->sequence, 0, sizeof(stub->op));
	next = stub_next(stub);
	if (pp_claim_take(stub->page, next, CLAIM_CLAIMED))
		say_large(stub, next, 0, 64 * 1024);
	stub_wait();
}

void
lie_anywhere(struct stub *stub)
{
	const size_t place = (size_t)random_word(stub) & ~(size_t)15;

	say_large(stub, stub->sequence, place % (PP_AREA + 4096),
	    (size_t)stub_random(stub, stub->max_payload));
	stub_wait();
}

void
lie_and_punch(struct stub *stub)
{
	if (stub->area != NULL)
		(void)madvise(stub->area, PP_AREA, MADV_REMOVE);
	(void)madvise(stub->page, PP_PAGE_SPAN, MADV_REMOVE);
	say_large(stub, stub->sequence, 0, 300000);
	stub_wait();
}

/* -------------------------------------------------------------- The page */

static void
set_claim(struct stub *stub, uint64_t sequence, enum claim state)
{
	atomic_store(pp_claim_slot(stub->page, sequence),
	    pp_claim_word(sequence, state));
}

void
lie_claim_back(struct stub *stub)
{
	set_claim(stub, stub->sequence, CLAIM_OFFERED);
	_exit(4);
}

void
lie_claim_back_and_answer(struct stub *stub)
{
	set_claim(stub, stub->sequence, CLAIM_OFFERED);
	stub_answer(stub, stub->sequence);
	stub_wait();
}

void
lie_claim_all(struct stub *stub)
{
	for (uint64_t i = 1; i < PP_SLOTS; i++)
		(void)pp_claim_take(
		    stub->page, stub->sequence + i, CLAIM_CLAIMED);
	_exit(4);
}

void
lie_claims(struct stub *stub)
{
	for (int i = 0; i < PP_SLOTS; i++)
		if (stub_random(stub, 2) == 0)
			set_claim(stub,
			    stub->sequence + stub_random(stub, 2000),
			    (enum claim)stub_random(stub, 4));
		else
			atomic_store(&stub->page->claims[i], random_word(stub));
}

void
lie_words(struct stub *stub)
{
	struct page *page = stub->page;

	atomic_store(&page->committed, random_word(stub));
	atomic_store(&page->writing, random_word(stub));
	atomic_store(&page->passed, random_word(stub));
	atomic_store(&page->since, random_word(stub));
	atomic_store(&page->taken, random_word(stub));
}

void
lie_committed(struct stub *stub)
{
	atomic_fetch_add(
	    &stub->page->committed, 1 + stub_random(stub, PP_RING));
}

void
lie_ring(struct stub *stub)
{
	fill_randomly(stub, stub->page->ring, PP_RING);
	lie_committed(stub);
}

/* ---------------------------------------------------------------- Others */

void
lie_chatter(struct stub *stub)
{
	const struct result_frame frame = {
		.type = RESULT_LOG, .code = PROCPOOL_DEBUG, .length = 8
	};

	for (int i = 0; i < 1000; i++)
		stub_say_frame(stub, frame, "chatter\n");
}

void
lie_deaf(struct stub *stub)
{
	answer_truly(stub);
	stub_wait();
}

void
lie_hang_up(struct stub *stub)
{
	close(stub->worker->out.fd);
	stub_wait();
}

const lie_fn stub_lies[] = { lie_twice, lie_unclaimed, lie_out_of_turn,
	lie_never_given, lie_ready_again, lie_refused_late, lie_garbage,
	lie_half_and_exit, lie_half_and_hang_up, lie_header_and_silence,
	lie_slowly, lie_overlap, lie_anywhere, lie_and_punch, lie_claim_back,
	lie_claim_back_and_answer, lie_claim_all, lie_claims, lie_words,
	lie_committed, lie_ring, lie_chatter, lie_deaf, lie_hang_up };
const size_t stub_lies_count = sizeof(stub_lies) / sizeof(stub_lies[0]);
