#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds the Debian packages in build/deb, and lets lintian judge them.
set -eu

cd "$(dirname "$0")/../.."
version=$(sed -n 's/^#define BLKBACK_VERSION "\(.*\)"$/\1/p' src/linux/version.h)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
out=build/deb
tree=$out/xen-blkback-$version
rm -rf "$out"
scripts/packaging/dist.sh --tree "$tree"
mv "$tree/packaging/debian" "$tree/debian"
cat >"$tree/debian/changelog" <<END
xen-blkback ($version) unstable; urgency=medium

  * CHANGELOG.md says what is new.

 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$tree" && dpkg-buildpackage -b -us -uc) >"$out/build.log" 2>&1 || {
	tail -30 "$out/build.log"
	echo "make deb: the packages do not build; the whole log is $out/build.log" >&2
	exit 1
}
lintian --fail-on warning --info --tag-display-limit 0 "$out"/*.changes
ls "$out"/*.deb
