#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A module with smaller limits takes over a disk whose frontend negotiated more.
# A module that offers persistent grants takes over a frontend that was not offered them.
# shows: a frontend keeps what it was offered when the module is replaced | no: refused, or the frontend gives up
. /lab/dom0/lib.sh
guests_destroy
[ ! -d /sys/module/xen_blkback ] || wait_for 20 rmmod xen_blkback || fail "the module is still in use"
need modprobe xen-blkback max_queues=2 feature_persistent=N
disk=$(image disk 16)
blkfront=max_ring_page_order=2,max_queues=2 guest_vcpus=2 guest_create g8
attach g8 "$disk" xvdb w
queues() { ps -eo comm= | grep -c "^$(guest_id g8)\.xvdb-"; }
order() { xenstore-read "/local/domain/$(guest_id g8)/device/vbd/51728/ring-page-order" 2>/dev/null || echo 0; }
[ "$(queues) $(order)" = "2 2" ] || fail "$(queues) queues of order $(order), not 2 of 2"
load_start g8 xvdb 8
for settings in "max_queues=1 max_ring_page_order=0" "max_queues=1"; do
	sleep 2
	device=$(basename "$(backend_of g8)")
	echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
	wait_for 20 rmmod xen_blkback 2>/dev/null || fail "rmmod after unbind"
	# shellcheck disable=SC2086 # several words
	need modprobe xen-blkback $settings
	wait_for 20 eval '[ "$(queues)" = 2 ]' || fail "with $settings: $(queues) queues; $(dmesg | tail -3)"
	say "served on with $settings"
done
sleep 2
load_stop g8
[ "$(guest_sum g8 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
guest g8 'dmesg | grep -i "not unmapped\|disabled for use"' && fail "the frontend gave the disk up"
detach g8 xvdb
# A frontend that starts afresh gets what these settings allow.
attach g8 "$disk" xvdb w
[ "$(queues)" = 1 ] || fail "$(queues) queues, not 1"
detach g8 xvdb
xl destroy g8
wait_for 20 rmmod xen_blkback || fail "the module is still in use"
driver_load
passed
