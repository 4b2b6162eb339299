#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk with 4 KiB sectors, and buffers that are aligned to them or to 512 bytes.
# shows: disks with 4 KiB sectors; `sectors` in units of 512 bytes | yes
# shows: guests' buffers aligned to 512 bytes on such disks | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
scsi_disk 4096
attach g1 "$disk" xvdb w
[ "$(guest g1 'cat /sys/block/xvdb/queue/logical_block_size')" = 4096 ] || fail "the guest does not see 4096"
[ "$(guest g1 'cat /sys/block/xvdb/size')" = 65536 ] || fail "the guest sees the wrong size"
for align in 4096 512; do
	need guest g1 "$(fio_verify xvdb 16 "--bsrange=4k-1m --blockalign=4k --iomem_align=$align")" >/dev/null
	say "buffers aligned to $align bytes: verified"
done
[ "$(guest_sum g1 xvdb)" = "$(dd if="$disk" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] || fail "data differs"
detach g1 xvdb
wait_for 10 rmmod scsi_debug || fail "the disk is still in use"
passed
