#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a connected default disk costs dom0: four rings, no request yet.
. /lab/dom0/lib.sh
guests_destroy
driver_load
need set_parameter max_queues 4
guest_create_4cpus g5
disks=10
available() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }
used() { awk '/^(Slab|KernelStack|PageTables|VmallocUsed)/ { s += $2 } END { print s }' /proc/meminfo; }
modprobe null_blk nr_devices=12 gb=1 queue_mode=2 irqmode=0 submit_queues=1
one() { attach g5 /dev/nullb$1 xvd$(printf "\\$(printf %o $((98 + $1)))") r; }
one 0 # what the first one allocates for good is not a disk's cost
sleep 1
before=$(available)
for i in $(seq $disks); do one "$i"; done
sleep 1
after=$(available)
per_disk=$(((before - after) / disks))
rings=$(ps -eo comm= | grep -cE "^$(guest_id g5)\.xvd[c-l]-")
[ "$rings" = $((disks * 4)) ] || fail "$rings rings, not $((disks * 4))"
echo "NOTE memory: a connected disk with 4 rings costs $per_disk KiB of dom0 ($(cat /lab/driver) driver, $(uname -r))"
guests_destroy
sleep 2
rmmod null_blk
set_parameter max_queues 2
! driver_is_ours || [ "$per_disk" -lt 1024 ] || fail "$per_disk KiB a disk, not under 1024"
passed
