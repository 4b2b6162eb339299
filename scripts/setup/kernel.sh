#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian's newest kernel of a series, or a kernel that is installed.
#
# usage: kernel.sh KERNEL version|kdir|image
#
# KERNEL is one of
#   6.1, 6.12                               of this machine's suites
#   7.2, 7.3                                of Debian's unstable, of trixie's backports
#   6.12-kasan, 6.12-lockdep, 6.12-kcsan    see debug-kernel.sh
#   a whole release, as uname -r prints it: a kernel in /boot
#
#   version   the release
#   kdir      headers to build modules with, installed when missing; those of 7.x are
#             in a folder with a suite and need the compiler of that folder
#   image     a folder with boot/ and lib/modules/ of the kernel, unpacked into
#             the cache, not installed
set -eu

series=$1 what=$2
suite=
case $series in
6.12-*) exec "$(dirname "$0")/debug-kernel.sh" "${series#6.12-}" "$what" ;;
esac
. "$(dirname "$0")/cache.sh"
known_packages

case $series in
6.1)
	suffix=amd64
	;;
6.12)
	suffix=$series-amd64
	;;
7.2)
	suite=unstable
	;;
7.3)
	suite=trixie-backports
	;;
*)
	exec "$(dirname "$0")/installed-kernel.sh" "$series" "$what"
	;;
esac

if [ -n "$suite" ]; then
	folder=$("$(dirname "$0")/suite-folder.sh" "$suite")
	kdir=$(ls -d "$folder"/usr/src/linux-headers-*-amd64)
	release=${kdir##*/linux-headers-}
	case $release in
	"$series".*) ;;
	*) echo "NOTE Debian's $suite has moved to Linux $release" >&2 ;;
	esac
else
	release=$(apt-cache depends "linux-image-$suffix" 2>/dev/null |
		sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p' | head -1)
	kdir=/usr/src/linux-headers-$release
fi
if [ -z "$release" ]; then
	echo "the package archive has no linux-image-$suffix (is bookworm-security among the sources?)" >&2
	exit 1
fi

# unpack_image FOLDER: puts the kernel and its modules into FOLDER, as in an installed
# system.
unpack_image() {
	if [ -n "$suite" ]; then
		for part in base binary modules; do
			dpkg-deb -x "$folder/var/cache/apt/archives/linux-$part-$release"_*.deb "$1"
		done
		[ -e "$1/lib" ] || ln -s usr/lib "$1/lib"
		mkdir -p "$1/boot"
		[ -e "$1/boot/vmlinuz-$release" ] ||
			ln "$1/usr/lib/modules/$release/vmlinuz" "$1/boot/vmlinuz-$release"
	else
		(cd "$1" && apt-get -o APT::Sandbox::User=root download "linux-image-$release" >&2)
		dpkg-deb -x "$1"/linux-image-*.deb "$1"
		rm -f "$1"/linux-image-*.deb
	fi
	depmod -b "$1" "$release"
}

case $what in
version)
	echo "$release"
	;;
kdir)
	if [ ! -e "$kdir/Makefile" ]; then
		if [ "$(id -u)" != 0 ]; then
			echo "kernel headers are missing; as root: apt-get install linux-headers-$release" >&2
			exit 1
		fi
		echo "installing Debian packages: linux-headers-$release" >&2
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
			"linux-headers-$release" >&2
	fi
	echo "$kdir"
	;;
image)
	image=$cache/kernel-$release-${suite:-$(package_version "linux-image-$release")}
	if [ ! -e "$image" ]; then
		echo "unpacking Linux $release" >&2
		work=$(mktemp -d "$cache/tmp.XXXXXX")
		unpack_image "$work"
		for old in "$cache/kernel-$series".*; do rm -rf "$old"; done
		mv "$work" "$image"
	fi
	echo "$image"
	;;
*)
	echo "$0: version, kdir or image?" >&2
	exit 2
	;;
esac
