#!/bin/sh
# The public functions are the same three times: declared in the header, listed
# in src/procpool.sym, exported by the shared library.  The static one takes no
# name from a program that does not begin with ours.  The soname is the one that
# configure.ac's numbers make, and nothing but libuv and libc is needed.

srcdir=${srcdir:-.}
library=${library:-.libs/libprocpool.so}
archive=${archive:-.libs/libprocpool.a}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

LC_ALL=C
export LC_ALL

# After preprocessing, what is followed by "(" is a declaration: the types of
# functions have their name in parentheses.
${CC:-cc} -E -P -I"$srcdir/include" "$srcdir/include/procpool.h" |
	grep -oE 'procpool_[a-z0-9_]+ *\(' | tr -d ' (' |
	sort -u >"$dir/header"

if [ ! -s "$dir/header" ]; then
	echo "no function was found in include/procpool.h"
	exit 99
fi

same()
{
	cmp -s "$1" "$2" && return
	echo "$3 (-) and $4 (+) differ:"
	diff "$1" "$2" | sed -n 's/^</-/p; s/^>/+/p'
	failed=1
}

failed=0
same "$dir/header" "$srcdir/src/procpool.sym" \
	include/procpool.h src/procpool.sym

version=$(sed -n 's/^#define PROCPOOL_VERSION "\(.*\)"$/\1/p' \
	"$srcdir/include/procpool.h")
if [ "$version" != "${PACKAGE_VERSION:-$version}" ]; then
	echo "the header is version $version, the package $PACKAGE_VERSION"
	failed=1
fi

if [ -e "$archive" ] && [ -z "${SANITIZER:-}" ]; then
	nm -g --defined-only "$archive" | awk '
	NF == 3 && $3 !~ /^(pp|procpool)_/ { print $3 }' >"$dir/foreign"
	[ ! -s "$dir/foreign" ] || {
		echo "$archive defines $(tr '\n' ' ' <"$dir/foreign")"
		failed=1
	}
fi

# dynamic TAG: the names in brackets, one a line.
dynamic()
{
	readelf -d "$library" | sed -n "s/.*($1).*\[\(.*\)\]/\1/p"
}

# A library of CURRENT:REVISION:AGE has the number CURRENT - AGE in its soname.
check_dynamic()
{
	numbers=$(sed -n 's/.*\[PROCPOOL_LT_VERSION\], *\[\(.*\)\].*/\1/p' \
		"$srcdir/configure.ac")
	soname=libprocpool.so.$((${numbers%%:*} - ${numbers##*:}))
	[ "$(dynamic SONAME)" = "$soname" ] || {
		echo "the soname is $(dynamic SONAME), and $numbers is $soname"
		failed=1
	}
	# A sanitizer brings libraries of its own, and names above.
	[ -z "${SANITIZER:-}" ] || return
	dynamic NEEDED | grep -vE '^(libuv|libc|libpthread|libdl|ld)[-.]' |
		sed 's/$/ is needed/' >"$dir/needed"
	[ ! -s "$dir/needed" ] || {
		cat "$dir/needed"
		failed=1
	}
}

if [ -e "$library" ]; then
	check_dynamic
	nm -D --defined-only "$library" | awk '{ print $NF }' |
		sort -u >"$dir/library"
	same "$srcdir/src/procpool.sym" "$dir/library" \
		src/procpool.sym "$library"
elif [ $failed -eq 0 ]; then
	echo "skipped the library: there is no $library (--disable-shared)"
	exit 77
fi

exit $failed
