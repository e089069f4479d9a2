/*
 * What the public header says in tables and macros: the texts of error numbers,
 * and the version.
 */
#include <procpool.h>
#include <string.h>

const char *
procpool_version(void)
{
	return PROCPOOL_VERSION;
}

/* The C library's text of an error of the system, without its locale. */
static const char *
system_error(int error)
{
	const char *text = error > -4096 ? strerrordesc_np(-error) : NULL;

	return text != NULL ? text : "no such error number";
}

const char *
procpool_strerror(int error)
{
	switch (error) {
	case 0:
		return "success";
#define X(name, number, text) \
	case number: \
		return text;
		PROCPOOL_ERROR_MAP(X)
#undef X
	default:
		return error > 0 ? "no such error number" : system_error(error);
	}
}

const char *
procpool_errname(int error)
{
	const char *name;

	switch (error) {
	case 0:
		return "OK";
#define X(symbol, number, text) \
	case number: \
		return #symbol;
		PROCPOOL_ERROR_MAP(X)
#undef X
	default:
		name =
		    error < 0 && error > -4096 ? strerrorname_np(-error) : NULL;
		return name != NULL ? name : "unknown";
	}
}
