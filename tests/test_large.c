/*
 * Large payloads: through the memory areas that host and worker share, and
 * through the pipes where there are none.  Rows L21, W15 and W17 as far as they
 * are about size.
 */
#include "sabotage.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "channel/crew.h"
#include "engine/pool.h"
#include "rules/frame.h"
#include "rules/page.h"

#define MIB ((size_t)1 << 20)

/* Memory that this process shares with others and has touched, in MiB. */
static long
shared_mib(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	long kib = -1;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "RssShmem: %ld", &kib) == 1)
			break;
	fclose(file);
	ck_assert_int_ge(kib, 0);
	return kib / 1024;
}

/* Whether the first worker of a pool, which has run a task, has areas. */
static bool
has_areas(const struct procpool *pool)
{
	return pool->crew->channels[0].tasks.memory != NULL;
}

/* ------------------------------------------------------------ There and back */

static const size_t sizes[] = { PP_LARGE - 1, PP_LARGE, PP_LARGE + 1, 65535,
	65536, 65537, MIB, MIB + 13, 9 * MIB - 1 };

enum {
	SIZES = sizeof(sizes) / sizeof(sizes[0])
};

/* flag[0]: echoes that were not what was sent. */
static void
judge_echo(const struct procpool_result *result, void *user)
{
	if (result->outcome != 0 || result->len != sizes[(uintptr_t)user] ||
	    (uintptr_t)result->data % PP_ALIGN != 0 ||
	    !pattern_matches_as(
		result->data, result->len, (int)(uintptr_t)user))
		flag_add(&shared->flag[0], 1);
	ledger_done(result, user);
}

static void
send_all_sizes(bool by_areas)
{
	struct procpool *pool = open_pool(1, t_echo);
	struct procpool_result result;
	unsigned char *bytes = malloc(sizes[SIZES - 1]);

	for (size_t i = 0; i < SIZES; i++) {
		pattern_fill_as(bytes, sizes[i], (int)i);
		ok(procpool_submit(
		    pool, bytes, sizes[i], judge_echo, (void *)i));
		memset(bytes, 0, sizes[i]); /* it was copied */
	}
	ledger_await(SIZES, 20000);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_int_eq(has_areas(pool), by_areas);
	for (size_t i = SIZES; i-- > 0;) {
		pattern_fill_as(bytes, sizes[i], (int)i);
		ok(procpool_call(pool, bytes, sizes[i], &result));
		ck_assert_uint_eq(result.len, sizes[i]);
		ck_assert_ptr_ne(result.data, bytes);
		ck_assert(pattern_matches_as(result.data, result.len, (int)i));
		procpool_result_done(&result);
	}
	free(bytes);
	close_pool(pool);
}

/* L21 */
START_TEST(large_payloads_come_back_as_they_were)
{
	send_all_sizes(true);
}
END_TEST

/* L21: nor does the host get a signal for the size of a file. */
START_TEST(large_payloads_come_back_without_areas_too)
{
	allow_areas(false);
	send_all_sizes(false);
	allow_areas(true);
}
END_TEST

/* Allow so much address space beyond what there is; 0: as much as before. */
static void
allow_address_space(size_t more)
{
	struct rlimit limit;
	long pages = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (more > 0) {
		FILE *file = fopen("/proc/self/statm", "re");

		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
		fclose(file);
		limit.rlim_cur =
		    (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
	}
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

/* L21 */
START_TEST(a_host_short_of_address_space_has_a_pool_without_areas)
{
	if (WITH_ASAN || WITH_TSAN)
		SKIP("a sanitizer needs all address space there is");
	allow_address_space(400 * MIB);
	send_all_sizes(false);
	allow_address_space(0);
}
END_TEST

/* Has workers whose address space was limited before the host's was not. */
static int
prepare_in_a_narrow_place(void *unused)
{
	static unsigned char bytes[MIB];
	const struct procpool_options options = { .n_jobs = 1,
		.entry_point = t_echo };
	struct procpool_result result;
	struct procpool *pool;

	(void)unused;
	allow_address_space(100 * MIB);
	need(procpool_prepare() == 0);
	allow_address_space(0);
	need(procpool_open(&pool, &options) == 0);
	pattern_fill_as(bytes, MIB, 1);
	need(procpool_call(pool, bytes, MIB, &result) == 0);
	need(result.len == MIB && pattern_matches_as(result.data, MIB, 1));
	need(!has_areas(pool));
	procpool_result_done(&result);
	need(procpool_close(pool) == 0);
	return 0;
}

/* L21 */
START_TEST(workers_short_of_address_space_do_without_areas)
{
	if (WITH_ASAN || WITH_TSAN)
		SKIP("a sanitizer needs all address space there is");
	expect_host(fork_host(prepare_in_a_narrow_place, NULL), 0, 10000);
}
END_TEST

/* L21: an argument of a blocking call is the caller's until the call returns,
 * also when the first worker to have it dies. */
START_TEST(a_large_call_survives_the_death_of_idle_workers)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .entry_point = t_echo });
	int succeeded = 0;

	for (int i = 0; i < 20; i++) {
		unsigned char *bytes = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct procpool_result result;
		pid_t pid;
		int rc;

		ck_assert_ptr_ne(bytes, MAP_FAILED);
		pool_pids(pool, &pid);
		pattern_fill_as(bytes, MIB, i);
		kill(pid, SIGKILL);
		rc = procpool_call(pool, bytes, MIB, &result);
		munmap(bytes, MIB);
		/* It may have been begun before the signal came. */
		if (rc != PROCPOOL_ECRASHED) {
			ok(rc);
			ck_assert_uint_eq(result.len, MIB);
			ck_assert(pattern_matches_as(result.data, MIB, i));
			succeeded++;
		}
		procpool_result_done(&result);
	}
	ck_assert_int_ge(succeeded, 10);
	end_fault(pool, 0);
}
END_TEST

/* ------------------------------------------------------- What a job may do */

/* Returns the last of several results, each staged in another way; the case is
 * the task's value. */
static int
stage_often(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	unsigned char *space = procpool_reserve(job, MIB);

	(void)len;
	if (space == NULL)
		return procpool_fail(job, 1, "no memory");
	pattern_fill_as(space, MIB, 0);
	switch (op->value) {
	case 0: /* less than was reserved, and small */
		return procpool_return(job, space, 100);
	case 1: /* less than was reserved, and large */
		return procpool_return(job, space, PP_LARGE);
	case 2: /* from the middle of what was reserved */
		return procpool_return(job, space + 256, MIB - 256);
	case 3: /* nothing of it */
		return procpool_return(job, "", 0);
	case 4: /* another one behind it, larger */
		if (procpool_return(job, space, MIB) < 0)
			return 1;
		space = procpool_reserve(job, 2 * MIB);
		pattern_fill_as(space, 2 * MIB, 0);
		return procpool_return(job, space, 2 * MIB);
	case 5: /* first small, then a large one of which that is a part */
		if (procpool_return(job, space, 100) < 0)
			return 1;
		return procpool_return(job, space, MIB);
	default: /* what was reserved is all there is: an empty result */
		return 0;
	}
}

/* L21 */
START_TEST(the_last_result_counts_however_it_was_staged)
{
	static const struct {
		size_t len;
		int shift;
	} rows[] = { { 100, 0 }, { PP_LARGE, 0 }, { MIB - 256, 256 }, { 0, 0 },
		{ 2 * MIB, 0 }, { MIB, 0 }, { 0, 0 } };
	struct procpool *pool = open_pool(1, stage_often);
	unsigned char *bytes = malloc(2 * MIB);

	pattern_fill_as(bytes, 2 * MIB, 0);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 7; i++) {
			struct procpool_result result;

			ok(call_op(pool, stage_often, i, i, &result));
			ck_assert_uint_eq(result.len, rows[i].len);
			ck_assert_int_eq(
			    memcmp(result.data, bytes + rows[i].shift,
				rows[i].len),
			    0);
			procpool_result_done(&result);
		}
	free(bytes);
	close_pool(pool);
}
END_TEST

/* Has a child of its own look at the argument. */
static int
let_a_child_read(struct procpool_job *job, const void *arg, size_t len)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(pattern_matches_as(arg, len, 3) ? 7 : 8);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return procpool_fail(job, 1, "the child did not exit");
	return procpool_fail(job, WEXITSTATUS(status), "the child has looked");
}

/* L21 */
START_TEST(a_child_of_a_job_can_read_a_large_argument)
{
	struct procpool *pool = open_pool(1, let_a_child_read);
	struct procpool_result result;
	unsigned char *bytes = malloc(MIB);

	pattern_fill_as(bytes, MIB, 3);
	expect(procpool_call(pool, bytes, MIB, &result), PROCPOOL_EFAILED);
	ck_assert_int_eq(result.code, 7);
	procpool_result_done(&result);
	free(bytes);
	close_pool(pool);
}
END_TEST

/* --------------------------------------------- More than the host has taken */

enum {
	MANY = 100 /* results of 1 MiB: more than an area holds */
};

/* Returns value MiB. */
static int
return_mib(struct procpool_job *job, const void *arg, size_t len)
{
	const struct op *op = arg;
	const size_t size = (size_t)op->value * MIB;
	unsigned char *space = procpool_reserve(job, size);

	(void)len;
	if (space == NULL)
		return procpool_fail(job, 1, "no memory");
	ledger_start(op->id);
	pattern_fill_as(space, size, op->id);
	ledger_finish(op->id);
	flag_add(&shared->flag[1], 1);
	return procpool_return(job, space, size);
}

/* flag[0]: results that are wrong; the first waits for flag[2]. */
static void
judge_mib(const struct procpool_result *result, void *user)
{
	const int id = (int)(uintptr_t)user;

	if (id == 0)
		flag_await(&shared->flag[2], 1, PATIENCE_MS);
	if (result->outcome != 0 || result->len < MIB ||
	    !pattern_matches_as(result->data, result->len, id))
		flag_add(&shared->flag[0], 1);
	ledger_done(result, user);
}

static void
submit_mib(struct procpool *pool, int id, int mib)
{
	const struct op op = { .id = id, .value = mib };

	ok(procpool_submit_task(pool,
	    &(struct procpool_task){ .arg = &op,
		.len = sizeof(op),
		.function = return_mib,
		.done = judge_mib,
		.user = (void *)(uintptr_t)id }));
}

/* W17: while the only monitor is held up in a callback, the worker goes on as
 * far as there is room for its results, and none of them is overwritten. */
static void
hold_up_the_host(int room)
{
	struct procpool *pool = open_pool(1, t_ledger);

	for (int id = 0; id < MANY; id++)
		submit_mib(pool, id, 1);
	await_flag(&shared->flag[1], room, 20000);
	flag_set(&shared->flag[2], 1);
	ledger_await(MANY, 20000);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ledger_check(MANY);
	close_pool(pool);
}

/* W17 */
START_TEST(results_that_wait_in_the_area_are_kept)
{
	hold_up_the_host((int)(PP_AREA / MIB));
}
END_TEST

/* W17 */
START_TEST(results_that_wait_in_the_pipe_are_kept)
{
	allow_areas(false);
	hold_up_the_host(1);
	allow_areas(true);
}
END_TEST

/* W17: the worker has its next task while the host still copies a result. */
START_TEST(results_are_not_overwritten_while_they_are_copied)
{
	struct procpool *pool = open_pool(1, t_ledger);

	flag_set(&shared->flag[2], 1);
	for (int id = 0; id < 40; id++)
		submit_mib(pool, id, id % 2 == 0 ? 8 : 1);
	ledger_await(40, 20000);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	close_pool(pool);
}
END_TEST

/* W17: the next task is with the worker already, and kills it. */
START_TEST(a_finished_large_result_outlives_the_worker)
{
	enum {
		PAIRS = 20
	};
	struct procpool *pool = begin_fault(1);

	flag_set(&shared->flag[2], 1);
	for (int i = 0; i < PAIRS; i++) {
		submit_mib(pool, 2 * i, 1);
		ok(submit_op(pool, t_kill, 2 * i + 1, SIGKILL));
	}
	ledger_await(2 * PAIRS, 20000);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_int_eq(ledger_count(2 * PAIRS, 0), PAIRS);
	ck_assert_int_eq(ledger_count(2 * PAIRS, PROCPOOL_ECRASHED), PAIRS);
	end_fault(pool, 2 * PAIRS);
}
END_TEST

/* ------------------------------------------------------------------ Memory */

/* L20: what workers and host share for payloads is never more than the areas,
 * and goes with the workers; what is larger than an area goes another way. */
START_TEST(memory_for_large_payloads_is_bounded_and_given_back)
{
	const long area = (long)(PP_AREA / MIB);
	struct procpool *pool = open_pool(1, t_echo);
	const long before = shared_mib();
	unsigned char *bytes = malloc(PP_AREA + 1);

	pattern_fill_as(bytes, PP_AREA + 1, 5);
	for (size_t len = PP_AREA; len <= PP_AREA + 1; len++) {
		struct procpool_result result;

		ok(procpool_call(pool, bytes, len, &result));
		ck_assert_uint_eq(result.len, len);
		ck_assert(pattern_matches_as(result.data, len, 5));
		procpool_result_done(&result);
		/* The first went through the areas, the second did not. */
		ck_assert_int_ge(shared_mib() - before, 2 * area - 1);
		ck_assert_int_le(shared_mib() - before, 2 * area + 2);
	}
	free(bytes);
	close_pool(pool);
	ck_assert_int_le(shared_mib() - before, 1);
}
END_TEST

/* L20 */
START_TEST(the_stock_keeps_a_few_blocks_that_suit)
{
	struct stock stock;
	struct block blocks[PP_STOCK_BLOCKS + 1], block;
	void *memory;

	ck_assert_int_eq(pp_stock_init(&stock), 0);
	block = pp_stock_take(&stock, 100);
	ck_assert_uint_eq((uintptr_t)block.memory % PP_ALIGN, 0);
	pp_stock_give(&stock, block);
	ck_assert_uint_eq(stock.count, 0); /* small ones are malloc's */

	block = pp_stock_take(&stock, MIB);
	memory = block.memory;
	pp_stock_give(&stock, block);
	ck_assert_uint_eq(stock.count, 1);
	block = pp_stock_take(&stock, MIB / 2 - 1); /* too good for this */
	ck_assert_ptr_ne(block.memory, memory);
	free(block.memory);
	block = pp_stock_take(&stock, MIB + 1);
	ck_assert_ptr_ne(block.memory, memory);
	free(block.memory);
	block = pp_stock_take(&stock, MIB / 2);
	ck_assert_ptr_eq(block.memory, memory);
	ck_assert_uint_eq(stock.count + stock.bytes, 0);
	pp_stock_give(&stock, block);

	for (int i = 0; i <= PP_STOCK_BLOCKS; i++)
		blocks[i] = pp_stock_take(&stock, MIB);
	for (int i = 0; i <= PP_STOCK_BLOCKS; i++)
		pp_stock_give(&stock, blocks[i]);
	ck_assert_uint_eq(stock.count, PP_STOCK_BLOCKS);
	ck_assert_uint_eq(stock.bytes, PP_STOCK_BLOCKS * MIB);

	/* What comes takes the place of what lay there longest. */
	block = pp_stock_take(&stock, PP_STOCK_BYTES - 2 * MIB);
	pp_stock_give(&stock, block);
	ck_assert_uint_eq(stock.bytes, PP_STOCK_BYTES);
	ck_assert_uint_eq(stock.count, 3);
	ck_assert_ptr_eq(stock.blocks[2].memory, block.memory);
	ck_assert_ptr_eq(
	    stock.blocks[1].memory, blocks[PP_STOCK_BLOCKS].memory);
	block = pp_stock_take(&stock, PP_STOCK_BYTES + 1);
	pp_stock_give(&stock, block); /* nothing is worth that */
	ck_assert_uint_eq(stock.count, 3);
	pp_stock_give(&stock, (struct block){ NULL, 0 });
	pp_stock_done(&stock);
}
END_TEST

/* L20: what large arguments and results were in serves the next ones, and
 * goes when the pool stops. */
START_TEST(a_pool_that_stops_gives_its_stock_back)
{
	struct procpool *pool = open_pool(1, t_echo);
	unsigned char *bytes = malloc(sizes[1]);

	pattern_fill_as(bytes, sizes[1], 1);
	for (int i = 0; i < 20; i++) {
		ok(procpool_submit(
		    pool, bytes, sizes[1], judge_echo, (void *)(uintptr_t)1));
		ok(procpool_drain(pool, -1));
	}
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_uint_eq(pool->stock.count, 1);
	ok(procpool_shutdown(pool));
	ck_assert_uint_eq(pool->stock.count + pool->stock.bytes, 0);
	free(bytes);
	close_pool(pool);
}
END_TEST

/* ----------------------------------------------------------------- Malice */

/* flag[3] is set once the worker has destroyed what it shares with the host. */
static int
destroy_what_is_shared(struct procpool_job *job, const void *arg, size_t len)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];

	(void)job;
	(void)arg;
	(void)len;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		unsigned long start, end;

		if (strstr(line, "memfd:procpool") == NULL ||
		    sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		memset((void *)start, 0xff, PP_PAGE_SPAN);
		(void)madvise((void *)start, end - start, MADV_REMOVE);
		memset((void *)start, 0xa5, PP_PAGE_SPAN);
	}
	if (file != NULL)
		fclose(file);
	flag_set(&shared->flag[3], 1);
	return 0;
}

/* What becomes of the task itself is all the same, but the host lives, and
 * other workers' tasks end as they should. */
START_TEST(a_worker_that_destroys_the_shared_memory_hurts_itself_alone)
{
	struct procpool *pool = begin_fault(2);
	struct procpool_result result;
	const struct procpool_task task = {
		.arg = "", .len = 1, .function = destroy_what_is_shared
	};
	int rc;

	ok(submit_op(pool, t_wait, 0, 4));
	await_flag(&shared->flag[4], 1, 5000);
	rc = procpool_call_task(pool, &task, &result);
	procpool_result_done(&result);
	ck_assert_int_eq(atomic_load(&shared->flag[3]), 1);
	ck_assert_msg(rc == 0 || rc == PROCPOOL_EPROTOCOL, "it ended with %s",
	    procpool_errname(rc));
	flag_set(&shared->flag[5], 1);
	ledger_await(1, 5000);
	expect_end(0, 0, 0);
	end_fault(pool, 1);
}
END_TEST

/* flag[0]: echoes that are neither whole nor none. */
static void
judge_4_mib(const struct procpool_result *result, void *user)
{
	if (result->outcome == 0 ? result->len != 4 * MIB ||
		    !pattern_matches_as(
			result->data, result->len, (int)(uintptr_t)user)
				 : result->len != 0)
		flag_add(&shared->flag[0], 1);
	ledger_done(result, user);
}

static void
judge_64_mib(const struct procpool_result *result, void *user)
{
	if (result->outcome != 0 || result->len != 64 * MIB ||
	    !pattern_matches_as(result->data, result->len, 0))
		flag_add(&shared->flag[0], 1);
	ledger_done(result, user);
}

/* Remove the files of a directory: the size of the largest. */
static off_t
clear_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	off_t largest = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)) != NULL) {
		struct stat file;

		if (fstatat(dirfd(directory), entry->d_name, &file, 0) < 0 ||
		    !S_ISREG(file.st_mode))
			continue;
		if (file.st_size > largest)
			largest = file.st_size;
		(void)unlinkat(dirfd(directory), entry->d_name, 0);
	}
	closedir(directory);
	return largest;
}

/* F3: what host and worker share is no part of a core, which so is soon
 * written. */
START_TEST(a_core_is_small)
{
	char directory[] = "/tmp/procpool-core-XXXXXX", here[4096];
	struct rlimit limit, all;
	struct procpool *pool;

	if (WITH_TSAN)
		SKIP("the memory of a sanitizer is large");
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
	all = limit;
	all.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_CORE, &all) < 0 || all.rlim_max == 0)
		SKIP("there may be no cores here");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	ck_assert_int_eq(chdir(directory), 0);
	pool = begin_fault(1);
	ok(submit_op(pool, t_abort, 0, 0));
	ledger_await(1, 5000);
	expect_end(0, PROCPOOL_ECRASHED, SIGABRT);
	ck_assert_int_eq(chdir(here), 0);
	ck_assert_int_le(clear_directory(directory), 64 * (off_t)MIB);
	ck_assert_int_eq(rmdir(directory), 0);
	end_fault(pool, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &limit), 0);
}
END_TEST

/* flag[0]: the echo is not what was sent; flag[1]: who made it. */
static void
judge_echo_of_2(const struct procpool_result *result, void *user)
{
	if (result->outcome != 0 || result->len != MIB ||
	    !pattern_matches_as(result->data, MIB, 2))
		flag_set(&shared->flag[0], 1);
	flag_set(&shared->flag[1], result->pid);
	ledger_done(result, user);
}

/* Whether bytes wait in a pipe. */
static bool
is_under_way(int pipe)
{
	int waiting = 0;

	return ioctl(pipe, FIONREAD, &waiting) == 0 && waiting >= 4096;
}

/* W15, L21: a task that is half in the pipe stays with its worker. */
START_TEST(a_large_task_that_is_half_sent_is_not_taken_back)
{
	struct aside refresh = { .call = aside_refresh };
	const int64_t start = now_ms();
	unsigned char *bytes = malloc(MIB);
	struct procpool *pool;
	int tasks;
	pid_t pid;

	allow_areas(false);
	pool = open_pool(1, t_echo);
	allow_areas(true);
	pool_pids(pool, &pid);
	tasks = pool->crew->channels[0].task_pipe[0];
	pattern_fill_as(bytes, MIB, 2);
	kill(pid, SIGSTOP);
	ok(procpool_submit(pool, bytes, MIB, judge_echo_of_2, NULL));
	while (!is_under_way(tasks))
		took_less(start, 5000);
	refresh.pool = pool;
	aside_start(&refresh);
	/* Were it taken back, the worker would be free, and be replaced. */
	ck_assert(!await_end(pid, 300));
	kill(pid, SIGCONT);
	ledger_await(1, 5000);
	ok(aside_join(&refresh));
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_int_eq(atomic_load(&shared->flag[1]), pid);
	free(bytes);
	close_pool(pool);
}
END_TEST

/* W15: the pipe takes no more, and nobody waits for it to; the task was not
 * begun, and so is run by the next worker. */
START_TEST(a_large_task_that_is_half_sent_at_a_death_goes_again)
{
	const size_t size = 64 * MIB;
	const int64_t start = now_ms();
	unsigned char *bytes = malloc(size);
	struct procpool *pool;
	int tasks;
	pid_t pid;

	allow_areas(false);
	pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .entry_point = t_echo });
	allow_areas(true);
	pool_pids(pool, &pid);
	tasks = pool->crew->channels[0].task_pipe[0];
	pattern_fill_as(bytes, size, 0);
	kill(pid, SIGSTOP);
	ok(procpool_submit(pool, bytes, size, judge_64_mib, NULL));
	while (!is_under_way(tasks))
		took_less(start, 5000);
	kill(pid, SIGKILL);
	ledger_await(1, 5000);
	expect_end(0, 0, 0);
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_ptr_null(procpool_first_failed(pool));
	free(bytes);
	end_fault(pool, 0);
}
END_TEST

/* W15: a worker dies while a large task is on its way to it, or runs, or has
 * just ended: at random, until the kills have met all kinds of moments. */
static void
kill_under_large_tasks(void)
{
	struct procpool *pool = begin_fault_with(
	    (struct procpool_options){ .n_jobs = 1, .entry_point = t_echo });
	unsigned char *bytes = malloc(4 * MIB);
	const int64_t start = now_ms();
	unsigned seed = 15;
	int n;

	for (n = 0; n < 20 || ledger_count(n, 0) < 3 ||
	     ledger_count(n, PROCPOOL_ECRASHED) < 3;
	     n++) {
		const unsigned longest = 500U << 2 * (n % 4); /* us */
		pid_t pid;

		took_less(start, 8000);
		pool_pids(pool, &pid);
		pattern_fill_as(bytes, 4 * MIB, n);
		ok(procpool_submit(
		    pool, bytes, 4 * MIB, judge_4_mib, (void *)(uintptr_t)n));
		usleep((useconds_t)((unsigned)rand_r(&seed) % longest));
		kill(pid, SIGKILL);
		ledger_await(n + 1, 5000);
	}
	ck_assert_int_eq(atomic_load(&shared->flag[0]), 0);
	ck_assert_int_eq(
	    ledger_count(n, PROCPOOL_ECRASHED) + ledger_count(n, 0), n);
	free(bytes);
	end_fault(pool, 0);
}

/* W15 */
START_TEST(a_death_under_a_large_task_costs_that_task_at_most)
{
	kill_under_large_tasks();
}
END_TEST

/* W15 */
START_TEST(a_death_under_a_large_task_in_the_pipe_costs_that_task_at_most)
{
	allow_areas(false);
	kill_under_large_tasks();
	allow_areas(true);
}
END_TEST

/* L21: of a blocking call, whose bytes are sent from where they are. */
START_TEST(bytes_that_cannot_be_read_fail_their_call_only)
{
	struct procpool *pool;
	struct procpool_result result;
	char *bytes = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	allow_areas(false);
	pool = begin_fault(1);
	allow_areas(true);
	/* The first part of it can. */
	ck_assert_int_eq(mprotect(bytes + MIB, MIB, PROT_NONE), 0);
	expect(procpool_call(pool, bytes, 2 * MIB, &result), -EFAULT);
	procpool_result_done(&result);
	munmap(bytes, 2 * MIB);
	end_fault(pool, 0);
}
END_TEST

RUN_TESTS("large", large_payloads_come_back_as_they_were,
    large_payloads_come_back_without_areas_too,
    a_host_short_of_address_space_has_a_pool_without_areas,
    workers_short_of_address_space_do_without_areas,
    a_large_call_survives_the_death_of_idle_workers,
    the_last_result_counts_however_it_was_staged,
    a_child_of_a_job_can_read_a_large_argument,
    results_that_wait_in_the_area_are_kept,
    results_that_wait_in_the_pipe_are_kept,
    results_are_not_overwritten_while_they_are_copied,
    a_finished_large_result_outlives_the_worker,
    memory_for_large_payloads_is_bounded_and_given_back,
    the_stock_keeps_a_few_blocks_that_suit,
    a_pool_that_stops_gives_its_stock_back,
    a_worker_that_destroys_the_shared_memory_hurts_itself_alone,
    a_core_is_small, a_large_task_that_is_half_sent_is_not_taken_back,
    a_large_task_that_is_half_sent_at_a_death_goes_again,
    a_death_under_a_large_task_costs_that_task_at_most,
    a_death_under_a_large_task_in_the_pipe_costs_that_task_at_most,
    bytes_that_cannot_be_read_fail_their_call_only)
