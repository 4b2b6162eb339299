#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# A device is unbound and bound again at once, and the module unloaded at once, while the
# disk still has the old binding's requests: nothing is answered twice, nothing stays mapped.
# shows: bound again at once, `rmmod` right after unbind, requests with a slow disk | no: not served after the bind, a WARNING
. /lab/dom0/lib.sh
driver_load
guest_need g1
guest g1 'dmesg -c' >/dev/null
# Without persistent grants Linux' frontend gives up a disk if a page is still mapped after
# the response.
need set_parameter feature_persistent N
trap 'driver_load; set_parameter feature_persistent Y' EXIT
null_disk size=8 memory_backed=1 irqmode=2 completion_nsec=900000000
attach g1 "$disk" xvdb w
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
bus=/sys/bus/xen-backend/drivers/vbd
bound() { [ -e "$bus/$device" ]; }
unbind() { echo "$device" >$bus/unbind || fail "unbind $1"; }
bind_again() { bound || echo "$device" 2>/dev/null >$bus/bind; bound; }
bind() { # WHEN
	bind_again 2>/dev/null || say "bind was refused at first $1"
	wait_for 30 bind_again 2>/dev/null || fail "the device cannot be bound $1"
}
answered() { guest g1 "awk '\$3 == \"xvdb\" { print \$4 + \$8 }' /proc/diskstats" | head -1; }
goes_on() { # WHEN
	local before
	before=$(answered)
	wait_for 30 eval "[ \"\$(answered)\" -gt $((before + 2)) ]" || fail "no request is answered $1: $(dmesg | tail -n 4)"
	say "served on $1"
}
load_start g1 xvdb 8

wait_for 20 disk_is_busy "$disk" || fail "nothing is with the disk"
unbind "once"
disk_is_busy "$disk" || say "unbind has waited for the disk"
bind "once"
goes_on "after unbind and bind"

wait_for 20 disk_is_busy "$disk" || fail "nothing is with the disk"
for _ in 1 2 3 4 5; do
	unbind "in a row"
	bind "in a row"
done
goes_on "after five of them in a row"

for round in 1 2; do
	wait_for 20 disk_is_busy "$disk" || fail "nothing is with the disk"
	unbind "before rmmod"
	if timeout 60 rmmod xen_blkback 2>/tmp/rmmod; then
		disk_is_busy "$disk" && fail "the module is gone, the disk still has requests of it"
		need modprobe xen-blkback feature_persistent=N
		wait_for 10 bound || fail "the device was not bound by the new module"
	else
		say "$(cat /tmp/rmmod)"
		bind "after rmmod declined"
	fi
	goes_on "after unbind and rmmod, round $round"
done

# rmmod and bind at the same moment.
wait_for 20 disk_is_busy "$disk" || fail "nothing is with the disk"
unbind "beside rmmod"
rmmod xen_blkback 2>/dev/null &
rmmod=$!
echo "$device" 2>/dev/null >$bus/bind
ended() { ! kill -0 "$rmmod" 2>/dev/null; }
wait_for 60 ended || fail "rmmod does not end"
[ -d /sys/module/xen_blkback ] || need modprobe xen-blkback feature_persistent=N
bind "beside rmmod"
goes_on "after bind beside rmmod"

load_stop g1
sum_in_guest=$(guest g1 'dd if=/dev/xvdb bs=4M iflag=direct 2>/dev/null | sha256sum' | cut -d' ' -f1)
[ "$sum_in_guest" = "$(dd if="$disk" bs=4M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] || fail "data differs"
guest g1 'dmesg | grep -iE "not unmapped|disabled for use|I/O error|bogus|deferring g.e."' && fail "the frontend complains"
detach g1 xvdb
wait_for 20 no_backends || fail "the backend is still there"
set_parameter feature_persistent Y
attach g1 "$disk" xvdb w
[ "$(guest g1 'dd if=/dev/xvdb bs=4M iflag=direct 2>/dev/null | sha256sum' | cut -d' ' -f1)" = "$sum_in_guest" ] ||
	fail "data differs after a new attach"
detach g1 xvdb
null_disk_remove
passed
