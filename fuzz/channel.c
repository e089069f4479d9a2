/*
 * Fuzz target: a channel of the host, with a worker that says and writes
 * whatever the input wants: to its pipe, to the ring, to every word of the
 * page; while the host sends tasks, takes them back, reads, fetches from the
 * ring, and in the end buries the worker.
 *
 * Each task must be given back exactly once, as ended, as taken back or as to
 * be run again, with a result that can be read.  There is no process: the
 * worker's side is done here.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "channel/parts.h"

#define MAX_PAYLOAD ((size_t)1 << 20)
#define TASKS_MAX   3000
#define BEHIND      ((size_t)512 << 20)

/* Made once. */
static struct procpool pool;
static struct channel ch;
static struct page *page;
static int pipe_in; /* the worker's end of the result pipe */
static char names[1][PP_NAME_MAX] = { "fuzz" };

/* Of one run. */
static size_t sent, came_back;
static uint64_t last_id;

/* ------------------------------------------------------------ The host */

static void
read_line(enum procpool_level level, const char *line, void *user)
{
	(void)level;
	(void)user;
	must(strlen(line) < PP_LOG_LINE);
}

/* With nothing behind it, as far as a place can be. */
static struct page *
map_page(void)
{
	const int flags = MAP_ANONYMOUS | MAP_NORESERVE;
	void *all = mmap(
	    NULL, PP_PAGE_ALL + BEHIND, PROT_NONE, MAP_PRIVATE | flags, -1, 0);

	must(all != MAP_FAILED);
	must(mmap(all, PP_PAGE_ALL, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED | flags, -1, 0) == all);
	return all;
}

static void
set_up(void)
{
	int ends[2];

	pool.options.max_payload = MAX_PAYLOAD;
	pool.options.log = read_line;
	pool.worker_names = names;
	pool.n_jobs = 1;
	must(pp_log_init(&pool.log, &pool, &pool.options) == 0);
	must(pp_stock_init(&pool.stock) == 0);
	must(pp_channel_init(&ch, &pool, 0) == 0);
	page = map_page();
	must(pp_pipe(ends) == 0);
	must(pp_nonblock(ends[0]) == 0 && pp_nonblock(ends[1]) == 0);
	ch.result_pipe = ends[0];
	pipe_in = ends[1];
	ch.task_pipe[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	must(ch.task_pipe[1] >= 0);
}

/* A task has come back: its result can be read, whatever it is. */
static void
take_back(struct task_list *list, bool has_ended)
{
	struct task *task;

	while ((task = pp_list_pop(list)) != NULL) {
		const struct procpool_result *result = &task->result;
		volatile unsigned char sum = 0;

		came_back++;
		for (size_t i = 0; has_ended && i < result->len; i++)
			sum = sum ^ ((const unsigned char *)result->data)[i];
		(void)sum;
		if (has_ended) {
			must(result->len <= MAX_PAYLOAD);
			must(strlen(result->message) <= PP_TEXT_MAX);
			must(result->outcome <= 0 && result->pid == 4711);
		}
		pp_task_free(task);
	}
	*list = (struct task_list){ 0 };
}

static void
send_task(size_t len)
{
	struct task *task;
	struct load load = { 0 };

	if (sent == TASKS_MAX || ch.life != LIFE_SERVING ||
	    !pp_channel_fits_locked(&ch, &load, len))
		return;
	task = pp_task_new();
	must(task != NULL);
	memset(task, 0, sizeof(*task));
	task->id = ++last_id;
	task->len = len;
	if (len > PP_TASK_SPACE) {
		task->heap = calloc(1, len);
		must(task->heap != NULL);
	}
	pp_channel_send_locked(&ch, task);
	sent++;
}

static void
take_some_back(size_t most)
{
	struct task_list list = { 0 };

	pp_channel_revoke_locked(&ch, most, true, &list);
	take_back(&list, false);
}

static void
read_all(void)
{
	struct task_list ended = { 0 };

	while (!ch.broke && pp_channel_read(&ch, &ended) > 0)
		;
	take_back(&ended, true);
}

static void
fetch(void)
{
	struct task_list ended = { 0 };

	pp_channel_harvest(&ch, &ended);
	take_back(&ended, true);
}

/* ----------------------------------------------------------- The worker */

static void
say(const void *bytes, size_t len, bool ring)
{
	const uint64_t at = atomic_load(&page->committed);

	if (!ring) {
		/* (What the pipe has no room for is not said.) */
		if (write(pipe_in, bytes, len) >= 0)
			read_all();
		return;
	}
	for (size_t i = 0; i < len; i++)
		page->ring[(at + i) % PP_RING] = ((const uint8_t *)bytes)[i];
	atomic_store(&page->writing, at + len);
	atomic_store(&page->committed, at + len);
}

static void
say_portion(struct input *in)
{
	const bool ring = take_number(in, 1) % 2 != 0;
	const struct portion portion = take_portion(in);

	for (size_t i = 0; i < portion.times && !ch.broke; i++)
		say(portion.bytes, portion.len, ring);
}

/* A header, of which each field is more often likely than not. */
static void
say_header(struct input *in)
{
	const bool ring = take_number(in, 1) % 2 != 0;
	struct result_frame frame = { 0 };

	/* (An initialiser may take them in any order.) */
	frame.type = (uint32_t)take_number(in, 1);
	frame.code = (int8_t)take_number(in, 1);
	frame.sequence = ch.oldest + take_number(in, 1);
	frame.length = take_number(in, 3);
	frame.place = take_number(in, 3) * PP_ALIGN;
	say(&frame, sizeof(frame), ring);
}

static void
set_word(struct input *in)
{
	_Atomic uint64_t *const words[] = { &page->committed, &page->writing,
		&page->passed, &page->since, &page->taken };
	const size_t which = (size_t)take_number(in, 1) % 5;

	atomic_store(words[which], take_number(in, 8));
}

static void
set_claim(struct input *in)
{
	const size_t slot = (size_t)take_number(in, 2) % PP_SLOTS;

	atomic_store(&page->claims[slot], take_number(in, 8));
}

static void
claim(uint64_t ahead)
{
	(void)pp_claim_take(page, ch.oldest + ahead, CLAIM_CLAIMED);
}

/* ---------------------------------------------------------------- A life */

static void
do_one(struct input *in)
{
	switch (take_number(in, 1) % 12) {
	case 0:
		say_portion(in);
		break;
	case 1:
	case 2:
		say_header(in);
		break;
	case 3:
		set_word(in);
		break;
	case 4:
		set_claim(in);
		break;
	case 5:
	case 6:
		claim(take_number(in, 1));
		break;
	case 7:
		send_task((size_t)take_number(in, 1));
		break;
	case 8:
		send_task((size_t)take_number(in, 3) % (2 * PP_LARGE));
		break;
	case 9:
		take_some_back((size_t)take_number(in, 1));
		break;
	case 10:
		pp_channel_flush(&ch);
		pp_channel_skip_passed_locked(&ch);
		break;
	default:
		fetch();
		break;
	}
	must(ch.oldest <= ch.next && ch.next - ch.oldest <= PP_SLOTS);
	must(sent == came_back + ch.live);
}

static void
be_born(void)
{
	memset(page, 0, sizeof(*page));
	ch.page = page;
	ch.page_size = PP_PAGE_ALL;
	ch.pid = 4711;
	ch.life = LIFE_VACANT;
	sent = came_back = 0;
	pp_channel_event(&ch, LIFE_BORN);
}

static void
die(void)
{
	struct task_list ended = { 0 }, again = { 0 };
	char rest[4096];

	ch.told_to_end = true; /* nobody can be asked why it died */
	(void)pp_channel_bury(&ch, PROCPOOL_ESHUTDOWN, &ended, &again);
	take_back(&ended, true);
	take_back(&again, false);
	must(sent == came_back && ch.live == 0 && ch.life == LIFE_VACANT);
	while (read(ch.result_pipe, rest, sizeof(rest)) > 0)
		;
}

/* What is kept from life to life here, a clear shall not take. */
static void
forget(void)
{
	const int tasks = ch.task_pipe[1], results = ch.result_pipe;

	ch.page = NULL;
	ch.task_pipe[1] = ch.result_pipe = -1;
	pp_channel_clear(&ch);
	ch.task_pipe[1] = tasks;
	ch.result_pipe = results;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (page == NULL)
		set_up();
	be_born();
	while (in.left > 0)
		do_one(&in);
	die();
	forget();
	return 0;
}
