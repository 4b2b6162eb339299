#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Names, defaults and modes of parameters and sysfs files are the in-tree driver's.
# shows: parameters and sysfs files: names, defaults, modes | yes
. /lab/dom0/lib.sh
guests_destroy
[ ! -d /sys/module/xen_blkback ] || wait_for 20 rmmod xen_blkback || fail "the module is still in use"
driver_load
check() { # FILE VALUE MODE
	[ "$(cat "$parameters/$1")" = "$2" ] || fail "$1 is $(cat "$parameters/$1"), not $2"
	[ "$(stat -c %a "$parameters/$1")" = "$3" ] || fail "$1 has mode $(stat -c %a "$parameters/$1")"
}
check max_buffer_pages 1024 644
check max_persistent_grants 1056 644
check persistent_grant_unused_seconds 60 644
check max_queues "$(nproc)" 644
check max_ring_page_order 4 444
check log_stats 0 644
check feature_persistent Y 644
check buffer_squeeze_duration_ms 10 644
! driver_is_ours || check max_guest_memory_kb 0 644
! driver_is_ours || check grant_copy_bytes 0 644
modinfo -F alias xen-blkback | grep -q '^xen-backend:vbd$' || fail "no alias xen-backend:vbd"
[ "$(modinfo -F license xen-blkback | head -1)" != "" ] || fail "no licence"
[ -n "$(modinfo -F description xen-blkback)" ] || ! driver_is_ours || fail "no description"

# Invalid values in old settings do not keep the module from loading.
rmmod xen_blkback
load() { # FILE VALUE ARGUMENT
	modprobe xen-blkback "$3" || fail "modprobe xen-blkback $3"
	[ "$(cat "$parameters/$1")" = "$2" ] || fail "with $3 $1 is $(cat "$parameters/$1"), not $2"
	rmmod xen_blkback
}
load max_ring_page_order 4 max_ring_page_order=8
load max_ring_page_order 4 max_ring_page_order=-1
if driver_is_ours; then
	load max_queues 1024 max_queues=5000
	load max_queues "$(nproc)" max_queues=-1
	load max_buffer_pages 1048576 max_buffer_pages=-1
	load max_persistent_grants 1048576 max_persistent_grants=-1
	load log_stats 2147483647 log_stats=-1
	dmesg | grep -q "xen-blkback: parameter max_ring_page_order: '8' is not from 0 to 4; 4 is taken" ||
		fail "no line of the log says so"
fi
! modprobe xen-blkback max_queues=many 2>/dev/null || fail "max_queues=many was taken"
driver_load
! echo 5000 2>/dev/null >"$parameters/max_queues" || ! driver_is_ours || fail "max_queues 5000 was taken"
check max_ring_page_order 4 444
check log_stats 0 644

guest_vcpus=2 guest_create g1
disk=$(image disk 8)
attach g1 "$disk" xvdb w
folder=$(backend_of g1)
[ "$(cat "$folder/physical_device")" = "$(stat -c '%t:%T' /dev/loop0)" ] || fail "physical_device: $(cat "$folder/physical_device")"
[ "$(cat "$folder/mode")" = w ] || fail "mode: $(cat "$folder/mode")"
for name in oo_req rd_req wr_req f_req ds_req rd_sect wr_sect; do
	[ "$(stat -c %a "$folder/statistics/$name")" = 444 ] || fail "$name has a wrong mode"
	grep -qE '^[0-9]+$' "$folder/statistics/$name" || fail "$name is no number"
done
before=$(statistic g1 wr_sect)
need guest g1 'dd if=/dev/zero of=/dev/xvdb bs=64k count=16 oflag=direct 2>/dev/null' >/dev/null
[ "$(statistic g1 wr_sect)" = $((before + 2048)) ] || fail "wr_sect grew by $(($(statistic g1 wr_sect) - before)), not 2048"
ps -eo comm= | grep -q "^$(guest_id g1).xvdb-0$" || fail "no thread $(guest_id g1).xvdb-0"
before=$(statistic g1 f_req)
need guest g1 'dd if=/dev/zero of=/dev/xvdb bs=4k count=1 conv=fsync 2>/dev/null && sync' >/dev/null
[ "$(statistic g1 f_req)" -gt "$before" ] || fail "fsync did not flush"
detach g1 xvdb
passed
