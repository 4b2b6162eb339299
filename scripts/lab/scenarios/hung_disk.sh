#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A hanging disk holds up only its own guest, also when an administrator unbinds one of
# its devices before the guest is destroyed.
# shows: a hanging disk holds up its own guest only | yes on 6.1
# shows: `unbind` of a hanging disk holds up nobody else, `rmmod` says busy | yes
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_cpus=2 guest_create g1
guest_cpus=3 guest_create g4
hung=$(image hung 16)
good=$(image good 16)
loop=$(losetup -f --show "$hung")
echo "0 32768 linear $loop 0" | dmsetup create hung || fail "dmsetup create"
dmsetup mknodes
for device in xvdb xvdc; do attach g4 /dev/mapper/hung $device w; done
attach g1 "$good" xvdb w
for device in xvdb xvdc; do
	guest_start g4 $device "fio --name=l --filename=/dev/$device --size=8M --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bs=4k --time_based --runtime=120 --minimal"
done
writes() { [ "$(statistic_of g4 "$1" wr_req)" -gt 8 ]; } # DEVICE
for device in xvdb xvdc; do wait_for 30 writes $device || fail "g4 does not write to $device"; done
need dmsetup suspend --noflush hung
# The disk must not hang after the end of the scenario.
trap 'dmsetup resume hung 2>/dev/null' EXIT
# Requests in flight stay in flight.
for device in xvdb xvdc; do wait_for 20 guest_is_busy g4 $device || fail "nothing is in flight to $device"; done
hangs() { # DEVICE
	local before
	before=$(statistic_of g4 "$1" wr_req)
	pause 1
	guest_is_busy g4 "$1" && [ "$(statistic_of g4 "$1" wr_req)" = "$before" ]
}
for device in xvdb xvdc; do wait_for 20 hangs $device || fail "$device does not hang"; done
others() { # WHEN: a disk of another guest is used, detached and attached
	need guest g1 "$(fio_verify xvdb 4)" 60 >/dev/null
	timeout 40 xl block-detach g1 xvdb || fail "g1's disk is not detached $1"
	wait_for 20 guest_lacks_disk g1 xvdb || fail "g1's disk does not go $1"
	timeout 40 xl block-attach g1 "$(disk_spec "$good" xvdb w)" || fail "g1's disk is not attached $1"
	wait_for 30 guest_has_disk g1 xvdb || fail "g1 never saw its disk $1"
	say "the other guest's disk was used, detached, attached $1"
}
# The disk still uses memory of the module: rmmod fails as busy, or waits.
rmmod_declined() {
	rmmod xen_blkback 2>/tmp/rmmod &
	rmmod=$!
	if wait_for 20 eval '! kill -0 $rmmod 2>/dev/null'; then
		wait $rmmod && fail "rmmod succeeded with requests in flight"
		grep -q 'in use' /tmp/rmmod || fail "rmmod: $(cat /tmp/rmmod)"
		say "$(cat /tmp/rmmod)"
		rmmod=
	else
		say "rmmod waits"
	fi
}
device=vbd-$(guest_id g4)-$(vdev_number xvdc)
echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind &
unbind=$!
sleep 1
others "beside the unbind"
rmmod_declined
[ -z "$rmmod" ] || fail "rmmod waits with a disk in use"
# The guest is destroyed; its I/O stays at the disk.
timeout 30 xl destroy g4 || fail "xl destroy waits for the disk"
others "after the destroy"
# After this detach no other disk holds the module.
detach g1 xvdb
rmmod_declined
if [ -z "$rmmod" ]; then
	attach g1 "$good" xvdb w
	detach g1 xvdb
fi
need dmsetup resume hung
wait $unbind || fail "unbind failed"
wait_for 20 eval '[ -z "$(xl list | grep null)" ]' || fail "a zombie: $(xl list)"
wait_for 20 no_backends || fail "a backend is left over"
wait_for 20 dmsetup remove hung || fail "the disk is still in use"
if [ -n "$rmmod" ]; then
	wait $rmmod || fail "$(cat /tmp/rmmod)"
else
	wait_for 20 rmmod xen_blkback || fail "the module stays"
fi
driver_load
attach g1 "$good" xvdb w
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$good")" ] || fail "data differs"
detach g1 xvdb
losetup -d "$loop"
xl destroy g1
passed
