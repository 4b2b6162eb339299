#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A disk whose data carries checksums from the block layer on, and a guest that
# changes its pages while they are written.
# shows: pages that a guest changes in flight, on disks with checksums (T10 DIF) | no: writes fail
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
scsi_disk 512 dif=1 dix=1
# From 6.11 on the attribute is 0 for a disk whose checksums the block layer itself makes.
[ "$(cat "/sys/block/${disk##*/}/queue/stable_writes")" = 1 ] ||
	grep -q T10-DIF "/sys/block/${disk##*/}/integrity/format" || fail "the disk does not ask for stable pages"
attach_only gt "$disk" xvdb w
tool gt changing xvdb 10
dd if="$disk" of=/dev/null bs=1M iflag=direct status=none || fail "the disk's checksums are wrong"
detach_tool gt xvdb
wait_for 20 rmmod scsi_debug || fail "the disk is still in use"
passed
