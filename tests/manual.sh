#!/bin/sh
# The manual pages say what the header says, and groff finds nothing wrong with
# them: every public name has a page, its synopsis is the header's declaration,
# it describes no argument that is not there, what it refers to exists, and no
# sentence of the header is missing.

. "${srcdir:-.}/tests/cases.sh"
doc=$top_builddir/doc
header=$srcdir/include/procpool.h

LC_ALL=C
export LC_ALL

command -v groff >/dev/null || skip "there is no groff"

# render FILE TEXT: as text of long lines, so that no sentence is broken.
# What groff has to say is an error.
render()
{
	groff -man -ww -s -I "$doc" -Tascii -P-cbou -rLL=2000n "$1" \
		>"$2" 2>"$dir/said"
	[ ! -s "$dir/said" ] || fail "$1: $(cat "$dir/said")"
	[ -s "$2" ] || fail "$1: there is nothing in it"
}

# section NAME TEXT: the lines of one section.
section()
{
	awk -v name="$1" '
	/^[A-Z]/ { inside = $0 == name; next }
	inside' "$2"
}

# ------------------------------------------------------- names and synopses

# With white space between words only: lines may be broken in other places.
flat()
{
	tr -s ' \t\n' ' ' | sed 's/ *\([^A-Za-z0-9_ ]\) */\1/g'
}

${CC:-cc} -E -P -I"$srcdir/include" "$header" >"$dir/code"
sed 's/__attribute__((format([^)]*)))//; s/\b_Bool\b/bool/' "$dir/code" |
	flat >"$dir/flat"

# What remains of the header and begins so is public.
grep -oE '\bprocpool[a-z0-9_]*' "$dir/code" | sort -u >"$dir/names"
sort -u "$dir/names" "$srcdir/src/procpool.sym" >"$dir/all"
[ -s "$srcdir/src/procpool.sym" ] || exit 99

check_synopsis()
{
	# An empty line stands between declarations.
	section SYNOPSIS "$2" | sed '/#include/d; s/^$/@/' | flat |
		tr '@' '\n' | grep . >"$dir/synopsis"
	[ -s "$dir/synopsis" ] || fail "$1: no synopsis"
	grep -q "\\b$1\\b" "$dir/synopsis" ||
		fail "$1: its synopsis is of something else"
	while read -r declaration; do
		case $declaration in
		*...\}*) continue ;; # the errors, which are a section
		esac
		grep -qF "$declaration" "$dir/flat" ||
			fail "$1: the header has no $declaration"
	done <"$dir/synopsis"
}

# Tags in italics are arguments or fields, those in bold are errors or values.
check_tags()
{
	awk '
	/^\.SH/ { section = $2 }
	tag && section == "DESCRIPTION" { gsub(/\\f[IBRP]|,|\([^)]*\)/, ""); print }
	{ tag = $0 == ".TP" }' "$2" | tr ' ' '\n' >"$dir/tags"
	while read -r tag; do
		grep -qw -e "$tag" "$3" || fail "$1: describes $tag," \
			"which is not in its synopsis"
	done <"$dir/tags"
}

while read -r name; do
	page=$doc/man3/$name.3
	[ -f "$page" ] || {
		fail "$name has no page"
		continue
	}
	render "$page" "$dir/$name.txt"
	read -r so target <"$page"
	[ "$so $target" != ".so man7/procpool.7" ] || continue
	for heading in NAME SYNOPSIS 'SEE ALSO'; do
		grep -qx "$heading" "$dir/$name.txt" ||
			fail "$name: no $heading"
	done
	check_synopsis "$name" "$dir/$name.txt"
	[ "$so" = .so ] || [ "$name" = procpool_error ] ||
		check_tags "$name" "$page" "$dir/synopsis"
done <"$dir/all"

for page in "$doc"/man3/*.3; do
	grep -qx "$(basename "$page" .3)" "$dir/names" ||
		fail "$page is of nothing in the header"
done

render "$doc/man7/procpool.7" "$dir/procpool.txt"
render "$srcdir/doc/procpool.1" "$dir/command.txt"

# -------------------------------------------------------------- references

grep -ohE '\bprocpool_[a-z0-9_]*\([0-9]\)' "$dir"/*.txt | sort -u |
	sed 's/(\(.\))/ \1/' >"$dir/references"
while read -r name number; do
	[ -f "$doc/man$number/$name.$number" ] ||
		fail "somewhere it says $name($number), which is not there"
done <"$dir/references"

grep -oE '\bPROCPOOL_E[A-Z]+' "$dir/code" | sort -u >"$dir/errors"
grep -ohE '\bPROCPOOL_E[A-Z]+' "$dir"/*.txt | sort -u >"$dir/mentioned"
comm -13 "$dir/errors" "$dir/mentioned" |
	grep -vxE 'PROCPOOL_E|PROCPOOL_ERROR(_MAP)?' >"$dir/unknown" &&
	fail "no such error: $(cat "$dir/unknown")"

# ---------------------------------------------------- nothing was left out

# Only words count: not fonts, punctuation and where a line ends.
words()
{
	sed 's/([0-9])//g; s/[^A-Za-z0-9_][^A-Za-z0-9_]*/ /g' "$@"
}

words "$dir"/*.txt | tr -s ' \n' ' ' >"$dir/words"

# Lines of comments, from the first rule on; not those that only list errors,
# which become one item each, nor what describes a macro.
sed -n '/^ \* Errors /,$p' "$header" |
	awk '
	/^#define PROCPOOL_ERROR_MAP/, !/\\$/ { next }
	/^\/\* (-+|name, number)/ { next }
	/\/\*/ { inside = 1; sub(/.*\/\*/, "") }
	/^ \* / && !started { inside = started = 1 }
	inside { print; if (/\*\//) inside = 0 }' |
	grep -vE '^ \*   ?(-?[A-Z_]+, )*-?[A-Z_]+,?$' >"$dir/comments"
words "$dir/comments" | sed 's/^ *//; s/ *$//' | grep . >"$dir/lines"
[ "$(wc -l <"$dir/lines")" -gt 100 ] || fail "few comments were found"
awk '
NR == FNR { all = all " " tolower($0) " "; next }
!index(all, " " tolower($0) " ")' "$dir/words" "$dir/lines" >"$dir/lost"
[ ! -s "$dir/lost" ] || fail "the header says, and no page does:
$(cat "$dir/lost")"

[ $failures -eq 0 ] && echo "$(wc -l <"$dir/all") names have their pages"
