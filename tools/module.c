/*
 * Loading a shared object and telling what is in it.  What dlsym finds is not
 * asked alone: it also looks into the libraries that the object needs, so
 * that "wc.so:exit" would be found, and it finds variables.
 */
#include "module.h"

#include "exports.h"
#include "tool.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As many names as one line of a message can take and a reader will read. */
#define NAMES_SHOWN 20

/* The names, separated by commas, into text of that size. */
static void
join_names(const struct exports *exports, char *text, size_t size)
{
	size_t used = 0, i;

	text[0] = '\0';
	for (i = 0; i < exports->n && i < NAMES_SHOWN; i++) {
		size_t len = strlen(exports->names[i]);

		if (used + len + sizeof(", ...") > size)
			break;
		if (i > 0) {
			memcpy(text + used, ", ", 2);
			used += 2;
		}
		memcpy(text + used, exports->names[i], len + 1);
		used += len;
	}
	if (i < exports->n)
		memcpy(text + used, ", ...", sizeof(", ..."));
}

static void
say_not_found(const char *path, const char *name, const struct exports *exports)
{
	char names[2048];

	if (exports->n == 0) {
		pp_say("'%s' defines no function '%s', nor any other that can "
		       "be seen from outside (is it declared static, or built "
		       "with -fvisibility=hidden?)",
		    path, name);
		return;
	}
	join_names(exports, names, sizeof(names));
	pp_say("'%s' defines no function '%s'; it has: %s", path, name, names);
}

static int
find(
    void *handle, const char *path, const char *name, procpool_job_fn *function)
{
	struct exports exports;
	void *address = NULL;

	if (pp_exports_list(handle, &exports) < 0) {
		pp_say("cannot read the symbols of '%s'", path);
		return -1;
	}
	if (pp_exports_has(&exports, name))
		address = dlsym(handle, name);
	if (address == NULL)
		say_not_found(path, name, &exports);
	pp_exports_done(&exports);
	if (address == NULL)
		return -1;

	/* C has no cast from one to the other; POSIX says they are alike. */
	memcpy(function, &address, sizeof(*function));
	return 0;
}

/* Loads eagerly: a symbol that is missing shall be told now, not by the death
 * of each worker. */
static int
load(const char *path, const char *name, procpool_job_fn *function)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		pp_say("cannot load the module: %s", dlerror());
		return -1;
	}
	return find(handle, path, name, function);
}

int
pp_module_load(const char *spec, procpool_job_fn *function)
{
	const char *colon = strrchr(spec, ':');
	char *path;
	int rc;

	if (colon == NULL || colon == spec || colon[1] == '\0') {
		pp_say(
		    "'%s' does not name a function: give MODULE.so:FUNCTION, "
		    "for example ./wc.so:wc",
		    spec);
		return -1;
	}

	/* Room for the "./" that makes dlopen look here. */
	path = malloc((size_t)(colon - spec) + sizeof("./"));
	if (path == NULL) {
		pp_say("out of memory");
		return -1;
	}
	memcpy(path, "./", 2);
	memcpy(path + 2, spec, (size_t)(colon - spec));
	path[2 + (colon - spec)] = '\0';

	if (strchr(path + 2, '/') == NULL && access(path, F_OK) == 0)
		rc = load(path, colon + 1, function);
	else
		rc = load(path + 2, colon + 1, function);
	free(path);
	return rc;
}
