#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Makes a source archive, or its content in a folder, of the files that git knows, as
# they are now.  The same files give the same archive.
#
# usage: dist.sh ARCHIVE.tar.xz
#        dist.sh --tree FOLDER
set -eu

cd "$(dirname "$0")/../.."
version=$(sed -n 's/^#define BLKBACK_VERSION "\(.*\)"$/\1/p' src/linux/version.h)
git rev-parse --git-dir >/dev/null 2>&1 || { echo "make dist: this is no checkout of git" >&2 && exit 1; }
export LC_ALL=C
list() { git ls-files -z --cached --others --exclude-standard | sort -zu; }

if [ "$1" = --tree ]; then
	mkdir -p "$2"
	list | tar --null -T - --no-recursion -cf - | tar -xf - -C "$2"
	exit 0
fi
mkdir -p "$(dirname "$1")"
list | tar --null -T - --no-recursion --owner=0 --group=0 --numeric-owner --sort=name \
	--mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" --mode=go+rX,go-w \
	--transform "s,^,xen-blkback-$version/," -cJf "$1"
echo "$1"
