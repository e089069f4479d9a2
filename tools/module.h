/*
 * Finding a job function in a shared object.
 */
#ifndef PP_MODULE_H
#define PP_MODULE_H

#include <procpool.h>

/*
 * Load the function that "MODULE:FUNCTION" names.
 *
 * spec       MODULE is a path; a name without a slash is a file of the current
 *            directory when there is one, otherwise what the dynamic linker
 *            finds under it.  FUNCTION must be defined by MODULE itself.
 * function   set to it; the object stays loaded for ever
 *
 * Returns 0, or -1 after saying on stderr what is wrong: with the spec, with
 * the object, or with the function, and then also what the object exports.
 */
int pp_module_load(const char *spec, procpool_job_fn *function);

#endif
