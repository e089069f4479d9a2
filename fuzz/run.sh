#!/bin/sh
# Fuzz both targets with libFuzzer, for so many seconds in all: run.sh SECONDS.
#
# Run by `make fuzz`, which says where the sources are and how to compile.  An
# input that is a find lies in fuzz/found then: mend the code, and add the file
# to fuzz/corpus.

set -eu

targets='stream channel'
seconds=$(($1 / 2))
flags='-g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined
	-fno-sanitize-recover=all'

mkdir -p fuzz/found
for target in $targets; do
	$CLANG $flags -D_GNU_SOURCE= -I"$srcdir/include" -I"$srcdir/src" \
		$UV_CFLAGS -o "fuzz/fuzz_$target" "$srcdir/fuzz/$target.c" \
		$(find "$srcdir/src" -name '*.c') $UV_LIBS
done
for target in $targets; do
	mkdir -p "fuzz/grown/$target"
	"fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=2000 \
		-timeout=10 -print_final_stats=1 \
		-artifact_prefix="fuzz/found/$target-" "fuzz/grown/$target" \
		"$srcdir/fuzz/corpus/$target" >"fuzz/$target.log" 2>&1 || {
		tail -n 60 "fuzz/$target.log"
		echo "fuzz: a find, in fuzz/found/$target-*"
		exit 1
	}
	echo "fuzz: $target: $(sed -n \
		's/^stat::number_of_executed_units: *//p' \
		"fuzz/$target.log") inputs in $seconds s, nothing found"
done
