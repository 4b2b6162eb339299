#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: locks
# Parameters change under load; invalid values are refused.
# shows: parameters changed under load | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 32)
attach g1 "$disk" xvdb w
load_start g1 xvdb 16
for _ in 1 2 3 4; do
	for value in 0 8 1024; do need set_parameter max_buffer_pages $value; sleep 0.3; done
	for value in 0 16 1056; do need set_parameter max_persistent_grants $value; sleep 0.3; done
	for value in 1 0 60; do need set_parameter persistent_grant_unused_seconds $value; sleep 0.3; done
	for value in 1 0; do need set_parameter log_stats $value; done
	for value in N Y; do need set_parameter feature_persistent $value; done
done
if driver_is_ours; then
	for bad in -1 nonsense 99999999999 4294967296 1e3 ''; do
		set_parameter max_buffer_pages "$bad" 2>/dev/null && fail "max_buffer_pages took '$bad'"
		[ "$(cat "$parameters/max_buffer_pages")" = 1024 ] || fail "max_buffer_pages lost its value"
	done
	dmesg | grep -q "parameter max_buffer_pages: '-1' is not a number" || fail "no clear message"
fi
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
passed
