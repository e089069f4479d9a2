#!/bin/sh
# Completion in bash: of options, their values, modules, functions and files.
#
# It is asked for as bash asks, with the words of a line that is not finished.

. "${srcdir:-.}/tests/cases.sh"

command -v bash >/dev/null || skip "bash is not installed"
command -v nm >/dev/null || skip "nm, which lists functions, is not installed"
for frame in "$(pkg-config --variable=prefix bash-completion 2>/dev/null)" \
	/usr /usr/local; do
	frame=$frame/share/bash-completion/bash_completion
	[ ! -r "$frame" ] || break
done
[ -r "$frame" ] || skip "bash-completion is not installed"

PP_TEST_VARIABLE=1
export PP_TEST_VARIABLE
mkdir "$dir/mods"
make_module "$dir/mods/cli.so"
cp "$dir/mods/cli.so" "$dir/mods/a b.so"
echo text >"$dir/notes.txt"
echo text >"$dir/mods/read.me"

# complete.bash WORD...: what the last word may become, one in each line.  The
# words are as bash breaks them, also at "=" and ":".
cat >"$dir/complete.bash" <<'END'
source "$1"
source "$2"
shift 2
PATH=$top_builddir:$PATH
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_TYPE=9 COMP_KEY=9
COMP_WORDS=(procpool "$@")
COMP_CWORD=$#
COMP_LINE=procpool glue=' '
for word; do
	[[ $word == [:=] ]] && glue=
	COMP_LINE+=$glue$word
	[[ $word == [:=] ]] && glue= || glue=' '
done
COMP_POINT=${#COMP_LINE}
compopt() { :; } # which only readline can do
_procpool procpool "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
END

# becomes EXPECTED WORD...: the last word can be completed to these, which are
# separated by commas.
becomes()
{
	expected=$1
	shift
	holds "procpool $* can become $expected"
	got=$(cd "$dir" && export top_builddir &&
		bash --norc --noprofile complete.bash "$frame" "$file" "$@" \
			2>"$dir/err" | LC_ALL=C sort | paste -s -d , -)
	[ "$got" = "$expected" ] || fail "it becomes $got"
	[ ! -s "$dir/err" ] || fail "it says:" "$(cat "$dir/err")"
}

file=$(cd "$srcdir" && pwd)/tools/procpool.bash

# The command, and options.
becomes map ''
becomes map m
becomes --halt=,--help --h
becomes --progress map --prog
becomes --joblog=,--jobs= map --jo
becomes '' map --none
for option in --debug --env= --halt= --help --joblog= --jobs= --keep-gpus \
	--null --progress --stats --tag --version; do
	becomes $option map "${option%=}"
done

# Their values.
becomes never,now,soon map --halt ''
becomes never,now,soon map --halt = ''
becomes never,now map --halt = n
becomes soon map --halt s
becomes notes.txt map --joblog not
becomes notes.txt map --joblog = not
becomes 50% map --jobs 5
becomes 50% map -j 5
becomes PP_TEST_VARIABLE= map --env PP_TEST_VAR

# A module, its functions, and then files.
becomes mods map ''
becomes mods map --progress -j 2 --halt = now --joblog notes.txt mod
becomes 'mods/a b.so,mods/cli.so' map mods/
becomes mods/cli.so map mods/c
becomes echo,env,obey,pid,print map mods/cli.so : ''
becomes echo,env map mods/cli.so : e
becomes echo map 'mods/a\ b.so' : ec
becomes '' map mods/cli.so : variable
becomes '' map mods/none.so : ''
becomes '' map notes.txt : ''
becomes notes.txt map mods/cli.so : echo not
becomes complete.bash,err,mods,notes.txt map mods/cli.so : echo notes.txt ''
becomes notes.txt map mods/cli.so : echo -- not

holds "without bash-completion it does nothing"
env -u BASH_ENV bash --norc --noprofile -c \
	'source "$1" && ! complete -p procpool 2>/dev/null && \
		! declare -F _procpool' bash "$file" >"$dir/out" 2>&1 &&
	[ ! -s "$dir/out" ] || fail "it does something:" "$(cat "$dir/out")"

finish
