/*
 * What the machine allows to any pool of forked processes, with as little
 * around it as possible: children on bare pipes, no task can fail, nothing is
 * recovered.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SLOTS = BENCH_IN_FLIGHT / BENCH_WORKERS
};

struct child {
	pid_t pid;
	int to, from; /* our ends of its two pipes */
};

/* What a child does with its ends of the pipes until the end of its input. */
typedef void (*body_fn)(int in, int out, void *arg);

/* Read exactly len bytes.  Returns false at the end of the input. */
static bool
read_all(int fd, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		const ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void
write_all(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		const ssize_t n =
		    write(fd, (const char *)buf + done, len - done);

		if (n < 0)
			bench_die("write: %s", strerror(errno));
		done += (size_t)n;
	}
}

static void
make_pipe(int ends[2])
{
	if (pipe(ends) != 0)
		bench_die("pipe: %s", strerror(errno));
}

/* Fork child k of children.  It must not hold our ends of any pipe, or the
 * others would never see the end of their input. */
static void
start_child(struct child *children, int k, body_fn body, void *arg)
{
	int task[2], result[2];

	make_pipe(task);
	make_pipe(result);
	children[k] = (struct child){ .to = task[1], .from = result[0] };
	children[k].pid = fork();
	if (children[k].pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (children[k].pid == 0) {
		for (int i = 0; i <= k; i++) {
			close(children[i].to);
			close(children[i].from);
		}
		body(task[0], result[1], arg);
		_exit(0);
	}
	close(task[0]);
	close(result[1]);
}

static void
stop_children(struct child *children, int n)
{
	for (int k = 0; k < n; k++) {
		close(children[k].to);
		close(children[k].from);
	}
	for (int k = 0; k < n; k++)
		if (waitpid(children[k].pid, NULL, 0) != children[k].pid)
			bench_die("waitpid: %s", strerror(errno));
}

/* W1: frames of a task, as many to a system call as there are. */
struct frame {
	uint64_t task, len, value;
};

enum {
	FRAMES = 65536 / sizeof(struct frame)
};

/* Bytes on their way in one direction; from off to len are still to go. */
struct buffer {
	size_t off, len;
	struct frame frames[FRAMES];
};

/* Add what can be read now; the rest of a frame may come later. */
static bool
fill(int fd, struct buffer *b)
{
	const ssize_t n =
	    read(fd, (char *)b->frames + b->len, sizeof(b->frames) - b->len);

	if (n > 0)
		b->len += (size_t)n;
	return n > 0;
}

/* Drop the whole frames and move what there is of the next to the front. */
static void
drop_whole(struct buffer *b)
{
	const size_t whole = b->len / sizeof(struct frame);

	b->len -= whole * sizeof(struct frame);
	memmove(b->frames, b->frames + whole, b->len);
}

static void
square_frames(int in, int out, void *arg)
{
	static struct buffer b;

	(void)arg;
	while (fill(in, &b)) {
		const size_t whole = b.len / sizeof(struct frame);

		for (size_t i = 0; i < whole; i++)
			b.frames[i].value *= b.frames[i].value;
		write_all(out, b.frames, whole * sizeof(struct frame));
		drop_whole(&b);
	}
}

struct stream {
	uint64_t next, end, ended, sum;
};

static void
send_frames(int fd, struct buffer *b, struct stream *s)
{
	ssize_t n;

	if (b->off == b->len) {
		b->off = b->len = 0;
		for (int i = 0; i < FRAMES && s->next < s->end; i++) {
			b->frames[i] = (struct frame){ s->next,
				sizeof(uint64_t), s->next };
			s->next++;
			b->len += sizeof(struct frame);
		}
	}
	n = write(fd, (char *)b->frames + b->off, b->len - b->off);
	if (n > 0)
		b->off += (size_t)n;
}

static void
take_frames(int fd, struct buffer *b, struct stream *s)
{
	if (!fill(fd, b))
		return;
	for (size_t i = 0; i < b->len / sizeof(struct frame); i++) {
		s->sum += b->frames[i].value;
		s->ended++;
	}
	drop_whole(b);
}

static void
stream_frames(struct child *children, struct stream *s)
{
	static struct buffer out[BENCH_WORKERS], in[BENCH_WORKERS];

	while (s->ended < s->end) {
		struct pollfd fds[2 * BENCH_WORKERS];

		for (int k = 0; k < BENCH_WORKERS; k++) {
			const bool more =
			    s->next < s->end || out[k].off < out[k].len;

			fds[2 * k] =
			    (struct pollfd){ more ? children[k].to : -1,
				    POLLOUT, 0 };
			fds[2 * k + 1] =
			    (struct pollfd){ children[k].from, POLLIN, 0 };
		}
		poll(fds, 2 * BENCH_WORKERS, -1);
		for (int k = 0; k < BENCH_WORKERS; k++) {
			if (fds[2 * k].revents != 0)
				send_frames(children[k].to, &out[k], s);
			if (fds[2 * k + 1].revents != 0)
				take_frames(children[k].from, &in[k], s);
		}
	}
}

static void
rate(void)
{
	struct stream stream = { .end = 10 * bench_squares() };
	struct child children[BENCH_WORKERS];
	uint64_t start;

	for (int k = 0; k < BENCH_WORKERS; k++) {
		start_child(children, k, square_frames, NULL);
		fcntl(children[k].to, F_SETFL, O_NONBLOCK);
		fcntl(children[k].from, F_SETFL, O_NONBLOCK);
	}
	start = bench_clock();
	stream_frames(children, &stream);
	bench_emit_rate(stream.end, start, stream.sum);
	stop_children(children, BENCH_WORKERS);
}

/* arg: where to be, or NULL. */
static void
square_one(int in, int out, void *arg)
{
	const enum bench_place *place = arg;
	uint64_t value;

	if (place != NULL)
		bench_move(*place);
	while (read_all(in, &value, sizeof(value))) {
		value *= value;
		write_all(out, &value, sizeof(value));
	}
}

/* Send a number and wait for its square, blocking in both. */
static uint64_t
round_trip(void *arg, uint64_t value)
{
	const struct child *child = arg;

	write_all(child->to, &value, sizeof(value));
	if (!read_all(child->from, &value, sizeof(value)))
		bench_die("a child ended early");
	return value;
}

static void
time_round_trips(enum bench_place ours, enum bench_place childs)
{
	struct child child;

	start_child(&child, 0, square_one, &childs);
	bench_move(ours);
	bench_round_trips(round_trip, &child, ours != BENCH_ANY_CPU);
	bench_move(BENCH_ANY_CPU);
	stop_children(&child, 1);
}

static void
round_trips(void)
{
	time_round_trips(BENCH_ANY_CPU, BENCH_ANY_CPU);
	if (bench_two_cpus())
		time_round_trips(BENCH_FIRST_CPU, BENCH_LAST_CPU);
}

/* W3: memory shared with one child, with slots for payloads to it and back.
 * A byte through the pipe says which slot is ready. */
struct area {
	size_t size; /* of one payload */
	char *memory;
	uint64_t number[SLOTS]; /* what is in a slot, host only */
};

static char *
slot_out(const struct area *area, int slot)
{
	return area->memory + 2 * (size_t)slot * area->size;
}

static char *
slot_back(const struct area *area, int slot)
{
	return slot_out(area, slot) + area->size;
}

static void
open_area(struct area *area, size_t size)
{
	const size_t all = 2 * SLOTS * size;

	area->size = size;
	area->memory = mmap(NULL, all, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (area->memory == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	memset(area->memory, 0x5a, all); /* touched before the time counts */
}

static void
copy_slots(int in, int out, void *arg)
{
	const struct area *area = arg;
	unsigned char slot;

	while (read_all(in, &slot, 1)) {
		memcpy(slot_back(area, slot), slot_out(area, slot), area->size);
		write_all(out, &slot, 1);
	}
}

static void
send_payload(
    int fd, struct area *area, unsigned char slot, char *from, uint64_t number)
{
	bench_stamp(from, area->size, number);
	memcpy(slot_out(area, slot), from, area->size);
	area->number[slot] = number;
	write_all(fd, &slot, 1);
}

/* Take one payload that has come back.  Returns its slot. */
static unsigned char
take_payload(int fd, const struct area *area, char *to)
{
	unsigned char slot;

	if (!read_all(fd, &slot, 1))
		bench_die("a child ended early");
	memcpy(to, slot_back(area, slot), area->size);
	bench_check_stamp(to, area->size, area->number[slot]);
	return slot;
}

static void
stream_payloads(
    struct child *children, struct area *areas, const struct bench_echo *e)
{
	char *from = bench_pages(e->size), *to = bench_pages(e->size);
	uint64_t next = 0, ended = 0, start = bench_clock();

	for (int i = 0; i < BENCH_IN_FLIGHT; i++)
		send_payload(children[i % BENCH_WORKERS].to,
		    &areas[i % BENCH_WORKERS],
		    (unsigned char)(i / BENCH_WORKERS), from, next++);
	while (ended < e->count) {
		struct pollfd fds[BENCH_WORKERS];

		for (int k = 0; k < BENCH_WORKERS; k++)
			fds[k] = (struct pollfd){ children[k].from, POLLIN, 0 };
		poll(fds, BENCH_WORKERS, -1);
		for (int k = 0; k < BENCH_WORKERS; k++) {
			unsigned char slot;

			if (fds[k].revents == 0)
				continue;
			slot = take_payload(children[k].from, &areas[k], to);
			ended++;
			if (next < e->count)
				send_payload(children[k].to, &areas[k], slot,
				    from, next++);
		}
	}
	bench_emit_echo(e, start);
	free(from);
	free(to);
}

static void
echo(const struct bench_echo *e, void *unused)
{
	struct area areas[BENCH_WORKERS];
	struct child children[BENCH_WORKERS];

	(void)unused;
	for (int k = 0; k < BENCH_WORKERS; k++) {
		open_area(&areas[k], e->size);
		start_child(children, k, copy_slots, &areas[k]);
	}
	stream_payloads(children, areas, e);
	stop_children(children, BENCH_WORKERS);
	for (int k = 0; k < BENCH_WORKERS; k++)
		munmap(areas[k].memory, 2 * SLOTS * e->size);
}

static void
echoes(void)
{
	bench_echoes(echo, NULL);
}

/* Start children, have one answer from each, and stop them. */
static void
start_and_stop(int n)
{
	struct child children[BENCH_MANY_WORKERS];
	uint64_t value = 3;

	for (int k = 0; k < n; k++)
		start_child(children, k, square_one, NULL);
	for (int k = 0; k < n; k++)
		write_all(children[k].to, &value, sizeof(value));
	for (int k = 0; k < n; k++) {
		if (!read_all(children[k].from, &value, sizeof(value)))
			bench_die("a child ended early");
		bench_check("square", value, 9);
		value = 3;
	}
	stop_children(children, n);
}

static void
starts(void)
{
	bench_starts(start_and_stop);
}

const struct bench_system bench_system = {
	.name = "limit",
	.run = { [1] = rate, [2] = round_trips, [3] = echoes, [5] = starts },
};
