#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: once
# Verified I/O on all kinds of backing disks.
. /lab/dom0/lib.sh
driver_load
guest_need g1
verify() { # NAME DEVICE
	attach g1 "$2" xvdb w
	need guest g1 "$(fio_verify xvdb 8 "${3:-}")" 240 >/dev/null
	[ "$(guest_sum g1 xvdb)" = "$(dd if="$2" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] ||
		fail "$1: data differs"
	flush=$(xenstore-read "$(backend_node g1 xvdb)/feature-flush-cache")
	detach g1 xvdb
	say "$1: verified, feature-flush-cache $flush"
}
need modprobe brd rd_nr=1 rd_size=16384
verify brd /dev/ram0
wait_for 10 rmmod brd
need modprobe null_blk nr_devices=0
for cache in 0 4; do
	mkdir /sys/kernel/config/nullb/lab 2>/dev/null || {
		mount -t configfs configfs /sys/kernel/config
		need mkdir /sys/kernel/config/nullb/lab
	}
	null=/sys/kernel/config/nullb/lab
	echo 16 >$null/size
	echo 1 >$null/memory_backed
	echo $cache >$null/cache_size
	echo 1 >$null/power
	# The disk has the folder's name, or in older kernels the next number.
	node=/dev/$(ls /sys/block | grep -E '^(lab|nullb.*)$' | head -1)
	wait_for 5 [ -b "$node" ] || fail "no disk of null_blk"
	verify "null_blk with $cache MiB of cache" "$node"
	echo 0 >$null/power
	rmdir $null
done
wait_for 10 rmmod null_blk
scsi_disk 512
verify scsi_debug "$disk"
sectors=$(cat "/sys/block/${disk##*/}/size")
echo "0 $((sectors - 8)) linear $disk 8" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
verify dm-linear /dev/mapper/lab
wait_for 10 dmsetup remove lab
wait_for 20 rmmod scsi_debug || fail "scsi_debug is still in use"
passed
