#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: release
# dom0's memory for a connected disk before its first request: four rings of one page,
# and of sixteen pages.
# shows: memory of a connected disk, 4 rings of order 0 and of order 4 | 5 MiB, 80 MiB
. /lab/dom0/lib.sh
guests_destroy
driver_load
need set_parameter max_queues 4
modprobe null_blk nr_devices=8 gb=1 queue_mode=2 irqmode=0 submit_queues=1
# Prints the free memory with empty caches, in KiB: the median of five.
free() {
	sync
	for _ in 1 2 3 4 5; do
		echo 3 >/proc/sys/vm/drop_caches
		sleep 0.5
		# Cached includes files in tmpfs, mostly logs.
		# MemFree lacks the CPUs' own lists of free pages.
		awk '/^(MemFree|Cached|Buffers|SReclaimable):/ { n += $2 } $1 == "count:" { n += 4 * $2 } END { print n }' \
			/proc/meminfo /proc/zoneinfo
	done | sort -n | sed -n 3p
}
one() { attach g5 "/dev/nullb$1" "xvd$(printf %b "\\0$(printf %o $((98 + $1)))")" r; }

measure() { # ORDER DISKS LIMIT-KIB
	local before after per_disk rings i
	blkfront=max_ring_page_order=$1 guest_memory=1024 guest_create_4cpus g5
	one 0 # permanent allocations for the first disk are not a disk's cost
	before=$(free)
	for i in $(seq "$2"); do one "$i"; done
	after=$(free)
	per_disk=$(((before - after) / $2))
	rings=$(ps -eo comm= | grep -cE "^$(guest_id g5)\.xvd[c-l]-")
	[ "$rings" = $(($2 * 4)) ] || fail "$rings rings, not $(($2 * 4))"
	echo "NOTE memory: a connected disk with 4 rings of order $1 costs $per_disk KiB of dom0 ($(cat /lab/driver) driver, $(uname -r))"
	xl destroy g5
	wait_for 20 no_backends || fail "the backends outlived the guest"
	# The stacks of four threads alone take this much.
	[ "$per_disk" -ge 64 ] || fail "$per_disk KiB a disk: that is no measurement"
	! driver_is_ours || [ "$per_disk" -lt "$3" ] || fail "$per_disk KiB a disk, not under $3"
}

# The limits are the measured values (6.1: 380 KiB and 1690, 6.12: 366 and 1670, 7.2: 463)
# plus 5 percent.
case $(uname -r) in
7.*) small=486 large=1900 ;;
*) small=400 large=1775 ;;
esac
measure 0 6 $small
# With persistent grants Linux' frontend would allocate the pages for them when it
# connects: 64 MiB of the guest's memory for each ring of this size.
set_parameter feature_persistent N
measure 4 4 $large
set_parameter feature_persistent Y
wait_for 20 rmmod null_blk || fail "null_blk is still in use"
set_parameter max_queues 2
passed
