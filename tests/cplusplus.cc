/*
 * The header is good C++, and a pool can be used from there: options, a call,
 * a batch, the table of errors, a job that throws.
 */
#include "procpool.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

namespace
{

int
square(procpool_job *job, const void *arg, size_t len)
{
	long x = 0;

	if (len != sizeof(x))
		return procpool_fail(job, 1, "%zu bytes", len);
	std::memcpy(&x, arg, len);
	x *= x;
	return procpool_return(job, &x, sizeof(x));
}

bool
is(const procpool_result &result, long expected)
{
	return result.outcome == 0 && result.len == sizeof(long) &&
	    *static_cast<const long *>(result.data) == expected;
}

bool
calls(procpool *pool)
{
	procpool_result result;
	const long x = 12;
	const bool right =
	    procpool_call(pool, &x, sizeof(x), &result) == 0 && is(result, 144);

	procpool_result_done(&result);
	return right;
}

bool
batches(procpool *pool)
{
	procpool_batch *batch;
	bool right = procpool_batch_open(&batch, pool, 3) == 0;

	if (!right)
		return false;
	for (long x = 0; x < 3; x++)
		right &= procpool_batch_add(batch, &x, sizeof(x)) == 0;
	right &= procpool_batch_wait(batch, 60000) == 0;
	for (long x = 0; right && x < 3; x++) {
		const procpool_result *result;

		right = procpool_batch_result(
			    batch, static_cast<size_t>(x), &result) == 0 &&
		    is(*result, x * x);
	}
	procpool_batch_close(batch);
	return right;
}

int
throws(procpool_job *, const void *, size_t)
{
	throw std::runtime_error("bad record");
}

void
drop(procpool_level, const char *, void *)
{
}

/* The worker ends by it.  It is a copy of this program as it is in open(), and
 * must not get to the handler here. */
bool
keeps_exceptions()
{
	const pid_t host = getpid();
	procpool_options options = {};
	procpool *pool = nullptr;
	procpool_result result = {};
	bool right = false;

	/* A sanitizer's build lets them through. */
	if (PP_SANITIZER[0] != '\0')
		return true;
	options.entry_point = throws;
	options.n_jobs = 1;
	options.log = drop; /* and what std::terminate() says */
	try {
		right = procpool_open(&pool, &options) == 0 &&
		    procpool_call(pool, nullptr, 0, &result) ==
			PROCPOOL_ECRASHED &&
		    result.code == SIGABRT;
	} catch (const std::exception &) {
		if (getpid() != host)
			_exit(0);
	}
	procpool_result_done(&result);
	return procpool_close(pool) == 0 && right;
}

} // namespace

int
main()
{
	procpool_options options = {};
	procpool *pool;
	bool right = procpool_open(&pool, &options) == PROCPOOL_ENOENTRY;

	options.entry_point = square;
	options.n_jobs = 1;
	if (procpool_open(&pool, &options) != 0)
		return 1;
	right &= calls(pool);
	right &= batches(pool);
	right &= keeps_exceptions();
	right &= procpool_close(pool) == 0;
	right &= std::strcmp(
		     procpool_errname(PROCPOOL_ESIZE), "PROCPOOL_ESIZE") == 0;
	if (!right)
		std::puts("the pool does not work from C++");
	return right ? 0 : 1;
}
