#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An idle disk wakes nobody up.
# shows: no wake-up of an idle disk | 10 a second for each ring
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 8)
attach g1 "$disk" xvdb w
need guest g1 'dd if=/dev/xvdb of=/dev/null bs=64k iflag=direct 2>/dev/null' >/dev/null
sleep 3
threads=$(ps -eo pid=,comm= | awk -v prefix="$(guest_id g1).xvdb-" 'index($2, prefix) == 1 { print $1 }')
[ -n "$threads" ] || fail "no threads of the backend"
switches() { for thread in $threads; do cat /proc/"$thread"/status; done | awk '/ctxt_switches/ { s += $2 } END { print s }'; }
before=$(switches)
sleep 10
after=$(switches)
echo "NOTE idle: $((after - before)) wake-ups in 10 s of $(echo "$threads" | wc -l) rings ($(cat /lab/driver) driver, $(uname -r))"
detach g1 xvdb
[ $((after - before)) = 0 ] || fail "$((after - before)) wake-ups in 10 s"
passed
