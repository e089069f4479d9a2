/*
 * The environment of a worker, as a list of settings that are applied on top
 * of the environment it inherits.  Later settings win.  No I/O.
 */
#ifndef PP_RULES_ENV_H
#define PP_RULES_ENV_H

#include <stddef.h>

#define PP_ENV_MAX 65536 /* bytes of settings, zeros included */

/* "NAME=VALUE" strings, each with its zero, one behind the other. */
struct procpool_env {
	size_t len;
	char text[PP_ENV_MAX];
};

/* Add "NAME=VALUE".  0, PROCPOOL_EENV or PROCPOOL_EENVSIZE. */
int pp_env_add(struct procpool_env *env, const char *setting);

/* Add all of a NULL-terminated list; NULL is an empty one. */
int pp_env_add_list(struct procpool_env *env, const char *const *list);

/* Limit the threads of numerical libraries to 1, except where `get` finds a
 * value in the host. */
int pp_env_limit_threads(
    struct procpool_env *env, const char *(*get)(const char *name));

/* Hide GPUs. */
int pp_env_hide_gpus(struct procpool_env *env);

/* The value that the settings give a name, or NULL. */
const char *pp_env_value(const char *text, size_t len, const char *name);

/*
 * The environment `base` with settings applied: a new NULL-terminated list in
 * one allocation, to be given back with free().  Its strings stay where they
 * are, in base and text.  NULL when there is no memory.
 */
char **pp_env_merge(char **base, char *text, size_t len);

#endif
