/*
 * Pipes that behave as badly as POSIX lets them: linked into a test, this
 * takes the place of the C library's read, write, readv, writev, pipe and
 * pipe2 there, for the host and for all processes forked from it.
 *
 * Off until short_io_begin(), and then only descriptors that are pipes are
 * touched.  The numbers it draws depend on the seed and on the order in which
 * the processes run.
 */
#ifndef SHORT_IO_H
#define SHORT_IO_H

#include <stddef.h>

/*
 * Call before the pool is opened.
 *
 * seed    of the random numbers
 * limit   no transfer moves more bytes than a random number from 1 to limit;
 *         0: as many as asked for
 * room    what each pipe made from now on has room for; 0: as the system says
 */
void short_io_begin(unsigned seed, size_t limit, int room);
void short_io_end(void);

/* How many transfers were made shorter than asked for, in the host and in
 * other processes; how many pipes were made small. */
int short_io_in_host(void);
int short_io_in_workers(void);
int short_io_pipes(void);

/* From now on every other write of the host's to a pipe, about, is refused as if
 * there were no room. */
void short_io_refuse(void);

/*
 * Kill a worker by SIGKILL at its own n-th read from its tasks, before it, or
 * at its n-th write to its results, when half of the bytes have been written.
 * All workers count together, from this call on.  One is killed, once.
 */
void short_io_kill_at_read(int n);
void short_io_kill_at_write(int n);

/* How many have been killed so. */
int short_io_killed(void);

#endif
