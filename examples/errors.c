/*
 * errors: how a task may end, and how to tell.
 *
 * Three things are never mixed: the call failed, and there was no task; the
 * function failed, with a code and a text of its own; its process died.  All
 * have one negative number, and the result has the particulars.
 *
 * Notice that after each of them the pool is as good as before.
 */
#include <procpool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
end_as_told(struct procpool_job *job, const void *arg, size_t len)
{
	const char *how = arg; /* the NUL at its end was sent with it */

	if (strcmp(how, "fail") == 0)
		return procpool_fail(job, 42, "record %d is bad", 7);
	if (strcmp(how, "crash") == 0)
		abort();
	if (strcmp(how, "exit") == 0)
		exit(3);
	return procpool_return(job, how, len);
}

static void
explain(int outcome, const struct procpool_result *result)
{
	switch (outcome) {
	case 0:
		printf("succeeded: %s\n", (const char *)result->data);
		break;
	case PROCPOOL_EFAILED:
		printf("failed: code %d, %s\n", result->code, result->message);
		break;
	case PROCPOOL_ECRASHED:
		printf("died: signal %d, %s\n", result->code,
		    strsignal(result->code));
		break;
	case PROCPOOL_EEXITED:
		printf("died: exit status %d\n", result->code);
		break;
	default: /* only a task that was accepted has a number */
		printf("%s: %s, %s\n", result->task == 0 ? "refused" : "died",
		    procpool_errname(outcome), procpool_strerror(outcome));
	}
}

static void
call(struct procpool *pool, const char *how)
{
	struct procpool_result result;
	int rc = procpool_call(pool, how, strlen(how) + 1, &result);

	printf("%s: ", how);
	explain(rc, &result);
	procpool_result_done(&result); /* after a failure too */
}

int
main(void)
{
	struct procpool_options options = { .entry_point = end_as_told,
		.max_payload = 8 };
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	if (rc < 0) {
		fprintf(stderr, "errors: %s\n", procpool_strerror(rc));
		return 1;
	}
	call(pool, "fail");
	call(pool, "crash");
	call(pool, "exit");
	call(pool, "too long");
	call(pool, "return");
	procpool_shutdown(pool);
	call(pool, "late");
	procpool_close(pool);
	return 0;
}
