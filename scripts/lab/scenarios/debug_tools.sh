#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# After all other scenarios: kmemleak finds no memory of ours that nobody points to,
# and lockdep is still looking.
. /lab/dom0/lib.sh
driver_load
guests_destroy
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
leaks=/sys/kernel/debug/kmemleak
[ -e $leaks ] || fail "this kernel has no kmemleak"
# An object counts from the second scan on, once it is some seconds old.
for _ in 1 2 3; do
	sleep 6
	echo scan >$leaks
done
# While the module is loaded its functions have names.
cat $leaks >/tmp/leaks
if grep -q 'xen_blkback' /tmp/leaks; then
	grep -B 20 -A 12 'xen_blkback' /tmp/leaks | head -60
	fail "memory of ours has leaked"
fi
say "$(grep -c '^unreferenced' /tmp/leaks) unreferenced objects, none of ours"
grep -q '^ *debug_locks: *1$' /proc/lockdep_stats || fail "lockdep looks at nothing any more"
# What others lost is not for the judge of our logs.
dmesg | grep 'kmemleak' && dmesg -C
passed
