/*
 * The worker's loop, run as a thread on the page that host and worker share, so
 * that tools which see one process only (ThreadSanitizer) see both sides of
 * the claim words, of the ring and of the areas.  Rows U2 and W17 at their
 * root: what is revoked is not run, what is claimed is, once, and its result is
 * in the ring or in an area.
 */
#include "testing.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/stream.h"
#include "process/worker.h"

#define N 900 /* tasks: fewer than slots, and their results fit in the ring */

#define LARGE (2 * PP_LARGE) /* bytes of a large payload */

static atomic_int runs[N]; /* how often each task was run */
static atomic_int exits;

static int
count_run(struct procpool_job *job, const void *arg, size_t len)
{
	const int id = *(const int *)arg;

	(void)len;
	atomic_fetch_add(&runs[id], 1);
	return procpool_return(job, &id, sizeof(id));
}

static void
count_exit(struct procpool_job *job, void *state)
{
	(void)job;
	(void)state;
	atomic_fetch_add(&exits, 1);
}

/* One worker without a process of its own. */
struct stage {
	struct spawn_request *request;
	int tasks[2], results[2];
	struct page *page;
	pthread_t thread;
	struct stream in;
};

static void *
serve(void *arg)
{
	struct stage *stage = arg;
	const int rc = pp_worker_serve(stage->request, stage->tasks[0],
	    stage->results[1], stage->page, true);

	return (void *)(intptr_t)rc;
}

/* What a large payload is filled with: the number of its task. */
static int
echo_large(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

static void
raise_curtain(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	for (int i = 0; i < N; i++)
		atomic_store(&runs[i], 0);
	atomic_store(&exits, 0);
	stage->request = calloc(1, sizeof(*stage->request));
	stage->request->entry_point = count_run;
	stage->request->exit = count_exit;
	stage->request->max_payload = LARGE;
	ck_assert_int_eq(pp_pipe(stage->tasks), 0);
	ck_assert_int_eq(pp_pipe(stage->results), 0);
	ck_assert_int_eq(pp_nonblock(stage->results[0]), 0);
	/* Room for all results, though nobody reads them there: how much a pipe
	 * holds depends on how much is written at once, down to a half. */
	ck_assert_int_ge(
	    fcntl(stage->results[1], F_SETPIPE_SZ, 4 * N * 64), 4 * N * 64);
	stage->page = mmap(NULL, PP_PAGE_ALL, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(stage->page, MAP_FAILED);
	ck_assert_int_eq(pp_stream_init(&stage->in, LARGE), 0);
	ck_assert_int_eq(pthread_create(&stage->thread, NULL, serve, stage), 0);
}

static void
send_frame(struct stage *stage, uint32_t type, uint64_t sequence, int id)
{
	struct {
		struct task_frame frame;
		int id;
		char padding[12];
	} message = { .frame = { .type = type,
			  .sequence = sequence,
			  .length = type == TASK_RUN ? sizeof(int) : 0 },
		.id = id };
	const size_t size =
	    type == TASK_RUN ? sizeof(message) : sizeof(message.frame);

	ck_assert_int_eq(write(stage->tasks[1], &message, size), (ssize_t)size);
}

static void
drop_curtain(struct stage *stage)
{
	void *rc;

	send_frame(stage, TASK_STOP, 0, 0);
	ck_assert_int_eq(pthread_join(stage->thread, &rc), 0);
	ck_assert_int_eq((int)(intptr_t)rc, 0);
	ck_assert_int_eq(atomic_load(&exits), 1);
}

static void
clear_stage(struct stage *stage)
{
	for (int i = 0; i < 2; i++) {
		pp_close(&stage->tasks[i]);
		pp_close(&stage->results[i]);
	}
	munmap(stage->page, PP_PAGE_ALL);
	pp_stream_done(&stage->in);
	free(stage->request);
}

/* Take the results that have come; got[id] counts them. */
static void
take(struct stage *stage, int *got)
{
	struct arrival arrival;
	int rc;

	while ((rc = pp_stream_take(&stage->in, &arrival)) == 1) {
		if (arrival.frame.type != RESULT_DATA)
			continue;
		ck_assert_uint_eq(arrival.frame.length, sizeof(int));
		got[*(const int *)(const void *)arrival.data]++;
	}
	ck_assert_int_eq(rc, 0);
}

/* U2: the host revokes from the newest while the worker claims from the
 * oldest; each task is had by one of them. */
START_TEST(a_task_is_run_once_or_revoked_and_never_both)
{
	struct stage stage;
	int got[N] = { 0 }, revoked[N] = { 0 };

	raise_curtain(&stage);
	for (int i = 0; i < N; i++) {
		pp_claim_offer(stage.page, (uint64_t)i);
		send_frame(&stage, TASK_RUN, (uint64_t)i, i);
		if (i % 3 == 2)
			revoked[i] = pp_claim_take(
			    stage.page, (uint64_t)i, CLAIM_REVOKED);
	}
	drop_curtain(&stage);
	while (pp_stream_from_ring(&stage.in, stage.page) > 0)
		take(&stage, got);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(runs[i] + revoked[i], 1);
		ck_assert_int_eq(got[i], runs[i]);
	}
	ck_assert_uint_eq(atomic_load(&stage.page->passed), N);
	clear_stage(&stage);
}
END_TEST

/* W17: results can be had from the ring while the worker runs, before or
 * after it has written them to the pipe. */
START_TEST(the_ring_holds_every_result_while_the_worker_runs)
{
	struct stage stage;
	int got[N] = { 0 };
	const uint64_t deadline = pp_deadline(20000);
	int sum = 0;

	raise_curtain(&stage);
	for (int i = 0; i < N; i++) {
		pp_claim_offer(stage.page, (uint64_t)i);
		send_frame(&stage, TASK_RUN, (uint64_t)i, i);
		(void)pp_stream_from_ring(&stage.in, stage.page);
		take(&stage, got);
	}
	while (sum < N && pp_now() < deadline) {
		(void)pp_stream_from_ring(&stage.in, stage.page);
		take(&stage, got);
		sum = 0;
		for (int i = 0; i < N; i++)
			sum += got[i];
	}
	ck_assert_int_eq(sum, N);
	drop_curtain(&stage);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(got[i], 1);
	clear_stage(&stage);
}
END_TEST

/* Send a large task, and wait for its result's frame. */
static void
send_large(struct stage *stage, int id, struct arrival *arrival)
{
	const struct task_frame frame = { .type = TASK_RUN_LARGE,
		.sequence = (uint64_t)id,
		.length = LARGE,
		.function = (uintptr_t)echo_large };
	const uint64_t deadline = pp_deadline(20000);
	int rc = 0;

	memset(pp_task_area(stage->page), id, LARGE);
	pp_claim_offer(stage->page, (uint64_t)id);
	ck_assert_int_eq(
	    write(stage->tasks[1], &frame, sizeof(frame)), sizeof(frame));
	while (rc == 0 && pp_now() < deadline) {
		(void)pp_stream_from_ring(&stage->in, stage->page);
		rc = pp_stream_take(&stage->in, arrival);
		if (rc == 1 && arrival->frame.type == RESULT_READY)
			rc = 0;
	}
	ck_assert_int_eq(rc, 1);
	ck_assert_int_eq(arrival->frame.type, RESULT_LARGE);
	ck_assert_uint_eq(arrival->frame.length, LARGE);
}

/* W17: large results stay until the host has taken all, then their places are
 * used again. */
START_TEST(large_results_stay_in_the_area_until_they_are_taken)
{
	enum {
		HELD = 7
	};
	struct stage stage;
	int id = 0;

	raise_curtain(&stage);
	for (int round = 0; round < 10; round++) {
		uint64_t places[HELD];

		for (int i = 0; i < HELD; i++) {
			struct arrival arrival;

			send_large(&stage, id + i, &arrival);
			places[i] = arrival.frame.place;
			ck_assert_uint_eq(places[i], (uint64_t)i * LARGE);
		}
		for (int i = 0; i < HELD; i++) {
			const char *data =
			    pp_result_area(stage.page) + places[i];

			ck_assert_int_eq(data[0], (char)(id + i));
			ck_assert_int_eq(data[LARGE - 1], (char)(id + i));
			atomic_fetch_add_explicit(
			    &stage.page->taken, 1, memory_order_release);
		}
		id += HELD;
	}
	drop_curtain(&stage);
	clear_stage(&stage);
}
END_TEST

/* H06, at its root: a worker whose host has gone leaves its loop. */
START_TEST(the_loop_ends_when_nobody_can_send_any_more)
{
	struct stage stage;
	void *rc;

	raise_curtain(&stage);
	pp_close(&stage.tasks[1]);
	ck_assert_int_eq(pthread_join(stage.thread, &rc), 0);
	ck_assert_int_lt((int)(intptr_t)rc, 0);
	ck_assert_int_eq(atomic_load(&exits), 0);
	clear_stage(&stage);
}
END_TEST

RUN_TESTS("worker", a_task_is_run_once_or_revoked_and_never_both,
    the_ring_holds_every_result_while_the_worker_runs,
    large_results_stay_in_the_area_until_they_are_taken,
    the_loop_ends_when_nobody_can_send_any_more)
