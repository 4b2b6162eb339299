#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A disk fails writes and flushes: only these get errors, and a line in the log says
# how a Linux frontend reacts to a failed flush.
# shows: failed writes and flushes reported as errors, with a line in the log | yes, without the line
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
null_disk size=16 memory_backed=1 cache_size=4
need modprobe dm-flakey
# 0 seconds up, then 600 seconds down: writes fail, reads do not.
echo "0 32768 flakey $disk 0 0 600 1 error_writes" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
attach_only gt /dev/mapper/lab xvdb w
tool gt failing-writes xvdb
detach_tool gt xvdb
! driver_is_ours || dmesg | grep -q 'xvdb.*a flush failed with error -5; a Linux frontend that is told so' ||
	fail "the log does not tell of the failed flush"
need dmsetup remove lab
null_disk_remove
passed
