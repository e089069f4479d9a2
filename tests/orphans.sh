#!/bin/sh
# A host that is killed leaves no process behind: a second later all that came
# from it are gone, whatever host and workers were doing, and nothing was said.
#
# Rows: H06 (idle, busy, writing, in create, in shutdown), H07 (it ends by
# itself, in any way, without a close, or becomes another program), H09 (a child
# of the host lives on with a copy of its descriptors), S6; and that the tool
# which judges this can find something.
#
# The kill comes after a time drawn at random: PP_SEED=N repeats a run.

dir=${builddir:-.}/tests
seed=${PP_SEED:-$(date +%s)}
rounds=4
failed=0

# The next random number of microseconds, below $1.
draw()
{
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	time=$((seed / 16 % $1))
}

# expect WHAT STATUS COMMAND...: the command has that status, and is quiet.
expect()
{
	what=$1 status=$2
	shift 2
	text=$("$@" 2>&1)
	got=$?
	if [ $got -ne "$status" ] || [ -n "$text" ]; then
		echo "FAIL: $what: status $got, expected $status; $text"
		failed=1
	fi
}

# orphans ROW MODE MICROSECONDS: kill a host in this mode, several times.
orphans()
{
	round=0
	while [ $round -lt $rounds ]; do
		draw "$3"
		expect "$1: a host killed $2, $time us later, leaves nobody" \
			137 "$dir/noleft" 1 "$dir/host" "$2" $time
		round=$((round + 1))
	done
}

echo "seed $seed (PP_SEED repeats it)"

text=$("$dir/noleft" 0.1 sh -c 'sleep 100 & exit 3' 2>&1)
if [ $? -ne 97 ]; then
	echo "FAIL: noleft does not find a process that is left: $text"
	failed=1
fi
expect "noleft gives the status of its command" 3 \
	"$dir/noleft" 1 sh -c 'exit 3'

orphans H06 idle 20000
orphans H06 busy 20000
orphans H06 writing 50000
orphans H06 create 30000
orphans H06 shutdown 400000
orphans H09 bystander 20000

# ends MODE STATUS: a host that ends so leaves nobody.
ends()
{
	expect "H07: a host that ends by $1 leaves nobody" "$2" \
		"$dir/noleft" 1 "$dir/host" "$1" 0
}

ulimit -c 0
ends return 0
ends exit 0
ends _exit 0
ends abort 134
ends segv 139
ends exec 0

exit $failed
