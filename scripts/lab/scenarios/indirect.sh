#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: main
# Requests of up to 256 segments, with and without persistent grants.
# shows: INDIRECT requests of up to 256 segments | yes
# shows: at most 3 grant hypercalls for 1 MiB without persistent grants | 27
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
	before=$(statistic g7 rd_req)
	need guest g7 'dd if=/dev/xvdb of=/dev/null bs=1M iflag=direct 2>/dev/null' >/dev/null
	requests=$(($(statistic g7 rd_req) - before))
	[ "$requests" -le 36 ] || fail "$requests requests for 32 MiB"
	[ "$(guest_sum g7 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
	say "persistent grants $persistent: 32 MiB in $requests requests"
	if [ $persistent = N ]; then
		before=$(statistic g7 rd_req)
		xentrace -D -S 4096 -e 0x0020f000 /tmp/trace >/dev/null 2>&1 &
		sleep 1
		need guest g7 'dd if=/dev/xvdb of=/dev/null bs=1M count=16 iflag=direct 2>/dev/null' >/dev/null
		kill -INT %1
		wait %1
		requests=$(($(statistic g7 rd_req) - before))
		calls=$(xenalyze --summary /tmp/trace 2>/dev/null |
			awk '/^\|-- Domain/ { dom0 = /Domain 0 / } dom0 && $1 == "grant_table_op" { n += $NF } END { print n + 0 }')
		rm -f /tmp/trace
		say "$calls grant hypercalls of dom0 for $requests requests of 1 MiB"
		[ "$calls" -gt 0 ] || fail "xentrace saw no hypercall"
		! driver_is_ours || [ "$calls" -le $((requests * 3)) ] || fail "more than 3 grant hypercalls a request"
	fi
	detach g7 xvdb
done
set_parameter feature_persistent Y
xl destroy g7
passed
