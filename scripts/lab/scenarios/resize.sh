#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The disk grows under a connected guest, which is told once.
# shows: online resize of the backing disk | polled ten times a second by each ring
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 16)
loop=$(losetup -f --show "$disk")
attach g1 "$loop" xvdb w
guest_size_is() { [ "$(guest g1 'cat /sys/block/xvdb/size')" = "$1" ]; }
dmesg -C
load_start g1 xvdb 8
truncate -s 24M "$disk"
need losetup -c "$loop"
wait_for 30 guest_size_is 49152 || fail "the guest sees $(guest g1 'cat /sys/block/xvdb/size') sectors"
load_stop g1
sleep 2
told=$(dmesg | grep -c 'sectors now')
[ "$told" = 1 ] || ! driver_is_ours || fail "the frontend was told $told times"
need guest g1 'dd if=/dev/zero of=/dev/xvdb bs=1M seek=20 count=4 oflag=direct 2>/dev/null' >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
losetup -d "$loop"
passed
