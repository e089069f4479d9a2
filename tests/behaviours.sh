#!/bin/sh
# doc/behaviours.md is true: each test that it names exists, runs, and says in
# the comment before it that it shows that row; each row that a test names is
# on the page.
#
#	behaviours.sh            check
#	behaviours.sh --tests    list rows and the tests that name them

cd "${srcdir:-.}" || exit 99

# FILE TEST ROW, one a line, of all tests that say what they show.  Of a script
# the whole text is asked.
named()
{
	awk '
	function rows(text, test,   row)
	{
		gsub(/[^A-Za-z0-9_-]/, " ", text)
		n = split(text, word, " ")
		for (i = 1; i <= n; i++)
			if (word[i] ~ /^[A-Z]-?[0-9][0-9]?$/)
				print file, test, word[i]
	}
	FNR == 1 {
		file = FILENAME
		sub(/.*\//, "", file)
		script = sub(/\.sh$/, "", file)
		sub(/\.c+$/, "", file)
		comment = ""
	}
	script { rows($0, "-"); next }
	/^\/\*/ { comment = "" }
	/^\/\*/, /\*\// { comment = comment " " $0; next }
	/^START_TEST\(/ {
		test = $0
		sub(/START_TEST\(/, "", test)
		sub(/\).*/, "", test)
		rows(comment, test)
	}
	{ comment = "" }
	' tests/test_*.c tests/*.sh | sort -u
}

if [ "${1:-}" = --tests ]; then
	named | awk '{ print $3 "\t" $1 (($2 == "-") ? "" : ": " $2) }' |
		sort -V
	exit
fi

list=$(mktemp) || exit 99
trap 'rm -f "$list"' EXIT
named >"$list"

awk -F ' *[|] *' '
FILENAME == ARGV[1] {
	split($0, part, " ")
	shows[part[1], part[2], part[3]] = 1
	exists[part[1], part[2]] = 1
	of[part[3]] = of[part[3]] "\n\t" part[1] (part[2] == "-" ? \
	    "" : ": " part[2])
	next
}
function fail(what)
{
	print FILENAME ":" FNR ": " what
	failed = 1
}
$2 ~ /^[A-Z]-?[0-9][0-9]?$/ {
	row = $2
	if (row in page)
		fail(row " is there twice")
	page[row] = 1
	if ($3 !~ /\.$/)
		fail(row " is not a sentence: " $3)
	n = split($4, tests, ", *")
	if (n == 0)
		fail(row " has no test")
	for (i = 1; i <= n; i++) {
		file = tests[i]
		test = "-"
		if (split(tests[i], part, ": ") == 2) {
			file = part[1]
			test = part[2]
		}
		if (!((file, test, row) in shows))
			fail("no such test that names " row ": " tests[i])
	}
	rows++
}
END {
	for (row in of)
		if (!(row in page)) {
			print "not on the page: " row ", named by" of[row]
			failed = 1
		}
	print rows + 0 " rows"
	exit failed || rows < 100
}' "$list" doc/behaviours.md
