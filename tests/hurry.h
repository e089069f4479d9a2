/*
 * Waits that are shorter.  What could not be started is tried again after a
 * wait that grows to a second, ten times and more before a pool breaks: a test
 * that counts those tries, and not the time, need not last as long.  (How the
 * waits grow, test_rules.c shows.)
 *
 * The linker has a program's pp_restart_delay() come by here: HURRIED in
 * Makefile.am.
 */
#ifndef HURRY_H
#define HURRY_H

/* Wait a fifth as long in this process, and with PP_TEST_LONG=1 as long as
 * ever. */
void hurry(void);

#endif
