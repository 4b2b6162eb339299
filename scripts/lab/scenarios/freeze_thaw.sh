#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dom0's threads are frozen and thawed, as for suspend to idle, under a guest's
# verified I/O.
# shows: dom0's threads freeze and thaw | partly: its waits cannot be frozen
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 16)
attach g1 "$disk" xvdb w
load_start g1 xvdb 12
sleep 1
# The test mode freezes all threads, waits five seconds, and thaws them.
echo freezer >/sys/power/pm_test || fail "this kernel cannot test the freezer"
freeze() {
	echo freeze >/sys/power/state || fail "the threads did not freeze: $(dmesg | tail -n 5)"
	say "frozen and thawed"
}
freeze
freeze
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
# A guest that never lets its ring run dry.
guest_need_tool gt
attach_only gt "$disk" xvdb w
guest_start gt endless "frontend endless $(vdev_number xvdb) 20"
sleep 5
freeze
guest_join gt endless 60 || fail "the ring was not served"
echo none >/sys/power/pm_test
detach_tool gt xvdb
passed
