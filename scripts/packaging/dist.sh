#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Makes a source archive of the last commit.  The same commit gives the same archive.
#
# usage: dist.sh ARCHIVE.tar.xz
set -eu

cd "$(dirname "$0")/../.."
version=$(scripts/packaging/dkms-tree.sh --version)
git rev-parse --git-dir >/dev/null 2>&1 || { echo "make dist: this is no checkout of git" >&2 && exit 1; }
[ -z "$(git status --porcelain)" ] || echo "make dist: what is not committed is not in the archive" >&2
mkdir -p "$(dirname "$1")"
git -c tar.umask=0022 archive --prefix "xen-blkback-$version/" HEAD >"$1.tar"
xz -T1 -6 <"$1.tar" >"$1"
rm "$1.tar"
echo "$1"
