#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Packs bpftrace and the libraries that dom0 lacks, from Debian's packages, into the cache:
# 150 MB, which only scenarios marked "lab: bpftrace" carry.
#
# usage: bpftrace.sh      after images.sh
#
# Prints the archive, to be appended to dom0's initial file system.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../setup/cache.sh"
known_packages

# images.sh keeps one.
for base in "$cache"/base-*; do :; done
key=$( (basename "$base"; package_version bpftrace; package_version libllvm14; cat "$0") | sha256sum | cut -c1-16)
archive=$cache/bpftrace-$key.cpio
if [ ! -e "$archive" ]; then
	echo "lab: fetching and unpacking bpftrace (50 MB)" >&2
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	fetch_packages "$work/debs" bpftrace
	mkdir -p "$work/root" "$work/extra/usr/bin"
	for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
	cp "$work/root/usr/bin/bpftrace" "$work/extra/usr/bin/"
	chroot "$work/root" /lib64/ld-linux-x86-64.so.2 --list /usr/bin/bpftrace |
		sed -nE 's,.* => (/[^ ]+) .*,\1,p' >"$work/needed"
	grep -q libLLVM "$work/needed" || { echo "lab: the libraries of bpftrace cannot be listed" >&2 && exit 1; }
	while read -r library; do
		[ ! -e "$base/root$library" ] || continue
		mkdir -p "$work/extra${library%/*}"
		cp -L "$work/root$library" "$work/extra$library"
	done <"$work/needed"
	(cd "$work/extra" && find . | cpio -o -H newc --quiet) >"$work/archive"
	for old in "$cache"/bpftrace-*.cpio; do rm -f "$old"; done
	mv "$work/archive" "$archive"
fi
echo "$archive"
