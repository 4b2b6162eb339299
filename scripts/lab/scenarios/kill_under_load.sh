#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: locks
# A guest is destroyed under load; nothing of it is left over.
# shows: a guest killed under load | yes
. /lab/dom0/lib.sh
driver_load
xl destroy g1 2>/dev/null
disk=$(image disk 32)
requests() { echo $(($(statistic g3 rd_req) + $(statistic g3 wr_req))); }
for round in 1 2; do
	guest_vcpus=2 guest_create g3 "disk=['$disk,raw,xvdb,w']"
	guest_start g3 load "$(fio_verify xvdb 24 '--loops=20')"
	wait_for 30 eval '[ "$(statistic g3 wr_req)" -gt 50 ]' || fail "g3 does not write"
	wait_for 30 guest_is_busy g3 xvdb || fail "nothing is in flight"
	before=$(requests)
	wait_for 30 eval '[ "$(requests)" -gt "$before" ]' || fail "the load has ended"
	xl destroy g3
	wait_for 20 no_backends || fail "the backend is still there"
	wait_for 20 eval '! xl list | grep -q null' || fail "a zombie: $(xl list)"
	say "round $round: destroyed under load, nothing left"
done
wait_for 10 rmmod xen_blkback || fail "the module is still in use"
driver_load
passed
