#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A slot keeps a buffer up to this size for the next record. */
#define KEPT_CAPACITY ((size_t)1024)

int
pp_window_init(struct window *window, size_t n_workers)
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
		.slots = slots,
		.n_workers = n_workers,
		.wake_fd = fd,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	return 0;
}

void
pp_window_done(struct window *window)
{
	size_t i;

	for (i = 0; i < WINDOW_SLOTS; i++)
		free(window->slots[i].bytes);
	free(window->slots);
	close(window->wake_fd);
}

static struct slot *
slot_at(struct window *window, uint64_t record)
{
	return &window->slots[record % WINDOW_SLOTS];
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
	uint64_t in_pool = window->taken - window->ended;
	uint64_t mean;

	if (span >= WINDOW_SLOTS)
		return false;
	if (span < 2 * window->n_workers)
		return true;
	mean = window->ended > 0 ? window->bytes_ended / window->ended : 0;
	return in_pool < 4 * window->n_workers + window->ended &&
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

/* Returns 0 or -ENOMEM, and the slot holds an empty text then. */
static int
keep_bytes(struct slot *slot, const void *bytes, size_t len)
{
	slot->len = 0;
	if (len >= slot->capacity) {
		free(slot->bytes);
		slot->capacity = 0;
		slot->bytes = malloc(len + 1);
		if (slot->bytes == NULL)
			return -ENOMEM;
		slot->capacity = len + 1;
	}
	memcpy(slot->bytes, bytes, len);
	slot->bytes[len] = '\0';
	slot->len = len;
	return 0;
}

/* Hand the slot over to the writing thread. */
static void
finish(struct slot *slot)
{
	struct window *window = slot->window;
	bool wake;

	pthread_mutex_lock(&window->lock);
	slot->done = true;
	window->ended++;
	window->bytes_ended += slot->len;
	window->held += slot->len;
	window->held -= slot->arg_len;
	wake = window->wants_room ||
	    (window->waiting && slot == pp_window_head(window));
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

	rc = keep_bytes(slot, ok ? result->data : result->message,
	    ok ? result->len : strlen(result->message));
	slot->outcome = ok ? rc : result->outcome;
	slot->code = result->code;
	finish(slot);
}

void
pp_window_give_up(struct slot *slot, int outcome)
{
	slot->outcome = outcome;
	slot->code = 0;
	(void)keep_bytes(
	    slot, "", 0); /* without memory it has no text either */
	finish(slot);
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
	window->held -= slot->len;
	pthread_mutex_unlock(&window->lock);

	if (slot->capacity > KEPT_CAPACITY) {
		free(slot->bytes);
		slot->bytes = NULL;
		slot->capacity = 0;
	}
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
