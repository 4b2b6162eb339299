#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# lab: release
# lab: kasan
# lab: long
# A PVH guest whose kernel has KASAN and lockdep runs the cases of src/linux, and serves
# disks under load.  The cases include those that need Xen, except the mapping of its own
# pages.  Under load parameters change, the driver is unbound, guests are killed and start
# over, and the disk vanishes.  kmemleak is off: under KASAN it would make everything eight
# times as slow.
# shows: event channels and xenstore of the Linux side, case by case, with KASAN | yes
# shows: parameters, unbind, kill, reconnect and a vanishing disk under load, with KASAN | not compared
. /lab/dom0/lib.sh
. /lab/dom0/checks.sh
guests_destroy
# As for KUnit: the domain's CPU may wait for the host's for a minute.
patient="workqueue.watchdog_thresh=150 sysctl.kernel.watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=150"
domain_kernel=/kasan/vmlinux domain_memory=1500 domain_type=pvh domain_extra="noxsave kmemleak=off $patient" domain_create dd
guest dd 'grep -q " kasan_report$" /proc/kallsyms && grep -q "^ *debug_locks: *1$" /proc/lockdep_stats' ||
	fail "the domain's kernel has no KASAN or no lockdep"
guest dd 'grep -q __asan_load8 "/lib/modules/$(uname -r)/updates/xen-blkback.ko"' || fail "our module is built without KASAN"
guest dd '/lab/dom0/kunit-cases /lab/kunit-kasan auto-translated 2>&1' 600 >/tmp/counts || fail "$(tail -n 30 /tmp/counts)"
say "$(cat /tmp/counts)"
domain_verify dd

# in_domain COMMANDS: runs the commands in the domain, with the functions of lib.sh.
in_domain() { need guest dd "bash -c '. /lab/dom0/lib.sh; $1'" 120; }
# A hotplug script takes a minute or two there.
serve() { guest_seconds=300 guest_cpus=3 "$1" gc "disk=['format=raw,vdev=xvdb,access=rw,backend=dd,target=$2']"; }
node=/sys/bus/xen-backend
in_domain 'driver_load; modprobe scsi_debug dev_size_mb=32 delay=1 lbpu=1; wait_for 10 ls /dev/sda' >/dev/null
serve guest_create /dev/sda
wait_for 30 guest_has_disk gc xvdb || fail "the guest never saw the disk"
load_start gc xvdb 16
in_domain "for i in 1 2 3; do
	for value in 0 1024; do need set_parameter max_buffer_pages \$value; need set_parameter max_persistent_grants \$value; pause 0.5; done;
	echo 2 >/proc/sys/vm/drop_caches;
done" >/dev/null
say "parameters changed under load"
for _ in 1 2; do
	in_domain "device=\$(ls $node/devices | grep ^vbd); echo \$device >$node/drivers/vbd/unbind; pause 1; echo \$device >$node/drivers/vbd/bind" >/dev/null
	pause 2
done
load_stop gc
say "unbound and bound again under load"
guest_start gc load "$(fio_verify xvdb 16 '--loops=50')"
wait_for 30 guest_is_busy gc xvdb || fail "nothing is in flight"
need xl destroy gc
wait_for 60 domain_serves dd 0 || fail "the driver domain still serves the killed guest's disk"
say "killed under load"
# The hotplug script of a driver domain may take longer than the frontend waits for Connected,
# and under KASAN longer than the domain's toolstack waits for it (40 s): that one then removes
# the backend's directory, and the guest gets another one.
backend() { echo "/local/domain/$(guest_id dd)/backend/vbd/$(guest_id gc)/51728"; }
opened() { [ "$(xenstore-read "$(backend)/opened" 2>/dev/null)" = 1 ]; }
opened_or_gone() { opened || ! xenstore-exists "$(backend)"; }
for try in 1 2 3; do
	serve guest_create_tool /dev/sda
	wait_for 120 opened_or_gone
	! opened || break
	say "attempt $try: the domain's toolstack did not wait for its hotplug script"
	need xl destroy gc
	wait_for 60 domain_serves dd 0 || fail "the driver domain still serves the disk"
done
opened || fail "the driver domain does not open the disk"
tool gc state-orders xvdb 3 300
need xl destroy gc
wait_for 60 domain_serves dd 0 || fail "the driver domain still serves the disk"
serve guest_create /dev/sda
wait_for 30 guest_has_disk gc xvdb || fail "the guest never saw the disk"
guest_start gc load 'fio --name=l --filename=/dev/xvdb --size=16M --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw --bs=4k --time_based --runtime=60 --minimal'
wait_for 30 guest_is_busy gc xvdb || fail "nothing is in flight"
in_domain 'echo 1 >/sys/block/sda/device/delete' >/dev/null
guest_join gc load 120 && fail "the guest saw no error"
need xl destroy gc
wait_for 60 domain_serves dd 0 || fail "the driver domain still serves the disk that vanished"
say "the disk vanished under load"
in_domain 'wait_for 20 rmmod scsi_debug && wait_for 20 rmmod xen_blkback' >/dev/null
domain_check_log dd
guest dd 'grep -q "^ *debug_locks: *1$" /proc/lockdep_stats' || fail "lockdep looks at nothing any more"
check_logs || fail "a complaint before any was planted"
# A planted mistake is reported by KASAN, and found by both checks of the domain's log.
need guest dd 'insmod /lab/kunit-kasan/xen-blkback-planted.ko bug=out-of-bounds' >/dev/null
(domain_check_log dd) >/tmp/planted 2>&1 && fail "a planted access out of bounds was not found"
grep -q 'KASAN: slab-out-of-bounds' /tmp/planted || fail "the domain's log says: $(cat /tmp/planted)"
rm /tmp/failed.kasan_domain
wait_for 20 grep -aq 'Memory state around the' /var/log/xen/guest-dd.log || fail "the domain's console does not show it"
xl destroy dd
pause 2
said=$(check_logs) && fail "the check of the domain's console has not found the planted access"
grep -q 'guest guest-dd.log said: .*KASAN: slab-out-of-bounds' <<<"$said" || fail "the console says: $(quote_stamps <<<"$said")"
passed
