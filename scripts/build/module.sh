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

. "$top/scripts/build/kbuild.sh"
own_folder "$output" made-by-module.sh
(cd "$output" && find src include -type f \( -name '*.cc' -o -name '*.c' -o -name '*.h' \) 2>/dev/null) |
	forget_removed "$output" "$top"
cp -pRu "$top/Kbuild" "$top/src" "$top/include" "$output/"
cp -pRu "$top/scripts/build" "$output/scripts/"

log=$output/build.log
status=0
# Headers in another system's folder need that system's compiler: build in a chroot.
root=${kdir%/usr/src/*}
if [ "$root" != "$kdir" ] && [ -n "$root" ]; then
	inside=/build/$(echo "$output" | sed 's|.*/||')
	mkdir -p "$root$inside"
	rm -rf "$root$inside/src" "$root$inside/include"
	cp -pR "$output/Kbuild" "$output/src" "$output/include" "$output/scripts" "$root$inside/"
	# objtool of 7.2 reads /proc.  The mount disappears when the command ends.
	unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$@"' "$root" "$root" \
		make -C "${kdir#"$root"}" M="$inside" W=1 BLKBACK_CXX_LAUNCHER="$(launcher "$root")" "$@" modules \
		>"$log" 2>&1 || status=$?
	[ "$status" != 0 ] || cp -p "$root$inside/xen-blkback.ko" "$output/"
else
	make -C "$kdir" M="$(cd "$output" && pwd)" W=1 BLKBACK_CXX_LAUNCHER="$(launcher)" "$@" modules \
		>"$log" 2>&1 || status=$?
fi
judge "$log" "$status"
# sysfs lists a module's loaded sections by name: Linux refuses a module with two
# sections of the same name.
twice=$(readelf -SW "$output/xen-blkback.ko" | sed -n 's/^ *\[ *[0-9]*\] //p' |
	awk '$7 ~ /A/ && seen[$1]++ { print $1 }')
if [ -n "$twice" ]; then
	echo "$output/xen-blkback.ko: more than one section is named $twice" >&2
	rm -f "$output/xen-blkback.ko"
	exit 1
fi
