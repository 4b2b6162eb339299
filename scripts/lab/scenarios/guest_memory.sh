#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: release
# A guest with four rings of sixteen pages, indirect requests and persistent grants: its
# memory in dom0 is what the account says, and a cap holds it while verified I/O goes on.
# shows: a cap on the memory that a guest's disks cost dom0 (`max_guest_memory_kb`) | no
. /lab/dom0/lib.sh
guests_destroy
driver_load
need set_parameter max_queues 4
# Slow, and deep enough for all that the rings can hold: sets "disk".
null_disk size=64 memory_backed=1 irqmode=2 completion_nsec=20000000 hw_queue_depth=256
blkfront=max_ring_page_order=4 guest_memory=1024 guest_create_4cpus gm
mountpoint -q /sys/kernel/debug || need mount -t debugfs debugfs /sys/kernel/debug

# memory NAME: of the guest, in bytes
memory() { sed -n "s/^$1: //p" "/sys/kernel/debug/xen-blkback/$(guest_id gm).$(vdev_number xvdb)/memory"; }
# The bytes in the caches that persistent grants and blocks of 32 segments come from.
slab() {
	awk '$1 ~ /^kmalloc-(96|2k)$/ { n += $2 * $4 } END { print n }' /proc/slabinfo
}
job="fio --name=v --filename=/dev/xvdb --size=15M --offset_increment=16M --numjobs=4 --direct=1 --ioengine=libaio \
	--iodepth=64 --rw=randrw --bs=128k --verify=crc32c --verify_fatal=1 --minimal"
start() {
	guest gm 'rm -f /tmp/stop' >/dev/null
	guest_start gm load "until [ -e /tmp/stop ]; do $job || exit 1; done"
}
larger() { [ "$1" -gt "$2" ] && echo "$1" || echo "$2"; }
requests() { echo $(($(statistic_of gm xvdb rd_req) + $(statistic_of gm xvdb wr_req))); }
# watch NAME: the most memory of the guest, beyond its floors and in the caches, in
# eight looks under load; sets "most", "beyond" and "caches".
watch() {
	local first
	most=0 beyond=0 caches=0
	first=$(requests)
	for _ in 1 2 3 4 5 6 7 8; do
		pause 1
		most=$(larger "$most" "$(memory guest)")
		beyond=$(larger "$beyond" "$(memory "beyond floors")")
		caches=$(larger "$caches" $(($(slab) - rest)))
	done
	count=$(($(requests) - first))
	say "$1: $count requests; at most $((most / 1024)) KiB, $((beyond / 1024)) beyond floors; caches grew by $((caches / 1024)) KiB"
	[ "$count" -ge 50 ] || fail "$1: $count requests in eight seconds"
}
rings() { ps -eo comm= | grep -cE "^$(guest_id gm)\.xvdb-"; }
served_well() { # NAME
	load_stop gm
	! guest gm 'dmesg | grep -E "I/O error|blk_update_request"' | grep -q . || fail "$1: the guest saw an error"
	[ "$(statistic_of gm xvdb err_req)" = 0 ] || fail "$1: requests failed"
}

attach gm "$disk" xvdb w
[ "$(rings)" = 4 ] || fail "$(rings) rings, not 4"
rest=$(slab)
floors=$(memory floors)
say "floors: $((floors / 1024)) KiB; before the first request: $(($(memory guest) / 1024)) KiB"
start
watch "no cap"
free_beyond=$beyond free_caches=$caches
[ "$(memory cap)" = - ] || fail "there is a cap: $(memory cap)"
# Three times what the cap below leaves.
[ "$beyond" -gt $((384 * 1024)) ] || fail "the guest demands $beyond bytes beyond its floors: too little for this scenario"

# The cap falls under load.  What is idle comes back at once, the rest as requests end.
cap=$((floors / 1024 + 128))
need set_parameter max_guest_memory_kb $cap
within() { [ "$(memory guest)" -le $((cap * 1024)) ]; }
wait_for 20 within || fail "the guest has $(memory guest) bytes, and the cap is $cap KiB"
watch "cap $cap KiB"
[ "$most" -le $((cap * 1024)) ] || fail "the guest had $most bytes, and the cap is $cap KiB"
[ "$(memory refused)" -gt 0 ] || fail "the cap has refused nothing"
# The allocator counts the free objects of the CPUs' slabs as used.
[ $((caches * 3)) -lt $((free_caches * 2)) ] || fail "the caches grew by $caches bytes with the cap, by $free_caches without"
[ $((beyond * 2)) -lt "$free_beyond" ] || fail "$beyond bytes beyond the floors with the cap, $free_beyond without"
served_well "cap $cap KiB"
detach gm xvdb
wait_for 20 no_backends || fail "the backend outlived its disk"

# A cap that is there before the frontend: smaller rings are offered, and the disk is served.
need set_parameter max_guest_memory_kb 1024
attach gm "$disk" xvdb w
node=$(backend_node gm xvdb)
order=$(xenstore-read "$node/max-ring-page-order")
queues=$(xenstore-read "$node/multi-queue-max-queues")
say "cap 1024 KiB: offered $queues queues of order $order; floors $(($(memory floors) / 1024)) KiB"
[ "$order" -lt 4 ] || fail "rings of order 4 were offered at a cap of 1 MiB"
[ "$(rings)" = "$queues" ] || fail "$(rings) rings of $queues that were offered"
rest=$(slab)
start
watch "cap 1024 KiB"
[ "$most" -le $((1024 * 1024)) ] || fail "the guest had $most bytes, and the cap is 1 MiB"
served_well "cap 1024 KiB"

# The toolstack's node holds in place of the parameter, from the next connect on.
need xenstore-write "$node/max-guest-memory-kb" 300000
need eval "echo vbd-$(guest_id gm)-$(vdev_number xvdb) >/sys/bus/xen-backend/drivers/vbd/unbind"
need eval "echo vbd-$(guest_id gm)-$(vdev_number xvdb) >/sys/bus/xen-backend/drivers/vbd/bind"
has_cap() { [ "$(memory cap 2>/dev/null)" = $((300000 * 1024)) ]; }
wait_for 20 has_cap || fail "the node is not the cap: $(memory cap)"
need guest gm "$job" 120 >/dev/null
detach gm xvdb
need set_parameter max_guest_memory_kb 0
xl destroy gm
wait_for 20 no_backends || fail "the backends outlived the guest"
null_disk_remove
set_parameter max_queues 2
passed
