#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds what the lab boots, from Debian's packages, into the cache.
#
# usage: images.sh SERIES
#
# Prints a folder that holds
#   xen           the hypervisor
#   vmlinuz       the kernel, for a machine without Xen
#   vmlinux       the same, unpacked: that of dom0
#   base.cpio     dom0's programs: Xen's tools, fio, a shell
#   kernel.cpio   dom0's modules and the folder "guest"
#   guest/        the guest's kernel and initramfs, for a dom0 of another kernel
#
# What is compressed here would be unpacked on the emulator, for each guest.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../setup/cache.sh"
known_packages

series=$1
release=$("$here/../setup/kernel.sh" "$series" version)

dom0_packages="bash coreutils grep sed gawk findutils procps util-linux mount kmod iproute2
	xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils
	fio busybox-static dmsetup gdisk libc-bin nbd-server nbd-client e2fsprogs xfsprogs"
fio_unused="libgfapi.so.0 libnbd.so.0 libibverbs.so.1 librdmacm.so.1 librados.so.2 librbd.so.1
	libpmemblk.so.1 libpmem.so.1"
dom0_modules="xen-gntdev xen-evtchn xenfs xen-privcmd xen-gntalloc xen-blkback xen-blkfront
	loop brd zram null_blk scsi_debug sd_mod dm-mod dm-delay dm-flakey dm-log-writes nbd crc32c_generic crc32c-intel
	ext4 xfs"
guest_modules="xen-blkfront xenfs xen-gntalloc xen-gntdev xen-evtchn crc32c_generic crc32c-intel
	ext4 xfs"

# --- dom0's programs ---------------------------------------------------------

versions=$(for package in $dom0_packages; do echo "$package $(package_version "$package")"; done)
key=$( (echo "$versions"; cat "$here/images.sh" "$here/stub-libraries") | sha256sum | cut -c1-16)
base=$cache/base-$key
if [ ! -e "$base" ]; then
	echo "lab: fetching and unpacking dom0's packages (80 MB)" >&2
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	# shellcheck disable=SC2086 # lists of words
	fetch_packages "$work/debs" $dom0_packages
	mkdir "$work/root" "$work/out"
	for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
	gunzip -c "$work"/root/boot/xen-4.17-amd64.gz >"$work/out/xen"
	(cd "$work/root" && rm -rf boot usr/share/doc usr/share/man usr/share/locale usr/share/info \
		usr/share/perl* usr/lib/x86_64-linux-gnu/perl* usr/bin/perl* usr/lib/python3* \
		usr/share/python3* usr/bin/python3* usr/lib/debug usr/lib/xen-4.17/boot \
		usr/share/i18n usr/share/zoneinfo var/cache)
	# What the packages' own scripts would have set up.
	ln -s gawk "$work/root/usr/bin/awk"
	[ -e "$work/root/bin/sh" ] || ln -s bash "$work/root/bin/sh"
	# Stubs for the libraries of fio that no scenario uses, and nothing of what only these need.
	# shellcheck disable=SC2086 # a list of words
	"$here/stub-libraries" "$work/root/usr/bin/fio" "$work/stubs" $fio_unused
	libraries=$work/root/usr/lib/x86_64-linux-gnu
	rm -rf "$libraries/ceph"
	for library in $fio_unused; do
		rm -f "$libraries/$library".*
		mv "$work/stubs/$library" "$libraries/"
	done
	needed() { # PROGRAM...: the libraries that they need
		for program in "$@"; do
			chroot "$work/root" /lib64/ld-linux-x86-64.so.2 --list "$program" 2>/dev/null || :
		done | grep -oE '/[^ ]+\.so[^ ]*' | sort -u
	}
	# shellcheck disable=SC2046 # a list of words
	needed $(cd "$work/root" && find bin sbin usr/bin usr/sbin usr/lib/xen-4.17/bin -type f -perm /111 |
		sed 's,^,/,') | while read -r library; do readlink -f "$work/root$library"; done >"$work/needed"
	grep -q libxenstore "$work/needed" || { echo "lab: the libraries of dom0's programs cannot be listed" >&2 && exit 1; }
	for library in "$libraries"/*.so.*; do
		grep -qxF "$(readlink -f "$library")" "$work/needed" || rm "$library"
	done
	# The libraries of the guest's programs, for the guest's image.
	needed /usr/bin/fio /usr/bin/xenstore-read >"$work/out/guest-libraries"
	(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/out/base.cpio"
	mv "$work/root" "$work/out/root"
	for old in "$cache"/base-*; do rm -rf "$old"; done
	mv "$work/out" "$base"
	rm -rf "$work"
fi

# --- the kernel, its modules, and the guest -----------------------------------

image=$("$here/../setup/kernel.sh" "$series" image)
key=$( (echo "$base $image"; cat "$here/images.sh" "$here/unpack-kernel" "$here"/guest/*) | sha256sum | cut -c1-16)
lab=$cache/lab/$series/$key
if [ ! -e "$lab" ]; then
	echo "lab: building images for Linux $release" >&2
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	mkdir "$work/out"
	modules=lib/modules/$release

	# copy_modules TARGET NAME...: with all they depend on.
	copy_modules() {
		target=$1
		shift
		mkdir -p "$target/$modules"
		cp "$image/$modules"/modules.order "$image/$modules"/modules.builtin \
			"$image/$modules"/modules.builtin.modinfo "$target/$modules/"
		for name in "$@"; do
			modprobe -d "$image" -S "$release" --show-depends "$name" 2>/dev/null |
				sed -n 's/^insmod \([^ ]*\).*/\1/p'
		done | sort -u | while read -r file; do
			file=${file#"$image"/}
			mkdir -p "$target/${file%/*}"
			cp "$image/$file" "$target/$file"
		done
		depmod -b "$target" "$release"
	}

	guest=$work/guest
	mkdir -p "$guest/bin" "$guest/dev" "$guest/proc" "$guest/sys" "$guest/tmp" "$guest/run"
	cp "$base/root/bin/busybox" "$guest/bin/"
	for applet in $("$base/root/bin/busybox" --list); do
		[ -e "$guest/bin/$applet" ] || ln -s busybox "$guest/bin/$applet"
	done
	cp "$base/root/usr/bin/fio" "$base"/root/usr/bin/xenstore* "$guest/bin/"
	while read -r library; do
		mkdir -p "$guest${library%/*}"
		cp -L "$base/root$library" "$guest$library"
	done <"$base/guest-libraries"
	# shellcheck disable=SC2086
	copy_modules "$guest" $guest_modules
	cp "$here/guest/init" "$here/guest/agent" "$guest/"
	# What the kernel runs when the toolstack asks for an end.
	mkdir -p "$guest/sbin"
	for word in poweroff reboot; do
		printf '#!/bin/sh\nexec /bin/busybox %s -f\n' $word >"$guest/sbin/$word"
	done
	chmod +x "$guest/init" "$guest/sbin"/*

	dom0=$work/dom0
	mkdir -p "$dom0/guest"
	# shellcheck disable=SC2086
	copy_modules "$dom0" $dom0_modules
	(cd "$guest" && find . | cpio -o -H newc --quiet) >"$dom0/guest/initrd"
	"$here/unpack-kernel" "$image/boot/vmlinuz-$release" "$dom0/guest/vmlinux"
	(cd "$dom0" && find . | cpio -o -H newc --quiet) >"$work/out/kernel.cpio"
	cp "$image/boot/vmlinuz-$release" "$work/out/vmlinuz"
	mv "$dom0/guest" "$work/out/guest"
	ln "$work/out/guest/vmlinux" "$work/out/"
	ln "$base/base.cpio" "$base/xen" "$work/out/"
	rm -rf "$cache/lab/$series"
	mkdir -p "$cache/lab/$series"
	mv "$work/out" "$lab"
	rm -rf "$work"
fi
echo "$lab"
