#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A disk that fails writes and flushes: errors for them alone, and a line in the
# log that says what a frontend will make of a failed flush.
# shows: failed writes and flushes reported as errors, with a line in the log | yes, without the line
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
null_disk size=16 memory_backed=1 cache_size=4
need modprobe dm-flakey
# Down for 600 seconds after 0 up ones: writes fail, reads do not.
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
