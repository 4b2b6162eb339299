#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Under memory pressure the pools of free pages are emptied.
# shows: `reclaim_memory` empties the buffers for `buffer_squeeze_duration_ms` | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 16)
set_parameter feature_persistent N
attach g1 "$disk" xvdb w
pools() { dmesg | sed -n 's/.*xvdb-.*pool: \([0-9]*\)\/.*/\1/p'; }
pools_grew() { [ "$(pools | wc -l)" -gt "$1" ]; } # LINES
pool() { # prints the number of pages, from the driver's log_stats line
	need guest g1 "dd if=/dev/xvdb of=/dev/null bs=${1:-4k} count=1 iflag=direct 2>/dev/null" >/dev/null
	local lines
	lines=$(pools | wc -l)
	set_parameter log_stats 1
	wait_for 20 pools_grew "$lines" || fail "the ring does not log its pool"
	set_parameter log_stats 0
	pools | tail -1
}
need guest g1 "$(fio_verify xvdb 8)" 120 >/dev/null
for _ in 1 2; do
	full=$(pool)
	[ "$full" -gt 16 ] || fail "the pool has $full pages after work"
done
set_parameter buffer_squeeze_duration_ms 20000
# This calls the shrinkers, including that of xenbus.
echo 2 >/proc/sys/vm/drop_caches
empty=$(pool)
say "pool: $full pages, $empty after a squeeze"
# The read in pool() uses one page.
[ "$empty" -le 1 ] || fail "the pool still has $empty of $full pages"
set_parameter buffer_squeeze_duration_ms 10
set_parameter feature_persistent Y
detach g1 xvdb
passed
