#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A suite of Debian in a folder, for its kernel and the compiler that belongs to it.
#
# usage: suite-folder.sh SUITE       (unstable, or CODENAME-backports)
#
# Prints the folder, made when it is missing or old.  The backports of a release are
# that release with the kernel of its backports.
set -eu

. "$(dirname "$0")/cache.sh"
known_packages

suite=$1
release=${suite%-backports}
folder=$cache/$suite
# Suites move: what is older than this is made anew.
days=14
packages=make,gcc,g++,kmod,dwarves,libelf-dev,libxen-dev,ccache

key=$(echo "$suite $packages" | cat - "$0" | sha256sum | cut -c1-16)
# usable FOLDER: was FOLDER made as this script makes it?
usable() {
	[ "$(cat "$1/made-from" 2>/dev/null)" = "$key" ]
}
if usable "$folder" && [ -z "$(find "$folder/made-from" -mtime +$days)" ]; then
	echo "$folder"
	exit 0
fi

# give_up REASON: an old folder is better than none.
give_up() {
	echo "$1" >&2
	if ! usable "$folder"; then exit 1; fi
	echo "NOTE Debian's $suite is kept as it was fetched on $(date -r "$folder/made-from" +%F)" >&2
	echo "$folder"
	exit 0
}

[ "$(id -u)" = 0 ] || give_up "only root can make the folder with Debian's $suite: $folder"
# The archive that this machine uses.
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
	awk '$2 !~ /-/ && $3 == "main" && $1 ~ /debian\/?$/ { print $1; exit }')
[ -n "$archive" ] || give_up "no Debian archive among apt's sources to take $suite from"

echo "fetching Debian's $suite into $folder (two to four minutes)" >&2
log=$cache/$suite.log
work=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# inside ARGUMENT...: apt-get in the folder.
inside() {
	chroot "$work" env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends \
		-o APT::Sandbox::User=root "$@" >>"$log" 2>&1
}

# tell_expired: says which release files have expired.  We go on then: an
# archive that is a copy may be older than Debian allows, and its signature is checked.
tell_expired() {
	for file in "$work"/var/lib/apt/lists/*InRelease; do
		until=$(sed -n 's/^Valid-Until: //p' "$file")
		name=$(sed -n 's/^Codename: //p' "$file")
		if [ -n "$until" ] && [ "$(date -d "$until" +%s)" -lt "$(date +%s)" ]; then
			echo "NOTE the archive's release file of $name has expired ($until); it is used all the same" >&2
		fi
	done
}

make_folder() {
	debootstrap --variant=minbase --include="$packages" "$release" "$work" "$archive" >"$log" 2>&1 || return 1
	# For this folder alone; tell_expired looks at the dates instead.
	echo 'Acquire::Check-Valid-Until "false";' >"$work/etc/apt/apt.conf.d/release-files"
	if [ "$suite" != "$release" ]; then
		echo "deb $archive $suite main" >>"$work/etc/apt/sources.list"
		inside update || return 1
	fi
	inside -t "$suite" install linux-headers-amd64 || return 1
	inside -t "$suite" install --download-only linux-image-amd64 || return 1
}

if ! make_folder; then
	tail -5 "$log" >&2
	give_up "Debian's $suite could not be fetched: $log"
fi
tell_expired
echo "$key" >"$work/made-from"
rm -rf "$folder"
mv "$work" "$folder"
trap - EXIT
echo "$folder"
