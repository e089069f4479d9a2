# PP_CHECK_CFLAGS(VARIABLE, FLAGS)
#
# Append to VARIABLE those of FLAGS that the C compiler takes.  -Werror is on
# while probing, because clang only warns about a flag that it does not know.
AC_DEFUN([PP_CHECK_CFLAGS], [
	for pp_flag in m4_normalize([$2]); do
		AC_MSG_CHECKING([whether $CC takes $pp_flag])
		pp_saved_cflags=$CFLAGS
		CFLAGS="$CFLAGS -Werror $pp_flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM],
			[AC_MSG_RESULT([yes]); $1="$$1 $pp_flag"],
			[AC_MSG_RESULT([no])])
		CFLAGS=$pp_saved_cflags
	done
	AC_SUBST([$1])
])
