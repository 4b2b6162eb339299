#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# Tracepoints agree with the statistics; debugfs shows a request at a hanging disk, and kicks.
# shows: tracepoints: requests taken, submitted, done, with times in the backend and at the disk | none
# shows: debugfs: what was negotiated, rings, requests in flight and their age, beside a hanging disk | none
# shows: debugfs: `kick` wakes a ring | none
. /lab/dom0/lib.sh
driver_load
guest_need g1
loop=$(losetup -f --show "$(image disk 16)")
need dmsetup create lab --table "0 32768 linear $loop 0"
dmsetup mknodes
attach g1 /dev/mapper/lab xvdb w
trace=/sys/kernel/tracing
[ -e $trace/trace ] || need mount -t tracefs tracefs $trace
mountpoint -q /sys/kernel/debug || need mount -t debugfs debugfs /sys/kernel/debug
[ -d $trace/events/xen_blkback ] || fail "the driver has no tracepoints"
folder=/sys/kernel/debug/xen-blkback/$(guest_id g1).$(vdev_number xvdb)
[ -d "$folder" ] || fail "the driver shows nothing in debugfs"
statistics=/sys/bus/xen-backend/devices/vbd-$(guest_id g1)-$(vdev_number xvdb)/statistics
value() { cat "$statistics/$1"; }
settled() { [ "$(value in_flight)" = 0 ]; }

# --- tracepoints ---------------------------------------------------------------

events() { echo "$1" >$trace/events/xen_blkback/enable; } # 0|1
buffer=$(cat $trace/buffer_size_kb)
echo 16384 >$trace/buffer_size_kb || fail "no memory for the trace"
restore() {
	on_one_cpu events 0
	echo "$buffer" >$trace/buffer_size_kb
	dmsetup resume lab 2>/dev/null
}
trap restore EXIT
wait_for 20 settled || fail "requests are in flight before the test"
on_one_cpu events 1
echo >$trace/trace
echo 1 >$trace/tracing_on
before=$(grep -H . "$statistics"/*_req "$statistics"/*_done "$statistics"/*_usecs)
need guest g1 "$(fio_verify xvdb 8)" 120 >/dev/null
wait_for 20 settled || fail "requests stay in flight"
echo 0 >$trace/tracing_on
after=$(grep -H . "$statistics"/*_req "$statistics"/*_done "$statistics"/*_usecs)
grep "domid=$(guest_id g1) vdev=$(vdev_number xvdb) " $trace/trace >/tmp/events
[ "$(awk '$1 == "overrun:" { s += $2 } END { print s + 0 }' $trace/per_cpu/cpu*/stats)" = 0 ] ||
	fail "the trace has lost events"
counted() { # STATISTIC: how much it has grown
	echo $(($(sed -n "s|.*/$1:||p" <<<"$after") - $(sed -n "s|.*/$1:||p" <<<"$before")))
}
traced() { grep -c "blkback_request_$1: .* $2 sector=" /tmp/events; } # EVENT OPERATION
microseconds() { # OPERATION FIELD
	sed -nE "s/.*request_done: .* $1 sector=.* $2=([0-9]+).*/\1/p" /tmp/events |
		awk '{ s += $1 } END { printf "%d\n", s / 1000 }'
}
near() { [ $(($1 - $2)) -ge -4 ] && [ $(($1 - $2)) -le 4 ]; } # the statistics round for each ring
for kind in "read rd" "write wr"; do
	read -r operation short <<<"$kind"
	requests=$(counted "${short}_req")
	[ "$requests" -gt 10 ] || fail "only $requests requests to $operation"
	for event in taken submitted "done"; do
		[ "$(traced $event "$operation")" = "$requests" ] ||
			fail "$(traced $event "$operation") events $event of $requests requests to $operation"
	done
	near "$(microseconds "$operation" total_ns)" "$(counted "${short}_usecs")" ||
		fail "$operation: $(microseconds "$operation" total_ns) us by the events, $(counted "${short}_usecs") us by the statistics"
	near "$(microseconds "$operation" disk_ns)" "$(counted "${short}_disk_usecs")" ||
		fail "$operation: $(microseconds "$operation" disk_ns) us with the disk by the events, $(counted "${short}_disk_usecs") us by the statistics"
	say "$requests requests to $operation were taken, submitted and done"
done
! grep 'request_done: ' /tmp/events | grep -v ' status=0 ' | grep -q . || fail "a request failed"
grep -q 'blkback_grants: .* mapped=[1-9]' /tmp/events || fail "no hypercall that maps grants was traced"

# --- debugfs -------------------------------------------------------------------

shown() { timeout 5 cat "$folder/$1" || fail "$1 cannot be read"; }
shown connection | grep -qx 'connected: yes' || fail "connection: $(shown connection)"
rings=$(shown connection | sed -n 's/^rings: //p')
[ "$(shown rings | grep -c ' serving ')" = "$rings" ] || fail "rings: $(shown rings)"
[ -z "$(shown requests)" ] || fail "an idle disk has requests: $(shown requests)"
need dmsetup suspend --noflush --nolockfs lab
guest_start g1 read 'dd if=/dev/xvdb of=/dev/null bs=4k count=1 skip=3 iflag=direct 2>/dev/null'
wait_for 20 eval 'shown requests | grep -qE " read sector=24 sectors=8 .* disk_us=[0-9]"' || fail "requests: $(shown requests)"
age() { shown requests | sed -nE 's/.* read sector=24 .*age_us=([0-9]+) .*/\1/p'; }
first=$(age)
pause 1
[ $(($(age) - first)) -ge 900000 ] || fail "the request's age went from $first us to $(age) us within a second"
shown rings | grep -q ' requests=1 with_disk=1 ' || fail "rings: $(shown rings)"
shown connection >/dev/null
say "while the disk hangs: $(shown requests)"
need dmsetup resume lab
need guest_join g1 read 60
wait_for 10 eval '[ -z "$(shown requests)" ]' || fail "left: $(shown requests)"

# A ring's thread that has nothing to do runs once more for a kick.
thread=$(pgrep -x "$(guest_id g1).xvdb-0") || fail "no thread of the ring"
switches() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$thread/status"; }
idle() {
	local before
	before=$(switches)
	pause 1
	[ "$(switches)" = "$before" ]
}
wait_for 20 idle || fail "the ring's thread is not idle"
before=$(switches)
need eval 'echo 0 >"$folder/kick"'
wait_for 5 eval '[ "$(switches)" -gt "$before" ]' || fail "the kick did not wake the ring"
! echo "$rings" 2>/dev/null >"$folder/kick" || fail "a ring that does not exist was kicked"

# An open file does not hold up the end of its device.
exec {held}<"$folder/rings"
on_one_cpu events 1
echo 1 >$trace/tracing_on
detach g1 xvdb
wait_for 10 [ ! -d "$folder" ] || fail "the folder stays"
! cat <&"$held" 2>/dev/null || fail "a file of a device that is gone can be read"
exec {held}<&-
wait_for 10 grep -q "blkback_state: .* backend=Closed" $trace/trace || fail "the state Closed was not traced"
wait_for 10 dmsetup remove lab || fail "the disk is still in use"
losetup -d "$loop"
passed
