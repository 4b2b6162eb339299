#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: bare
# Without Xen the module refuses to load and says why.
# shows: refused outside Xen with a clear line | refused
. /lab/dom0/lib.sh
output=$(insmod "/lib/modules/$(uname -r)/updates/xen-blkback.ko" 2>&1) && fail "it loaded"
echo "$output" | grep -q 'No such device' || fail "not ENODEV: $output"
dmesg | grep -q 'xen-blkback: not running on Xen' || fail "no clear line in the log"
passed
