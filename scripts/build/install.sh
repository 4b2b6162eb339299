#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Installs the module for the kernel that it was built for.  The folder updates/ has
# priority over the kernel's own modules, which stay in place: removing the file brings
# the kernel's driver back.
#
# usage: install.sh MODULE
set -eu

module=$1
# Ask the module which kernel it was built for: include/config/kernel.release of
# Debian's headers has another name.
release=$(modinfo -F vermagic "$module" | cut -d' ' -f1)
folder=/lib/modules/$release/updates
if [ "$(id -u)" != 0 ]; then
	echo "make install: must be root to write $folder" >&2
	exit 1
fi
if dkms status -m xen-blkback -k "$release" 2>/dev/null | grep -q installed; then
	echo "make install: DKMS has installed xen-blkback for $release, and two copies would compete:" >&2
	echo "remove it first, with \"apt-get remove xen-blkback-dkms\" or \"dkms remove\"" >&2
	exit 1
fi
mkdir -p "$folder"
install -m 644 "$module" "$folder/xen-blkback.ko"
depmod "$release"
echo "installed $folder/xen-blkback.ko; it is loaded in place of the kernel's own from now on"
