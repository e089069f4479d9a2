#!/bin/sh
#
# Check the claim protocol over all interleavings, and that the check notices
# when the protocol is broken.
#
#	check.sh [directory]
#
# Works in the directory, which is kept, or in a temporary one.  MODEL=full
# adds searches of a minute or more each.  Ends with 0 when every search was
# complete and found nothing, and every mutant was refuted.

set -u
LC_ALL=C
export LC_ALL

DEPTH=100000	# steps; the deepest search needs a few hundred
MEMORY=3000	# MiB, at most; a search of the short list needs 400

here=$(cd "$(dirname "$0")" && pwd) || exit 1
model=$here/claim.pml
failed=0

die()
{
	echo "check.sh: $*" >&2
	exit 1
}

# search OPTIMISATION FLAG...: what pan says is in ./log.
search()
{
	optimisation=$1
	shift
	rm -f pan pan.? log ./*.trail
	spin -a "$@" "$model" >log 2>&1 || return 1
	${CC:-gcc} "$optimisation" -w -DSAFETY -DCOLLAPSE -DMEMLIM=$MEMORY \
		-o pan pan.c >>log 2>&1 || return 1
	./pan -n -m$DEPTH >>log 2>&1
}

# Whether the search saw every state that there is and none was bad.
is_complete()
{
	grep -q 'errors: 0$' log &&
		! grep -q -e 'too small' -e 'out of memory' \
		-e 'not completed' -e 'error:' -e 'aborting' log
}

figures()
{
	sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1 states/p
		s/.*depth reached \([0-9]*\),.*/\1 deep,/p
		s/^pan: elapsed time \(.*\) seconds/in \1 s/p' log | tr '\n' ' '
}

# holds NAME FLAG...
holds()
{
	name=$1
	shift
	if search -O2 "$@" && is_complete; then
		echo "ok    $name: $(figures)"
	else
		echo "FAIL  $name: $*"
		sed 's/^/      /' log
		failed=1
	fi
}

# refuted MUTANT FLAG...
refuted()
{
	mutant=MUTANT_$1
	shift
	search -O0 "-D$mutant" "$@" # soon refuted; compiling would be longest
	if grep -q 'errors: 1$' log; then
		echo "ok    $mutant:" "$(sed -n \
			's/^pan:1: \([a-z ]*[a-z]\) .*/\1/p' log)"
	else
		echo "FAIL  $mutant passes: $*"
		sed 's/^/      /' log
		failed=1
	fi
	tried="$tried$mutant
"
}

command -v spin >/dev/null || die "spin is not installed"
if [ $# -gt 0 ]; then
	mkdir -p "$1" && cd "$1" || die "cannot work in $1"
else
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' HUP INT PIPE TERM
	cd "$dir" || exit 1
fi

echo "The protocol, over all interleavings:"
holds "a death among three tasks" -DTASKS=3
holds "two deaths" -DTASKS=2 -DDEATHS=2
holds "shutdown" -DTASKS=2 -DSHUTDOWN
holds "refresh" -DTASKS=2 -DREFRESHES=1
holds "results in parts, read live" -DTASKS=2 -DUNITS=2 -DLIVE
holds "a late task, a short task pipe" -DTASKS=2 -DLATE=1 -DFRAMES=1 -DLIVE
holds "one worker, a small ring" -DWORKERS=1 -DDEATHS=2 \
	-DLATE=1 -DFRAMES=1 -DREFRESHES=1 -DSHUTDOWN -DUNITS=2 -DLIVE
holds "one worker, a larger ring" -DWORKERS=1 -DDEATHS=2 \
	-DLATE=1 -DSHUTDOWN -DUNITS=2 -DLIVE -DRING=3 -DPIPE=2

if [ "${MODEL:-}" = full ]; then
	holds "two deaths among three tasks" -DTASKS=3 -DDEATHS=2
	holds "three tasks read live" -DTASKS=3 -DLIVE -DRING=2
	holds "shutdown of three tasks" -DTASKS=3 -DDEATHS=0 -DSHUTDOWN
	holds "shutdown and a late task" -DTASKS=2 -DSHUTDOWN -DLATE=1
	holds "refresh of three tasks" -DTASKS=3 -DDEATHS=0 -DREFRESHES=1
	holds "refresh and shutdown" -DTASKS=2 -DDEATHS=0 -DREFRESHES=1 \
		-DSHUTDOWN
fi

echo "Mutants, to be refuted:"
tried=
refuted BURY_UNLOCKED -DTASKS=2
refuted COMMIT_FIRST -DTASKS=2
refuted COMMIT_LATE -DTASKS=2
refuted IGNORE_RING -DTASKS=2
refuted NO_SECOND_LOOK -DTASKS=2 -DLIVE
refuted NO_WAIT -DTASKS=2 -DSHUTDOWN
refuted OLD_PIPE -DTASKS=2
refuted OVERWRITE_UNSAID -DTASKS=2 -DLIVE
refuted PASS_FIRST -DTASKS=2 -DLIVE
refuted PIPE_AGAIN -DTASKS=2 -DLIVE
refuted REQUEUE_BLINDLY -DTASKS=2 -DSHUTDOWN
refuted REQUEUE_CLAIMED -DTASKS=2
refuted RING_BEFORE_PIPE -DTASKS=2
refuted RUN_FIRST -DTASKS=2
refuted SLOT_BY_PASSED -DTASKS=3
refuted SLOT_EARLY -DTASKS=3
refuted THIEF_STORES -DTASKS=2
refuted THIEF_TAKES_ALL -DTASKS=2

# A mutant that is in the model but not tried above would prove nothing.
known=$(grep -o 'MUTANT_[A-Z_]*' "$model" | sort -u)
[ "$known" = "$(printf %s "$tried" | sort -u)" ] ||
	die "the mutants above are not those of claim.pml"

[ $failed -eq 0 ] || die "the protocol or its check is broken"
