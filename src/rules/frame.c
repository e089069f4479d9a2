#include "rules/frame.h"

#include <errno.h>
#include <procpool.h>
#include <stdbool.h>

static bool
length_allowed(const struct result_frame *frame, uint64_t max_payload)
{
	switch (frame->type) {
	case RESULT_DATA:
		return frame->length <= max_payload;
	case RESULT_REFUSED:
	case RESULT_FAILED:
	case RESULT_LOG:
		return frame->length <= PP_TEXT_MAX;
	default:
		return frame->length == 0;
	}
}

static bool
code_allowed(const struct result_frame *frame)
{
	switch (frame->type) {
	case RESULT_REFUSED:
	case RESULT_FAILED:
		return true;
	case RESULT_ERROR:
		return frame->code == PROCPOOL_ETOOBIG ||
		    frame->code == -ENOMEM;
	case RESULT_LOG:
		return frame->code >= PROCPOOL_DEBUG &&
		    frame->code <= PROCPOOL_ERROR;
	default:
		return frame->code == 0;
	}
}

int
pp_result_check(const struct result_frame *frame, uint64_t max_payload)
{
	if (frame->type < RESULT_READY || frame->type >= RESULT_TYPES ||
	    frame->reserved != 0)
		return PROCPOOL_EPROTOCOL;
	if (!length_allowed(frame, max_payload) || !code_allowed(frame))
		return PROCPOOL_EPROTOCOL;
	return 0;
}
