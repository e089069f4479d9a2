#!/bin/sh
# The command as a person meets it: in a terminal, with a shell.  The terminal
# is tmux's, and what is looked at is its screen.
#
# Jobs stop at a pipe until they are told to go on, and the screen is looked at
# until it shows what it should.

. "${srcdir:-.}/tests/cases.sh"
procpool=$top_builddir/procpool

command -v tmux >/dev/null || skip "tmux is not installed"
command -v bash >/dev/null || skip "bash is not installed"

trap 'tmux -S "$dir/tmux" kill-server; rm -rf "$dir"' EXIT
LC_ALL=C.UTF-8
export LC_ALL

make_module "$dir/m.so"
ln -s "$procpool" "$dir/p"
mkfifo "$dir/go" "$dir/go2" "$dir/pid"

# ------------------------------------------------------------- the frame

in_tmux()
{
	tmux -S "$dir/tmux" -f /dev/null "$@"
}

# Every line of the screen, with those that have left it above.
screen()
{
	in_tmux capture-pane -p -S - -t t
}

shows()
{
	screen | grep -q -e "$1"
}

sees()
{
	within shows "$1" || fail "the screen does not show '$1' but:" \
		"$(screen)"
}

sees_not()
{
	! shows "$1" || fail "the screen shows '$1':" "$(screen)"
}

# The last line of the screen has that many characters.
bar_is()
{
	[ "$(screen | sed '/^$/d' | tail -n 1 | awk '{ print length }')" \
		-eq "$1" ]
}

# A terminal of that width, with a shell in it.
terminal()
{
	in_tmux kill-session -t t 2>"$dir/kill"
	in_tmux new-session -d -s t -x "$1" -y 30 -c "$dir" \
		"env PS1='> ' TERM=screen bash --norc --noprofile"
	sees '^> *$'
}

types()
{
	in_tmux send-keys -t t -l -- "$1"
	in_tmux send-keys -t t Enter
}

presses()
{
	in_tmux send-keys -t t "$1"
}

# Whatever waits at this pipe goes on.
go()
{
	timeout "$limit" sh -c ': >"$1"' sh "$dir/$1" ||
		fail "nobody waits at $1:" "$(screen)"
}

# What the next to write into the pipe says.
ask()
{
	timeout "$limit" cat "$dir/pid"
}

# 50 records of 3 bytes, one that waits, and 49 more.
{
	seq 10 59
	echo 'await go'
	seq 10 58
} >"$dir/in"

# Without a session tmux would end.
in_tmux new-session -d -s keep 'sleep 1000' || skip "tmux does not run here"

# --------------------------------------------------------------- the bar

holds "a bar shows how far it is and what is left, and takes the width"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey in >out; echo status $?'
percent=$((100 * 50 * 3 / $(wc -c <"$dir/in")))
sees "^ *$percent% \[=*> *\] 50 done, [0-9.]*/s, [0-9]*:[0-9][0-9] left$"
bar_is 79 || fail "not the whole width:" "$(screen)"

holds "it takes the new width when the terminal gets another one"
for width in 60 120 80; do
	in_tmux resize-window -t t -x $width
	within bar_is $((width - 1)) || fail "not $width wide:" "$(screen)"
	sees "^ *$percent% \[=*> *\] 50 done.* left$"
done

holds "its last state stays: all, how many, and the time it took"
go go
sees '^status 0$'
sees '^100% \[=*\] 100 done, [0-9.]*/s, [0-9]*:[0-9][0-9]$'
cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"

holds "without a total it counts, and shows the time that has passed"
terminal 80
types 'cat in | ./p map --jobs 1 --progress ./m.so:obey >out; echo status $?'
sees "^50 done, [0-9.]*/s, [0-9]*:[0-9][0-9]$"
go go
sees '^status 0$'
sees '^100 done, '
sees_not '%'

holds "files are one input for it"
printf '1\n2\n' >"$dir/two"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey two in two >out; echo status $?'
percent=$((100 * (4 + 50 * 3) / ($(wc -c <"$dir/in") + 8)))
sees "^ *$percent% .* 52 done, "
go go
sees '^100% .* 104 done, '
sees '^status 0$'

holds "it counts those that failed"
printf '%s\n' 'fail 1' 'raise 9' 'await go' >"$dir/bad"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey bad >out; echo status $?'
sees '\] 2 done, 2 failed, '
go go
sees '\] 3 done, 2 failed, '
sees '^status 1$'

holds "it does not count those that were given up"
if [ "$(nproc)" -ge 2 ]; then
	printf '%s\n' 'hang pid' 'fail 1' >"$dir/bad"
	terminal 80
	types './p map --jobs 2 --halt now --progress ./m.so:obey bad >out
echo status $?'
	sees '^status 1$'
	sees 'taken up to record 2, given up 1$'
	sees '^1 done, 1 failed, '
else
	echo "skipped, as there is one CPU: $sentence"
fi

# ------------------------------------------------------------- not torn

# What the screen shows before the status is these lines, where BAR stands for
# the last state of the bar.
screen_is()
{
	for line; do
		printf '%s\n' "$line"
	done >"$dir/expected"
	screen | awk '/^status/ { exit } !/^>/' | sed 's/^100% \[.*/BAR/' >"$dir/seen"
	cmp -s "$dir/expected" "$dir/seen" || fail "the screen differs:" \
		"$(diff "$dir/expected" "$dir/seen")"
}

holds "messages and what jobs print stand above the bar, each on its line"
{
	echo 'print one'
	echo 'fail 7'
	echo 'await go'
	echo 'print two'
	echo 'fail 8'
	echo 'part this and '
	echo 'await go2'
	echo 'print three'
	echo 'part no end'
} >"$dir/in2"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey in2 >out; echo status $?'
sees '\] 2 done, 1 failed, '
go go
sees '\] 6 done, 2 failed, '
go go2
sees '^status 1$'
screen_is 'printed one' \
	'procpool: record 2: failed with code 7: told to\012\033[1m' \
	'printed two' \
	'procpool: record 5: failed with code 8: told to\012\033[1m' \
	'this and printed three' 'no end' BAR

holds "results on the same terminal are whole, too"
printf '%s\n' a b 'await go' c d >"$dir/in3"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey in3; echo status $?'
sees '\] 2 done, '
go go
sees '^status 0$'
screen_is a b 'await go' c d BAR

holds "many lines from many jobs are all there, and whole"
seq 1 400 | sed 's/^/print line /' >"$dir/in4"
terminal 80
in_tmux set-option -t t history-limit 5000
types './p map --progress ./m.so:obey in4 >out; echo status $?'
sees '^status 0$'
seq 1 400 | sed 's/^/printed line /' | sort >"$dir/expected"
screen | grep 'print' | grep -v '^>' | sort >"$dir/seen"
cmp -s "$dir/expected" "$dir/seen" || fail "lines differ:" \
	"$(diff "$dir/expected" "$dir/seen" | head)"
[ "$(screen | grep -c 'done')" -eq 1 ] || fail "bars are left:" \
	"$(screen | grep done)"

holds "--stats stand below the bar"
terminal 80
types './p map --progress --stats ./m.so:echo two >out; echo status $?'
sees '^status 0$'
sees '^records 2$'
screen | grep -A 1 '^100%' | grep -q '^records 2$' || fail "not below:" \
	"$(screen)"

# ------------------------------------------------------------- signals

holds "Ctrl-C ends it at once, with status 130 and no worker left (S5 S6 R08)"
printf '%s\n' a 'hang pid' b >"$dir/in5"
for option in --stats --progress; do
	terminal 80
	types "./p map --jobs 1 $option ./m.so:obey in5 >out"
	worker=$(ask)
	[ $option = --stats ] || sees '\] 1 done, '
	presses C-c
	types 'echo status $?'
	sees '^status 130$'
	goes "$worker"
done

holds "the shell is as it was after Ctrl-C"
types 'echo still $((6 * 7))'
sees '^still 42$'

holds "Ctrl-Z stops it, fg continues it, and the bar comes back"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey in >out; echo status $?'
sees '50 done.* left$'
presses C-z
sees 'Stopped .*map'
types 'fg; echo after $?'
within bar_is 79 || fail "the bar does not come back:" "$(screen)"
go go
sees '100 done, '
sees '^after 0$'
cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"

holds "in the background it leaves the line to the shell"
terminal 80
types './p map --jobs 1 --progress ./m.so:obey in >out &'
sees '^\[1\] '
go go
types 'wait; echo end'
sees '^end$'
sees_not '[0-9] done'
cmp -s "$dir/in" "$dir/out" || fail "the output is not the input"

# ---------------------------------------------------------------- quiet

holds "it is quiet when it is not told to show a bar"
terminal 80
types './p map --jobs 1 ./m.so:obey two >out; echo status $?'
sees '^status 0$'
screen_is

holds "it is quiet where a bar cannot be"
for setting in 'TERM=dumb %s' '%s 2>err' '%s --debug' '%s -0 >/dev/tty'; do
	terminal 80
	types "$(printf "$setting" './p map --progress ./m.so:echo two') \
| cat >out; echo status \$?"
	sees '^status 0$'
	sees_not 'done'
done

# ----------------------------------------------------------------- keys

holds "the tabulator key completes what is typed (see completion.sh)"
frame=/usr/share/bash-completion/bash_completion
if [ -r $frame ]; then
	file=$(cd "$srcdir" && pwd)/tools/procpool.bash
	terminal 80
	types "PATH=$(dirname "$procpool"):\$PATH; clear"
	types ". $frame; . $file; echo loaded"
	sees '^loaded'
	in_tmux send-keys -t t -l 'procpool m'
	presses Tab
	in_tmux send-keys -t t -l './m.so:ob'
	presses Tab
	sees '^> procpool map ./m.so:obey'
	in_tmux send-keys -t t -l -- '--ha'
	presses Tab
	in_tmux send-keys -t t -l 'ne'
	presses Tab
	sees '^> procpool map ./m.so:obey --halt=never$'
	presses Tab
	presses C-u
else
	echo "skipped, as bash-completion is not installed: $sentence"
fi

finish
