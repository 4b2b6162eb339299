#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Fails when a package's file names another version than src/linux/version.h, or cannot
# be parsed.
set -eu

cd "$(dirname "$0")/../.."
version=$(scripts/packaging/dkms-tree.sh --version)
status=0
has() { # FILE PATTERN
	grep -qE "$2" "$1" || { echo "$1: expected version $version" >&2 && status=1; }
}
has packaging/rpm/xen-blkback.spec "^Version: +$version\$"
has packaging/arch/PKGBUILD "^pkgver=$version\$"
has packaging/alpine/APKBUILD "^pkgver=$version\$"
has packaging/alpine/AKMBUILD "^modver=$version\$"
has packaging/nix/default.nix "version = \"$version-"
has CHANGELOG.md "^## $version"
bash -n packaging/arch/PKGBUILD
sh -n packaging/alpine/APKBUILD
sh -n packaging/alpine/AKMBUILD
[ "$status" = 0 ] && echo "$version everywhere"
exit $status
