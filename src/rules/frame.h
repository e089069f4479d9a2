/*
 * What travels in the two pipes of a worker: frames, each a header of fixed
 * size, its payload, and zeros up to a multiple of 16 bytes, so that every
 * header and every payload is aligned for any type.  Both ends are one
 * program: numbers are in the machine's byte order.
 *
 * Host to worker (task pipe):          Worker to host (result pipe):
 *
 *    0  payload's length, bytes           0  payload's length, bytes
 *    8  sequence                          8  sequence
 *   16  function's address, or 0         16  start, ns on the common clock
 *   24  type  26  *  28  attempt         24  run time, ns
 *   32  payload ...                      32  type         36  code
 *                                        40  place in the area, or 0
 *                                        48  payload ...
 *
 * (*: 1 when the payload is a bundle, see rules/bundle.h, otherwise 0.)
 *
 * The payload of a RUN_LARGE or a LARGE is in an area behind the page (see
 * rules/page.h): that of a task at its start, that of a result at the place
 * that the frame says.
 *
 * The host trusts nothing that comes from a worker: pp_result_check() may be
 * given any 48 bytes, and is asked before a length is used.
 */
#ifndef PP_RULES_FRAME_H
#define PP_RULES_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define PP_ALIGN       16
#define PP_TEXT_MAX    1000 /* bytes of a message or a log line */
#define PP_PAYLOAD_MAX (UINT64_C(1) << 40)

/* Payloads from here on do not go with the others: through an area, or, when
 * that cannot be, alone and from where they are. */
#define PP_LARGE ((size_t)32 * 1024)

enum task_type {
	TASK_RUN = 1, /* run the function on the payload */
	TASK_RUN_LARGE, /* likewise; the payload is in the area */
	TASK_STOP /* run worker_exit and end */
};

struct task_frame {
	uint64_t length;
	uint64_t sequence;
	uint64_t function;
	uint16_t type;
	uint16_t bundled;
	int32_t attempt;
};

enum result_type {
	RESULT_READY =
	    1, /* worker_start succeeded; code: it has areas, 1 or 0 */
	RESULT_REFUSED, /* worker_start failed: its code and text */
	RESULT_DATA, /* the function succeeded: its bytes */
	RESULT_LARGE, /* likewise; its bytes are in the area */
	RESULT_FAILED, /* the function failed: its code and text */
	RESULT_ERROR, /* the library failed: PROCPOOL_ETOOBIG or -ENOMEM */
	RESULT_LOG, /* a log line: code is the level */
	RESULT_TYPES
};

struct result_frame {
	uint64_t length;
	uint64_t sequence;
	uint64_t started;
	uint64_t ran;
	uint32_t type;
	int32_t code;
	uint64_t place;
};

_Static_assert(sizeof(struct task_frame) == 32, "the drawing above");
_Static_assert(sizeof(struct result_frame) == 48, "the drawing above");

/* A length rounded up to whole alignment units. */
static inline uint64_t
pp_padded(uint64_t length)
{
	return (length + PP_ALIGN - 1) & ~(uint64_t)(PP_ALIGN - 1);
}

/* The bytes of payload that follow a result's header. */
static inline uint64_t
pp_result_follows(const struct result_frame *frame)
{
	return frame->type == RESULT_LARGE ? 0 : frame->length;
}

/* Whether a header from a worker can be one: 0, or PROCPOOL_EPROTOCOL. */
int pp_result_check(const struct result_frame *frame, uint64_t max_payload);

#endif
