#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A slot keeps a buffer up to this size for the next record. */
#define KEPT_CAPACITY ((size_t)1024)

int
pp_window_init(struct window *window, const struct window_options *options)
{
	int rc, fd;
	struct slot *slots = calloc(WINDOW_SLOTS, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		rc = -errno;
		free(slots);
		return rc;
	}
	*window = (struct window){
		.options = *options,
		.slots = slots,
		.wake_fd = fd,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wants_failure = options->careful,
	};
	return 0;
}

void
pp_window_done(struct window *window)
{
	size_t i;

	for (i = 0; i < WINDOW_SLOTS; i++) {
		free(window->slots[i].record.bytes);
		free(window->slots[i].result.bytes);
	}
	free(window->slots);
	close(window->wake_fd);
}

static struct slot *
slot_at(struct window *window, uint64_t record)
{
	return &window->slots[record % WINDOW_SLOTS];
}

static bool
is_quick_locked(const struct window *window, uint64_t in_pool)
{
	double mean_ns;

	if (window->counts.ended == 0)
		return false;
	mean_ns = (double)window->ran_ns / (double)window->counts.ended;
	return (double)in_pool * mean_ns <
	    (double)window->options.n_workers * (double)WINDOW_CAREFUL_NS;
}

/*
 * How many may be in the pool at once grows with what has come back: nothing
 * is known about the size of results until some are there, and thousands of
 * large ones could be under way by then.
 */
static bool
has_room_locked(const struct window *window)
{
	uint64_t span = window->taken - window->written;
	uint64_t ended = window->counts.ended;
	uint64_t in_pool = window->taken - ended;
	uint64_t few = 2 * window->options.n_workers;
	uint64_t mean;

	if (span >= WINDOW_SLOTS)
		return false;
	if (window->options.careful && in_pool >= few &&
	    !is_quick_locked(window, in_pool))
		return false;
	if (span < few)
		return true;
	mean = ended > 0 ? window->bytes_ended / ended : 0;
	return in_pool < 2 * few + ended &&
	    window->held + in_pool * mean < WINDOW_BYTES;
}

bool
pp_window_has_room(struct window *window)
{
	bool room;

	pthread_mutex_lock(&window->lock);
	room = has_room_locked(window);
	pthread_mutex_unlock(&window->lock);
	return room;
}

struct slot *
pp_window_take(struct window *window, size_t arg_len)
{
	struct slot *slot = slot_at(window, window->taken);

	slot->window = window;
	slot->arg_len = arg_len;
	pthread_mutex_lock(&window->lock);
	slot->done = false;
	window->held += arg_len;
	pthread_mutex_unlock(&window->lock);
	window->taken++;
	return slot;
}

/* Returns 0 or -ENOMEM, and what is kept is an empty text then. */
static int
keep_bytes(struct kept *kept, const void *bytes, size_t len)
{
	kept->len = 0;
	if (len >= kept->capacity) {
		free(kept->bytes);
		kept->capacity = 0;
		kept->bytes = malloc(len + 1);
		if (kept->bytes == NULL)
			return -ENOMEM;
		kept->capacity = len + 1;
	}
	memcpy(kept->bytes, bytes, len);
	kept->bytes[len] = '\0';
	kept->len = len;
	return 0;
}

static void
drop_bytes(struct kept *kept)
{
	if (kept->capacity <= KEPT_CAPACITY)
		return;
	free(kept->bytes);
	*kept = (struct kept){ 0 };
}

int
pp_window_keep(struct slot *slot, const char *record)
{
	if (!slot->window->options.keep_records)
		return 0;
	return keep_bytes(&slot->record, record, slot->arg_len);
}

static void
count_locked(struct window *window, const struct slot *slot)
{
	window->counts.ended++;
	if (slot->outcome != PROCPOOL_ESHUTDOWN) {
		window->counts.done++;
		window->counts.failed += slot->outcome != 0;
		window->counts.bytes += slot->arg_len + 1;
	}
	window->ran_ns += slot->ran_ns;
	window->bytes_ended += slot->result.len;
	window->held += slot->result.len;
	if (!window->options.keep_records)
		window->held -= slot->arg_len;
}

static bool
has_failed_locked(const struct window *window)
{
	return window->wants_failure && window->counts.failed > 0;
}

/* Hand the slot over to the writing thread. */
static void
finish(struct slot *slot)
{
	struct window *window = slot->window;
	bool wake;

	pthread_mutex_lock(&window->lock);
	slot->done = true;
	count_locked(window, slot);
	wake = window->wants_room ||
	    (window->waiting &&
		(slot == pp_window_head(window) || has_failed_locked(window)));
	if (wake)
		window->waiting = window->wants_room = false;
	pthread_mutex_unlock(&window->lock);

	if (wake)
		(void)eventfd_write(window->wake_fd, 1); /* cannot be full */
}

void
pp_window_end(const struct procpool_result *result, void *user)
{
	struct slot *slot = user;
	bool ok = result->outcome == 0;
	int rc;

	rc = keep_bytes(&slot->result, ok ? result->data : result->message,
	    ok ? result->len : strlen(result->message));
	slot->outcome = ok ? rc : result->outcome;
	slot->code = result->code;
	slot->worker = result->worker;
	slot->pid = result->pid;
	slot->started_ns = result->started_ns;
	slot->ran_ns = result->ran_ns;
	finish(slot);
}

void
pp_window_give_up(struct slot *slot, int outcome)
{
	slot->outcome = outcome;
	slot->code = 0;
	slot->worker = -1;
	slot->pid = 0;
	slot->started_ns = slot->ran_ns = 0;
	/* Without memory it has no text either. */
	(void)keep_bytes(&slot->result, "", 0);
	finish(slot);
}

struct window_counts
pp_window_counts(struct window *window)
{
	struct window_counts counts;

	pthread_mutex_lock(&window->lock);
	counts = window->counts;
	pthread_mutex_unlock(&window->lock);
	return counts;
}

bool
pp_window_failed(struct window *window)
{
	bool failed;

	pthread_mutex_lock(&window->lock);
	failed = has_failed_locked(window);
	if (failed)
		window->wants_failure = false;
	pthread_mutex_unlock(&window->lock);
	return failed;
}

size_t
pp_window_ready(struct window *window)
{
	uint64_t record = window->written;

	pthread_mutex_lock(&window->lock);
	while (record < window->taken && slot_at(window, record)->done)
		record++;
	pthread_mutex_unlock(&window->lock);
	return (size_t)(record - window->written);
}

struct slot *
pp_window_head(struct window *window)
{
	return slot_at(window, window->written);
}

void
pp_window_drop_head(struct window *window)
{
	struct slot *slot = pp_window_head(window);

	pthread_mutex_lock(&window->lock);
	window->held -= slot->result.len;
	if (window->options.keep_records)
		window->held -= slot->arg_len;
	pthread_mutex_unlock(&window->lock);

	drop_bytes(&slot->record);
	drop_bytes(&slot->result);
	window->written++;
}

bool
pp_window_will_wait(struct window *window, bool for_room)
{
	bool there;

	pthread_mutex_lock(&window->lock);
	there = window->written < window->taken && pp_window_head(window)->done;
	if (for_room && has_room_locked(window))
		there = true;
	if (has_failed_locked(window))
		there = true;
	window->waiting = !there;
	window->wants_room = for_room && !there;
	pthread_mutex_unlock(&window->lock);
	return !there;
}

void
pp_window_woken(struct window *window)
{
	eventfd_t count;

	pthread_mutex_lock(&window->lock);
	window->waiting = window->wants_room = false;
	pthread_mutex_unlock(&window->lock);
	(void)eventfd_read(window->wake_fd, &count); /* empty is well */
}
