#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# The toolstack detaches, attaches and gives up while no driver is bound to the device,
# the module is not loaded, or the guest is paused.
# shows: `xl block-detach`, `block-attach` while the driver is unbound or replaced | yes on 6.1
. /lab/dom0/lib.sh
driver_load
guest_need g1
trap 'xl unpause g1 2>/dev/null; driver_load' EXIT
one=$(image one 4)
two=$(image two 6)
loop1=$(losetup -f --show "$one")
loop2=$(losetup -f --show "$two")
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
bus=/sys/bus/xen-backend/drivers/vbd
unbind() { echo "$device" >$bus/unbind || fail "unbind $1"; }
guest_size_is() { [ "$(guest g1 'cat /sys/block/xvdb/size' 2>/dev/null | head -1)" = "$1" ]; }
use() { # FILE WHEN: the guest has it, writes to it
	wait_for 30 guest_size_is $(($(stat -c %s "$1") / 512)) || fail "the guest has not the right disk $2"
	[ "$(guest_sum g1 xvdb)" = "$(file_sum "$1")" ] || fail "other data before a write $2"
	need guest g1 'dd if=/dev/urandom of=/dev/xvdb bs=64k count=32 oflag=direct 2>/dev/null' >/dev/null
	wrote=$(guest_sum g1 xvdb)
	[ "$wrote" = "$(file_sum "$1")" ] || fail "other data after a write $2"
}
gone() { # FILE WHEN
	wait_for 20 guest_lacks_disk g1 xvdb || fail "the guest still has the disk $1"
	wait_for 20 no_backends || fail "the backend is still there $1"
	[ ! -e "/sys/bus/xen-backend/devices/$device" ] || wait_for 5 [ ! -e "/sys/bus/xen-backend/devices/$device" ] ||
		fail "the device is still there $1"
}

# The driver is bound again during a detach.
attach g1 "$loop1" xvdb w
use "$one" "at first"
unbind "before a detach"
xl block-detach g1 xvdb 2>/tmp/detach.err &
detach=$!
pause 2
echo "$device" >$bus/bind || say "bind beside a detach was refused"
wait $detach || fail "xl block-detach, bound again meanwhile: $(tail -n 1 /tmp/detach.err)"
gone "after a bind beside the detach"
[ "$(file_sum "$one")" = "$wrote" ] || fail "the first disk has changed"
say "detached, bound again meanwhile"

# Another disk gets the same vdev at once; the module is replaced during the detach.
attach g1 "$loop2" xvdb w
use "$two" "after the detach without a driver"
unbind "before rmmod"
wait_for 20 rmmod xen_blkback 2>/dev/null || fail "rmmod after unbind"
xl block-detach g1 xvdb 2>/tmp/detach.err &
detach=$!
pause 1
need modprobe xen-blkback
wait $detach || fail "xl block-detach, module loaded meanwhile: $(tail -n 1 /tmp/detach.err)"
gone "after a modprobe beside the detach"
[ "$(file_sum "$two")" = "$wrote" ] || fail "the second disk has changed"
say "detached, the module loaded meanwhile"

# A disk is attached without the module, which is loaded in time.
wait_for 20 rmmod xen_blkback 2>/dev/null || fail "rmmod without a device"
xl block-attach g1 "$(disk_spec "$loop1" xvdb w)" 2>/tmp/attach.err &
attach=$!
pause 1
need modprobe xen-blkback
wait $attach || fail "xl block-attach, module loaded meanwhile: $(tail -n 1 /tmp/attach.err)"
use "$one" "attached before the module"
say "attached, the module loaded meanwhile"

# A paused guest cannot react to a detach: xl gives up, the backend does not.
need xl pause g1
unbind "paused"
echo "$device" >$bus/bind || fail "bind, paused"
timeout 60 xl block-detach g1 xvdb 2>/tmp/detach.err && say "xl detaches from a paused guest"
need xl unpause g1
node=$(backend_node g1 xvdb)
ended() { local state; state=$(xenstore-read "$node/state" 2>/dev/null); [ -z "$state" ] || [ "$state" = 6 ]; }
wait_for 20 ended || fail "the backend is in state $(xenstore-read "$node/state") after the guest goes on"
for tree in "/local/domain/$(guest_id g1)/device/vbd/51728" "$node" "/libxl/$(guest_id g1)/device/vbd/51728"; do
	xenstore-rm -t "$tree" 2>/dev/null
done
gone "after a detach from a paused guest"
[ "$(file_sum "$one")" = "$wrote" ] || fail "the disk has changed while the guest was paused"

# A disk is attached to a paused guest, which finds it later.
need xl pause g1
need xl block-attach g1 "$(disk_spec "$loop2" xvdb w)"
need xl unpause g1
use "$two" "attached to a paused guest"
detach g1 xvdb
gone "at the end"
wait_for 10 rmmod xen_blkback || fail "the module is still in use"
driver_load
for loop in "$loop1" "$loop2"; do
	losetup -d "$loop"
	wait_for 5 eval '[ -z "$(losetup -n -O BACK-FILE "$loop" 2>/dev/null)" ]' || fail "$loop is still in use"
done
passed
