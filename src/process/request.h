/*
 * What the host and a spawner say to each other: one message each, over
 * sockets that keep message boundaries.  Both are one program.
 *
 * The host asks over the spawner's control socket:
 *
 *   WORKER    fork a worker; comes with its descriptors, in this order: its
 *             task pipe (to read), its result pipe (to write), its page, a
 *             socket for reports about this one worker, and, unless it is to
 *             have those of the program, its stdout and stderr
 *   SPAWNER   fork a spawner of its own; comes with one descriptor, the new
 *             spawner's control socket
 *   FINISH    end as soon as there is no worker left
 *
 * A request for a worker is sent as far as it is used, the others are no more
 * than their kind.
 *
 * The host is told, over the control socket of a spawner:
 *
 *   BORN (with a pidfd) or FAILED   by the process that forked the spawner
 *   READY                           by the spawner itself
 *
 * and over a worker's own socket, where only its monitor reads:
 *
 *   BORN (with a pidfd) or FAILED, later ENDED   by the spawner
 */
#ifndef PP_PROCESS_REQUEST_H
#define PP_PROCESS_REQUEST_H

#include <procpool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/env.h"

enum request_kind {
	REQUEST_WORKER = 1,
	REQUEST_SPAWNER,
	REQUEST_FINISH
};

enum {
	REQUEST_TASK_FD,
	REQUEST_RESULT_FD,
	REQUEST_PAGE_FD,
	REQUEST_REPORT_FD,
	REQUEST_OUTPUT_FD, /* -1: not captured */
	REQUEST_FDS
};

struct spawn_request {
	uint32_t kind;
	int32_t worker;
	char name[16]; /* of the process */
	uint64_t max_payload;
	uint64_t has_areas; /* behind the page */
	procpool_job_fn entry_point;
	procpool_start_fn start;
	procpool_exit_fn exit;
	void *user;
	uint64_t check_user; /* user must point to memory that is there */
	struct procpool_env env; /* the last field, and large */
};

/* The bytes of a request that are sent. */
static inline size_t
pp_request_size(const struct spawn_request *request)
{
	return offsetof(struct spawn_request, env) +
	    offsetof(struct procpool_env, text) + request->env.len;
}

enum report_kind {
	REPORT_BORN = 1, /* pid; with a pidfd */
	REPORT_READY, /* a spawner can be used */
	REPORT_FAILED, /* error: -errno */
	REPORT_ENDED /* status, cpu_ms, rss_kib, as wait4() gives them */
};

struct spawn_report {
	uint32_t kind;
	int32_t pid;
	int32_t error;
	int32_t status;
	uint64_t cpu_ms; /* processor time */
	uint64_t rss_kib; /* memory, at most */
};

#endif
