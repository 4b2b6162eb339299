#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds a module of test cases for one kernel with KUnit, in a folder of its own.
#
# usage: kunit.sh NAME KDIR OUTPUT-FOLDER [make variables ...]
#
#   cases     those of kunit/cases (kunit/kernel/Kbuild)
#   others    kunit/NAME/Kbuild
#
# Prints Kbuild's output; any warning is an error.
set -eu

name=$1 kdir=$2 output=$3
shift 3
top=$(cd "$(dirname "$0")/../.." && pwd)

case $name in
cases) kbuild=kunit/kernel/Kbuild ;;
*) kbuild=kunit/$name/Kbuild ;;
esac
if [ ! -e "$top/$kbuild" ]; then
	echo "$0: no such module: $name" >&2
	exit 2
fi
if ! grep -q '^CONFIG_KUNIT=' "$kdir/include/config/auto.conf" 2>/dev/null; then
	echo "no kernel with KUnit at $kdir" >&2
	exit 1
fi

# Files are removed from this folder: it must be one of ours.
if [ -e "$output" ] && [ ! -e "$output/made-by-kunit.sh" ] && [ -n "$(ls -A "$output")" ]; then
	echo "$0: $output holds other files than a build of ours" >&2
	exit 1
fi
mkdir -p "$output/scripts" "$output/kunit"
touch "$output/made-by-kunit.sh"
# Copies keep their times, so only what changed is compiled again; what was
# removed from the checkout must not linger.
(cd "$output" && find src include kunit -type f \( -name '*.cc' -o -name '*.c' -o -name '*.h' \) \
	! -name '*.mod.c' ! -path kunit/kernel/glue/cases.h 2>/dev/null) |
	while read -r file; do [ -e "$top/$file" ] || rm -f "$output/$file"; done
cp -pu "$top/$kbuild" "$output/Kbuild"
cp -pRu "$top/src" "$top/include" "$output/"
cp -pRu "$top/scripts/build" "$output/scripts/"
for part in "$top"/kunit/*/; do
	# Those run in user space alone.
	case $part in */fuzz/ | */threads/) continue ;; esac
	cp -pRu "${part%/}" "$output/kunit/"
done

log=$output/build.log
launcher=
status=0
if command -v ccache >/dev/null 2>&1; then launcher=ccache; fi
make -C "$kdir" M="$(cd "$output" && pwd)" W=1 BLKBACK_CXX_LAUNCHER=$launcher "$@" modules \
	>"$log" 2>&1 || status=$?
cat "$log"
[ "$status" = 0 ] || exit "$status"
if grep -nE 'warning|objtool' "$log" >&2; then
	echo "$log: warnings are errors here" >&2
	exit 1
fi
