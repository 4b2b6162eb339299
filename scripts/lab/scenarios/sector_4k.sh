#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk with 4 KiB sectors.
. /lab/dom0/lib.sh
driver_load
guest_need g1
need modprobe sd_mod
need modprobe scsi_debug dev_size_mb=32 sector_size=4096 delay=0
sleep 1
disk=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* | head -1)
disk=/dev/${disk##*/}
wait_for 10 [ -b "$disk" ] || fail "no scsi_debug disk"
dd if=/dev/urandom of="$disk" bs=1M count=32 oflag=direct status=none
attach g1 "$disk" xvdb w
[ "$(guest g1 'cat /sys/block/xvdb/queue/logical_block_size')" = 4096 ] || fail "the guest does not see 4096"
[ "$(guest g1 'cat /sys/block/xvdb/size')" = 65536 ] || fail "the guest sees the wrong size"
need guest g1 "$(fio_verify xvdb 16 '--bsrange=4k-1m --blockalign=4k')" >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(dd if="$disk" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] || fail "data differs"
detach g1 xvdb
wait_for 10 rmmod scsi_debug || fail "the disk is still in use"
passed
