#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian's newest kernel of a series.
#
# usage: kernel.sh SERIES version|kdir|image     (SERIES: 6.1 or 6.12)
#
#   version   the release, as uname -r prints it
#   kdir      headers to build modules with, installed when missing
#   image     a folder with boot/ and lib/modules/ of the kernel, unpacked into
#             the cache and installed nowhere
set -eu

series=$1 what=$2
. "$(dirname "$0")/cache.sh"
known_packages

case $series in
6.1) suffix=amd64 ;;
6.*) suffix=$series-amd64 ;;
*)
	echo "$0: no such series: $series (6.1, 6.12)" >&2
	exit 2
	;;
esac

release=$(apt-cache depends "linux-image-$suffix" 2>/dev/null |
	sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p' | head -1)
if [ -z "$release" ]; then
	echo "the package archive has no linux-image-$suffix (is bookworm-security among the sources?)" >&2
	exit 1
fi

case $what in
version)
	echo "$release"
	;;
kdir)
	kdir=/usr/src/linux-headers-$release
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
	folder=$cache/kernel-$release-$(package_version "linux-image-$release")
	if [ ! -e "$folder" ]; then
		echo "fetching linux-image-$release" >&2
		work=$(mktemp -d "$cache/tmp.XXXXXX")
		(cd "$work" && apt-get -o APT::Sandbox::User=root download "linux-image-$release" >&2)
		dpkg-deb -x "$work"/linux-image-*.deb "$work/root"
		depmod -b "$work/root" "$release"
		mv "$work/root" "$folder"
		rm -rf "$work"
		for old in "$cache/kernel-${release%%-*}"*; do
			[ "$old" = "$folder" ] || rm -rf "$old"
		done
	fi
	echo "$folder"
	;;
*)
	echo "$0: version, kdir or image?" >&2
	exit 2
	;;
esac
