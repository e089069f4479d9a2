#include "rules/env.h"

#include <procpool.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What joblib limits, too. */
static const char *const thread_limits[] = { "OMP_NUM_THREADS",
	"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
	"VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS" };

/* -1 is an index that no device has: CUDA's, HIP's and ROCm's documents let
 * an invalid index hide every device behind it.  oneAPI selects by kind.  The
 * last keeps TensorFlow from reporting what it does not find. */
static const char *const no_gpus[] = { "CUDA_VISIBLE_DEVICES=-1",
	"HIP_VISIBLE_DEVICES=-1", "ROCR_VISIBLE_DEVICES=-1",
	"ONEAPI_DEVICE_SELECTOR=*:cpu", "TF_CPP_MIN_LOG_LEVEL=3", NULL };

int
pp_env_add(struct procpool_env *env, const char *setting)
{
	const char *equals = setting != NULL ? strchr(setting, '=') : NULL;
	size_t size;

	if (equals == NULL || equals == setting)
		return PROCPOOL_EENV;
	size = strlen(setting) + 1;
	if (size > PP_ENV_MAX - env->len)
		return PROCPOOL_EENVSIZE;
	memcpy(env->text + env->len, setting, size);
	env->len += size;
	return 0;
}

int
pp_env_add_list(struct procpool_env *env, const char *const *list)
{
	int rc = 0;

	if (list == NULL)
		return 0;
	for (; *list != NULL && rc == 0; list++)
		rc = pp_env_add(env, *list);
	return rc;
}

int
procpool_env_set(
    struct procpool_env *env, const char *name, const char *format, ...)
{
	const size_t name_len = name != NULL ? strlen(name) : 0;
	char *at;
	size_t room;
	int written;
	va_list args;

	if (env == NULL || name == NULL)
		return PROCPOOL_ENULL;
	if (name_len == 0 || strchr(name, '=') != NULL)
		return PROCPOOL_EENV;
	room = PP_ENV_MAX - env->len;
	if (name_len + 2 > room)
		return PROCPOOL_EENVSIZE;
	at = env->text + env->len;
	memcpy(at, name, name_len);
	at[name_len] = '=';
	va_start(args, format);
	written =
	    vsnprintf(at + name_len + 1, room - name_len - 1, format, args);
	va_end(args);
	if (written < 0 || (size_t)written >= room - name_len - 1)
		return PROCPOOL_EENVSIZE;
	env->len += name_len + 1 + (size_t)written + 1;
	return 0;
}

int
pp_env_limit_threads(
    struct procpool_env *env, const char *(*get)(const char *name))
{
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(thread_limits) / sizeof(*thread_limits); i++)
		if (rc == 0 && get(thread_limits[i]) == NULL)
			rc = procpool_env_set(env, thread_limits[i], "1");
	return rc;
}

int
pp_env_hide_gpus(struct procpool_env *env)
{
	return pp_env_add_list(env, no_gpus);
}

/* The length of the name in "NAME=VALUE". */
static size_t
name_length(const char *setting)
{
	return strcspn(setting, "=");
}

static bool
same_name(const char *a, const char *b)
{
	const size_t len = name_length(a);

	return len == name_length(b) && memcmp(a, b, len) == 0;
}

const char *
pp_env_value(const char *text, size_t len, const char *name)
{
	const char *value = NULL, *at;

	for (at = text; at < text + len; at += strlen(at) + 1)
		if (same_name(at, name))
			value = at + name_length(at) + 1;
	return value;
}

/* Put a setting in its name's place in the list, or at its end. */
static void
put(char **list, size_t *n, char *setting)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (same_name(list[i], setting))
			break;
	list[i] = setting;
	if (i == *n)
		(*n)++;
}

char **
pp_env_merge(char **base, char *text, size_t len)
{
	size_t n = 0, extra = 0;
	char **list, *at;

	while (base != NULL && base[n] != NULL)
		n++;
	for (at = text; at < text + len; at += strlen(at) + 1)
		extra++;
	list = calloc(n + extra + 1, sizeof(*list));
	if (list == NULL)
		return NULL;
	if (n > 0)
		memcpy(list, base, n * sizeof(*list));
	for (at = text; at < text + len; at += strlen(at) + 1)
		put(list, &n, at);
	return list;
}
