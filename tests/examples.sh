#!/bin/sh
# The examples, each run as a user would, and what it prints compared with what
# other programs make of the same task.

. "${srcdir:-.}/tests/cases.sh"

LC_ALL=C
export LC_ALL

# compare NAME STATUS EXPECTED_STATUS: $dir/out with $dir/expected.
compare()
{
	[ "$2" -eq "$3" ] || fail "$1: exit status $2, expected $3"
	cmp -s "$dir/expected" "$dir/out" || fail "$1: output differs:" \
		"$(diff "$dir/expected" "$dir/out" | head -20)"
}

# run NAME [ARGUMENT...]: into $dir/out and $dir/err, and its status in $status.
run()
{
	name=$1
	shift
	timeout 60 "$top_builddir/examples/$name" "$@" >"$dir/out" 2>"$dir/err" \
		</dev/null
	status=$?
}

# example NAME [ARGUMENT...]: it must print what is on stdin, and nothing on
# stderr.
example()
{
	cat >"$dir/expected"
	run "$@"
	compare "$name" $status 0
	[ ! -s "$dir/err" ] || fail "$name: says: $(cat "$dir/err")"
}

# ------------------------------------------------------------- the course

# It has every example, and README's program is the first.
(cd "$srcdir/examples" && printf '%s\n' *.c) >"$dir/expected"
sed -n 's/^ *[0-9][0-9]*  \([a-z]*\.c\) .*/\1/p' "$srcdir/examples/README" |
	sort >"$dir/out"
compare README 0 0
while read -r source; do
	built=$top_builddir/examples/${source%.c}
	[ -e "$built" ] || [ -e "$built.so" ] || [ "$source" = gzip.c ] ||
		fail "$source is not built"
done <"$dir/expected"
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$srcdir/README" \
	>"$dir/expected"
sed '1,/^ \*\/$/d' "$srcdir/examples/first.c" >"$dir/out"
compare "README's program" 0 0

# One page each, with what is to be noticed.
for file in "$srcdir"/examples/*.c; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 110 ] || fail "$file is not one page: $lines lines"
	[ "${file##*/}" = wc.c ] || grep -q '^ \* Notice ' "$file" ||
		fail "$file does not say what to notice"
done

# --------------------------------------------------------- calls and tasks

echo $((12 * 12)) | example first

# P3: a callback for each task.
awk 'BEGIN {
	for (n = 1; n < 1000; n++)
		for (i = n; i < 1000; i += n)
			sum[i] += n
	for (n = 1; n < 1000; n++)
		if (sum[n] > sum[best])
			best = n
	print "999 numbers, 0 failed"
	printf "the divisors of %d have the greatest sum, %d\n", best, sum[best]
}' | example callback

# P4, P11, F1: in order of submission, with an empty word and a failure.
set -- stressed drawer '' 'live well' parts
printf '%s\n' "$@" | awk '
	/ / { printf "error 7: '\''%s'\'' is not one word\n", $0; next }
	{
		for (i = length($0); i > 0; i--)
			printf "%s", substr($0, i, 1)
		print ""
	}' | example batch "$@"
example batch </dev/null

# M1, M11: a line for a line, up to the first that fails.
printf '%s\n' 1 12 97 1000000007 600851475143 99 no 7 |
	timeout 60 "$top_builddir/examples/map" >"$dir/out" 2>"$dir/err"
status=$?
cat >"$dir/expected" <<END
1:
12: 2 2 3
97: 97
1000000007: 1000000007
600851475143: 71 839 1471 6857
99: 3 3 11
line 7: 'no' is no number
END
compare map $status 1
example map </dev/null

# F1, F2, F3: every outcome is told from the others.
example errors <<END
fail: failed: code 42, record 7 is bad
crash: died: signal 6, Aborted
exit: died: exit status 3
too long: refused: PROCPOOL_ETOOBIG, $(sed -n \
	'/X(PROCPOOL_ETOOBIG/{n;s/.*"\(.*\)".*/\1/p;}' \
	"$srcdir/include/procpool.h")
return: succeeded: return
late: refused: PROCPOOL_ENOTRUNNING, $(sed -n \
	'/X(PROCPOOL_ENOTRUNNING/{n;s/.*"\(.*\)".*/\1/p;}' \
	"$srcdir/include/procpool.h")
END

# F2, F3: who dies costs itself only.  Which worker it was is not foretold.
run crash
sort "$dir/out" | sed 's/procpool-w[0-9]*/W/; s/pid [0-9]*/pid P/' >"$dir/sorted"
mv "$dir/sorted" "$dir/out"
cat >"$dir/expected" <<END
13: worker W (pid P) ended by signal 6
26: worker W (pid P) ended by signal 9
3 tasks died, $((100 - 3)) results are right
39: worker W (pid P) ended by status 3
END
compare crash $status 0

# What died is run again; what always dies is given up.
awk 'BEGIN {
	for (i = 0; i < 100; i++)
		sum += i * i
	print "gave up 13"
	print "sum " sum - 13 * 13
}' | example retry

# P1, P2: blocking calls from threads.
awk 'BEGIN {
	for (t = 0; t < 4; t++) {
		sum = 0
		for (i = 0; i < 100; i++)
			for (n = 1000 * (t + 1) + i; n > 0; n = int(n / 10))
				sum += n % 10
		printf "thread %d: %d\n", t, sum
	}
}' | example threads

# D4, F-10: a sum that waits for its parts.
awk 'BEGIN {
	for (n = 2; n < 200000; n++) {
		if (n in composite)
			continue
		primes++
		for (i = n * n; i < 200000; i += n)
			composite[i]
	}
	print primes " primes below 200000"
}' | example futures

# D5 the other way round: what the program had, the workers see.
echo "the sum of 8000000 numbers is $((8000000 / 100 * (99 * 100 / 2)))," \
	"0 tasks failed" | example cow

# ------------------------------------------------------------ worker state

# Loaded at most once by each worker, before the first task.
{
	sed -n 3p "$0"
	sed -n 1p "$0"
} >"$dir/expected"
run state "$0" 3 1
compare state $status 0
lines=$(($(wc -l <"$0")))
grep -vx "worker [0-9]* knows $lines lines" "$dir/err" &&
	fail "state: the workers have loaded something else"
sort "$dir/err" | uniq -d | grep . && fail "state: a worker has loaded twice"
[ -s "$dir/err" ] || fail "state: nothing was loaded"

# A line that is not there is the task's failure; a file that is not there is
# the worker's, and the log tells it.
: >"$dir/expected"
run state "$0" $((lines + 1)) 1
compare "state without the line" $status 1
grep -q ": there is no line $((lines + 1))\$" "$dir/err" ||
	fail "state: the missing line is not told: $(cat "$dir/err")"
run state "$dir/none" 1
compare "state without the file" $status 1
grep -q "worker_start failed with code 1: $dir/none: No such file" \
	"$dir/err" ||
	fail "state: the missing file is not told: $(cat "$dir/err")"

# --------------------------------------------------------------------- log

# E4: every line, with its level and worker.  In which order the workers speak
# is not foretold.
for i in 1 2 3 4; do
	echo "warning: W: $i is on its way"
	echo "info: W: $i speaks to stdout"
	echo "info: W: $i speaks to stderr"
	[ $i -eq 3 ] || echo "info: W: a command speaks"
done >"$dir/lines"
cat >>"$dir/lines" <<END
info: W: a command speaks
info: W: 3 ends in the middle of
error: W (pid P) died: signal 6
END
sort "$dir/lines" >"$dir/expected"
run log
sed -n 's/talk-w[0-9]*/W/; s/pid [0-9]*/pid P/; s/; it had.*//; s/ (core dumped)//; / W/p' "$dir/out" |
	sort >"$dir/sorted"
mv "$dir/sorted" "$dir/out"
compare log $status 0

# ------------------------------------------------ a file larger than memory

# 64 times the same random records, eight times what the queue takes.
head -c 524288 /dev/urandom >"$dir/part"
for i in 1 2 3 4 5 6 7 8; do
	cat "$dir/part" "$dir/part" "$dir/part" "$dir/part" \
		"$dir/part" "$dir/part" "$dir/part" "$dir/part"
done >"$dir/records"
od -A n -v -t u4 -w8 "$dir/part" | awk '
	{
		for (a = $1; $2 != 0; a = b) {
			b = $2
			$2 = a % b
		}
		coprime += a == 1
	}
	END { printf "%d records, %d coprime; 0 pieces failed\n", 64 * NR,
		64 * coprime }' >"$dir/expected"
run records "$dir/records"
peak=$(sed -n 's/ KiB at most in memory$//p' "$dir/out")
sed -i '/KiB/d' "$dir/out"
compare records $status 0
if [ -n "$SANITIZER" ]; then
	echo "records: memory is not looked at: the sanitizer takes most of it"
elif [ "${peak:-999999}" -gt 16384 ]; then
	fail "records: $peak KiB for a file of 32 MiB and a queue of 4"
fi
rm -f "$dir/records"

# ------------------------------------------------------------- a real job

# What it makes of our sources, and of nothing, is what gzip(1) takes.
if [ -x "$top_builddir/examples/gzip" ]; then
	: >"$dir/empty"
	cat "$srcdir"/src/*/*.c "$srcdir"/tests/*.c "$top_builddir/.libs/libprocpool.so" \
		>"$dir/large"
	for file in empty large; do
		timeout 60 "$top_builddir/examples/gzip" <"$dir/$file" >"$dir/$file.gz" ||
			fail "gzip: exit status $? for the $file file"
		gzip -dc <"$dir/$file.gz" | cmp - "$dir/$file" ||
			fail "gzip: the $file file is not what it was"
	done
	[ $(($(wc -c <"$dir/large.gz"))) -lt $(($(wc -c <"$dir/large"))) ] ||
		fail "gzip: nothing was compressed"
	timeout 60 "$top_builddir/examples/gzip" <"$dir/large" >/dev/full \
		2>"$dir/err" && fail "gzip: a full disk went unnoticed"
else
	echo "gzip: not tried: zlib was not there for configure"
fi

# -------------------------------------------------- modules for the command

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
timeout 60 "$top_builddir/procpool" map "$top_builddir/examples/wc.so:wc" \
	<"$dir/names" >"$dir/out"
compare wc $? 0

# A record that crashes costs only its own (F2, F3); so does a file that is
# not there.
printf '%s\n' "$dir/odd 1" crash "$dir/none" "$dir/odd 3" >"$dir/names"
printf '0 5 21 %s\n\n\n0 0 0 %s\n' "$dir/odd 1" "$dir/odd 3" >"$dir/expected"
timeout 60 "$top_builddir/procpool" map "$top_builddir/examples/wc.so:wc_or_crash" \
	<"$dir/names" >"$dir/out" 2>"$dir/err"
compare wc_or_crash $? 1
grep -q '^procpool: record 2: crashed with signal 6 (SIGABRT): ' "$dir/err" ||
	fail "wc_or_crash: the crash is not told: $(cat "$dir/err")"
grep -q "^procpool: record 3: failed with code 2: $dir/none: No such file" \
	"$dir/err" ||
	fail "wc_or_crash: the missing file is not told: $(cat "$dir/err")"

[ $failures -eq 0 ] && echo "all examples print what they should"
