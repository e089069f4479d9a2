#!/bin/sh
# Run the programs of the benchmark in turn, and print what they measured.
#
#	run.sh [DIRECTORY]
#
# DIRECTORY holds the programs (bench when not given).  results.tsv is written
# there, and rounds.tsv with every single figure behind it, its round in front.
# BENCH=full in the environment takes five rounds of everything, with larger
# sizes.
#
# Systems take turns within each round, so that whatever else the machine does
# falls on all of them.  A figure is the median of its rounds.  A target that
# is missed is reported and is no failure; a program that fails is one.
#
# Systems that are not there are left out: glib when configure did not find it,
# Python's pools when there is no $PYTHON (python3).

here=$(dirname "$0")
dir=${1:-bench}
python=${PYTHON:-python3}
results=$dir/results.tsv
rounds=$dir/rounds.tsv
failed=0

# What is run, in the order of the table; respawn adds to what procpool has.
systems='procpool respawn loop libuv'
[ ! -x "$dir/glib" ] || systems="$systems glib"
systems="$systems openmp"
! "$python" -c 'import concurrent.futures, multiprocessing' 2>/dev/null ||
	systems="$systems python-pool python-executor"
systems="$systems limit"

# What is run, and how often: the latencies and rates that are compared with
# another system's in many short rounds, because they vary most.
if [ "$BENCH" = full ]; then
	plan='W0:1 W1:5 W2:15 W3:5 W4:5 W5:5 W6:5 W7:5 W8:3 W9:5'
else
	plan='W0:1 W1:7 W2:7 W3:2 W4:3 W5:5 W6:1 W7:1 W8:1 W9:1'
fi

# Run one workload of one system.
run()
{
	case $1 in
	python-*) "$python" -W ignore "$here/python.py" "$@" ;;
	*) "$dir/$1" "$2" ;;
	esac
}

# Every line gets the round's number in front.
measure()
{
	run "$2" "$3" >"$rounds.new" || {
		echo "run.sh: $2 $3 failed" >&2
		failed=1
	}
	awk -v round="$1" '{ print round "\t" $0 }' "$rounds.new" >>"$rounds"
}

trap 'rm -f "$rounds.new"' EXIT
trap 'exit 1' HUP INT TERM
: >"$rounds" || exit 1

machine="$(getconf _NPROCESSORS_ONLN) CPUs, $(uname -sr)"
load=$(cut -d ' ' -f 1 /proc/loadavg)
for part in $plan; do
	round=1
	while [ "$round" -le "${part#*:}" ]; do
		for system in $systems; do
			measure "$round" "$system" "${part%:*}"
		done
		round=$((round + 1))
	done
done

# Seconds of W4 become speed-ups over the loop of the same round; then the
# median of each figure, in the order of their first appearance.  A text, as a
# version is, has none; where a round had no figure but a text, that is shown.
awk -F '\t' -v OFS='\t' '
function add(key, value) {
	if (!(key in count))
		keys[++figures] = key
	values[key, ++count[key]] = value
}

function median(key,    n, i, j, v) {
	n = count[key]
	for (i = 2; i <= n; i++) {
		v = values[key, i]
		for (j = i; j > 1 && values[key, j - 1] > v; j--)
			values[key, j] = values[key, j - 1]
		values[key, j] = v
	}
	i = int((n + 1) / 2)
	return n % 2 ? values[key, i] : (values[key, i] + values[key, i + 1]) / 2
}

# Read twice: first for the times of the loop.
NR == FNR {
	if ($2 == "loop" && $3 == "W4")
		base[$1] = $5
	next
}

$3 == "W4" && $4 == "seconds" {
	if (!($1 in base))
		next
	$5 = base[$1] / $5
	$4 = "speedup"
	$6 = "x"
}

{
	key = $2 OFS $3 OFS $4
	unit[key] = $6
	if ($6 == "text")
		text[key] = $5
	add(key, $5 + 0)
}

END {
	for (i = 1; i <= figures; i++) {
		if (keys[i] in text) {
			print keys[i], text[keys[i]], "text"
			continue
		}
		v = median(keys[i])
		v = v >= 1000 ? sprintf("%.0f", v) : sprintf("%.4g", v)
		print keys[i], v, unit[keys[i]]
	}
}' "$rounds" "$rounds" >"$results" || exit 1

# The table: a row for each metric, a column for each system.  Then what is to
# be reached, beside what was.
echo "$machine, load $load at the start${BENCH:+, BENCH=$BENCH}"
echo
awk -F '\t' '
function cell(who, metric) {
	return (who, metric) in value ? value[who, metric] : "-"
}

# Rates have many digits; 4712345 reads better as 4.712M.
function short(v) {
	return v < 100000 ? v : sprintf("%.4gM", v / 1e6)
}

# Right-aligned in the column of a system.
function column(who, text) {
	return sprintf(" %" (length(who) > 10 ? length(who) : 10) "s", text)
}

function heading(    i, line) {
	line = sprintf("%-3s %-19s %-8s", "", "", "")
	for (i = 1; i <= systems; i++)
		line = line column(name[i], name[i])
	print line
}

function row(metric,    i, line) {
	line = sprintf("%-3s %-19s %-8s", workload[metric],
	    substr(metric, index(metric, " ") + 1), unit[metric])
	for (i = 1; i <= systems; i++)
		line = line column(name[i], (name[i], metric) in shown ? \
		    shown[name[i], metric] : "-")
	print line
}

# Compare a figure, divided by that of another system if there is one, with a
# bound of the kind ">=", "<=", "<", or "" for none.
function target(metric, other, kind, bound, unit_name,    v, w, ok) {
	v = cell("procpool", metric)
	if (other != "") {
		w = cell(other, metric)
		v = v == "-" || w == "-" || w == 0 ? "-" : v / w
	}
	if (v == "-")
		ok = "not measured"
	else if (kind == "")
		ok = "no target"
	else if (kind == ">=")
		ok = v >= bound ? "reached" : "MISSED"
	else if (kind == "<")
		ok = v < bound ? "reached" : "MISSED"
	else
		ok = v <= bound ? "reached" : "MISSED"
	printf "%-46s %8s   %-2s %-5s %-6s %s\n",
	    metric (other != "" ? ", procpool / " other : ""),
	    v == "-" ? v : sprintf("%.3g", v), kind, bound, unit_name, ok
}

{
	if (!($1 in known))
		name[++systems] = $1
	known[$1] = 1
	metric = $2 " " $3
	if (!(metric in workload))
		metrics[++rows] = metric
	workload[metric] = $2
	shown[$1, metric] = $5 == "text" ? $4 : short($4)
	if ($5 == "text")
		next
	unit[metric] = $5
	value[$1, metric] = $4
}

END {
	heading()
	for (w = 0; w <= 9; w++)
		for (i = 1; i <= rows; i++)
			if (workload[metrics[i]] == "W" w)
				row(metrics[i])
	printf "\n%-46s %8s   %s\n", "", "measured", "target"
	target("W1 rate", "libuv", ">=", 1.0, "x")
	target("W2 p50", "limit", "<=", 1.4, "x")
	target("W2 p50_two_cpus", "limit", "", "", "x")
	target("W4 speedup", "libuv", ">=", 0.97, "x")
	target("W5 startstop_2", "limit", "<=", 3, "x")
	target("W6 private_per_worker", "", "<", 300, "KiB")
	target("W6 host_growth_10M", "", "<", 1024, "KiB")
	target("W7 seen_after", "", "<=", 2, "ms")
	target("W7 next_ok_after", "", "<=", 5, "ms")
	target("W7 others_lost", "", "<=", 0, "tasks")
	target("W8 respawn_fds", "", "<=", 0, "count")
	target("W8 respawn_threads", "", "<=", 0, "count")
	target("W8 respawn_zombies", "", "<=", 0, "count")
	target("W8 respawn_memory", "", "<", 1024, "KiB")
	target("W8 death_p99", "", "<=", 5, "ms")
	target("W8 ready_p99", "", "<=", 10, "ms")
	target("W8 open_close_fds", "", "<=", 0, "count")
	target("W8 open_close_threads", "", "<=", 0, "count")
	target("W8 open_close_zombies", "", "<=", 0, "count")
	target("W8 open_close_memory", "", "<", 1024, "KiB")
	target("W9 with/without", "", ">=", 0.97, "x")
}' "$results"

exit "$failed"
