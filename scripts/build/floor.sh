#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the module of scripts/profile/floor for one kernel, in a folder of its own.
#
# usage: floor.sh KDIR OUTPUT-FOLDER
#
# Prints Kbuild's output; any warning is an error.
set -eu

kdir=$1 output=$2
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/scripts/build/kbuild.sh"
own_folder "$output" made-by-floor.sh
cp -pu "$top"/scripts/profile/floor/* "$top/scripts/profile/marks.h" "$top/src/linux/compat.h" "$output/"
log=$output/build.log
status=0
# As in module.sh: headers in another system's folder need that system's compiler.
root=${kdir%/usr/src/*}
if [ "$root" != "$kdir" ] && [ -n "$root" ]; then
	inside=/build/floor-$(echo "$output" | sed 's|.*/||')
	rm -rf "$root$inside"
	mkdir -p "$root$inside"
	cp -p "$output"/*.[ch] "$output/Kbuild" "$root$inside/"
	unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$@"' "$root" "$root" \
		make -C "${kdir#"$root"}" M="$inside" W=1 modules >"$log" 2>&1 || status=$?
	[ "$status" != 0 ] || cp -p "$root$inside/floor.ko" "$output/"
else
	make -C "$kdir" M="$(cd "$output" && pwd)" W=1 modules >"$log" 2>&1 || status=$?
fi
judge "$log" "$status"
