#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# A disk's dm table is swapped under load.  Its size goes up and down, to nothing and back,
# while the guest works, is paused, or its device is unbound.
# shows: a dm table swapped under load; a disk that shrinks to nothing and grows again | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
trap 'xl unpause g1 2>/dev/null; dmsetup resume lab 2>/dev/null' EXIT
one=$(image one 16)
two=$(image two 16)
loop1=$(losetup -f --show "$one")
loop2=$(losetup -f --show "$two")
echo "0 24576 linear $loop1 0" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
guest_size_is() { [ "$(guest g1 "cat /sys/block/$1/size" | head -1)" = "$2" ]; }
size() { # DEVICE SECTORS WHEN: the guest sees this size, and keeps it
	wait_for 8 guest_size_is "$1" "$2" || fail "$3: the guest sees $(guest g1 "cat /sys/block/$1/size") sectors, not $2"
	pause 2
	guest_size_is "$1" "$2" || fail "$3: the guest does not keep $2 sectors"
	say "$3: the guest has $2 sectors"
}
table() { # SECTORS DEVICE [COMMAND]: loads a table; COMMAND runs while no I/O reaches the disk
	need dmsetup suspend lab
	eval "${3:-}"
	echo "0 $1 linear $2 0" | dmsetup reload lab || fail "dmsetup reload"
	need dmsetup resume lab
}
same() { # DEVICE DISK WHEN
	[ "$(guest_sum g1 "$1")" = "$(dd if="$2" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] || fail "$3: data differs"
}
attach g1 /dev/mapper/lab xvdb w
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
bus=/sys/bus/xen-backend/drivers/vbd
dmesg -C
load_start g1 xvdb 4
pause 1
# All data moves to another disk under the guest.
for pair in "$loop1 $loop2" "$loop2 $loop1" "$loop1 $loop2"; do
	from=${pair% *} to=${pair#* }
	table 24576 "$to" "dd if=$from of=$to bs=1M iflag=direct oflag=direct conv=notrunc status=none"
	pause 1
done
! driver_is_ours || [ "$(dmesg | grep -c 'sectors now')" = 0 ] || fail "the frontend was told of a size that is the old one"
old=$(dd if="$loop1" bs=1M iflag=direct status=none | sha256sum)
# The size changes faster than the driver looks; the load stays below all sizes.
for sectors in 8192 32768 8192 16384 8193 24576 8200 32768 12288 20480; do table $sectors "$loop2"; done
size xvdb 20480 "many sizes under load"
load_stop g1
same xvdb /dev/mapper/lab "a table swapped under load"
[ "$old" = "$(dd if="$loop1" bs=1M iflag=direct status=none | sha256sum)" ] || fail "the disk of the old table was written to"

# To eight sectors, and back.
table 8 "$loop2"
size xvdb 8 "next to nothing"
guest g1 'dd if=/dev/xvdb of=/dev/null bs=1M iflag=direct 2>/dev/null' >/dev/null
table 24576 "$loop2"
size xvdb 24576 "back"
same xvdb /dev/mapper/lab "after next to nothing"

# The size changes while no driver is bound, and while the guest is paused.
echo "$device" >$bus/unbind || fail "unbind"
table 28672 "$loop2"
echo "$device" >$bus/bind || fail "bind"
size xvdb 28672 "changed while unbound"
need xl pause g1
table 8192 "$loop2"
pause 1
echo "$device" >$bus/unbind || fail "unbind, paused"
table 32768 "$loop2"
echo "$device" >$bus/bind || fail "bind, paused"
pause 1
table 16384 "$loop2"
need xl unpause g1
size xvdb 16384 "changed while paused"
same xvdb /dev/mapper/lab "changed while paused"
need guest g1 "$(fio_verify xvdb 4)" >/dev/null
detach g1 xvdb
wait_for 10 dmsetup remove lab || fail "the disk is still in use"

# To no sector at all, and back, slowly and fast.
image back 4 >/dev/null
resize() { truncate -s "$1" "$one" && need losetup -c "$loop1"; }
attach g1 "$loop1" xvdb w
resize 0
size xvdb 0 "no sector"
[ "$(xenstore-read "$(backend_node g1 xvdb)/state")" = 4 ] || fail "the backend of an empty disk is in state $(xenstore-read "$(backend_node g1 xvdb)/state")"
guest g1 'dd if=/dev/xvdb of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null' 30 >/dev/null
dd if=/tmp/back.img of="$one" bs=1M conv=notrunc status=none
need losetup -c "$loop1"
size xvdb 8192 "from nothing"
same xvdb "$loop1" "from nothing"
for _ in 1 2 3; do
	resize 0
	resize 6M
done
resize 0
dd if=/tmp/back.img of="$one" bs=1M conv=notrunc status=none
need losetup -c "$loop1"
size xvdb 8192 "to nothing and back, fast"
same xvdb "$loop1" "to nothing and back, fast"
need guest g1 "$(fio_verify xvdb 4)" >/dev/null
same xvdb "$loop1" "at the end"
detach g1 xvdb
losetup -d "$loop1"
losetup -d "$loop2"
passed
