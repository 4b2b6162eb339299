#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One, two and four queues, rings of one to sixteen pages.
# shows: 1, 2 and 4 queues; ring orders 0, 2, 4 with Linux' frontend | yes
. /lab/dom0/lib.sh
guests_destroy
driver_load
set_parameter max_queues 4
disk=$(image disk 16)
order=0
for vcpus in 1 2 4; do
	if [ $vcpus = 4 ]; then create=guest_create_4cpus; else create=guest_create; fi
	blkfront=max_ring_page_order=$order,max_queues=4 guest_vcpus=$vcpus $create g8
	attach g8 "$disk" xvdb w
	threads=$(ps -eo comm= | grep -c "^$(guest_id g8)\.xvdb-")
	[ "$threads" = $vcpus ] || fail "$threads queues, not $vcpus"
	xenstore-ls "/local/domain/$(guest_id g8)/device/vbd/51728" | grep -q "ring-page-order = \"$order\"" ||
		[ $order = 0 ] || fail "the rings are not of order $order"
	need guest g8 "$(fio_verify xvdb 12 "--numjobs=1")" 240 >/dev/null
	[ "$(guest_sum g8 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
	# Each online CPU of the guest, at most two, has a queue of its own.
	online=$((vcpus < 2 ? vcpus : 2))
	for ((cpu = 0; cpu < online; cpu++)); do
		need guest g8 "busybox taskset $((1 << cpu)) dd if=/dev/xvdb of=/dev/null bs=64k count=4 iflag=direct" >/dev/null
	done
	if driver_is_ours; then
		used=$(ring_counts g8 xvdb | awk '$1 >= 4' | wc -l)
		[ "$used" -ge $online ] || fail "$used queues have had requests, not $online"
	fi
	say "$vcpus queues of order $order"
	detach g8 xvdb
	xl destroy g8
	order=$((order + 2))
done
set_parameter max_queues 2
passed
