#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A partition, or a disk of no sectors, grows and the kernel sends no uevent.
# The guest is told all the same, soon and once.
# shows: partition grows under a connected guest (`BLKPG_RESIZE_PARTITION`), idle or busy | polled ten times a second by each ring
# shows: disk of no sectors grows | polled ten times a second by each ring
. /lab/dom0/lib.sh
driver_load
guest_need g1
null_disk size=32 memory_backed=1
need addpart "$disk" 1 2048 16384
case $disk in
*[0-9]) part=${disk}p1 ;;
*) part=${disk}1 ;;
esac
wait_for 5 [ -b "$part" ] || fail "no $part"
guest_size_is() { [ "$(guest g1 'cat /sys/block/xvdb/size')" = "$1" ]; }
told() { dmesg | grep -c 'sectors now'; }
tells() { [ "$(told)" = "$1" ]; }
# grows SECTORS COUNT: our driver tells the guest within five seconds, and has told it COUNT
# sizes; the guest has the new size.
grows() {
	! driver_is_ours || wait_for 5 tells "$2" || fail "the frontend was told $(told) times after 5 s, not $2"
	wait_for 30 guest_size_is "$1" ||
		fail "the guest sees $(guest g1 'cat /sys/block/xvdb/size') sectors, not $1"
	pause 3
	tells "$2" || ! driver_is_ours || fail "the frontend was told $(told) times, not $2"
	say "the guest has $1 sectors"
}
attach g1 "$part" xvdb w
pause 3
dmesg -C
need resizepart "$disk" 1 24576
grows 24576 1
load_start g1 xvdb 8
pause 1
need resizepart "$disk" 1 32768
grows 32768 2
load_stop g1
need guest g1 'dd if=/dev/urandom of=/dev/xvdb bs=1M seek=12 count=4 oflag=direct 2>/dev/null' >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(dd if="$part" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] ||
	fail "data differs"
detach g1 xvdb
wait_for 10 delpart "$disk" 1 || fail "the partition is still in use"
null_disk_remove

: >/tmp/empty.img
loop=$(losetup -f --show /tmp/empty.img)
attach g1 "$loop" xvdb w
dmesg -C
truncate -s 8M /tmp/empty.img
need losetup -c "$loop"
grows 16384 1
detach g1 xvdb
losetup -d "$loop"
passed
