#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the Debian packages of the last commit in build/deb, and lets lintian judge them.
set -eu

cd "$(dirname "$0")/../.."
version=$(scripts/packaging/dkms-tree.sh --version)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# What is no release sorts before the release.
package=$version
if ! git tag --points-at HEAD | grep -qx "v$version"; then
	package=$version~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M).$(git rev-parse --short=8 HEAD)
fi
out=build/deb
tree=$out/xen-blkback-$version
rm -rf "$out"
scripts/packaging/dist.sh "$out/source.tar.xz"
tar -xf "$out/source.tar.xz" -C "$out"
rm "$out/source.tar.xz"
mv "$tree/packaging/debian" "$tree/debian"
cat >"$tree/debian/changelog" <<END
xen-blkback ($package) unstable; urgency=medium

  * CHANGELOG.md in the sources says what is new.

 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$tree" && dpkg-buildpackage -F -us -uc) >"$out/build.log" 2>&1 || {
	tail -30 "$out/build.log"
	echo "make deb: the packages do not build; the whole log is $out/build.log" >&2
	exit 1
}
lintian --fail-on error,warning --info --tag-display-limit 0 "$out"/*.changes
ls "$out"/*.deb
