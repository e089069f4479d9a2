# Completion of the command's words in bash, for bash-completion.
#
# It asks the command itself for its options, in its help, and nm for the
# functions of a module: loading one would run code of it.

# Without bash-completion, which is to be loaded before, files are completed as
# for any command.
declare -F _init_completion >/dev/null || return 0

# The options, one in each line, "=" behind those that take a value.
_procpool_options()
{
	"$1" --help 2>/dev/null |
		sed -n 's/^  .*\(--[a-z-]*=\{0,1\}\).*/\1/p'
}

# The functions that a module defines.  Its name is as typed: with a tilde, or
# backslashes before what is special.
_procpool_functions()
{
	local file=$1

	__expand_tilde_by_ref file
	file=$(printf '%s\n' "$file" | sed 's/\\\(.\)/\1/g')
	nm -D --defined-only -- "$file" 2>/dev/null | awk '
		$2 ~ /^[TWi]$/ && $3 !~ /^_(init|fini)$/ {
			sub(/@.*/, "", $3)
			print $3
		}'
}

# How many words that are no options stand before the current one: after
# "map" comes what to map, and then files.
_procpool_words_before()
{
	local i n=0

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-j | --jobs | --env | --halt | --joblog)
			((i++))
			;;
		-?*) ;;
		*) ((n++)) ;;
		esac
	done
	echo $n
}

# The value of the option before.  False when that takes none.
_procpool_value()
{
	case $prev in
	--halt)
		COMPREPLY=($(compgen -W 'now soon never' -- "$cur"))
		;;
	--joblog)
		_filedir
		;;
	-j | --jobs)
		COMPREPLY=($(compgen -W '-1 1 2 4 25% 50% 75% 100%' -- "$cur"))
		;;
	--env)
		COMPREPLY=($(compgen -v -S = -- "$cur"))
		compopt -o nospace
		;;
	*)
		return 1
		;;
	esac
}

# After a module comes a colon, which is left to who types: it would be quoted
# like a part of the file's name.
_procpool_module()
{
	local module=${cur%:*} name

	if [[ $cur != *:* ]]; then
		_filedir so
		compopt -o nospace
		return
	fi
	while read -r name; do
		[[ $module:$name == "$cur"* ]] && COMPREPLY+=("$module:$name")
	done < <(_procpool_functions "$module")
	__ltrim_colon_completions "$cur"
}

_procpool()
{
	local cur prev words cword split

	_init_completion -s -n : || return
	_procpool_value && return
	$split && return

	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_procpool_options "$1")" -- "$cur"))
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
		return
	fi
	case $(_procpool_words_before) in
	0) COMPREPLY=($(compgen -W map -- "$cur")) ;;
	1) _procpool_module ;;
	*) _filedir ;;
	esac
}
complete -F _procpool procpool
