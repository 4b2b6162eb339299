#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the module for one kernel in a folder of its own, so that several
# kernels can be built from one checkout.
#
# usage: module.sh KDIR OUTPUT-FOLDER [make variables ...]
#
# Prints Kbuild's output; any warning is an error.
set -eu

kdir=$1 output=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$kdir/Makefile" ]; then
	echo "no kernel headers at $kdir: install linux-headers-$(uname -r), or name a kernel with KDIR=..." >&2
	exit 1
fi

mkdir -p "$output/scripts"
# Copies keep their times, so only what changed is compiled again; what was
# removed from the checkout must not linger.
(cd "$output" && find src include -type f \( -name '*.cc' -o -name '*.c' -o -name '*.h' \) 2>/dev/null) |
	while read -r file; do [ -e "$top/$file" ] || rm -f "$output/$file"; done
cp -pRu "$top/Kbuild" "$top/src" "$top/include" "$output/"
cp -pRu "$top/scripts/build" "$output/scripts/"

log=$output/build.log
launcher=
if command -v ccache >/dev/null 2>&1; then launcher=ccache; fi
status=0
make -C "$kdir" M="$(cd "$output" && pwd)" W=1 BLKBACK_CXX_LAUNCHER=$launcher "$@" modules \
	>"$log" 2>&1 || status=$?
cat "$log"
[ "$status" = 0 ] || exit "$status"
# "Skipping BTF generation" is what 6.1's headers always say: they have no
# vmlinux to refer to.
if grep -nE 'warning|objtool' "$log" >&2; then
	echo "$log: warnings are errors here" >&2
	exit 1
fi
