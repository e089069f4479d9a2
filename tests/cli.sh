#!/bin/sh
# The command: its output and its order, its exit statuses, what it says to
# bad arguments, that it streams, and that it leaves nothing behind.
#
# Every case begins with a sentence that says what holds, and the rows of the
# acceptance and fault lists that it covers, where it covers any.

. "${srcdir:-.}/tests/cases.sh"
procpool=$top_builddir/procpool

LC_ALL=C
export LC_ALL
unset CUDA_VISIBLE_DEVICES TF_CPP_MIN_LOG_LEVEL

module=$dir/module.so
make_module "$module"
: >"$dir/empty"

# ------------------------------------------------------------- the frame

# Run the command on what is on stdin; $status, $dir/out and $dir/err tell.
run()
{
	timeout 60 "$procpool" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

status_is()
{
	[ "$status" -eq "$1" ] ||
		fail "exit status $status, expected $1" "$(cat "$dir/err")"
}

# The output is exactly what printf makes of the arguments.
output_is()
{
	printf "$@" >"$dir/expected"
	cmp -s "$dir/expected" "$dir/out" || fail "output differs:" \
		"$(diff -a "$dir/expected" "$dir/out" | head -20)"
}

# A line of stderr matches.
says()
{
	grep -aq -e "$1" "$dir/err" ||
		fail "stderr does not say '$1' but:" "$(cat "$dir/err")"
}

is_silent()
{
	[ ! -s "$dir/err" ] || fail "stderr should be empty:" \
		"$(cat "$dir/err")"
}

# usage PATTERN ARGUMENT...: refused at once, with a message.
usage()
{
	pattern=$1
	shift
	run "$@" <"$dir/empty"
	status_is 2
	says "$pattern"
	[ ! -s "$dir/out" ] || fail "$*: wrote to stdout"
}

stat_of()
{
	sed -n "s/^$1 //p" "$dir/err"
}

# ---------------------------------------------------- records and results

holds "results come in the order of the records (P4)"
seq 1 20000 >"$dir/in"
run map "$module:echo" <"$dir/in"
status_is 0
is_silent
cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"

holds "empty records are records, and the last may lack its newline (P11)"
printf 'a\n\n\nb' >"$dir/in"
run map "$module:echo" <"$dir/in"
status_is 0
output_is 'a\n\n\nb\n'

holds "no input, no results"
run map "$module:echo" <"$dir/empty"
status_is 0
output_is ''

holds "a NUL in a line is data, like any other byte (P10)"
printf 'a\0b\n\377\r\n' >"$dir/in"
run map "$module:echo" <"$dir/in"
status_is 0
output_is 'a\0b\n\377\r\n'

for option in -0 --null; do
	holds "$option: records and results end with NUL, newlines are data"
	printf 'a\nb\0\0c' >"$dir/in"
	run map $option "$module:echo" <"$dir/in"
	status_is 0
	output_is 'a\nb\0\0c\0'
done

holds "records and results longer than any buffer arrive whole (P10)"
{
	echo short
	head -c 3000000 /dev/zero
	echo
	head -c 65535 /dev/zero
	echo
	head -c 65536 /dev/zero
	echo
	echo last
} >"$dir/in"
run map "$module:echo" <"$dir/in"
status_is 0
cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"

holds "options may stand behind the function"
printf 'a\0' >"$dir/in"
run map "$module:echo" -0 <"$dir/in"
status_is 0
output_is 'a\0'

holds "what a job prints does not get between the results"
printf '1\n2\n' >"$dir/in"
run map "$module:print" <"$dir/in"
status_is 0
output_is '1\n2\n'
says '^printed 1$'
says '^printed 2$'

# ---------------------------------------------------------------- failures

holds "a failed record costs its own result and the exit status (F1 F2 F3 D01)"
printf '%s\n' first 'fail 7' second 'raise 9' third 'exit 3' fourth \
	>"$dir/in"
run map "$module:obey" <"$dir/in"
status_is 1
output_is 'first\n\nsecond\n\nthird\n\nfourth\n'
says '^procpool: record 2: failed with code 7: told to\\012\\033\[1m$'
says '^procpool: record 4: crashed with signal 9 (SIGKILL): .'
says '^procpool: record 6: ended its worker with exit status 3: .'
[ "$(wc -l <"$dir/err")" -eq 3 ] ||
	fail "not one message for each:" "$(cat "$dir/err")"

holds "each way to die is told apart (F3)"
for signal in 6 11 15; do
	echo "raise $signal" >"$dir/in"
	run map --jobs 1 "$module:obey" <"$dir/in"
	status_is 1
	output_is '\n'
	says "^procpool: record 1: crashed with signal $signal (SIG[A-Z]*)"
done
echo 'exit 0' >"$dir/in"
run map --jobs 1 "$module:obey" <"$dir/in"
status_is 1
says '^procpool: record 1: ended its worker with exit status 0'

holds "many crashes do not stop the others (F5)"
seq 1 400 | awk '{ print $1 % 10 ? $1 : "raise 9" }' >"$dir/in"
run map "$module:obey" <"$dir/in"
status_is 1
sed 's/^raise.*//' "$dir/in" >"$dir/expected"
cmp -s "$dir/expected" "$dir/out" || fail "results are wrong" \
	"$(diff "$dir/expected" "$dir/out" | head -5)"
[ "$(grep -c '^procpool: record [0-9]*0: crashed' "$dir/err")" -eq 40 ] ||
	fail "not 40 crashes are told"

holds "failures with -0 are empty results too"
printf 'fail 1\0b\0' >"$dir/in"
run map -0 "$module:obey" <"$dir/in"
status_is 1
output_is '\0b\0'

# --------------------------------------------------------------- streaming

mkfifo "$dir/fifo_in" "$dir/fifo_out" "$dir/fifo_pid"

holds "a result that is ready does not wait for more input (M9)"
timeout 60 "$procpool" map "$module:echo" \
	<"$dir/fifo_in" >"$dir/fifo_out" 2>"$dir/err" &
exec 3>"$dir/fifo_in" 4<"$dir/fifo_out"
for line in one two three; do
	echo $line >&3
	read -r got <&4
	[ "$got" = $line ] || fail "read '$got' for $line"
done
exec 3>&-
wait $!
status=$?
exec 4<&-
status_is 0

holds "a later result waits for an earlier one (P4)"
if [ "$(nproc)" -ge 2 ]; then
	mkfifo "$dir/fifo"
	printf '%s\n' "await $dir/fifo" "release $dir/fifo" >"$dir/in"
	run map "$module:obey" <"$dir/in"
	status_is 0
	cmp -s "$dir/in" "$dir/out" || fail "wrong order:" "$(cat "$dir/out")"
else
	echo "skipped, as there is one CPU: $sentence"
fi

# peak LIMIT_MIB FILE: feed a file, read all results, and look at the
# memory of the command before its input ends.
peak()
{
	"$procpool" map "$module:obey" \
		<"$dir/fifo_in" >"$dir/fifo_out" 2>"$dir/err" &
	command=$!
	wc -c <"$dir/fifo_out" >"$dir/size" &
	counter=$!
	exec 3>"$dir/fifo_in"
	cat "$2" >&3

	# The answer to this record comes when all before it are written.
	mkfifo "$dir/last"
	echo "release $dir/last" >&3
	cat "$dir/last"
	kib=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$command/status")
	exec 3>&-
	wait $command
	status=$?
	wait $counter
	rm "$dir/last"
	status_is 0
	[ "$kib" -lt $(($1 * 1024)) ] || fail "took $kib KiB, limit $1 MiB"
}

if [ -n "$SANITIZER" ]; then
	echo "skipped the memory bounds: sanitizers take their own"
else
	holds "a slow first record does not make memory grow without bound (P9)"
	{
		echo 'nap 500'
		yes 'give 1048576' | head -n 500
	} >"$dir/in"
	peak 300 "$dir/in"

	holds "many records take no more memory than few (P9)"
	seq 1 300000 >"$dir/in"
	peak 100 "$dir/in"
fi

# --------------------------------------------------------------- options

holds "--jobs: counts, percentages, fractions, all (A1 A2 A3 A7)"
# jobs_are EXPECTED ARGUMENT...
jobs_are()
{
	expected=$1
	shift
	run map --stats "$@" "$module:echo" <"$dir/empty"
	status_is 0
	[ "$(stat_of workers)" -eq "$expected" ] ||
		fail "$*: $(stat_of workers) workers, expected $expected"
}
run map --stats "$module:echo" <"$dir/empty"
all=$(stat_of workers)
[ "$all" -ge 1 ] && [ "$all" -le "$(nproc)" ] ||
	fail "$all workers by default on $(nproc) CPUs"
# Half of them, a half rounded to even, at least 1.
half=$(((all + (all / 2) % 2) / 2))
[ $half -ge 1 ] || half=1
jobs_are "$all" --jobs -1
jobs_are "$all" --jobs=-1
jobs_are "$all" -j-1
jobs_are "$all" --jobs 1.0
jobs_are "$all" --jobs 100%
jobs_are "$all" --jobs 1000000
jobs_are "$half" --jobs 0.5
jobs_are "$half" --jobs .5
jobs_are "$half" --jobs 50%
jobs_are "$half" --jobs 50.0%
jobs_are 1 --jobs 1
jobs_are 1 -j 1
jobs_are 1 --jobs 0.01
jobs_are 1 --jobs 1%
jobs_are 1 --jobs 100% --debug

holds "--jobs: nonsense is refused with what would be right (A3)"
for size in 0 -2 -0 +1 0% 101% 100.5% % 0.0 1.01 2.5 -0.5 . '' ' 1' '1 ' 4x \
	0x4 1e3 nan inf 50%% 1,5 99999999999 99999999999999999999; do
	usage "^procpool: --jobs cannot be '$size': give a count from 1, .* or \
-1 for all" map --jobs "$size" "$module:echo"
done

holds "--env reaches the workers (E1)"
printf '%s\n' FOO BAR BAZ >"$dir/in"
run map --env FOO=bar --env=BAR=a=b --env BAZ= "$module:env" <"$dir/in"
status_is 0
output_is 'bar\na=b\n\n'

holds "--env: what is no setting is refused"
for setting in FOO =bar '' =; do
	usage "^procpool: --env cannot be '$setting': give NAME=VALUE" \
		map --env "$setting" "$module:echo"
done

holds "GPUs are hidden, even from --env (E2)"
printf '%s\n' CUDA_VISIBLE_DEVICES TF_CPP_MIN_LOG_LEVEL >"$dir/in"
run map --env CUDA_VISIBLE_DEVICES=5 "$module:env" <"$dir/in"
status_is 0
output_is '%s\n3\n' -1

holds "--keep-gpus leaves them alone (E2)"
run map --keep-gpus "$module:env" <"$dir/in"
status_is 0
output_is '(unset)\n(unset)\n'
run map --keep-gpus --env CUDA_VISIBLE_DEVICES=5 "$module:env" <"$dir/in"
output_is '5\n(unset)\n'

holds "--debug gives the same results in one process (P16)"
printf '%s\n' a '' 'fail 7' b >"$dir/in"
run map --debug "$module:obey" <"$dir/in"
status_is 1
output_is 'a\n\n\nb\n'
says '^procpool: record 3: failed with code 7: told to'
printf '1\n2\n' >"$dir/in"
sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$dir/pid" \
	"$procpool" map --debug "$module:pid" <"$dir/in" >"$dir/out"
output_is '%s\n%s\n' "$(cat "$dir/pid")" "$(cat "$dir/pid")"

holds "without --debug jobs run in other processes, which end (S6 U1)"
sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$dir/pid" \
	"$procpool" map "$module:pid" <"$dir/in" >"$dir/out"
[ "$(wc -l <"$dir/out")" -eq 2 ] || fail "there are not two results"
while read -r worker; do
	[ "$worker" != "$(cat "$dir/pid")" ] || fail "a job ran in the command"
	goes "$worker"
done <"$dir/out"

holds "--stats counts"
printf '%s\n' abc 'fail 1' 'raise 9' defg >"$dir/in"
run map --stats --jobs 1 "$module:obey" <"$dir/in"
status_is 1
output_is 'abc\n\n\ndefg\n'
for line in 'records 4' 'succeeded 2' 'failed 2' 'crashed 1' 'workers 1' \
	'bytes_in 20' 'bytes_out 7' 'seconds [0-9]*\.[0-9][0-9][0-9]' \
	'busy_seconds_0 [0-9]*\.[0-9][0-9][0-9]'; do
	says "^$line\$"
done

holds "--version and --help"
run --version
status_is 0
output_is 'procpool %s\n' "${PACKAGE_VERSION:-$(sed -n \
	's/^#define PROCPOOL_VERSION "\(.*\)"/\1/p' \
	"$srcdir/include/procpool.h")}"
run map --help
status_is 0
is_silent
cp "$dir/out" "$dir/help"
for words in -h --help 'map -h' help 'help map'; do
	run $words
	status_is 0
	is_silent
	cmp -s "$dir/help" "$dir/out" || fail "'$words' is no help"
done
awk 'length > 80' "$dir/out" >"$dir/long"
[ ! -s "$dir/long" ] || fail "help is too wide:" "$(cat "$dir/long")"

holds "help and manual page have every option there is"
# The command itself knows them: what is ambiguous is listed.
usage "^procpool: option '--.*is ambiguous" map --= "$module:echo"
options=$(sed -n "/ambiguous/s/.*possibilities://p" "$dir/err" | tr -d "'")
[ "$(echo "$options" | wc -w)" -ge 12 ] || fail "found only:" "$options"
run map --help
for option in $options; do
	grep -q -e "$option\>" "$dir/out" || fail "the help lacks $option"
	sed 's/\\-/-/g' "$srcdir/doc/procpool.1" | grep -q -e "$option\>" ||
		fail "the manual page lacks $option"
done

# --------------------------------------------------------- files as input

printf '1\n2\n' >"$dir/a"
printf '3\n4' >"$dir/b"

holds "files are read one after the other, and a record ends with its file"
run map "$module:echo" "$dir/b" "$dir/empty" "$dir/a" <"$dir/in"
status_is 0
is_silent
output_is '3\n4\n1\n2\n'

holds "- is standard input, and so is no file at all"
printf 'x\ny' | run map "$module:echo" "$dir/a" - "$dir/b"
output_is '1\n2\nx\ny\n3\n4\n'
printf 'x\ny' | run map "$module:echo" -
output_is 'x\ny\n'

holds "many large files are one stream"
seq 1 30000 >"$dir/large"
run map "$module:echo" "$dir/large" "$dir/a" "$dir/large" <"$dir/empty"
status_is 0
cat "$dir/large" "$dir/a" "$dir/large" | cmp -s - "$dir/out" ||
	fail "the output is not the input"

holds "a file whose name begins with a dash comes after --"
cd "$dir" || exit 99
cp a ./-0
run map "$module:echo" -- -0 <"$dir/empty"
cd - >"$dir/cd" || exit 99
status_is 0
output_is '1\n2\n'

holds "why the pool broke is told of each record that was given up for it"
printf '%s\n' orphan orphan a b >"$dir/in"
run map --jobs 1 "$module:obey" <"$dir/in"
status_is 2
output_is '\n\n\n\n'
for record in 3 4; do
	says "^procpool: record $record: given up, since the pool is broken: \
the process that forks the workers was lost twice within ten seconds\$"
done

holds "files that cannot be read are all named, before any work"
rm -f "$dir/log"
usage "^procpool: cannot read '$dir/none': No such file" \
	map --joblog "$dir/log" "$module:echo" "$dir/a" "$dir/none" "$dir"
says "^procpool: cannot read '$dir': Is a directory"
[ ! -e "$dir/log" ] || fail "there is a job log"
if [ "$(id -u)" -ne 0 ]; then
	: >"$dir/secret"
	chmod 0 "$dir/secret"
	usage "^procpool: cannot read '$dir/secret': Permission denied" \
		map "$module:echo" "$dir/secret"
fi

holds "a pipe may be given as a file, whether its writer is done or to come"
mkfifo "$dir/named"
{ echo first && echo second; } | {
	# The writer has gone when this reads all it wrote.
	sleep 0.1
	run map "$module:echo" /dev/stdin
	output_is 'first\nsecond\n'
	[ $failures -eq 0 ]
} || failures=$((failures + 1))
mkfifo "$dir/results"
timeout 60 "$procpool" map "$module:echo" "$dir/a" "$dir/named" \
	>"$dir/results" 2>"$dir/err" &
exec 4<"$dir/results"
read -r one <&4 && read -r two <&4
[ "$one$two" = 12 ] || fail "results wait for a pipe nobody has opened"
echo third >"$dir/named"
read -r got <&4
[ "$got" = third ] || fail "read '$got' from a named pipe"
wait $!
status=$?
exec 4<&-
status_is 0

holds "a file that goes while others are read ends it, after those"
cp "$dir/a" "$dir/goes"
timeout 60 "$procpool" map "$module:echo" "$dir/named" "$dir/goes" "$dir/a" \
	>"$dir/out" 2>"$dir/err" &
exec 3>"$dir/named"
rm "$dir/goes"
echo x >&3
exec 3>&-
wait $!
status=$?
status_is 2
output_is 'x\n'
says "^procpool: cannot read '$dir/goes': No such file"

# ------------------------------------------------------------------ --tag

holds "--tag begins each line with the record, also without a result"
printf '%s\n' a '' 'fail 3' 'lines x y' >"$dir/in"
run map --tag "$module:obey" <"$dir/in"
status_is 1
output_is 'a\ta\n\t\nfail 3\t\nlines x y\tx\nlines x y\ty\n'

holds "--tag with -0 begins each result, whatever is in it"
printf 'a\nb\0c\0' >"$dir/in"
run map --tag -0 "$module:echo" <"$dir/in"
output_is 'a\nb\ta\nb\0c\tc\0'

holds "--tag holds for many records, and for large ones"
{
	seq 1 20000
	printf 'give 200000\n'
} >"$dir/in"
run map --tag "$module:obey" <"$dir/in"
status_is 0
{
	seq 1 20000 | sed 's/.*/&\t&/'
	printf 'give 200000\t'
	head -c 200000 /dev/zero | tr '\0' x
	echo
} | cmp -s - "$dir/out" || fail "tags or results are wrong"

# --------------------------------------------------------------- --joblog

# log_column NUMBER: of all lines but the header.
log_column()
{
	tail -n +2 "$dir/log" | cut -f "$1" | tr '\n' ' '
}

holds "--joblog has a line for each record, in their order"
printf '%s\n' a 'fail 7' 'raise 9' 'exit 3' 'nap 200' >"$dir/in"
before=$(date +%s)
run map --jobs 1 --joblog "$dir/log" "$module:obey" <"$dir/in"
after=$(($(date +%s) + 1))
status_is 1
[ "$(head -n 1 "$dir/log")" = "$(printf \
	'index\tworker\tpid\tstart\tseconds\toutcome\tcode')" ] ||
	fail "another header:" "$(head -n 1 "$dir/log")"
[ "$(log_column 1)" = "1 2 3 4 5 " ] || fail "index" "$(cat "$dir/log")"
[ "$(log_column 2)" = "0 0 0 0 0 " ] || fail "worker" "$(cat "$dir/log")"
[ "$(log_column 6)" = "success failed crashed exited success " ] ||
	fail "outcome" "$(cat "$dir/log")"
[ "$(log_column 7)" = "0 7 9 3 0 " ] || fail "code" "$(cat "$dir/log")"
tail -n +2 "$dir/log" | awk -F '\t' -v before="$before" -v after="$after" '
	NF != 7 || $3 <= 1 || $4 < before || $4 + $5 > after { exit 1 }
	NR == 5 && $5 < 0.2 { exit 1 }' ||
	fail "process or times are wrong:" "$(cat "$dir/log")"

holds "--joblog tells the worker and process that had the record"
seq 1 1000 >"$dir/in"
run map --joblog "$dir/log" "$module:pid" <"$dir/in"
tail -n +2 "$dir/log" | cut -f 3 | cmp -s - "$dir/out" ||
	fail "the processes are not those that answered"
tail -n +2 "$dir/log" | cut -f 1 | cmp -s - "$dir/in" || fail "wrong order"

holds "--joblog starts no record in a worker before the end of the last one"
seq 1 3000 >"$dir/in"
run map --jobs 1 --joblog "$dir/log" "$module:echo" <"$dir/in"
status_is 0
# In microseconds, which a double has room for.
tail -n +2 "$dir/log" | tr -d . | awk -F '\t' '
	$4 < ended { print NR, $4, ended; exit 1 }
	{ ended = $4 + $5 }' || fail "a record is started too soon"

holds "a line in the job log says that the result has been written"
timeout 60 "$procpool" map --joblog "$dir/log" "$module:echo" \
	<"$dir/fifo_in" >"$dir/fifo_out" 2>"$dir/err" &
exec 3>"$dir/fifo_in" 4<"$dir/fifo_out"
for n in 1 2 3; do
	echo $n >&3
	read -r got <&4
	tries=100
	until [ "$(wc -l <"$dir/log")" -eq $((n + 1)) ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
		sleep 0.05
	done
	[ $tries -gt 0 ] || fail "no line for record $n"
done
exec 3>&-
wait $!
exec 4<&-

holds "a job log that cannot be opened is told before any work"
usage "^procpool: cannot write the job log '$dir/none/log': No such file" \
	map --joblog "$dir/none/log" "$module:echo" "$dir/a"
for log in '' -; do
	usage "^procpool: --joblog cannot be '$log': give the name of a file" \
		map --joblog "$log" "$module:echo"
done

holds "a job log that is a file of the command's is refused, and not emptied"
# is_kept WHAT LOG COMMAND...: a run with $inputs that is to refuse the log,
# and to leave it as it was.
is_kept()
{
	what=$1
	used_as=$2
	shift 2
	echo keep >"$dir/used"
	"$@" --joblog "$used_as" "$module:echo" $inputs
	status_is 2
	says "^procpool: the job log '$used_as' is also $what: give another \
file\$"
	[ "$(cat "$dir/used")" = keep ] || fail "$used_as: lost what was there"
}
map_nothing()
{
	run map "$@" <"$dir/empty"
	[ ! -s "$dir/out" ] || fail "wrote to stdout"
}
map_used()
{
	run map "$@" <"$dir/used"
}
onto_used()
{
	timeout 60 "$procpool" map "$@" \
		<"$dir/empty" >>"$dir/used" 2>"$dir/err"
	status=$?
}
telling_used()
{
	timeout 60 "$procpool" map "$@" \
		<"$dir/empty" >"$dir/out" 2>>"$dir/used"
	status=$?
	tail -n +2 "$dir/used" >"$dir/err"
	head -n 1 "$dir/used" >"$dir/first" && cp "$dir/first" "$dir/used"
}
: >"$dir/used"
ln -sf used "$dir/soft"
ln -f "$dir/used" "$dir/hard"
for log in used soft hard; do
	inputs=$dir/used
	is_kept 'an input' "$dir/$log" map_nothing
	inputs="$dir/a - $dir/used"
	is_kept 'an input' "$dir/$log" map_nothing
	inputs=
	is_kept 'an input' "$dir/$log" map_used
	inputs=$dir/a
	is_kept 'an input' "$dir/$log" map_used
	is_kept 'the output' "$dir/$log" onto_used
	is_kept 'standard error' "$dir/$log" telling_used
done

holds "a job log that is the module is refused, and not emptied"
cp "$module" "$dir/used.so"
run map --joblog "$dir/used.so" "$dir/used.so:echo" "$dir/a"
status_is 2
says "^procpool: the job log '$dir/used.so' is also the module, or a library \
in use: give another file\$"
cmp -s "$module" "$dir/used.so" || fail "the module is not what it was"

holds "a job log may be a device that is used otherwise, and is made anew"
timeout 60 "$procpool" map --joblog /dev/null "$module:echo" /dev/null \
	</dev/null >/dev/null 2>"$dir/err"
status=$?
status_is 0
is_silent
seq 1 1000 >"$dir/log"
echo a >"$dir/in"
run map --joblog "$dir/log" "$module:echo" "$dir/in" <"$dir/empty"
status_is 0
[ "$(wc -l <"$dir/log")" -eq 2 ] || fail "old lines:" "$(cat "$dir/log")"

holds "a job log that cannot be written is told, and the work done"
if [ -w /dev/full ]; then
	seq 1 20000 >"$dir/in"
	run map --joblog /dev/full "$module:echo" <"$dir/in"
	status_is 2
	cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"
	says "^procpool: cannot write the job log '/dev/full': No space left"
	[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "not told once"
fi

# ----------------------------------------------------------------- --halt

holds "--halt never is what happens without it"
printf '%s\n' 'fail 1' a b >"$dir/in"
run map --halt never "$module:obey" <"$dir/in"
status_is 1
output_is '\na\nb\n'

holds "--halt soon takes no more records, and finishes those under way"
{
	yes 'nap 50' | head -n 12
	echo 'fail 1'
	yes 'nap 100' | head -n 5000
} >"$dir/in"
run map --halt soon --joblog "$dir/log" "$module:obey" <"$dir/in"
status_is 1
n=$(wc -l <"$dir/out")
[ "$n" -le $((13 + 2 * $(nproc))) ] || fail "took $n records"
head -n "$n" "$dir/in" | sed 's/^fail.*//' | cmp -s - "$dir/out" ||
	fail "what was taken has no result:" "$(cat "$dir/out")"
says "^procpool: record 13: failed with code 1: "
says "^procpool: halted at the first failure: taken up to record $n\$"
log_column 6 | grep -q '^\(success \)\{12\}failed \(success \)*$' ||
	fail "outcomes:" "$(cat "$dir/log")"

holds "--halt soon does not wait for input that has not come"
timeout 60 "$procpool" map --halt soon "$module:obey" \
	<"$dir/fifo_in" >"$dir/out" 2>"$dir/err" &
exec 3>"$dir/fifo_in"
echo 'fail 1' >&3
wait $!
status=$?
exec 3>&-
status_is 1
output_is '\n'

holds "--halt says that it halted, also when all records had been taken"
printf '%s\n' a 'fail 1' >"$dir/in"
for when in soon now; do
	run map --halt $when "$module:obey" "$dir/in" <"$dir/empty"
	status_is 1
	# (The first one may be done or not.)
	says "^procpool: halted at the first failure: taken up to record 2"
done

holds "--halt now gives up what runs, at once (S1)"
if [ "$(nproc)" -ge 2 ]; then
	timeout 60 "$procpool" map --halt now --joblog "$dir/log" \
		"$module:obey" <"$dir/fifo_in" >"$dir/out" 2>"$dir/err" &
	exec 3>"$dir/fifo_in"
	echo "hang $dir/fifo_pid" >&3
	read -r worker <"$dir/fifo_pid"
	echo 'fail 1' >&3
	exec 3>&-
	wait $!
	status=$?
	status_is 1
	goes "$worker"
	output_is '\n\n'
	says "^procpool: record 2: failed with code 1: "
	says "^procpool: halted at the first failure: taken up to record 2, \
given up 1$"
	[ "$(log_column 6)" = 'shutdown failed ' ] ||
		fail "outcomes:" "$(cat "$dir/log")"
else
	echo "skipped, as there is one CPU: $sentence"
fi

holds "--halt now gives up what waits"
{
	echo 'fail 1'
	yes 'nap 100000' | head -n 5000
} >"$dir/in"
run map --jobs 1 --halt now "$module:obey" <"$dir/in"
status_is 1
n=$(wc -l <"$dir/out")
[ "$n" -le 3 ] || fail "took $n records"
says "^procpool: record 1: failed with code 1: "

holds "--halt leaves a run without failures alone"
seq 1 20000 >"$dir/in"
for when in soon now; do
	run map --halt $when "$module:echo" <"$dir/in"
	status_is 0
	is_silent
	cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"
done

holds "--halt: nonsense is refused with what would be right"
for when in '' no sooner NOW 'now '; do
	usage "^procpool: --halt cannot be '$when': give now, soon or never" \
		map --halt "$when" "$module:echo"
done

# --------------------------------------------------------------- --progress

holds "--progress is quiet when stderr is no terminal (see terminal.sh)"
printf '%s\n' 'nap 300' b >"$dir/in"
run map --progress "$module:obey" <"$dir/in"
status_is 0
is_silent
output_is 'nap 300\nb\n'

# ------------------------------------------------------------ bad arguments

holds "bad command lines are refused"
usage "^procpool: a command is missing"
usage "^procpool: there is no command 'mop': the one there is is 'map'" mop
usage "^procpool: map lacks its function: give MODULE.so:FUNCTION" map
usage "^procpool: unrecognized option '--job-count'" \
	map --job-count 2 "$module:echo"
usage "^procpool: option '--jobs' requires an argument" \
	map "$module:echo" --jobs
for option in --env --halt --joblog; do
	usage "^procpool: option '$option' requires an argument" \
		map "$module:echo" $option
done
for option in null tag progress stats keep-gpus debug; do
	usage "^procpool: option '--$option' doesn't allow an argument" \
		map --$option=1 "$module:echo"
done
usage "^procpool: invalid option -- 'x'" map -x "$module:echo"
usage "^procpool: see 'procpool --help'" map --nonsense

holds "what does not name a function is refused"
for spec in "$module" "$module:" :echo : ''; do
	usage "^procpool: '$spec' does not name a function: give MODULE.so:FUNC" \
		map "$spec"
done

holds "a module that is not there, or is none, is named"
usage "^procpool: cannot load the module: $dir/none.so: .*No such file" \
	map "$dir/none.so:echo"
echo text >"$dir/text.so"
usage "^procpool: cannot load the module: $dir/text.so: " \
	map "$dir/text.so:echo"
usage "^procpool: cannot load the module: libnone-such.so.1: " \
	map libnone-such.so.1:echo

holds "a function that is not there is named, and those that are"
usage "^procpool: '$module' defines no function 'ecko'; it has: echo, env, \
obey, pid, print$" map "$module:ecko"

holds "a variable, a static function and another library's are not taken"
for symbol in variable await exit procpool_open; do
	usage "defines no function '$symbol'; it has: echo, " \
		map "$module:$symbol"
done

holds "an object without functions says so"
echo 'extern int x; int x;' >"$dir/empty.c"
${CC:-cc} -shared -fPIC -o "$dir/empty.so" "$dir/empty.c" || exit 99
usage "defines no function 'f', nor any other" map "$dir/empty.so:f"

holds "an object with the older symbol table is read too"
if ${CC:-cc} -shared -fPIC -Wl,--hash-style=sysv -I"$srcdir/include" \
	-o "$dir/sysv.so" "$srcdir/tests/cli_module.c" 2>"$dir/err"; then
	usage "it has: echo, env, obey, pid, print$" map "$dir/sysv.so:ecko"
else
	echo "skipped, as the linker cannot make one: $sentence"
fi

holds "a module without a slash is a file of this directory"
echo here >"$dir/in"
cd "$dir" || exit 99
run map module.so:echo <"$dir/in"
cd - >"$dir/cd" || exit 99
status_is 0
output_is 'here\n'

# ------------------------------------------------------ input and output

holds "input that cannot be read ends it"
run map "$module:echo" <"$dir"
status_is 2
says '^procpool: cannot read the input: Is a directory'
run map "$module:echo" <&-
status_is 2
says '^procpool: cannot read the input: Bad file descriptor'

holds "output that cannot be written ends it"
if [ -w /dev/full ]; then
	seq 1 10 | timeout 60 "$procpool" map "$module:echo" \
		2>"$dir/err" >/dev/full
	status=$?
	status_is 2
	says '^procpool: cannot write the results: No space left'
	timeout 60 "$procpool" --help 2>"$dir/err" >/dev/full
	status=$?
	status_is 2
	says '^procpool: cannot write to standard output: No space left'
fi
echo a | timeout 60 "$procpool" map "$module:echo" 2>"$dir/err" >&-
status=$?
status_is 2
says '^procpool: cannot write the results: Bad file descriptor'

holds "a reader that goes away ends it, however much input there is"
{
	yes | timeout 60 "$procpool" map "$module:echo" 2>"$dir/err"
	echo $? >"$dir/status"
} | head -n 1 >"$dir/out"
status=$(cat "$dir/status")
status_is 2
output_is 'y\n'
says '^procpool: cannot write the results: Broken pipe'

holds "a reader that goes away ends it, also while input is quiet"
timeout 60 "$procpool" map "$module:echo" \
	<"$dir/fifo_in" >"$dir/fifo_out" 2>"$dir/err" &
exec 3>"$dir/fifo_in" 4<"$dir/fifo_out"
exec 4<&-
wait $!
status=$?
exec 3>&-
status_is 2
says '^procpool: cannot write the results: Broken pipe'

holds "a failed write does not wait for the jobs that run (S1)"
timeout 60 "$procpool" map "$module:obey" \
	<"$dir/fifo_in" >"$dir/fifo_out" 2>"$dir/err" &
exec 3>"$dir/fifo_in" 4<"$dir/fifo_out"
echo "hang $dir/fifo_pid" >&3
read -r worker <"$dir/fifo_pid"
exec 4<&-
wait $!
status=$?
exec 3>&-
status_is 2
goes "$worker"

for number in 15 9; do
	signal=$(kill -l $number)
	holds "killed by SIG$signal in the middle it leaves no worker (S5 S6)"
	"$procpool" map "$module:obey" \
		<"$dir/fifo_in" >"$dir/out" 2>"$dir/err" &
	command=$!
	exec 3>"$dir/fifo_in"
	echo "hang $dir/fifo_pid" >&3
	read -r worker <"$dir/fifo_pid"
	kill -$signal $command
	wait $command 2>"$dir/wait"
	status=$?
	exec 3>&-
	status_is $((128 + number))
	goes "$worker"
done

finish
