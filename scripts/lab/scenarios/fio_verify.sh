#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: main
# Verified I/O from 512 bytes to 1 MiB, with and without persistent grants.
# shows: grants that stay mapped with persistent grants, and none without | yes
# shows: READ and WRITE, 512 bytes to 1 MiB, crc32c checked by the guest and again by dom0 | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 40)
for persistent in Y N; do
	set_parameter feature_persistent $persistent
	attach g1 "$disk" xvdb w
	need guest g1 "$(fio_verify xvdb 24)" 240 >/dev/null
	need guest g1 "fio --name=seq --filename=/dev/xvdb --offset=24M --size=16M --direct=1 --rw=write --bs=128k --verify=crc32c --verify_fatal=1 --minimal" 120 >/dev/null
	[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "guest wrote other data than dom0 finds"
	if driver_is_ours; then
		kept=$(ring_counts g1 xvdb | awk '{ s += $2 } END { print s + 0 }')
		case $persistent in
		Y) [ "$kept" -gt 0 ] || fail "no grant stays mapped with persistent grants" ;;
		N) [ "$kept" = 0 ] || fail "$kept grants stay mapped without persistent grants" ;;
		esac
	fi
	say "persistent grants $persistent: ${kept:-not counted} kept, rd_req $(statistic g1 rd_req), wr_req $(statistic g1 wr_req)"
	detach g1 xvdb
	# The other way round: dom0 writes, the guest reads.
	dd if=/dev/urandom of="$disk" bs=1M count=40 conv=notrunc status=none
	attach g1 "$disk" xvdb w
	[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "guest reads other data than dom0 wrote"
	detach g1 xvdb
done
set_parameter feature_persistent Y
passed
