#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: main
# Requests of up to 256 segments, with and without persistent grants.
. /lab/dom0/lib.sh
driver_load
blkfront=max_indirect_segments=256 guest_create g7
disk=$(image disk 32)
for persistent in Y N; do
	set_parameter feature_persistent $persistent
	attach g7 "$disk" xvdb w
	[ "$(xenstore-read "$(backend_node g7 xvdb)/feature-max-indirect-segments")" = 256 ] ||
		fail "feature-max-indirect-segments is not 256"
	[ "$(guest g7 'cat /sys/block/xvdb/queue/max_sectors_kb')" = 1024 ] ||
		fail "the guest does not send requests of 1 MiB"
	need guest g7 "fio --name=v --filename=/dev/xvdb --size=24M --direct=1 --ioengine=libaio --iodepth=4 --rw=randrw --bsrange=4k-1m --verify=crc32c --verify_fatal=1 --minimal" 240 >/dev/null
	set_parameter log_stats 0
	before=$(statistic g7 rd_req)
	need guest g7 'dd if=/dev/xvdb of=/dev/null bs=1M iflag=direct 2>/dev/null' >/dev/null
	requests=$(($(statistic g7 rd_req) - before))
	[ "$requests" -le 36 ] || fail "$requests requests for 32 MiB"
	[ "$(guest_sum g7 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
	say "persistent grants $persistent: 32 MiB in $requests requests"
	detach g7 xvdb
done
set_parameter feature_persistent Y
xl destroy g7
passed
