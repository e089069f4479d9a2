# Make the manual pages of the library from its header, which is the manual.
#
#   awk -v version=0.1.0 -v dir=doc -f doc/manual.awk \
#       include/procpool.h README doc/procpool.7.in
#
# writes dir/man3/NAME.3 for every public name, and dir/man7/procpool.7: that
# is doc/procpool.7.in with
#
#   @PROGRAM@    README's program
#   @RULES@      what stands at the top of the header
#   @FUNCTIONS@  every page with its first sentence
#
# A comment of the header describes the declarations that follow it at once,
# and they get one page.  Its form, paragraph by paragraph:
#
#   What it does, in one sentence.  More, if need be.
#
#   name   an argument; two spaces or more before the text, and the lines that
#          belong to it begin further right
#
#   Returns what it returns.
#     PROCPOOL_ENAME          when; without a text it is the error's own
#     PROCPOOL_ENULL, -EIO    several
#     and anything else
#   What holds for these errors.
#
#   Notes.
#
# Fields of a struct and values of an enum have their comment before them, for
# all until an empty line, or behind them.

# ------------------------------------------------------------- the header

FNR == 1 {
	file++
}

file == 1 {
	read_header($0)
}

# A line of the header: of a comment, of the preprocessor, or of C.
function read_header(line)
{
	if (commented || line ~ /^\/\*/)
		read_comment(line)
	else if (continued || line ~ /^#/)
		read_directive(line)
	else if (!skipping && line != "" && line !~ /__attribute__/)
		read_code(line)
	else if (line == "" && in_body)
		end_group()
	else if (line == "")
		apart = 1
}

function read_comment(line,   ended)
{
	if (!commented)
		comment = ""
	ended = line ~ /\*\/$/
	sub(/^[ \t]*(\/\*|\*\/|\*) ?/, "", line)
	sub(/ ?\*\/$/, "", line)
	comment = comment line "\n"
	commented = !ended
	if (!ended)
		return

	if (line ~ /^-+ /) {
		sub(/^-+ /, "", line)
		section = line
		comment = ""
	} else if (!pages && rules == "") {
		rules = comment
		comment = ""
	}
}

# Of the preprocessor's lines only the table of errors matters.
function read_directive(line)
{
	if (line ~ /^#define PROCPOOL_ERROR_MAP/)
		in_map = 1
	else if (in_map)
		read_error(line)
	if (!in_body)
		comment = in_map || line ~ /^#(define|include|ifndef)/ ? "" : comment
	if (line ~ /^#ifdef __cplusplus/)
		skipping = 1
	if (line ~ /^#endif/)
		skipping = 0
	continued = line ~ /\\$/
	if (!continued && in_map) {
		in_map = 0
		end_error()
	}
}

function read_error(line,   part)
{
	sub(/^[ \t]+/, "", line)
	sub(/[ \t]*\\?$/, "", line)
	if (line ~ /^\/\*/) {
		end_error()
		gsub(/^\/\* |\.? \*\/$/, "", line)
		error_group = line
		return
	}
	if (line ~ /^X\(/) {
		end_error()
		split(substr(line, 3), part, /, */)
		error_name = part[1]
		error_number[error_name] = part[2]
	}
	while (match(line, /"[^"]*"/)) {
		error_text = error_text substr(line, RSTART + 1, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
	}
}

function end_error()
{
	if (error_name != "") {
		meaning[error_name] = error_text
		error_order[++errors] = error_name
		group_of[error_name] = error_group
	}
	error_name = error_text = ""
}

# Declarations, up to the semicolon that ends one.
function read_code(line)
{
	if (in_body) {
		read_field(line)
		return
	}
	sub(/^[ \t]+/, "", line)
	if (line == ";" && code == "")
		return
	code = code (code == "" || code ~ /\($/ ? "" : " ") line
	if (line ~ /\{$/)
		begin_body()
	else if (line ~ /[;)]$/ && code !~ /,$/)
		end_code()
}

function end_code()
{
	sub(/\)$/, ");", code)
	if (code ~ /^struct [a-z_]+;$/) {
		gsub(/^struct |;$/, "", code)
		opaque[code] = 1
	} else {
		add(name_of(code), code)
	}
	code = ""
}

# The first name that is followed by a parenthesis, or alone in one.
function name_of(text,   name)
{
	sub(/\n.*/, "", text)
	if (match(text, /procpool_[a-z0-9_]+\)?\(/) ||
	    match(text, /procpool_[a-z0-9_]+/)) {
		name = substr(text, RSTART, RLENGTH)
		sub(/\)?\($/, "", name)
	}
	return name
}

# A declaration without a comment of its own belongs to the page before, if no
# empty line parts the two.
function add(name, text)
{
	if (name == "")
		die("no name in: " text)
	if (comment == "" && (!pages || apart))
		die(name " has no comment")
	apart = 0
	if (comment != "") {
		pages++
		gsub(/^\n+|\n+$/, "", comment)
		comment_of[pages] = comment
		section_of[pages] = section
		summary_of[pages] = summary(comment)
		comment = ""
	}
	names[pages] = names[pages] (names[pages] == "" ? "" : " ") name
	page_of[name] = pages
	declared[name] = text
	kind[name] = kind_of(text)
	kinds[pages] = kind[name]
}

function kind_of(text)
{
	if (text ~ /^typedef /)
		return "callback"
	if (text ~ /^(struct|enum) [a-z_]+ \{/)
		return substr(text, 1, index(text, " ") - 1)
	return "function"
}

# ------------------------------------- fields of a struct, values of an enum

function begin_body()
{
	in_body = 1
	struct_comment = comment
	field = group = ""
	fields = in_field_comment = 0
	body = code
}

function read_field(line)
{
	gsub(/^[ \t]+|[ \t]+$/, "", line)
	if (line == "};") {
		end_group()
		in_body = 0
		comment = struct_comment
		code = body "\n};"
		end_code()
		return
	}
	if (line ~ /^\/\*/ && field == "" && !in_field_comment) {
		end_group()
		in_field_comment = 1
	}
	if (in_field_comment) {
		if (line ~ /\*\/$/)
			in_field_comment = 0
		gsub(/^(\/\*|\*\/|\*) ?| ?\*\/$/, "", line)
		group = group line "\n"
		return
	}
	if (field ~ /\/\*/)
		sub(/^\* ?/, "", line)
	field = field (field == "" ? "" : " ") line
	if (field ~ /\*\/$/ ||
	    (field !~ /\/\*/ && (field ~ /[;,]$/ || code ~ /^enum/)))
		end_field()
}

# One field, with the comment behind it if there is one.
function end_field(   text, at)
{
	at = index(field, "/*")
	if (at) {
		text = substr(field, at + 3)
		sub(/ *\*\/$/, "", text)
		field = substr(field, 1, at - 1)
		sub(/ +$/, "", field)
	}
	body = body "\n" field
	fields++
	field_name[fields] = last_name(field)
	field_text[fields] = text
	field = ""
}

# Fields since the last empty line, described by a comment before them or by
# one behind each.
function end_group(   i, list, own)
{
	for (i = 1; i <= fields; i++) {
		own = own field_text[i]
		list = list (list == "" ? "" : ", ") field_name[i]
	}
	if (own == "") {
		if (fields && group != "")
			add_item(list, group)
		else if (fields && code ~ /^struct/)
			die(list " has no comment")
	} else {
		if (group != "")
			add_item("", group)
		for (i = 1; i <= fields; i++) {
			if (field_text[i] == "")
				die(field_name[i] " has no comment")
			add_item(field_name[i], field_text[i])
		}
	}
	if (fields)
		group = ""
	fields = 0
}

# They belong to the page that the end of the struct makes.
function add_item(list, text,   n)
{
	n = ++items[pages + 1]
	item_names[pages + 1, n] = list
	item_text[pages + 1, n] = text
}

function last_name(text)
{
	sub(/[;,]$/, "", text)
	if (match(text, /[A-Za-z_][A-Za-z_0-9]*$/))
		return substr(text, RSTART)
	return text
}

# -------------------------------------------------------- the other inputs

file == 2 && /^```/ {
	in_program = $0 ~ /^```c/ && program == ""
	next
}

file == 2 && in_program {
	gsub(/\t/, "    ")
	program = program $0 "\n"
}

file == 3 {
	overview = overview $0 "\n"
}

# ---------------------------------------------------------------- writing

END {
	if (failed)
		exit 1
	read_rules()
	for (p = 1; p <= pages; p++)
		find_references(p)
	for (p = 1; p <= pages; p++)
		write_page(p)
	for (name in opaque)
		write_link(name, "man7/procpool.7")
	write_overview()
	if (failed)
		exit 1
}

function die(text)
{
	print "doc/manual.awk: " text | "cat >&2"
	failed = 1
}

function write_page(p,   i, n, list)
{
	n = split(names[p], list, " ")
	out = dir "/man3/" list[1] ".3"
	header(list[1], 3, "Library Functions Manual")

	put(".SH NAME")
	for (i = 1; i <= n; i++)
		put(list[i] (i < n ? "," : " \\- " plain(summary_of[p])))

	put(".SH SYNOPSIS")
	put(".nf\n.B #include <procpool.h>")
	for (i = 1; i <= n; i++)
		write_synopsis(list[i])
	put(".fi")

	write_comment(p)
	write_see_also(p)
	close(out)
	for (i = 2; i <= n; i++)
		write_link(list[i], "man3/" list[1] ".3")
}

function header(title, number, manual)
{
	put(".\\\" Made by doc/manual.awk from procpool.h: change that.")
	put(".TH " title " " number " \"\" \"procpool " version "\" \"" \
	    manual "\"\n.nh\n.ad l")
}

function write_link(name, target,   link)
{
	link = dir "/man3/" name ".3"
	print ".so " target >link
	close(link)
}

function write_synopsis(name,   text, n, i, line)
{
	text = declared[name]
	put(".PP")
	if (name == "procpool_error")
		sub(/\n.*/, "\n...\n};", text)
	if (kind[name] == "struct" || kind[name] == "enum") {
		n = split(text, line, "\n")
		for (i = 1; i <= n; i++)
			put(i == 1 || i == n ? bold(line[i]) : \
			    "    " declaration(line[i]))
	} else
		write_prototype(text)
}

# What is typed in bold, the name of an argument or field in italics.
function declaration(text,   name, end)
{
	if (text == "void" || text == "...")
		return bold(text)
	match(text, /[;,)]*$/)
	end = substr(text, RSTART)
	text = substr(text, 1, RSTART - 1)
	name = last_name(text)
	text = substr(text, 1, length(text) - length(name))
	return (text == "" ? "" : bold(text)) italic(name) \
	    (end == "" ? "" : bold(end))
}

# Broken between arguments where a line would be too long.
function write_prototype(text,   head, n, i, arg, line, width)
{
	match(text, /procpool_[a-z0-9_]+\)?\(/)
	head = substr(text, 1, RSTART + RLENGTH - 1)
	n = split(substr(text, RSTART + RLENGTH), arg, /, /)
	line = bold(head)
	width = length(head)
	for (i = 1; i <= n; i++) {
		if (i < n)
			arg[i] = arg[i] ","
		if (width + 1 + length(arg[i]) > 70) {
			put(line)
			line = "        "
			width = 8
		} else if (i > 1) {
			line = line " "
			width++
		}
		width += length(arg[i])
		if (arg[i] ~ /^(void|\.\.\.)\);$/)
			line = line bold(arg[i])
		else
			line = line declaration(arg[i])
	}
	put(line)
}

# A paragraph is told by its first line.  One that tells what comes back, and
# nothing else, is the value returned.
function write_comment(p,   n, i, paragraph)
{
	n = split(comment_of[p], paragraph, /\n\n+/)
	if (kinds[p] == "function" && n == 1 && declared[names[p]] !~ /^void /)
		heading("RETURN VALUE")
	else
		heading("DESCRIPTION")
	returned = 0
	for (i = 1; i <= n; i++) {
		if (paragraph[i] ~ /^[a-z_]+(, [a-z_]+)*  +[^ ]/)
			write_arguments(paragraph[i])
		else if (paragraph[i] ~ /^Returns /)
			write_returns(paragraph[i])
		else {
			if (returned && in_section != "NOTES")
				heading("NOTES")
			write_paragraph(paragraph[i])
		}
	}
	if (names[p] == "procpool_error")
		write_errors()
	else
		write_items(p)
	write_notes(p)
}

function put(text)
{
	print text >out
}

function heading(title)
{
	put(".SH " title)
	in_section = title
	fresh = 1
}

function write_paragraph(text)
{
	if (!fresh)
		put(".PP")
	fresh = 0
	write_text(text)
}

function write_item(tag, text)
{
	put(".TP\n" tag)
	fresh = 0
	write_text(text)
}

# A tag is what stands before two spaces; other lines go on with its text.
function write_arguments(text,   n, i, line, at, tag, rest)
{
	n = split(text, line, "\n")
	for (i = 1; i <= n; i++) {
		if (line[i] !~ /^ /) {
			if (tag != "")
				write_item(tag, rest)
			at = index(line[i], "  ")
			tag = listed(substr(line[i], 1, at - 1))
			rest = ""
			line[i] = substr(line[i], at)
		}
		sub(/^ +/, "", line[i])
		rest = rest line[i] "\n"
	}
	write_item(tag, rest)
}

# Names that a comma parts, in italics (errors in bold).
function listed(text,   n, i, name, list)
{
	n = split(text, name, /, */)
	for (i = 1; i <= n; i++)
		list = list (i > 1 ? ", " : "") (name[i] ~ /^-?[A-Z]/ ? \
		    bold(name[i]) : italic(name[i]))
	return list
}

# Lines that begin further right are errors.
function write_returns(text,   n, i, line, rest, item)
{
	heading("RETURN VALUE")
	returned = 1
	n = split(text, line, "\n")
	for (i = 1; i <= n && line[i] !~ /^ /; i++)
		rest = rest line[i] "\n"
	write_paragraph(rest (i > n || rest ~ /\.\n$/ ? "" : \
	    "what ERRORS lists.\n"))
	if (i > n)
		return

	heading("ERRORS")
	for (; i <= n && line[i] ~ /^ /; i++) {
		if (line[i] ~ /^  [^ ]/ && item !~ /,$/) {
			write_error(item)
			item = ""
		}
		sub(/^ +/, item == "" ? "" : " ", line[i])
		item = item line[i]
	}
	write_error(item)
	for (rest = ""; i <= n; i++)
		rest = rest line[i] "\n"
	if (rest != "")
		write_paragraph(rest)
}

# "PROCPOOL_ENAME, -EIO   when", or without a "when".
function write_error(item,   n, i, name, tag, text)
{
	if (item == "")
		return
	if (!match(item, /^(-?[A-Z][A-Z_0-9]+(, )?)+/)) {
		write_paragraph(toupper(substr(item, 1, 1)) substr(item, 2) \
		    ".")
		return
	}
	tag = substr(item, 1, RLENGTH)
	text = substr(item, RLENGTH + 1)
	sub(/^ +/, "", text)
	if (text != "") {
		write_item(listed(tag), text)
		return
	}
	n = split(tag, name, /, */)
	for (i = 1; i <= n; i++) {
		if (!(name[i] in meaning))
			die(name[i] " is not told: " item)
		write_item(bold(name[i]), meaning[name[i]])
	}
}

function write_items(p,   i)
{
	for (i = 1; i <= items[p]; i++) {
		if (item_names[p, i] == "")
			write_paragraph(item_text[p, i])
		else
			write_item(listed(item_names[p, i]), item_text[p, i])
	}
}

function write_errors(   i, name, group)
{
	for (i = 1; i <= errors; i++) {
		name = error_order[i]
		if (group_of[name] != group)
			put(".SS " group_of[name])
		group = group_of[name]
		write_item(bold(name) " (" escaped(error_number[name]) ")",
		    meaning[name])
	}
}

# What holds for a whole kind stands at the top of the header; what is called
# there a callback is told of the end of a task.
function write_notes(p)
{
	if (kinds[p] == "function")
		write_rule("Threads")
	if (names[p] == "procpool_done_fn")
		write_rule("Callbacks")
}

function write_rule(name)
{
	if (!(name in rule))
		die("nothing at the top about " name)
	if (in_section != "NOTES")
		heading("NOTES")
	write_paragraph(rule[name])
}

# ------------------------------------------------------------- references

# A page refers to those that its comments and declarations name, and to those
# that are about the same object (but not a pool, which most are about).
function find_references(p,   text, word, n, i)
{
	text = comment_of[p]
	n = split(names[p], word, " ")
	for (i = 1; i <= n; i++)
		text = text " " declared[word[i]]
	for (i = 1; i <= items[p]; i++)
		text = text " " item_text[p, i]
	while (match(text, /procpool_[a-z0-9_]+/)) {
		n = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		if (n in opaque)
			about[p, n] = 1
		else
			refer(p, n)
	}
	for (n in opaque)
		for (i = 1; i < p; i++)
			if ((p, n) in about && (i, n) in about)
				refers[p, i] = refers[i, p] = 1
}

# Both ways: who reads of the one may want the other.
function refer(p, name,   q)
{
	q = page_of[name]
	if (!q || q == p)
		return
	refers[p, q] = refers[q, p] = 1
}

function write_see_also(p,   q)
{
	heading("SEE ALSO")
	for (q = 1; q <= pages; q++)
		if ((p, q) in refers)
			put(".BR " first(names[q]) " (3),")
	put(".BR procpool (7)")
}

function first(list)
{
	sub(/ .*/, "", list)
	return list
}

# ------------------------------------------------------------ the overview

function write_overview(   n, i, line)
{
	out = dir "/man7/procpool.7"
	header("procpool", 7, "Miscellaneous Information Manual")
	sub(/\n$/, "", overview)
	n = split(overview, line, "\n")
	for (i = 1; i <= n; i++) {
		if (line[i] == "@PROGRAM@")
			printf "%s", plain(program) >out
		else if (line[i] == "@RULES@")
			write_rules()
		else if (line[i] == "@FUNCTIONS@")
			write_list()
		else
			put(line[i])
	}
	close(out)
}

# "Name   text" at the top of the header, its other lines indented.
function read_rules(   n, i, paragraph, at)
{
	n = split(rules, paragraph, /\n\n+/)
	for (i = 1; i <= n; i++) {
		if (paragraph[i] !~ /^[A-Za-z]+ +[^\n]*\n    /)
			continue
		at = index(paragraph[i], " ")
		rule_name[++n_rules] = substr(paragraph[i], 1, at - 1)
		rule[rule_name[n_rules]] = substr(paragraph[i], at)
	}
}

function write_rules(   i)
{
	for (i = 1; i <= n_rules; i++)
		write_item(bold(rule_name[i]), rule[rule_name[i]])
}

# Every page, by the sections of the header.
function write_list(   p)
{
	for (p = 1; p <= pages; p++) {
		if (section_of[p] != section_of[p - 1] && section_of[p] != "")
			put(".SS " section_of[p])
		put(".TP\n.BR " first(names[p]) " (3)")
		write_text(summary_of[p])
	}
}

# ------------------------------------------------------------------- text

# The first sentence, or what of it stands before a colon or a semicolon.
function summary(text)
{
	gsub(/\n/, " ", text)
	sub(/^ +/, "", text)
	sub(/[.;:]( .*)?$/, "", text)
	if (text ~ /^[A-Z][a-z ]/)
		text = tolower(substr(text, 1, 1)) substr(text, 2)
	return text
}

# Text as it is read: every sentence begins a line, names have their fonts.
function write_text(text,   n, i, line)
{
	gsub(/\.\n */, ".  ", text)
	gsub(/\n */, " ", text)
	gsub(/^ +| +$/, "", text)
	gsub(/\.  /, ".\n", text)
	gsub(/  +/, " ", text)
	n = split(text, line, "\n")
	for (i = 1; i <= n; i++)
		put(guarded(marked(line[i])))
}

# No line of text is a request.
function guarded(line)
{
	return line ~ /^[.']/ ? "\\&" line : line
}

# Code in backticks; a name, a field of one, or a function.
BEGIN {
	WORD = "`[^`]*`|" \
	    "[A-Za-z_][A-Za-z0-9_]*([.][a-z][a-z_]*|->[a-z][a-z_]*)*([(][)])?"
}

function marked(text,   done, word)
{
	# A minus, and not a hyphen.
	gsub(/ -/, " \001", text)
	gsub(/\(-/, "(\001", text)
	sub(/^-/, "\001", text)
	while (match(text, WORD)) {
		word = substr(text, RSTART, RLENGTH)
		done = done escaped(substr(text, 1, RSTART - 1)) in_font(word)
		text = substr(text, RSTART + RLENGTH)
	}
	done = done escaped(text)
	gsub(/\001/, "\\-", done)
	return done
}

function in_font(word)
{
	if (word ~ /^`/)
		return bold(substr(word, 2, length(word) - 2))
	if (word ~ /\(\)$/) {
		sub(/\(\)$/, "", word)
		return bold(word) (page_of[word] ? "(3)" : "()")
	}
	if (page_of[word])
		return bold(word) "(3)"
	if (word ~ /^([A-Z][A-Z0-9]*_[A-Z0-9_]*|SIG[A-Z]+|E[A-Z][A-Z]+)$/)
		return bold(word)
	if (word ~ /_|\.|->/)
		return italic(word)
	return escaped(word)
}

function bold(text)
{
	return "\\fB" plain(text) "\\fP"
}

function italic(text)
{
	return "\\fI" plain(text) "\\fP"
}

# What is typed: each hyphen is a minus.
function plain(text)
{
	text = escaped(text)
	gsub(/-/, "\\-", text)
	return text
}

function escaped(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/\^/, "\\(ha", text)
	gsub(/~/, "\\(ti", text)
	gsub(/`/, "\\(ga", text)
	return text
}
