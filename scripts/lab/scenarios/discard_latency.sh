#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# Reads on the same ring as discards, on a disk that completes a discard late and on
# one that does its work during the submission.
# shows: a discard holds up no read of its ring, on a disk with slow discards | synchronous: each read waits
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
null_disk size=64 memory_backed=1 discard=1 irqmode=0
need modprobe dm-delay
sectors=$((64 * 2048))
# Reads are immediate; writes and discards are delayed by 300 ms.
echo "0 $sectors delay $disk 0 0 $disk 0 300" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
attach_only gt /dev/mapper/lab xvdb w
tool gt discard-latency xvdb
detach_tool gt xvdb
need dmsetup remove lab
null_disk_remove
# zram frees each page of a discard during its submission.
need modprobe zram num_devices=1
echo 2G >/sys/block/zram0/disksize || fail "the size of zram"
attach_only gt /dev/zram0 xvdb w
tool gt discard-latency xvdb
detach_tool gt xvdb
wait_for 10 rmmod zram || fail "zram is still in use"
passed
