#!/bin/sh
# The kernel itself refuses: strace makes system calls fail that libraries make
# too, with a program that knows nothing of it.
#
# Rows: H11 (no process, no thread), H24 (system calls that there are not).
# (Every call of the library's own: test_fault_inject.c.)

dir=${builddir:-.}
examples=$dir/examples
failed=0

command -v strace >/dev/null || {
	echo "SKIP: there is no strace"
	exit 77
}
strace -f -o /dev/null -e trace=getpid true 2>/dev/null || {
	echo "SKIP: strace may not trace here"
	exit 77
}
[ -z "${SANITIZER:-}" ] || {
	echo "SKIP: a sanitizer does not run under strace"
	exit 77
}

# with CALLS HOW COMMAND...: run it with these calls failing so; its exit status
# is in $status, what it printed in $text.
with()
{
	calls=$1 how=$2
	shift 2
	text=$(timeout 60 strace -qq -f -o /dev/null -e trace="$calls" \
		-e inject="$calls:$how" "$@" 2>&1)
	status=$?
}

# is STATUS TEXT WHAT: what must have come of it.
is()
{
	case $status:$text in
	$1:*"$2"*) ;;
	*)
		echo "FAIL: $3: status $status: $text"
		failed=1
		;;
	esac
}

right='999 numbers, 0 failed'

if [ -x "$dir/tests/test_fault_leak" ]; then
	with close_range error=ENOSYS env \
		CK_RUN_CASE=a_worker_has_the_descriptors_0_to_4_and_no_others \
		"$dir/tests/test_fault_leak"
	is 0 100% 'H24: no close_range()'
fi

with close_range error=ENOSYS "$examples/callback"
is 0 "$right" 'H24: no close_range()'

with pidfd_open error=ENOSYS "$examples/callback"
is 0 "$right" 'H24: no pidfd_open()'

# Each process counts its own calls; none makes more than a few.
call=clone,clone3
with $call error=EAGAIN "$examples/callback"
is 1 'Resource temporarily unavailable' 'H11: no process at all'
for k in 1 2 3; do
	with $call error=EAGAIN:when=$k "$examples/callback"
	[ $status -ne 0 ] || is 0 "$right" "H11: process $k of one fails"
	[ $status -eq 0 ] || is 1 'Resource temporarily unavailable' \
		"H11: process $k of one fails"
done

exit $failed
