#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# What was answered before a flush or a barrier is on the disk when that is answered: the
# disk keeps a log (dm-log-writes), in which all of it must precede what was sent later.
# One queue and four, persistent grants on and off, across connects and a reload of the
# module.
# shows: all that was answered before FLUSH, empty or with data, is durable when it is answered | yes
# shows: the same for WRITE_BARRIER, its own data and all rings | no: its data is not, and other rings are not drained
. /lab/dom0/lib.sh
driver_load
need set_parameter max_queues 4
guest_need_tool gt
file=$(image logged 16)
loop=$(losetup -f --show "$file")
modprobe dm-log-writes || fail "no dm-log-writes"
log=/tmp/writes.log
round=1
faults=

# logged CASE PAGES-OF-THE-REQUEST: does the I/O of that case and judges the log.
logged() {
	local log_loop
	truncate -s 0 $log
	truncate -s 32M $log
	log_loop=$(losetup -f --show $log)
	need dmsetup create logged --table "0 32768 log-writes $loop $log_loop"
	dmsetup mknodes
	attach_only gt /dev/mapper/logged xvdb w
	tool gt "$1" xvdb $round
	round=$((round + 20))
	driver_again
	tool gt "$1" xvdb $round
	round=$((round + 20))
	detach_tool gt xvdb
	need dmsetup remove logged # writes the last of the log
	need losetup -d "$log_loop"
	if od -An -v -tu8 -w512 $log | awk -v pages=12 -v with_data="$2" -f /lab/dom0/log-writes.awk >/tmp/judged; then
		say "$1: $(tail -n 1 /tmp/judged)"
		[ "$(tail -n 1 /tmp/judged)" = "40 rounds are durable" ] || fail "$1: not 40 rounds: $(tail -n 1 /tmp/judged)"
	else
		head -n 5 /tmp/judged
		echo "NOTE durability $(cat /lab/driver) $1 $(tail -n 1 /tmp/judged)"
		faults="$faults $1"
	fi
}

# The module is loaded again while the device exists.
driver_again() {
	local device
	device=$(basename "$(backend_of gt)")
	echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
	wait_for 20 rmmod xen_blkback 2>/dev/null || fail "rmmod after unbind"
	need modprobe xen-blkback
	need set_parameter max_queues 4
}

logged durable-flush 0
logged durable-flush-data 1
logged durable-barrier 1
need losetup -d "$loop"
[ -z "$faults" ] || fail "not durable:$faults"
passed
