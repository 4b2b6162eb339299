#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: tool
# A guest that has a connection with I/O writes odd states from several programs at once;
# then a proper frontend connects.  Also: a detach with an unbind beside it.
# shows: odd states written by several programs at once, then a proper connect | no: stays in Closed
# shows: a detach that the frontend ignores, unbound meanwhile: Closed when the I/O has ended | not compared
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
trap driver_load EXIT
null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=500000000
attach_only gt "$disk" xvdb w
good=$(image good 8)
attach_only gt "$good" xvdc w
d=device/vbd/$(vdev_number xvdb)
node=$(backend_node gt xvdb)
state() { xenstore-read "$node/state" 2>/dev/null; }
state_is() { [ "$(state)" = "$1" ]; }
# close_and_kill WHEN: closes the connection from a shell in the guest, waits for the backend,
# and kills the program that owns the pages.
close_and_kill() {
	need guest gt "xenstore-write $d/state 6" >/dev/null
	wait_for 20 state_is 6 || fail "$1: the backend is in state $(state), not 6"
	guest gt 'dmesg -c >/dev/null; kill -CONT $(pidof frontend); kill -9 $(pidof frontend); sleep 1' >/dev/null
	guest gt 'dmesg | grep "deferring g.e."' && fail "$1: a page of the guest was still mapped at Closed"
	return 0
}

guest_start gt leave "frontend leave $(vdev_number xvdb) 4"
wait_for 20 state_is 4 || fail "the frontend does not connect"
before=$SECONDS
need guest gt "for n in 1 2 3; do
	(i=0; while [ \$i -lt 6 ]; do
		for s in 6 1 3 4 5 \"\" 1 3 2 7 6 8 4 x 0 4294967298 99 3; do xenstore-write $d/state \"\$s\"; done;
		xenstore-rm $d/state; i=\$((i + 1));
	done) & done; wait" 90 >/dev/null
say "$((3 * 6 * 19)) states in $((SECONDS - before)) s; the backend is in state $(state)"
close_and_kill "after the flips"
tool_lines=1 tool gt restart xvdb 4
tool_lines=1 tool gt flushes xvdc

detach_one() { # DEVICE
	need xl block-detach gt "$1"
	wait_for 20 eval '! xenstore-exists "$(backend_node gt '"$1"')"' || fail "the backend of $1 is still there"
}
detach_one xvdb
null_disk_remove

# The frontend has I/O at a slow disk and does not react to the detach.
null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=8000000000
attach_only gt "$disk" xvdb w
guest_start gt leave "frontend leave $(vdev_number xvdb) 4"
wait_for 20 disk_is_busy "$disk" || fail "the frontend's requests are not with the disk"
# After the second bind the device waits for the old binding's requests; it has none itself.
for what in unbind bind; do
	echo "vbd-$(guest_id gt)-$(vdev_number xvdb)" >/sys/bus/xen-backend/drivers/vbd/$what || fail "$what"
done
xl block-detach gt xvdb 2>/tmp/detach.err &
detach=$!
closing() { [ "$(xenstore-read "$node/online" 2>/dev/null)" = 0 ]; }
wait_for 10 closing || fail "xl does not detach"
disk_is_busy "$disk" || fail "too late: the disk has answered before the unbind"
echo "vbd-$(guest_id gt)-$(vdev_number xvdb)" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
wait $detach || fail "xl block-detach beside an unbind: $(tail -n 1 /tmp/detach.err)"
disk_is_busy "$disk" && fail "the backend said Closed with requests at the disk"
guest gt 'dmesg -c >/dev/null; kill -9 $(pidof frontend); sleep 1' >/dev/null
guest gt 'dmesg | grep "deferring g.e."' && fail "a page of the guest was still mapped at Closed"
say "detached beside an unbind when the disk had answered"
detach_one xvdc
wait_for 20 no_backends || fail "a backend is left over"
null_disk_remove
attach_only gt "$good" xvdb w
tool_lines=1 tool gt persistence xvdb 3
detach_tool gt xvdb
# A page that is still mapped would make the guest a zombie.
xl destroy gt
wait_for 10 eval '[ -z "$(xl list | grep null)" ]' || fail "a zombie: $(xl list)"
wait_for 10 rmmod xen_blkback || fail "the module is still in use"
driver_load
passed
