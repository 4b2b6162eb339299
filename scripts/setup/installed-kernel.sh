#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that is installed on this machine.
#
# usage: installed-kernel.sh RELEASE version|kdir|image     (RELEASE: as uname -r prints it)
#
#   version   the release
#   kdir      its headers, in /lib/modules/RELEASE/build or /usr/src
#   image     a folder with boot/ and lib/modules/ of the kernel, which are links
set -eu

release=$1 what=$2
. "$(dirname "$0")/cache.sh"

kdir=
for folder in "/lib/modules/$release/build" "/usr/src/linux-headers-$release"; do
	[ -n "$kdir" ] || [ ! -e "$folder/Makefile" ] || kdir=$folder
done
missing=
[ -n "$kdir" ] || missing=" its headers in /usr/src"
[ -e "/boot/vmlinuz-$release" ] || missing="$missing /boot/vmlinuz-$release"
[ -e "/lib/modules/$release/modules.dep" ] || missing="$missing /lib/modules/$release"
if [ -n "$missing" ]; then
	cat >&2 <<-END
		no such kernel: $release
		  known: 6.1, 6.12, 7.2, 7.3, 6.12-kasan, 6.12-lockdep, 6.12-kcsan
		  or the release of an installed kernel; of this one are missing:$missing
	END
	exit 2
fi

case $what in
version) echo "$release" ;;
kdir) echo "$kdir" ;;
image)
	# Its date: the lab makes new images when the kernel has changed.
	image=$cache/installed-$release-$(date -r "/boot/vmlinuz-$release" +%s)
	if [ ! -e "$image" ]; then
		rm -rf "$cache/installed-$release"-*
		work=$(mktemp -d "$cache/tmp.XXXXXX")
		mkdir -p "$work/boot" "$work/lib/modules"
		ln -s "/boot/vmlinuz-$release" "$work/boot/"
		ln -s "$(readlink -f "/lib/modules/$release")" "$work/lib/modules/$release"
		mv "$work" "$image"
	fi
	echo "$image"
	;;
*)
	echo "$0: version, kdir or image?" >&2
	exit 2
	;;
esac
