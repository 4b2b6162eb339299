#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kunit
# lab: last
# After all other scenarios: kmemleak finds no memory of ours that nobody points to,
# and lockdep is still looking.  A leak that is planted is found, also when its
# module is gone.
. /lab/dom0/lib.sh
driver_load
guests_destroy
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
leaks=/sys/kernel/debug/kmemleak
[ -e $leaks ] || fail "this kernel has no kmemleak"

# What is lost and may be ours: a function of a module of ours, or of one that is not loaded any
# more and has no name.
scan() {
	# An object counts from the second scan on, once it is some seconds old.
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

# The host judges the console, and is not to find what is planted.
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
# What was planted, and what others lost, is not for the judge of our logs.
forgive 'kmemleak: [0-9]* new suspected'
passed
