/*
 * The self-test of a fresh spawner.  A copy of a threaded program keeps for
 * ever the locks that other threads held at the fork; this takes the ones that
 * every worker would need, and hangs when one is held.  The host watches the
 * time and makes another spawner then.
 */
#ifndef PP_PROCESS_SELFTEST_H
#define PP_PROCESS_SELFTEST_H

void pp_selftest(void);

#endif
