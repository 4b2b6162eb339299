#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# An administrator writes to physical-device, mode, online, discard-enable while a guest
# works, and swaps disk and mode between an unbind and a bind.
# shows: the toolstack's nodes changed under a connected guest, and between unbind and bind | not compared
. /lab/dom0/lib.sh
driver_load
guest_need g1
first=$(image first 8)
second=$(image second 6)
loop1=$(losetup -f --show "$first")
loop2=$(losetup -f --show "$second")
# For a dm device dm reports whether anybody has it open.
echo "0 12288 linear $loop2 0" | dmsetup create other || fail "dmsetup create"
dmsetup mknodes
number1=$(stat -c '%t:%T' "$loop1")
number2=$(stat -L -c '%t:%T' /dev/mapper/other)
opened() { [ "$(dmsetup info -c --noheadings -o open other)" -gt 0 ]; }
second_sum=$(file_sum "$second")
attach g1 "$loop1" xvdb w
node=$(backend_node g1 xvdb)
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
bus=/sys/bus/xen-backend/drivers/vbd
state() { xenstore-read "$node/state" 2>/dev/null; }
put() { need xenstore-write "$node/$1" "$2"; pause 0.3; }
rebind() {
	echo "$device" >$bus/unbind || fail "unbind $1"
	eval "${2:-}"
	echo "$device" >$bus/bind || fail "bind $1"
}
guest_size_is() { [ "$(guest g1 'cat /sys/block/xvdb/size' 2>/dev/null | head -1)" = "$1" ]; }

# Under load.  None of these writes may affect a disk that is served.
load_start g1 xvdb 6
pause 1
for value in '' "$number2" "$number1" "0$number1" "$number2" ''; do put physical-device "$value"; done
need xenstore-rm "$node/physical-device"
pause 0.5
[ "$(state)" = 4 ] || fail "physical-device written and removed: the backend is in state $(state)"
opened && fail "the backend has another disk open"
for value in r '' nonsense w; do put mode "$value"; done
for value in 0 '' nonsense 1; do put discard-enable "$value"; done
for value in 0 '' x 1; do put online "$value"; done
put physical-device "$number1"
[ "$(state)" = 4 ] || fail "nodes written: the backend is in state $(state)"

# The device is bound before physical-device names a disk, while the guest's requests wait.
rebind "without physical-device" 'need xenstore-rm "$node/physical-device"'
pause 2
put physical-device ''
put physical-device "$number1"
wait_for 10 eval '[ "$(state)" = 4 ]' || fail "named after the bind: the backend is in state $(state)"
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$first")" ] || fail "data differs"
[ "$(file_sum "$second")" = "$second_sum" ] || fail "the other disk was written to"
say "served on under odd nodes, and named after the bind"

# Unbind and bind change to another, read-only disk and back: a change of medium without xl.
first_sum=$(file_sum "$first")
rebind "to another disk" 'need xenstore-write "$node/physical-device" "$number2" "$node/mode" r'
wait_for 10 guest_size_is 12288 || fail "the guest has not the other disk's size: $(guest g1 'cat /sys/block/xvdb/size')"
[ "$(guest_sum g1 xvdb)" = "$second_sum" ] || fail "the guest does not read the other disk"
[ "$(cat "/sys/bus/xen-backend/devices/$device/physical_device")" = "$number2" ] || fail "physical_device in sysfs is not the other disk"
# The guest does not know that the disk is read-only now.
guest g1 'dd if=/dev/zero of=/dev/xvdb bs=4k count=4 oflag=direct 2>/dev/null' >/dev/null && fail "a write to a read-only disk succeeded"
[ "$(file_sum "$second")" = "$second_sum" ] || fail "a read-only disk was written to"
rebind "to the first disk" 'need xenstore-write "$node/physical-device" "$number1" "$node/mode" w'
wait_for 10 guest_size_is 16384 || fail "the guest has not the first disk's size again"
[ "$(guest_sum g1 xvdb)" = "$first_sum" ] || fail "the guest does not read the first disk again"
opened && fail "the other disk is still open"
need guest g1 "$(fio_verify xvdb 4)" >/dev/null
say "swapped to a smaller read-only disk and back"

# physical-device is no number: in any case the device can be detached, and the next device
# is served.
put physical-device nonsense
say "with physical-device=nonsense the backend is in state $(state)"
detach g1 xvdb
wait_for 20 no_backends || fail "the backend is still there"

# An empty drive: its script connects it without a disk.  Then it gets a disk in odd ways.
cat >/etc/xen/scripts/block-empty <<'SCRIPT'
#!/bin/bash
[ "$1" = add ] || exit 0
xenstore-write "$XENBUS_PATH/hotplug-status" connected
SCRIPT
chmod +x /etc/xen/scripts/block-empty
need xl block-attach g1 'vdev=xvdb,access=rw,script=block-empty,target=none'
put physical-device ''
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
rebind "an empty drive"
pause 1
put physical-device "$number1"
wait_for 30 guest_has_disk g1 xvdb || fail "the guest never saw the disk of a drive that was empty: state $(state)"
need guest g1 "$(fio_verify xvdb 4)" >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$first")" ] || fail "data differs"
detach g1 xvdb
# A drive that stays empty until it is detached.
need xl block-attach g1 'vdev=xvdb,access=rw,script=block-empty,target=none'
need xl block-detach g1 xvdb
wait_for 20 no_backends || fail "an empty drive is not detached: state $(state)"
rm /etc/xen/scripts/block-empty
wait_for 10 dmsetup remove other || fail "the other disk is still in use"
losetup -d "$loop1"
losetup -d "$loop2"
passed
