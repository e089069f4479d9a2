#!/bin/sh
# The examples, each run as a user would, and its output compared with what
# its comments promise.

srcdir=${srcdir:-.}
here=$(cd "${top_builddir:-.}" && pwd)
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

LC_ALL=C
export LC_ALL

failures=0

fail()
{
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# compare NAME STATUS EXPECTED_STATUS: $dir/out with $dir/expected.
compare()
{
	[ "$2" -eq "$3" ] || fail "$1: exit status $2, expected $3"
	cmp -s "$dir/expected" "$dir/out" || {
		fail "$1: output differs:"
		diff "$dir/expected" "$dir/out" | head -20
	}
}

# example NAME: its output must be what is on stdin.
example()
{
	cat >"$dir/expected"
	timeout 60 "$here/examples/$1" >"$dir/out" 2>"$dir/err" </dev/null
	compare "$1" $? 0
	[ ! -s "$dir/err" ] || fail "$1: says: $(cat "$dir/err")"
}

# P3: a callback for each task.
example callback <<'END'
999 numbers, 0 failed
the divisors of 960 have the greatest sum, 3048
END

# P4, P11, F1: in order of submission, with an empty word and a failure.
example batch <<'END'
stressed: 'desserts'
drawer: 'reward'
: ''
live well: error 7: 'live well' is not one word
parts: 'strap'
END

# P1, P2: blocking calls from threads.
example threads <<'END'
thread 0: 1000
thread 1: 1100
thread 2: 1200
thread 3: 1300
END

# D5 the other way round: what the program had, the workers see.
example cow <<'END'
table of 32000000 bytes, tasks of 16 bytes
sum 396000000, expected 396000000, 0 tasks failed
END

# F2, F3: who dies costs itself only.
example crash <<'END'
task 13 crashed with signal 6
task 26 crashed with signal 9
task 39 ended its worker with status 3
task 52 failed with code 5: 52 is four suits
96 of 100 results are right
END

# wc.so counts as wc(1) does; our own sources and some odd files.
printf 'no newline at the end' >"$dir/odd 1"
printf '\n\n \t\v\f\r x\n' >"$dir/odd 2"
: >"$dir/odd 3"
{
	find "$srcdir/include" "$srcdir/tools" "$srcdir/examples" -name '*.[ch]'
	printf '%s\n' "$dir/odd 1" "$dir/odd 2" "$dir/odd 3"
} >"$dir/names"
while read -r file; do
	set -- $(wc <"$file")
	echo "$1 $2 $3 $file"
done <"$dir/names" >"$dir/expected"
timeout 60 "$here/procpool" map "$here/examples/wc.so:wc" \
	<"$dir/names" >"$dir/out"
compare wc $? 0

# A record that crashes costs only its own (F2, F3); so does a file that is
# not there.
printf '%s\n' "$dir/odd 1" crash "$dir/none" "$dir/odd 3" >"$dir/names"
printf '0 5 21 %s\n\n\n0 0 0 %s\n' "$dir/odd 1" "$dir/odd 3" >"$dir/expected"
timeout 60 "$here/procpool" map "$here/examples/wc.so:wc_or_crash" \
	<"$dir/names" >"$dir/out" 2>"$dir/err"
compare wc_or_crash $? 1
grep -q '^procpool: record 2: crashed with signal 6 (SIGABRT): ' "$dir/err" ||
	fail "wc_or_crash: the crash is not told: $(cat "$dir/err")"
grep -q "^procpool: record 3: failed with code 2: $dir/none: No such file" \
	"$dir/err" ||
	fail "wc_or_crash: the missing file is not told: $(cat "$dir/err")"

[ $failures -eq 0 ] && echo "all examples print what they should"
