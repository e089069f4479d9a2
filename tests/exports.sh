#!/bin/sh
# The public functions are the same three times: declared in the header, listed
# in src/procpool.sym, exported by the shared library.

srcdir=${srcdir:-.}
library=${library:-.libs/libprocpool.so}
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

if [ -e "$library" ]; then
	nm -D --defined-only "$library" | awk '{ print $NF }' |
		sort -u >"$dir/library"
	same "$srcdir/src/procpool.sym" "$dir/library" \
		src/procpool.sym "$library"
elif [ $failed -eq 0 ]; then
	echo "skipped the library: there is no $library (--disable-shared)"
	exit 77
fi

version=$(sed -n 's/^#define PROCPOOL_VERSION "\(.*\)"$/\1/p' \
	"$srcdir/include/procpool.h")
if [ "$version" != "${PACKAGE_VERSION:-$version}" ]; then
	echo "the header is version $version, the package $PACKAGE_VERSION"
	failed=1
fi

exit $failed
