#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: locks
# The module is unloaded and loaded again under a running guest's verified I/O.
# shows: module unloaded and loaded again under a running guest | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 32)
attach g1 "$disk" xvdb w
load_start g1 xvdb 16
for round in 1 2 3; do
	sleep 2
	device=$(basename "$(backend_of g1)")
	rmmod xen_blkback 2>/dev/null && fail "rmmod succeeded with a device connected"
	echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
	wait_for 20 rmmod xen_blkback 2>/dev/null || fail "rmmod after unbind"
	[ -d /sys/module/xen_blkback ] && fail "the module is still there"
	need modprobe xen-blkback
	[ -e "/sys/bus/xen-backend/drivers/vbd/$device" ] || fail "the device was not bound again"
	say "round $round: unbound, unloaded, loaded, bound again"
done
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
passed
