#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: bpftrace
# lab: long
# The scripts in tools/bpftrace run on the driver's tracepoints, and agree with its statistics.
# shows: scripts for bpftrace: latencies, sizes, slow requests, waits | none
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_vcpus=2 guest_create g1
loop=$(losetup -f --show "$(image disk 16)")
need dmsetup create lab --table "0 32768 linear $loop 0"
dmsetup mknodes
attach g1 /dev/mapper/lab xvdb w
mountpoint -q /sys/kernel/tracing || need mount -t tracefs tracefs /sys/kernel/tracing
mountpoint -q /sys/kernel/debug || need mount -t debugfs debugfs /sys/kernel/debug
# bpftrace switches tracepoints and puts breakpoints into its own code, and reads the
# printed lines of those CPUs only that were there when it began: dom0 keeps one CPU until
# the end (on_one_cpu tells why).
cpu=/sys/devices/system/cpu/cpu1/online
echo 0 >$cpu || fail "dom0 keeps its second CPU"
running=()
restore() {
	[ ${#running[@]} = 0 ] || kill "${running[@]}" 2>/dev/null
	echo 1 >$cpu
	dmsetup resume lab 2>/dev/null
}
trap restore EXIT
domain=$(guest_id g1)
disk="$domain, $(vdev_number xvdb)"
settled() { [ "$(statistic g1 in_flight)" = 0 ]; }

# begin NAME [ARGUMENT...]: starts a script and waits until it listens: bpftrace 0.17 does
# not say so, but waits for events then, with all probes attached.
begin() {
	local name=$1 began=$SECONDS
	shift
	bpftrace -B line "/lab/bpftrace/$name.bt" "$@" >"/tmp/$name.out" 2>"/tmp/$name.err" &
	eval "pid_${name##*-}=$!"
	running+=($!)
	wait_for 200 eval "grep -q e.*poll /proc/$!/wchan || ! kill -0 $!" || fail "$name does not begin: $(cat "/proc/$!/wchan") $(tail -n 3 "/tmp/$name.out" "/tmp/$name.err")"
	kill -0 $! 2>/dev/null || fail "$name: $(tail -n 5 "/tmp/$name.err")"
	say "$name listens after $((SECONDS - began)) s"
}

# end NAME: ends it as Ctrl-C does.
end() {
	local pid=pid_${1##*-}
	kill -INT "${!pid}"
	wait "${!pid}" || fail "$1 ended with $?: $(tail -n 5 "/tmp/$1.err")"
	! grep -q 'Lost [0-9]* events' "/tmp/$1.out" "/tmp/$1.err" || fail "$1 lost events"
}

# in_histogram NAME MAP OPERATION: how many are in all of its rows.
in_histogram() {
	awk -v "key=@$2[$disk, $3]:" '/^@/ { ours = (index($0, key) == 1) }
		ours && match($0, /[])] +[0-9]+ +\|/) { s += substr($0, RSTART + 1) } END { print s + 0 }' "/tmp/$1.out"
}

# --- latencies and sizes: as many as the statistics count ------------------------

begin blkback-latency "$domain"
begin blkback-sizes
wait_for 20 settled || fail "requests are in flight before the test"
reads=$(statistic g1 rd_req)
writes=$(statistic g1 wr_req)
need guest g1 "$(fio_verify xvdb 8)" 300 >/dev/null
wait_for 20 settled || fail "requests stay in flight"
reads=$(($(statistic g1 rd_req) - reads))
writes=$(($(statistic g1 wr_req) - writes))
end blkback-latency
end blkback-sizes
for count in $reads $writes; do [ "$count" -gt 10 ] || fail "only $reads reads and $writes writes"; done
for map in latency:total_us latency:disk_us sizes:bytes; do
	for kind in "read $reads" "write $writes"; do
		shown=$(in_histogram "blkback-${map%:*}" "${map#*:}" "${kind% *}")
		[ "$shown" = "${kind#* }" ] || fail "@${map#*:} has $shown of $kind requests"
	done
done
grep -q "^@mapped\[$disk\]:" /tmp/blkback-sizes.out || fail "no hypercall that maps grants was seen"
[ "$(sed -n "s/^@all\[$disk\]: //p" /tmp/blkback-sizes.out)" = $((reads + writes)) ] || fail "@all: $(grep @all /tmp/blkback-sizes.out)"
say "$reads reads and $writes writes are in the histograms"
sed "s/^/  $scenario:   /" /tmp/blkback-latency.out

# --- slow requests ---------------------------------------------------------------

begin blkback-slow 2000
reader() { echo "dd if=/dev/xvdb of=/dev/null bs=4k count=1 skip=$1 iflag=direct 2>/dev/null"; }
need guest g1 "$(reader 100)" >/dev/null
need dmsetup suspend --noflush --nolockfs lab
guest_start g1 slow "$(reader 3)"
wait_for 20 eval '! settled' || fail "no request is in flight"
pause 3
need dmsetup resume lab
need guest_join g1 slow 60
wait_for 20 settled || fail "requests stay in flight"
pause 1
end blkback-slow
slow=$(grep -E " read +24 +4096 +[0-9]{7} +[0-9]{7} +0\$" /tmp/blkback-slow.out) || fail "not shown as slow: $(cat /tmp/blkback-slow.out)"
! grep -qE ' read +800 ' /tmp/blkback-slow.out || fail "a fast request is shown as slow"
say "shown as slow: $slow"

# --- waits ------------------------------------------------------------------------

detach g1 xvdb
wait_for 10 dmsetup remove lab || fail "the disk is still in use"
losetup -d "$loop"
guest_need_tool gt
null_disk size=16 memory_backed=1 cache_size=4 irqmode=2 completion_nsec=300000000
attach_only gt "$disk" xvdb w
begin blkback-stalls 1
tool gt barrier xvdb 300
pause 3
end blkback-stalls
ours="$(guest_id gt), $(vdev_number xvdb)"
grep -qE "^@stalls\[$ours, barrier\]: [1-9]" /tmp/blkback-stalls.out || fail "no wait for a barrier: $(cat /tmp/blkback-stalls.out)"
say "waits: $(grep '^@' /tmp/blkback-stalls.out | paste -sd' ')"
detach_tool gt xvdb
null_disk_remove
running=()
passed
