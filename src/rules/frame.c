#include "rules/frame.h"

#include <errno.h>
#include <procpool.h>
#include <stdbool.h>

#include "base/area.h"

static bool
length_allowed(const struct result_frame *frame, uint64_t max_payload)
{
	switch (frame->type) {
	case RESULT_DATA:
	case RESULT_LARGE:
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
	case RESULT_READY:
		return frame->code == 0 || frame->code == 1;
	case RESULT_REFUSED:
	case RESULT_FAILED:
		return true;
	case RESULT_ERROR:
		return frame->code == PROCPOOL_ETOOBIG ||
		    frame->code == PROCPOOL_ERESERVED || frame->code == -ENOMEM;
	case RESULT_LOG:
		return frame->code >= PROCPOOL_DEBUG &&
		    frame->code <= PROCPOOL_ERROR;
	default:
		return frame->code == 0;
	}
}

static bool
place_allowed(const struct result_frame *frame)
{
	if (frame->type != RESULT_LARGE)
		return frame->place == 0;
	return frame->place % PP_ALIGN == 0 && frame->length <= PP_AREA &&
	    frame->place <= PP_AREA - frame->length;
}

int
pp_result_check(const struct result_frame *frame, uint64_t max_payload)
{
	if (frame->type < RESULT_READY || frame->type >= RESULT_TYPES)
		return PROCPOOL_EPROTOCOL;
	if (!length_allowed(frame, max_payload) || !code_allowed(frame) ||
	    !place_allowed(frame))
		return PROCPOOL_EPROTOCOL;
	return 0;
}
