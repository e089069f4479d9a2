#!/bin/sh
# What README promises: its program, built by pkg-config against an installed
# tree in C and in C++, with the shared and with the static library, runs and
# prints the square of 12.
#
# Run by `make check-installed`, in the build directory.

srcdir=${srcdir:-.}
here=$(cd "${builddir:-.}" && pwd) || exit 99
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

fail()
{
	echo "readme: $*"
	exit 1
}

# The block that includes procpool.h, without its indentation or fence.
awk '
/^```/ { if (found) exit; next }
/^[ \t]*#include <(procpool|stdio)\.h>/ && !found {
	found = 1
	indent = $0
	sub(/#.*/, "", indent)
}
found && /[^ \t]/ && substr($0, 1, length(indent)) != indent { exit }
found { print substr($0, length(indent) + 1) }
' "$srcdir/README" >"$dir/program.c"
grep -q '^main(' "$dir/program.c" || fail "README has no whole program"
cp "$dir/program.c" "$dir/program.cc"

${MAKE:-make} -C "$here" install DESTDIR="$dir/root" >"$dir/log" 2>&1 || {
	cat "$dir/log"
	fail "make install failed"
}
pc=$(find "$dir/root" -name procpool.pc) || exit 99
[ -n "$pc" ] || fail "no procpool.pc was installed"

PKG_CONFIG_PATH=$(dirname "$pc"):${PKG_CONFIG_PATH:-}
export PKG_CONFIG_PATH
cflags=$(PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config --cflags procpool) ||
	fail "pkg-config does not know procpool"
libs=$(PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config --libs procpool)
libdir=$(dirname "$(find "$dir/root" -name libprocpool.a)")

# What is tried, then the compiler and its arguments, one word each; the
# libraries that are linked statically come last.
try()
{
	what=$1
	shift
	"$@" -o "$dir/program" || fail "$what: does not build"
	got=$(LD_LIBRARY_PATH=$libdir timeout 30 "$dir/program" </dev/null) ||
		fail "$what: exit status $?"
	[ "$got" = 144 ] || fail "$what: printed '$got', and 12 * 12 is 144"
	echo "readme: $what: printed $got"
}

# Some of these are several words, or none.  Options that are left out are
# defaults, which C++ compilers like to warn of.
warn="-Wall -Wextra -Wno-missing-field-initializers -Werror"
warn="$warn ${SANITIZER_CFLAGS:-}"
needed=$(pkg-config --static --libs procpool |
	sed 's/-L[^ ]*//g; s/-lprocpool//')
try "C, shared library" ${CC:-cc} $warn $cflags "$dir/program.c" $libs
try "C, static library" ${CC:-cc} $warn $cflags "$dir/program.c" \
	"$libdir/libprocpool.a" $needed
try "C++, shared library" ${CXX:-c++} $warn $cflags "$dir/program.cc" $libs

command=$(find "$dir/root" -path '*/bin/procpool')
LD_LIBRARY_PATH=$libdir "$command" --version >"$dir/version" ||
	fail "the installed procpool does not run"
grep -qF "${PACKAGE_VERSION:-.}" "$dir/version" ||
	fail "the installed procpool says $(cat "$dir/version")"
