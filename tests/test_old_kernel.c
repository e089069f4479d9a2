/*
 * A system without pidfds: a kernel before 5.3, or valgrind.  A filter of
 * system calls makes one, in hosts of their own.
 *
 * Row H24, with the oracle U1 to U11.
 */
#include "sabotage.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* From here on this process and what it forks has no pidfds: false when there
 * are no filters. */
static bool
lose_pidfds(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 1, 0),
		BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(steps) / sizeof(steps[0]),
		steps };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

#define NO_FILTERS 77 /* how a host ends where there are none */

static int
call_outcome(struct procpool *pool, procpool_job_fn function, int value)
{
	struct procpool_result result;
	const int outcome = call_op(pool, function, 0, value, &result);

	procpool_result_done(&result);
	return outcome;
}

static int
live_without(void *unused)
{
	struct procpool *pool;
	int64_t start;

	(void)unused;
	if (!lose_pidfds())
		return NO_FILTERS;
	need(procpool_open(&pool,
		 &(struct procpool_options){ .entry_point = t_ledger,
		     .n_jobs = 2,
		     .oversubscribe = true,
		     .grace_ms = 100 }) == 0);
	for (int i = 0; i < 20; i++)
		need(call_outcome(pool, t_ledger, 0) == 0);
	need(call_outcome(pool, t_kill, SIGKILL) == PROCPOOL_ECRASHED);
	need(call_outcome(pool, t__exit, 3) == PROCPOOL_EEXITED);
	need(call_outcome(pool, t_closeall, 0) == PROCPOOL_EPROTOCOL);
	need(procpool_refresh(pool) == 0);
	need(call_outcome(pool, t_ledger, 0) == 0);
	need(submit_op(pool, t_spin_blocked, 0, 0) == 0);
	need(flag_await(&shared->flag[0], 1, bound(5000)));
	start = now_ms();
	need(procpool_shutdown(pool) == 0);
	need(procpool_start(pool) == 0);
	need(call_outcome(pool, t_ledger, 0) == 0);
	need(procpool_close(pool) == 0);
	need(now_ms() - start < bound(2000));
	return 0;
}

/* H24 */
START_TEST(workers_are_seen_and_ended_without_pidfds)
{
	const int status = reap_host(fork_host(live_without, NULL), 10000);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTERS)
		SKIP("there are no filters of system calls");
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the host ended with status %#x; line %d of its body", status,
	    atomic_load(&shared->host_line));
}
END_TEST

static int
be_killed_without(void *unused)
{
	struct procpool *pool;

	(void)unused;
	if (!lose_pidfds())
		return NO_FILTERS;
	need(procpool_open(&pool,
		 &(struct procpool_options){ .entry_point = t_spin,
		     .n_jobs = 2,
		     .oversubscribe = true }) == 0);
	need(submit_op(pool, t_spin, 0, 0) == 0);
	need(flag_await(&shared->flag[0], 1, bound(5000)));
	kill(getpid(), SIGKILL);
	return 1;
}

/* H24: the spawner sees its socket closed. */
START_TEST(nothing_outlives_a_host_without_pidfds)
{
	const int status = reap_host(fork_host(be_killed_without, NULL), 10000);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTERS)
		SKIP("there are no filters of system calls");
	ck_assert(WIFSIGNALED(status));
	await_processes(0, 1000);
}
END_TEST

RUN_TESTS("old_kernel", workers_are_seen_and_ended_without_pidfds,
    nothing_outlives_a_host_without_pidfds)
