#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# Verified I/O on all kinds of backing disks.
# shows: brd, null_blk with and without write cache, scsi_debug, dm-linear as backing disks | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
verify() { # NAME DEVICE
	attach g1 "$2" xvdb w
	need guest g1 "$(fio_verify xvdb 8 "${3:-}")" 240 >/dev/null
	[ "$(guest_sum g1 xvdb)" = "$(dd if="$2" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] ||
		fail "$1: data differs"
	flush=$(xenstore-read "$(backend_node g1 xvdb)/feature-flush-cache")
	cache=$(cat "/sys/dev/block/$((0x$(stat -L -c %t "$2"))):$((0x$(stat -L -c %T "$2")))/queue/write_cache")
	case $cache,$flush in
	'write back',1 | 'write through',0) ;;
	*) fail "$1: feature-flush-cache is $flush, the disk's cache '$cache'" ;;
	esac
	detach g1 xvdb
	say "$1: verified, feature-flush-cache $flush"
}
need modprobe brd rd_nr=1 rd_size=16384
verify brd /dev/ram0
wait_for 10 rmmod brd || fail "brd is still in use"
for size in 0 4; do
	null_disk size=16 memory_backed=1 cache_size=$size
	verify "null_blk with $size MiB of cache" "$disk"
	[ "$flush" = $((size != 0)) ] || fail "null_blk with $size MiB of cache: feature-flush-cache is $flush"
	null_disk_remove
done
scsi_disk 512
verify scsi_debug "$disk"
sectors=$(cat "/sys/block/${disk##*/}/size")
echo "0 $((sectors - 8)) linear $disk 8" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
verify dm-linear /dev/mapper/lab
wait_for 10 dmsetup remove lab || fail "dm-linear is still in use"
wait_for 20 rmmod scsi_debug || fail "scsi_debug is still in use"
passed
