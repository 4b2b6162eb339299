#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Extracts the kernel's checkpatch.pl and its word lists from the package with the
# kernel's source.
#
# usage: checkpatch.sh        prints the folder; makes it when it is missing or outdated
set -eu

. "$(dirname "$0")/cache.sh"
known_packages

package=linux-source-6.1
version=$(package_version "$package")
if [ -z "$version" ]; then
	echo "the package archive has no $package" >&2
	exit 1
fi
folder=$cache/checkpatch-$version
if [ ! -e "$folder" ]; then
	echo "fetching $package $version for its checkpatch.pl (140 MB)" >&2
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get -o APT::Sandbox::User=root download "$package" >&2)
	# checkpatch looks for known names in include/: an empty folder is enough.
	mkdir -p "$work/folder/include"
	dpkg-deb --fsys-tarfile "$work"/*.deb | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$work/folder" --strip-components=2 "$package/scripts/checkpatch.pl" \
			"$package/scripts/spelling.txt" "$package/scripts/const_structs.checkpatch"
	rm -rf "$cache"/checkpatch-*
	mv "$work/folder" "$folder"
fi
echo "$folder"
