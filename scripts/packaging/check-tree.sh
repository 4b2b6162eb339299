#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the module from what the DKMS package ships, and from nothing else: a bare
# "make -C KDIR M=FOLDER", and no header of Xen from the system.
#
# usage: check-tree.sh KDIR FOLDER
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$2"
"$top/scripts/packaging/dkms-tree.sh" "$2"
tree=$(cd "$2" && pwd)
make -C "$1" M="$tree" -j"$(nproc)" modules
# The commands' own files tell which headers were read.
if grep -rlE '[ =]/usr/include/xen/' --include='.*.cmd' "$tree"; then
	echo "these were built with headers of the system" >&2
	exit 1
fi
version=$("$top/scripts/packaging/dkms-tree.sh" --version)
[ "$(modinfo -F version "$tree/xen-blkback.ko")" = "$version" ]
bash -nu "$tree/dkms.conf"
