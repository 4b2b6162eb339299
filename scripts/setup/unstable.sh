#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian's unstable suite in a folder, for its kernel and the compiler that
# belongs to it.
#
# usage: unstable.sh        prints the folder, made when it is missing or old
set -eu

. "$(dirname "$0")/cache.sh"
known_packages

folder=$cache/unstable
# The suite moves: what is older than this is made anew.
days=14
packages=make,gcc,g++,kmod,dwarves,libelf-dev,libxen-dev,ccache,linux-headers-amd64

key=$(echo "$packages" | cat - "$0" | sha256sum | cut -c1-16)
if [ "$(cat "$folder/made-from" 2>/dev/null)" = "$key" ] &&
	[ -z "$(find "$folder/made-from" -mtime +$days)" ]; then
	echo "$folder"
	exit 0
fi

if [ "$(id -u)" != 0 ]; then
	echo "only root can make the folder with Debian's unstable suite: $folder" >&2
	exit 1
fi
# The archive that this machine uses.
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
	awk '$2 !~ /-/ && $3 == "main" && $1 ~ /debian\/?$/ { print $1; exit }')
if [ -z "$archive" ]; then
	echo "no Debian archive among apt's sources to take the unstable suite from" >&2
	exit 1
fi
echo "fetching Debian's unstable suite into $folder (two to four minutes)" >&2
work=$(mktemp -d "$cache/tmp.XXXXXX")
chmod 755 "$work"
if ! debootstrap --variant=minbase --include="$packages" unstable "$work" "$archive" >"$cache/unstable.log" 2>&1; then
	tail -5 "$cache/unstable.log" >&2
	echo "debootstrap failed: $cache/unstable.log" >&2
	exit 1
fi
chroot "$work" apt-get -o APT::Sandbox::User=root install --download-only -y --no-install-recommends \
	linux-image-amd64 >>"$cache/unstable.log" 2>&1
echo "$key" >"$work/made-from"
rm -rf "$folder"
mv "$work" "$folder"
echo "$folder"
