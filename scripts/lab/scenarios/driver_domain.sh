#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Another guest serves the disk: it owns it and runs our module.
# shows: the backend in a driver domain (`backend=`) | yes
. /lab/dom0/lib.sh
guests_destroy
# Its programs are dom0's, and its kernel, unless it is to be another one.
[ -n "${domain_kernel:-}" ] || domain_kernel=$(ls /lab/vmlinux 2>/dev/null || echo /guest/vmlinux)
mkdir /tmp/guest-driver
ln -s "$domain_kernel" /tmp/guest-driver/vmlinux
(cd / && find . -xdev \( -path ./guest -o -path './guest-*' -o -path ./kasan -o -path ./tmp -o -path ./var/log \) -prune -o -print |
	busybox cpio -o -H newc 2>/dev/null) >/tmp/guest-driver/initrd
guest_files=/tmp/guest-driver guest_extra="lab-driver-domain ${domain_extra:-}" guest_vcpus=1 guest_cpus=2 \
	guest_memory=${domain_memory:-800} guest_create dd "driver_domain=1" "type='${domain_type:-pv}'"
rm -r /tmp/guest-driver
say "the driver domain runs $(guest dd 'uname -r; modinfo -F filename xen-blkback')"
need guest dd 'dd if=/dev/urandom of=/tmp/disk bs=1M count=16 2>/dev/null; losetup /dev/loop0 /tmp/disk' >/dev/null
guest_vcpus=1 guest_cpus=3 guest_create gc "disk=['format=raw,vdev=xvdb,access=rw,backend=dd,target=/dev/loop0']"
wait_for 30 guest_has_disk gc xvdb || fail "the guest never saw the disk"
need guest gc "$(fio_verify xvdb 12)" 240 >/dev/null
[ "$(guest_sum gc xvdb)" = "$(guest dd 'dd if=/dev/loop0 bs=1M iflag=direct 2>/dev/null | sha256sum' | cut -d' ' -f1)" ] ||
	fail "data differs"
say "verified; statistics there: $(guest dd 'cat /sys/bus/xen-backend/devices/vbd-*/statistics/wr_sect') sectors written"
need xl block-detach gc xvdb
wait_for 20 guest_lacks_disk gc xvdb || fail "the guest still has the disk"
need xl block-attach gc 'format=raw,vdev=xvdc,access=ro,backend=dd,target=/dev/loop0'
wait_for 30 guest_has_disk gc xvdc || fail "the guest never saw the second disk"
need xl destroy gc
gone() { guest dd 'ls /sys/bus/xen-backend/devices' | grep -qv vbd; }
wait_for 20 gone || fail "the driver domain still serves the disk"
guest dd 'dmesg | grep -E "$(grep -vE "^#|^$" /lab/dom0/bad-words | paste -sd"|")" | head -5 | grep .' &&
	fail "the driver domain complains"
need guest dd 'rmmod xen_blkback' >/dev/null
xl destroy dd
passed
