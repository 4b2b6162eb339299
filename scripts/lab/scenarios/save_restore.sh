#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# A guest is saved and restored under verified I/O, and paused.
# shows: `xl save`, `xl restore`, `xl pause` under load | yes
. /lab/dom0/lib.sh
driver_load
xl destroy g1 2>/dev/null
disk=$(image disk 16)
guest_memory=320 guest_create g9 "disk=['$disk,raw,xvdb,w']"
load_start g9 xvdb 12
sleep 2
need xl pause g9
sleep 2
need xl unpause g9
number=$(cat /tmp/number.g9)
need xl save g9 /tmp/g9.save >/dev/null 2>&1
[ -z "$(guest_id g9)" ] || fail "the guest is still there"
wait_for 20 no_backends || fail "the backend outlived the guest"
need xl restore /tmp/g9.save </dev/null >/dev/null 2>&1
rm -f /tmp/g9.save
echo "$number" >/tmp/number.g9
say "saved and restored under load"
load_stop g9
[ "$(guest_sum g9 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
xl destroy g9
passed
