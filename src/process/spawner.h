/*
 * The spawner's side: a process with one thread that forks workers when the
 * host asks, reaps them, and says how they ended.  It takes all of them down
 * when the host, or the host's end of its control socket, has gone.
 */
#ifndef PP_PROCESS_SPAWNER_H
#define PP_PROCESS_SPAWNER_H

#include <stdbool.h>

/* Fork a spawner, and tell so on its control socket.  By the process whose
 * child it is; when that is not sound, which is to say the copy of a process
 * with several threads, the spawner tests itself.  The descriptors stay the
 * caller's. */
void pp_spawner_fork(int control, int host_pidfd, bool sound);

#endif
