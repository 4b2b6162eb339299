#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the module with the cases of src/linux for a kernel with KUnit.
#
# usage: kunit-linux.sh KDIR OUTPUT-FOLDER [make variables ...]
#
# Prints Kbuild's output; any warning is an error.  The module is
# OUTPUT-FOLDER/xen-blkback-linux-kunit.ko.
set -eu

kdir=$1 output=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$kdir/Makefile" ]; then
	echo "no kernel headers at $kdir" >&2
	exit 1
fi
# Files are removed from this folder: it must be one of ours.
if [ -e "$output" ] && [ ! -e "$output/made-by-kunit-linux.sh" ] && [ -n "$(ls -A "$output")" ]; then
	echo "$0: $output holds other files than a build of ours" >&2
	exit 1
fi
mkdir -p "$output/src" "$output/kunit"
touch "$output/made-by-kunit-linux.sh"
# Copies keep their times, so only what changed is compiled again; what was
# removed from the checkout must not linger.
(cd "$output" && find src include kunit -type f \( -name '*.c' -o -name '*.h' \) 2>/dev/null) |
	while read -r file; do [ -e "$top/$file" ] || rm -f "$output/$file"; done
cp -pu "$top/kunit/linux/Kbuild" "$output/"
cp -pRu "$top/include" "$output/"
cp -pRu "$top/src/linux" "$output/src/"
cp -pRu "$top/kunit/linux" "$output/kunit/"
rm -f "$output/kunit/linux/Kbuild"

log=$output/build.log
cc=gcc
if command -v ccache >/dev/null 2>&1; then cc="ccache gcc"; fi
status=0
make -C "$kdir" M="$(cd "$output" && pwd)" W=1 CC="$cc" "$@" modules >"$log" 2>&1 || status=$?
cat "$log"
[ "$status" = 0 ] || exit "$status"
if grep -nE 'warning|objtool' "$log" >&2; then
	echo "$log: warnings are errors here" >&2
	exit 1
fi
