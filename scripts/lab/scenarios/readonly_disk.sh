#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A read-only disk is read, never written.
# shows: read-only disks (`mode=r`, `info` flag) | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 8)
before=$(file_sum "$disk")
attach g1 "$disk" xvdb r
[ "$(cat "$(backend_of g1)/mode")" = r ] || fail "mode is not r in sysfs"
[ "$(guest g1 'cat /sys/block/xvdb/ro')" = 1 ] || fail "the guest does not see a read-only disk"
guest g1 'dd if=/dev/zero of=/dev/xvdb bs=4k count=1 oflag=direct' >/dev/null && fail "a write succeeded"
[ "$(guest_sum g1 xvdb)" = "$before" ] || fail "the guest reads other data"
detach g1 xvdb
[ "$(file_sum "$disk")" = "$before" ] || fail "the disk has changed"
passed
