#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds a module of test cases for one kernel with KUnit, in a folder of its own.
#
# usage: kunit.sh NAME KDIR OUTPUT-FOLDER [make variables ...]
#
# NAME "cases" builds the cases of kunit/cases with kunit/kernel/Kbuild; any other NAME
# is a folder of kunit with a Kbuild.
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

. "$top/scripts/build/kbuild.sh"
own_folder "$output" made-by-kunit.sh
mkdir -p "$output/kunit"
(cd "$output" && find src include kunit -type f \( -name '*.cc' -o -name '*.c' -o -name '*.h' \) \
	! -name '*.mod.c' ! -path kunit/kernel/glue/cases.h 2>/dev/null) |
	forget_removed "$output" "$top"
cp -pu "$top/$kbuild" "$output/Kbuild"
cp -pRu "$top/src" "$top/include" "$output/"
cp -pRu "$top/scripts/build" "$output/scripts/"
for part in "$top"/kunit/*/; do
	# These parts run only in user space.
	case $part in */fuzz/ | */threads/) continue ;; esac
	cp -pRu "${part%/}" "$output/kunit/"
done

log=$output/build.log
status=0
make -C "$kdir" M="$(cd "$output" && pwd)" W=1 BLKBACK_CXX_LAUNCHER="$(launcher)" "$@" modules \
	>"$log" 2>&1 || status=$?
judge "$log" "$status"
