#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# A device is removed while its connect waits for the disk.  When the disk answers, the
# frontend has left, or a new device has the same name.
# shows: a connect that waited for its disk leaves alone who is there then | no: Connected stops the guest's kernel
# shows: a disk's slow sync, a detach, a new disk of the same name | its sync holds up all guests
. /lab/dom0/lib.sh
driver_load
guest_need g1
hung=$(image hung 16)
good=$(image good 16)
loop=$(losetup -f --show "$hung")
echo "0 32768 linear $loop 0" | dmsetup create stale || fail "dmsetup create"
dmsetup mknodes
# The connect may wait for longer than the kernel reports: that is planted here.
patience=$(cat /proc/sys/kernel/hung_task_timeout_secs)
echo 900 >/proc/sys/kernel/hung_task_timeout_secs
# The disk must not hang after the end of the scenario.
trap 'dmsetup resume stale 2>/dev/null; echo $patience >/proc/sys/kernel/hung_task_timeout_secs' EXIT
# Keep the disk open: otherwise dd would wait for its cached blocks when it closes the disk.
exec 9</dev/mapper/stale

waits() { grep -qs filemap_write_and_wait /proc/[0-9]*/stack; }
lets_go() { [ "$(dmsetup info -c --noheadings -o open stale)" = 1 ]; }
attach_hung() { # the backend writes out cached blocks before it connects
	need dd if=/dev/urandom of=/dev/mapper/stale bs=64k count=16 conv=notrunc status=none
	need dmsetup suspend --noflush --nolockfs stale
	attach_only g1 /dev/mapper/stale xvdb w
	wait_for 20 waits || fail "the connect does not wait for the disk"
}
frontend_closed() { [ "$(xenstore-read "/local/domain/$(guest_id g1)/device/vbd/51728/state")" = 6 ]; }

# Act as xl's detach, which would wait for the backend for ten seconds only.
let_go() { need xenstore-write "$(backend_node g1 xvdb)/online" 0 "$(backend_node g1 xvdb)/state" 5; }
backend_closed() { [ "$(xenstore-read "$(backend_node g1 xvdb)/state")" = 6 ]; }

attach_hung
let_go
wait_for 30 frontend_closed || fail "the frontend does not close"
need dmsetup resume stale
wait_for 30 backend_closed || fail "the backend does not close"
need xl block-detach g1 xvdb
wait_for 20 no_backends || fail "the backend is still there"
wait_for 20 lets_go || fail "the device keeps the disk"
! grep -a 'kernel BUG' /var/log/xen/guest-g1.log || fail "the guest's kernel has stopped"
guest_lacks_disk g1 xvdb || fail "the guest has the disk"
say "the frontend had left when the disk answered"

attach_hung
let_go
for node in "/local/domain/$(guest_id g1)/device/vbd/51728" "$(backend_node g1 xvdb)" \
	"/libxl/$(guest_id g1)/device/vbd/51728"; do
	need xenstore-rm -t "$node"
done
wait_for 20 no_backends || fail "the directory of the removed device is still there"
wait_for 20 guest_lacks_disk g1 xvdb || fail "the guest has the removed disk"
timeout 40 xl block-attach g1 "$(disk_spec "$good" xvdb w)" || fail "the good disk cannot be attached"
wait_for 30 guest_has_disk g1 xvdb || fail "the guest never saw the good disk"
need guest g1 "$(fio_verify xvdb 4)" 60 >/dev/null
# Prints the nodes of the tools, the guest and the backend for the good disk.
nodes() {
	xenstore-ls -f "$(backend_node g1 xvdb)"
	xenstore-ls -f "/local/domain/$(guest_id g1)/device/vbd"
	xenstore-ls -f /local/domain/0/error 2>/dev/null
}
nodes >/tmp/nodes.before
grep -q 'backend/vbd/.*/state = "4"' /tmp/nodes.before || fail "the good disk is not connected"
waits || fail "the removed device does not wait any more"
need dmsetup resume stale
wait_for 20 lets_go || fail "the removed device keeps the disk"
sleep 1
nodes >/tmp/nodes.after
busybox diff /tmp/nodes.before /tmp/nodes.after || fail "the removed device wrote to xenstore"
need guest g1 "$(fio_verify xvdb 4)" 60 >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$good")" ] || fail "data differs"
say "a new disk of the name was left alone when the old disk answered"
exec 9<&-
detach g1 xvdb
wait_for 20 no_backends || fail "the backend is still there"
wait_for 20 dmsetup remove stale || fail "the disk is still in use"
losetup -d "$loop"
passed
