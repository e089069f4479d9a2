/*
 * The spawner's side: a process with one thread that forks workers when the
 * host asks, reaps them, and says how they ended.  It takes all of them down
 * when the host, or the host's end of its control socket, has gone.
 */
#ifndef PP_PROCESS_SPAWNER_H
#define PP_PROCESS_SPAWNER_H

/* Be a spawner: called in a fresh child, does not return. */
void pp_spawner_main(int control, int host_pidfd) __attribute__((noreturn));

#endif
