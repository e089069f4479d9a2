#!/bin/sh
# The fuzz targets on their corpus, and on each input of it changed a little;
# and that the seeds among it are what fuzz/seeds.c makes.
#
# Rows of the fault catalogue: P01 P02 P05 P06 P07.

set -u

corpus=$srcdir/fuzz/corpus
made=$(mktemp -d) || exit 1
trap 'rm -rf "$made"' EXIT
failed=0

mkdir "$made/stream" "$made/channel"
fuzz/seeds "$made" || exit 1
for seed in "$made"/*/*; do
	cmp "$seed" "$corpus${seed#"$made"}" || {
		echo "FAIL: the corpus is old; run make fuzz-seeds"
		failed=1
	}
done
for target in stream channel; do
	"fuzz/replay_$target" "${PP_TEST_LONG:+100}300" "$corpus/$target"/* || {
		echo "FAIL: an input of fuzz/corpus/$target"
		failed=1
	}
done
exit $failed
