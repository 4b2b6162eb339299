#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own driver and ours take over from each other under a running
# guest's verified I/O.
# shows: the kernel's own driver and this one take over from each other under a running guest | -
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 32)
attach g1 "$disk" xvdb w
load_start g1 xvdb 16
for which in intree ours intree ours; do
	sleep 2
	device=$(basename "$(backend_of g1)")
	echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
	driver_use $which
	[ -e "/sys/bus/xen-backend/drivers/vbd/$device" ] || fail "the device was not bound by $which"
	say "served by $which"
done
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
passed
