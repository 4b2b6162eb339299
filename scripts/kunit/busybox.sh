#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian's static busybox, which is all that a boot without Xen needs.
#
# usage: busybox.sh          prints its path in the cache
set -eu

. "$(dirname "$0")/../setup/cache.sh"
known_packages

folder=$cache/busybox-$(package_version busybox-static)
if [ ! -e "$folder" ]; then
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get -o APT::Sandbox::User=root download busybox-static >&2)
	dpkg-deb -x "$work"/busybox-static_*.deb "$work/root"
	rm -rf "$cache"/busybox-*
	mv "$work/root" "$folder"
fi
# Newer Debian has it in /usr/bin.
for file in "$folder/bin/busybox" "$folder/usr/bin/busybox"; do
	[ ! -e "$file" ] || { echo "$file"; exit 0; }
done
exit 1
