#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Discard reaches the disk, unless the toolstack or the mode forbids it.
# shows: DISCARD, `discard-enable`, beside other I/O | synchronous: holds up its ring
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 32)
blocks() { stat -c %b "$disk"; }
attach g1 "$disk" xvdb w
node=$(backend_node g1 xvdb)
[ "$(xenstore-read "$node/feature-discard")" = 1 ] || fail "discard is not offered"
[ "$(xenstore-read "$node/discard-granularity")" -gt 0 ] || fail "no discard-granularity"
before=$(blocks)
count=$(statistic g1 ds_req)
need guest g1 'blkdiscard -o 8388608 -l 16777216 /dev/xvdb' >/dev/null
after=$(blocks)
[ "$(statistic g1 ds_req)" -gt "$count" ] || fail "ds_req did not grow"
[ $((before - after)) -ge 30000 ] || fail "the file kept $after of $before blocks"
[ "$(guest g1 'dd if=/dev/xvdb bs=1M skip=8 count=16 iflag=direct 2>/dev/null | tr -d "\000" | wc -c')" = 0 ] ||
	fail "discarded sectors hold data"
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
say "a discard of 16 MiB gave $(((before - after) / 2)) KiB back"
# Verified I/O beside discards of another part of the disk.
guest_start g1 discards 'for i in 1 2 3 4 5 6 7 8; do blkdiscard -o 16777216 -l 16777216 /dev/xvdb || exit 1; done'
need guest g1 "$(fio_verify xvdb 12)" 240 >/dev/null
need guest_join g1 discards 120
detach g1 xvdb
need xl block-attach g1 "format=raw,vdev=xvdb,access=rw,no-discard,target=$disk"
wait_for 30 guest_has_disk g1 xvdb || fail "the guest never saw the disk"
[ "$(xenstore-read "$(backend_node g1 xvdb)/feature-discard")" = 0 ] || fail "no-discard offers discard"
guest g1 'blkdiscard /dev/xvdb' >/dev/null && fail "a discard succeeded in spite of no-discard"
detach g1 xvdb
attach g1 "$disk" xvdb r
[ "$(xenstore-read "$(backend_node g1 xvdb)/feature-discard")" = 0 ] || fail "a read-only disk offers discard"
detach g1 xvdb
passed
