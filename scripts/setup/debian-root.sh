#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A root file system with Debian 12, a kernel and Xen, as an image of a disk: what an
# administrator has before he installs our packages.
#
# usage: debian-root.sh        prints the image, made when it is missing or old
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"
known_packages
in_root=$here/../lab/debian/in-root

suite=bookworm
system="linux-image-amd64 xen-system-amd64 zstd"
# The tests install these.  Their archives are in the image, and need no network then.
later="dkms g++ linux-headers-amd64 linux-image-6.12-amd64 linux-headers-6.12-amd64"

versions=$(for package in $system $later systemd; do echo "$package $(package_version "$package")"; done)
key=$( (echo "$versions"; cat "$0") | sha256sum | cut -c1-16)
image=$cache/debian-root-$key.img
if [ -e "$image" ]; then
	echo "$image"
	exit 0
fi

# The archives that this machine uses.
archives=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
	awk -v suite="$suite" '$2 ~ "^" suite "(-updates|-security)?$" && $3 == "main" { print "deb", $1, $2, $3 }' | sort -u)
archive=$(echo "$archives" | awk -v suite="$suite" '$3 == suite { print $2; exit }')
for wanted in $suite $suite-security $suite-updates; do
	echo "$archives" | grep -q " $wanted " || {
		echo "apt's sources have no $wanted: Debian 12 cannot be installed from them" >&2
		exit 1
	}
done
if [ "$(id -u)" != 0 ]; then
	echo "only root can make the image with Debian 12: $image" >&2
	exit 1
fi

echo "installing Debian 12 into an image (three to five minutes)" >&2
log=$cache/debian-root.log
: >"$log"
work=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# "logged COMMAND..." tells where it failed.
logged() {
	"$@" >>"$log" 2>&1 || {
		tail -5 "$log" >&2
		echo "$1 failed: $log" >&2
		exit 1
	}
}
logged debootstrap "$suite" "$work/root" "$archive"
echo "$archives" >"$work/root/etc/apt/sources.list"
echo "/dev/vda / ext4 errors=remount-ro 0 1" >"$work/root/etc/fstab"
echo dom0 >"$work/root/etc/hostname"
echo "127.0.0.1 localhost dom0" >"$work/root/etc/hosts"
rm -f "$work/root/var/cache/apt/archives"/*.deb
truncate -s 6G "$work/image"
logged mke2fs -q -t ext4 -d "$work/root" "$work/image"
rm -rf "$work/root"
# shellcheck disable=SC2016,SC2086 # the variables are for the shell there; lists of words
logged "$in_root" "$work/image" sh -euxc '
	system=$1 later=$2
	apt-get update
	apt-get -y dist-upgrade
	apt-get -y --no-install-recommends install $system
	apt-get clean
	apt-get -y --download-only install $later
	systemd-machine-id-setup
	# On the emulator they take minutes, and no test is about them.
	systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		e2scrub_reap.service man-db.timer logrotate.timer fstrim.timer networking.service \
		ifupdown-wait-online.service systemd-networkd-wait-online.service \
		getty.target serial-getty@hvc0.service keyboard-setup.service console-setup.service
' sh "$system" "$later"
for old in "$cache"/debian-root-*.img; do rm -f "$old"; done
mv "$work/image" "$image"
echo "$image"
