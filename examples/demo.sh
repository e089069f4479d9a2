#!/bin/sh
# The main job on real input: count the lines, words and bytes of every header
# in /usr/include, with one worker and with one for each CPU, and compare with
# wc(1).  Then the same once more with a record that crashes its worker.
#
#     sh examples/demo.sh BUILD_DIRECTORY

set -eu

procpool=$1/procpool
module=$1/examples/wc.so
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
LC_ALL=C
export LC_ALL

# Enough to read that one worker is busy for about a second.
enough=500000000

say()
{
	printf 'demo: %s\n' "$*"
}

die()
{
	say "$*"
	exit 1
}

seconds()
{
	date +%s.%N
}

# $3 - $2, and the text $1 before it.
took()
{
	awk -v text="$1" -v from="$2" -v to="$3" \
		'BEGIN { printf "demo:   %-28s %6.2f s\n", text, to - from }'
}

# ------------------------------------------------------------ the input

find /usr/include -name '*.h' -type f | sort >"$dir/headers"
headers=$(wc -l <"$dir/headers")
[ "$headers" -gt 1 ] || die "there are no headers in /usr/include"

# What wc says of each, without the blanks that make columns of it.  It also
# brings the files into memory, so that no run below has to wait for the disk.
tr '\n' '\0' <"$dir/headers" | wc --files0-from=- |
	sed -E 's/^ *([0-9]+) +([0-9]+) +([0-9]+) /\1 \2 \3 /' >"$dir/wc"
total=$(sed -n '$p' "$dir/wc")
bytes=$(echo "$total" | cut -d ' ' -f 3)
sed '$d' "$dir/wc" >"$dir/wc1"

: >"$dir/input"
: >"$dir/expected"
times=0
while [ $((times * bytes)) -lt $enough ]; do
	cat "$dir/headers" >>"$dir/input"
	cat "$dir/wc1" >>"$dir/expected"
	times=$((times + 1))
done
say "$headers headers of /usr/include, each $times times:" \
	"$((headers * times)) records, $((bytes * times / 1000000)) MB"

# ------------------------------------------- one worker, then all of them

run()
{
	"$procpool" map --jobs="$1" "$module:wc" <"$dir/input" >"$2"
}

t0=$(seconds)
run 1 "$dir/one"
t1=$(seconds)
run -1 "$dir/all"
t2=$(seconds)

took "one worker" "$t0" "$t1"
took "a worker for each of $(nproc) CPUs" "$t1" "$t2"
awk -v a="$t0" -v b="$t1" -v c="$t2" 'BEGIN {
	printf "demo:   %-28s %6.2f x\n", "speed-up", (b - a) / (c - b)
}'

cmp "$dir/expected" "$dir/one" || die "one worker: wc says otherwise"
cmp "$dir/expected" "$dir/all" || die "all workers: wc says otherwise"
sums=$(awk -v times="$times" '
	{ lines += $1; words += $2; bytes += $3 }
	END { printf "%.0f %.0f %.0f total", lines / times, words / times,
		bytes / times }' "$dir/all")
[ "$sums" = "$total" ] || die "the sums are $sums, wc has $total"
say "every line is what wc says, and so are the sums:"
say "  lines, words, bytes: $sums"

# ------------------------------------------------- a record that crashes

middle=$((headers / 2))
{
	sed -n "1,${middle}p" "$dir/headers"
	echo crash
	sed "1,${middle}d" "$dir/headers"
} >"$dir/input"
{
	sed -n "1,${middle}p" "$dir/wc1"
	echo
	sed "1,${middle}d" "$dir/wc1"
} >"$dir/expected"

say "now with a record, number $((middle + 1)), that kills its worker:"
status=0
"$procpool" map "$module:wc_or_crash" <"$dir/input" >"$dir/crashed" \
	2>"$dir/messages" || status=$?
sed 's/^/demo:   /' "$dir/messages"
cmp "$dir/expected" "$dir/crashed" || die "it cost another record its result"
[ $status -eq 1 ] || die "the exit status is $status, expected was 1"
say "exit status 1, one empty result, and the other $headers are all right"
