/*
 * The worker's side of the wire: take frames from the task pipe, claim them,
 * run them, append the results to the ring, write the ring to the result
 * pipe.  It has no state outside struct worker, so that a test can run it in a
 * thread.
 */
#ifndef PP_PROCESS_WORKER_H
#define PP_PROCESS_WORKER_H

#include "base/home.h"
#include "process/job.h"
#include "process/request.h"
#include "rules/page.h"

struct worker {
	/* Set once. */
	const struct spawn_request *request;
	int task_fd, result_fd;
	struct page *page;
	struct home home;
	struct procpool_job job;

	/* Frames read: bytes start to end of buf, start at a multiple of
	 * PP_ALIGN. */
	char *buf;
	size_t start, end;

	/* A payload that comes through the pipe and does not fit into buf; kept
	 * for the next one. */
	char *large;
	size_t large_size;

	/* Large results: the area they go to, what of it is in use, and how
	 * many were given. */
	struct area results;
	size_t used;
	uint64_t given;

	/* Positions in the stream of results. */
	uint64_t appended, sent;

	uint64_t clock; /* the latest time read, ns */
	uint64_t flushed; /* when the stream was last written, ns */
};

/*
 * Serve until told to stop (0), or until the host or the memory is gone
 * (negative).  The descriptors and the page stay the caller's; has_areas: those
 * behind the page are there.
 */
int pp_worker_serve(const struct spawn_request *request, int task_fd,
    int result_fd, struct page *page, bool has_areas);

#endif
