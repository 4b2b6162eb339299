#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# Requests of up to 256 segments, with and without persistent grants.
# shows: INDIRECT requests of up to 256 segments | yes
# shows: at most 3 grant hypercalls for 1 MiB without persistent grants | 27
. /lab/dom0/lib.sh
driver_load
blkfront=max_indirect_segments=256 guest_vcpus=2 guest_create g7
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
	detach g7 xvdb
done
# The hypervisor may interrupt a long hypercall and have it repeated, and its traces then
# count it twice: use the driver's counters.
if driver_is_ours; then
	set_parameter feature_persistent N
	attach g7 "$disk" xvdb r
	need guest g7 'dd if=/dev/xvdb of=/dev/null bs=1M iflag=direct 2>/dev/null' >/dev/null
	set_parameter log_stats 1
	detach g7 xvdb
	set_parameter log_stats 0
	line=$(dmesg | grep -E "\($(guest_id g7)\.xvdb-[0-9]+\): oo" | awk '
		{ for (i = 1; i < NF; i++) { if ($i == "rd") r += $(i + 1); if ($i == "map" || $i == "unmap") c += $(i + 1)
			if ($i == "map") g += $(i + 3) } }
		END { print r + 0, c + 0, g + 0 }')
	# shellcheck disable=SC2086 # three numbers
	set -- $line
	[ "$3" -ge 8192 ] || fail "only $3 grants were mapped for 32 MiB"
	say "$2 grant hypercalls for $1 requests with $3 grants"
	[ "$2" -le $(($1 * 3)) ] || fail "more than 3 grant hypercalls a request"
fi
set_parameter feature_persistent Y
xl destroy g7
passed
