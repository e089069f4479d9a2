#!/bin/sh
# What `make install` makes is what README promises.  Its program is built
# against an installed tree, as users do: by the compiler in C and in C++, with
# the shared and with the static library, by CMake and by Meson.  It runs and
# prints the square of 12, the command, the manual pages and the examples are
# there, and `make uninstall` leaves no file.
#
# Once for a tree below DESTDIR, as packagers make it, and once for a build of
# its own that has another prefix, which takes half a minute.
#
# Run by `make check-installed`, in the build directory.

srcdir=$(cd "${srcdir:-.}" && pwd) || exit 99
here=$(cd "${builddir:-.}" && pwd) || exit 99
make=${MAKE:-make}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
unset DESTDIR MAKEFLAGS MAKELEVEL PKG_CONFIG_SYSROOT_DIR

# Where other packages are that ours needs.
others=${PKG_CONFIG_PATH:-}

fail()
{
	echo "installed: $*"
	exit 1
}

# quietly WHAT COMMAND...: its output only when it fails.
quietly()
{
	what=$1
	shift
	"$@" >"$dir/log" 2>&1 || {
		cat "$dir/log"
		fail "$what failed"
	}
}

# expect WHAT PROGRAM: it prints the square of 12.
expect()
{
	[ -x "$2" ] || fail "$1: there is no $2"
	got=$(LD_LIBRARY_PATH=$libdir timeout 30 "$2" </dev/null) ||
		fail "$1: exit status $?"
	[ "$got" = 144 ] || fail "$1: printed '$got', and 12 * 12 is 144"
	echo "installed: $form: $1: printed $got"
}

# compile WHAT COMMAND...: then run what it made.
compile()
{
	what=$1
	shift
	rm -f "$dir/program"
	"$@" -o "$dir/program" || fail "$what: does not build"
	expect "$what" "$dir/program"
}

# tree FORM ROOT PREFIX: what is installed there, and where that is in ROOT.
tree()
{
	form=$1
	pc=$(find "$2$3" -name procpool.pc)
	[ -n "$pc" ] || fail "$form: no procpool.pc was installed"
	PKG_CONFIG_PATH=$(dirname "$pc"):$others
	export PKG_CONFIG_PATH
	libdir=$(dirname "$(dirname "$pc")")

	LD_LIBRARY_PATH=$libdir "$2$3/bin/procpool" --version \
		>"$dir/version" || fail "$form: the command does not run"
	grep -qF "${PACKAGE_VERSION:-.}" "$dir/version" ||
		fail "$form: the command says $(cat "$dir/version")"
	for page in man1/procpool.1 man3/procpool_open.3 man7/procpool.7; do
		find "$2$3" -path "*/$page" | grep -q . ||
			fail "$form: no $page was installed"
	done
}

# nothing_left WHERE: uninstalled, but for directories.
nothing_left()
{
	find "$1" ! -type d >"$dir/left"
	[ ! -s "$dir/left" ] || fail "$form: make uninstall left" \
		"$(cat "$dir/left")"
	echo "installed: $form: nothing is left"
}

# README's block that includes procpool.h, without its indentation or fence.
mkdir "$dir/project"
cp "$srcdir"/tests/consumers/* "$dir/project/" || exit 99
awk '
/^```/ { if (found) exit; next }
/^[ \t]*#include <(procpool|stdio)\.h>/ && !found {
	found = 1
	indent = $0
	sub(/#.*/, "", indent)
}
found && /[^ \t]/ && substr($0, 1, length(indent)) != indent { exit }
found { print substr($0, length(indent) + 1) }
' "$srcdir/README" >"$dir/project/square.c"
program=$dir/project/square.c
grep -q '^main(' "$program" || fail "README has no whole program"
cp "$program" "$dir/program.cc"

# Some of these are several words, or none.  Options that are left out are
# defaults, which C++ compilers like to warn of.
warn="-Wall -Wextra -Wno-missing-field-initializers -Werror"

# ------------------------------------------------------------ below DESTDIR

prefix=${prefix:-/usr/local}
quietly "make install DESTDIR=" \
	$make -C "$here" install DESTDIR="$dir/root"
tree DESTDIR "$dir/root" "$prefix"

flags=$(PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config --cflags --libs procpool) ||
	fail "pkg-config does not know procpool"
compile "C, shared library" \
	${CC:-cc} $warn ${SANITIZER_CFLAGS:-} "$program" $flags
compile "C++, shared library" \
	${CXX:-c++} $warn ${SANITIZER_CFLAGS:-} "$dir/program.cc" $flags

quietly "make uninstall DESTDIR=" \
	$make -C "$here" uninstall DESTDIR="$dir/root"
nothing_left "$dir/root"

# ----------------------------------------------------------- another prefix

if [ -e "$srcdir/config.status" ]; then
	echo "installed: another prefix: skipped, for $srcdir is configured"
	exit 0
fi

prefix=$dir/prefix
mkdir "$dir/build" && cd "$dir/build" || exit 99
quietly "configure --prefix=" "$srcdir/configure" --quiet \
	--prefix="$prefix" CC="${CC:-cc}" CXX="${CXX:-c++}"
quietly make $make -j"$(nproc)"
quietly "make install" $make install
tree prefix "" "$prefix"

compile "C, shared library" \
	${CC:-cc} $warn "$program" $(pkg-config --cflags --libs procpool)

# The examples, built by their makefile in a copy.
examples=$prefix/share/doc/procpool/examples
cp -r "$examples" "$dir/examples" || fail "no examples were installed"
(cd "$srcdir/examples" && printf '%s\n' *.c) >"$dir/expected"
(cd "$dir/examples" && printf '%s\n' *.c) >"$dir/got"
cmp -s "$dir/expected" "$dir/got" || fail "not all examples were installed"
quietly "make of the examples" \
	$make -C "$dir/examples" CC="${CC:-cc}" CFLAGS="$warn" all
for example in "$dir"/examples/*.c; do
	name=${example%.c}
	[ -e "$name" ] || [ -e "$name.so" ] || [ "${name##*/}" = gzip ] ||
		fail "the makefile of the examples does not build $name"
done
if pkg-config --exists zlib; then
	quietly "make gzip" $make -C "$dir/examples" CC="${CC:-cc}" gzip
fi
expect "example" "$dir/examples/first"

# A module for the installed command.
${CC:-cc} -shared -fPIC -o "$dir/wc.so" "$srcdir/examples/wc.c" \
	$(pkg-config --cflags procpool) || fail "wc.so: does not build"
expected=$(wc "$program" | tr -s ' ' | sed 's/^ //')
got=$(echo "$program" | "$prefix/bin/procpool" map "$dir/wc.so:wc") ||
	fail "procpool map: exit status $?"
[ "$got" = "$expected" ] || fail "procpool map: '$got', and not '$expected'"

if command -v cmake >/dev/null; then
	quietly cmake cmake -S "$dir/project" -B "$dir/by-cmake"
	quietly "make after cmake" cmake --build "$dir/by-cmake"
	expect CMake "$dir/by-cmake/square"
else
	echo "installed: prefix: CMake: skipped, there is none"
fi

if command -v meson >/dev/null; then
	quietly "meson setup" meson setup "$dir/by-meson" "$dir/project"
	quietly "meson compile" meson compile -C "$dir/by-meson"
	expect Meson "$dir/by-meson/square"
else
	echo "installed: prefix: Meson: skipped, there is none"
fi

# Where there is no shared library, -lprocpool is the static one.
mkdir "$dir/shared"
mv "$libdir"/libprocpool.so* "$dir/shared/"
compile "C, static library" ${CC:-cc} $warn "$program" \
	$(pkg-config --static --cflags --libs procpool)
ldd "$dir/program" | grep -q libprocpool &&
	fail "C, static library: the program wants the shared one"
mv "$dir/shared"/* "$libdir/"

quietly "make uninstall" $make uninstall
nothing_left "$prefix"
