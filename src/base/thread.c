#include "base/thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

int
pp_thread_start(uv_thread_t *thread, void (*run)(void *), void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = uv_thread_create(thread, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

void
pp_thread_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

int
pp_cancel_defer(void)
{
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

void
pp_cancel_restore(int state)
{
	(void)pthread_setcancelstate(state, NULL);
}

bool
pp_thread_is_alone(void)
{
	struct stat tasks;

	/* A directory of its own for each, and the two that all have. */
	return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3;
}
