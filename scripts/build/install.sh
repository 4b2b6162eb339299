#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Installs the module for the kernel of KDIR.  The folder updates/ comes before
# the kernel's own modules, which stay in place: removing the file brings the
# kernel's driver back.
#
# usage: install.sh KDIR MODULE
set -eu

kdir=$1 module=$2
release=$(cat "$kdir/include/config/kernel.release")
folder=/lib/modules/$release/updates
if [ "$(id -u)" != 0 ]; then
	echo "make install: must be root to write $folder" >&2
	exit 1
fi
mkdir -p "$folder"
install -m 644 "$module" "$folder/xen-blkback.ko"
depmod "$release"
echo "installed $folder/xen-blkback.ko; it is loaded in place of the kernel's own from now on"
