#!/bin/sh
# Programs that use the library under valgrind: memory.sh COMMAND...
#
# No process, of the library's too, may do what memcheck finds wrong; and the
# program itself may leave no memory behind.  (Others end by _exit(), from the
# middle of whatever they have of the program's memory.)  Check's tests run in
# one process for it.
#
# valgrind has no pidfds: this also shows that the library does without.

set -u

logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
export CK_FORK=no PP_TEST_TIME_SCALE=30
wrong='(Invalid|Conditional|Use of|Syscall param|Mismatched|Source and|Argument'
wrong="$wrong|Jump to)"
failed=0

fail()
{
	echo "FAIL: $program: $1"
	failed=1
}

for program in "$@"; do
	rm -f "$logs"/*
	valgrind --vgdb=no --leak-check=full --errors-for-leak-kinds=definite \
		--log-file="$logs/%p" $program >"$logs/out" 2>&1 &
	pid=$!
	wait $pid
	status=$?
	[ $status -eq 0 ] || {
		tail -n 20 "$logs/out"
		fail "it ended with status $status"
	}
	grep -q 'ERROR SUMMARY: 0 errors' "$logs/$pid" || {
		cat "$logs/$pid"
		fail "it did wrong, or lost memory"
	}
	grep -lE "^==[0-9]+== $wrong" "$logs"/[0-9]* >"$logs/bad" && {
		xargs cat <"$logs/bad" | head -n 200
		fail "a process of it did wrong"
	}
	echo "$program: $(ls "$logs" | grep -c '^[0-9]') processes seen"
done
exit $failed
