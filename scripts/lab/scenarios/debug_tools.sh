#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kunit
# lab: last
# After all other scenarios kmemleak finds no leak of ours, and lockdep is still active.
# A planted leak is found, also after its module is unloaded.
. /lab/dom0/lib.sh
driver_load
guests_destroy
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
leaks=/sys/kernel/debug/kmemleak
[ -e $leaks ] || fail "this kernel has no kmemleak"

# scan: writes the leaks that may be ours to /tmp/leaks: those with a function of a module of
# ours, or of a module that is no longer loaded, whose functions have no names.
scan() {
	# kmemleak reports an object from the second scan on, when it is some seconds old.
	for _ in 1 2 3; do
		pause 6
		echo scan >$leaks || fail "kmemleak has been disabled"
	done
	awk 'function judge() { if (ours) print block; ours = 0; block = "" }
		/^unreferenced object/ { judge() }
		/\[xen_blkback/ || /^ +(\[<[0-9a-f]+>\] )?0xffffffff[a-f][0-9a-f]*$/ { ours = 1 }
		{ block = block $0 "\n" }
		END { judge() }' $leaks >/tmp/leaks
}
scan
if [ -s /tmp/leaks ]; then
	head -60 /tmp/leaks
	fail "memory of ours has leaked"
fi
say "$(grep -c '^unreferenced' $leaks) unreferenced objects, none of ours"
grep -q '^ *debug_locks: *1$' /proc/lockdep_stats || fail "lockdep looks at nothing any more"

# The host judges the console: keep the planted leak off it.
read -r level _ </proc/sys/kernel/printk
echo 1 >/proc/sys/kernel/printk
need insmod /lab/kunit/xen-blkback-planted.ko bug=leak
scan
grep -q 'planted_leak' /tmp/leaks || fail "a planted leak was not found"
need rmmod xen_blkback_planted
scan
[ -s /tmp/leaks ] || fail "the leak of a module that is gone was not found: $(head -n 12 $leaks)"
say "the planted leak was found, with its module and without"
echo clear >$leaks
echo "$level" >/proc/sys/kernel/printk
# The planted leak, and leaks of others, must not fail the check of the log.
forgive 'kmemleak: [0-9]* new suspected'
passed
