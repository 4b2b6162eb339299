#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Lays out what DKMS builds the module from: what Kbuild needs, and Xen's headers, so
# that no other package than the kernel's headers and a compiler is wanted there.
#
# usage: dkms-tree.sh FOLDER      makes FOLDER
#        dkms-tree.sh --conf      prints dkms.conf
#        dkms-tree.sh --version   prints the module's version
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^#define BLKBACK_VERSION "\(.*\)"$/\1/p' "$top/src/linux/version.h")
[ -n "$version" ] || { echo "src/linux/version.h has no BLKBACK_VERSION" >&2 && exit 1; }
conf() { sed "s/@VERSION@/$version/" "$top/packaging/dkms.conf.in"; }

case $1 in
--conf)
	conf
	exit 0
	;;
--version)
	echo "$version"
	exit 0
	;;
esac
mkdir -p "$1/scripts/build"
cp -R "$top/Kbuild" "$top/src" "$top/include" "$1/"
find "$1" -name '.clang-format' -delete
cp "$top/scripts/build/core.mk" "$top/scripts/build/symbol-gate.sh" "$1/scripts/build/"
conf >"$1/dkms.conf"
headers=${XEN_HEADERS:-/usr/include}
for header in xen xen-compat arch-x86/xen arch-x86/xen-x86_32 arch-x86/xen-x86_64 arch-arm grant_table \
	event_channel io/blkif io/ring io/protocols; do
	[ -e "$headers/xen/$header.h" ] || { echo "no $headers/xen/$header.h: install libxen-dev, or name the folder with XEN_HEADERS=" >&2 && exit 1; }
	mkdir -p "$(dirname "$1/xen-headers/xen/$header.h")"
	cp "$headers/xen/$header.h" "$1/xen-headers/xen/$header.h"
done
