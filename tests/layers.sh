#!/bin/sh
# Dependencies point down: a file in src/ includes headers of its own floor and
# of those below it in src/layers, and what lies outside src/ includes nothing
# from inside, the tests excepted.

cd "${srcdir:-.}" || exit 99

awk '
function fail(what)
{
	printf "%s:%d: %s\n", FILENAME, FNR, what
	failed = 1
}

# "src/engine/task.h" is on the floor "engine".
function floor_of(file, part)
{
	return split(file, part, "/") == 3 ? part[2] : ""
}

BEGIN {
	while ((getline line < "src/layers") > 0)
		if (line !~ /^#/ && line != "")
			height[line] = ++floors
	if (!floors) {
		print "src/layers names no floor"
		exit 1
	}

	# Where each of our headers is, by path below src/ and by name.
	find = "find src -name \"*.h\""
	while ((find | getline line) > 0) {
		headers++
		at[substr(line, 5)] = line
		n = split(line, part, "/")
		at[part[n]] = line
	}
	close(find)
}

FNR == 1 {
	files++
	inside = FILENAME ~ /^src\//
	mine = floor_of(FILENAME)
	if (inside && !(mine in height))
		fail("this floor is not in src/layers")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	wanted = part[2]
	sub(/^(\.\.\/)+/, "", wanted)
	if (!(wanted in at)) {
		if (inside)
			fail("\"" wanted "\" is not a header of src/")
		next
	}
	used++
	if (!inside)
		fail("\"" wanted "\" is the inside of the library")
	else if (height[floor_of(at[wanted])] > height[mine])
		fail("\"" wanted "\" is above " mine)
}

END {
	if (!files || !headers || !used)
		print "nothing to check: is srcdir right?"
	exit failed || !files || !headers || !used
}
' $(find src tools examples bench include -name '*.[ch]' 2>/dev/null | sort)
