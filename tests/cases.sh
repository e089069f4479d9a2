# What the scripts share that try one case after the other.  They read it at
# their top; the test programs have testing.h.
#
# $dir is a directory of the script's own, which goes with it.  Nothing waits
# for a time to pass: what must come is looked for, for $limit seconds at most
# (PP_TEST_TIME_SCALE stretches them).

srcdir=${srcdir:-.}
top_builddir=$(cd "${top_builddir:-.}" && pwd)
limit=$((10 * ${PP_TEST_TIME_SCALE:-1}))
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

cases=0
failures=0
sentence=$0

# Begin a case: a sentence that says what holds.
holds()
{
	sentence=$*
	cases=$((cases + 1))
}

# It does not: one line of an argument says more.
fail()
{
	echo "FAILED: $sentence"
	printf '%s\n' "$@" | sed 's/^/    /'
	failures=$((failures + 1))
}

skip()
{
	echo "skipped: $*"
	exit 77
}

# The end of a script.
finish()
{
	echo "$cases cases, $failures failures"
	[ $failures -eq 0 ]
}

# make_module FILE: of functions for procpool map.
make_module()
{
	${CC:-cc} -shared -fPIC -I"$srcdir/include" -o "$1" \
		"$srcdir/tests/cli_module.c" || exit 99
}

# within COMMAND...: until it is true, for as long as the limit.
within()
{
	tries=$((limit * 50))
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.02
	done
}

is_gone()
{
	! kill -0 "$1" 2>"$dir/kill"
}

# A process is gone, or goes.
goes()
{
	within is_gone "$1" || fail "process $1 is still there"
}
