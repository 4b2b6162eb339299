#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: by hand
# lab: profile
# Counts dom0's instructions by function and call stack while a guest does I/O.
#
# The plugin of the emulator (scripts/profile/plugin.c) writes what it has counted to
# the host's file, and before it what this scenario says: symbols, and the cell's name.
#
# Before that a kernel thread does the same I/O without a guest: the cell "floor".
#
# Settings: drivers, persistences, workloads (RW:BS:DEPTH or RW:BS:DEPTH:MICROSECONDS ...),
# window (seconds), floor_requests, copy_bytes (ours: grant_copy_bytes).  The disk answers at once, or after so many microseconds.
. /lab/dom0/lib.sh
mark=/lab/profile/mark
modprobe null_blk nr_devices=1 gb=1 queue_mode=2 irqmode=0 submit_queues=1

# send_symbols MODULE...: the addresses of functions.
send_symbols() {
	"$mark" say "symbols $1"
	case $1 in
	kernel) grep -i ' [tw] ' /proc/kallsyms | grep -v '\[' >/tmp/symbols ;;
	xen) cat /proc/xen/xensyms >/tmp/symbols ;;
	*) grep -i ' [tw] ' /proc/kallsyms | grep '\[' >/tmp/symbols ;;
	esac
	"$mark" send /tmp/symbols
	"$mark" say "end"
}

job() { # RW BS DEPTH SECONDS
	echo "fio --name=j --filename=/dev/xvdb --direct=1 --ioengine=libaio --rw=$1 --bs=$2" \
		"--iodepth=$3 --size=512M --time_based --runtime=$4 --norandommap --randrepeat=1 --minimal"
}

# cell_name RW BS DEPTH [MICROSECONDS]
cell_name() { echo "$1-$2-qd$3${4:+-$4us}"; }

# disk_for [MICROSECONDS]: sets "disk" to one that answers after that time.
disk_for() {
	timed_disk_remove
	disk=/dev/nullb0
	[ -n "${1:-}" ] || return 0
	null_disk size=1024 submit_queues=1 irqmode=2 completion_nsec=$((1000 * $1))
}
timed_disk_remove() {
	[ -d /sys/kernel/config/nullb/lab ] || return 0
	echo 0 >/sys/kernel/config/nullb/lab/power
	need rmdir /sys/kernel/config/nullb/lab
}

profile() { # DRIVER PERSISTENT RW BS DEPTH [MICROSECONDS]
	guest_start g6 load "$(job "$3" "$4" "$5" 3)"
	# Meanwhile the guest maps persistent grants.  dom0 sleeps from here on, because its own
	# activity would be counted, too.
	sleep 1.8
	"$mark" say "cell $1 $2 $(cell_name "${@:3}")"
	"$mark" window "${window:-0.5}"
	guest_join g6 load 60 || fail "fio failed"
	say "$*"
}

# The disk alone.
floor() { # RW BS DEPTH [MICROSECONDS]
	[ "${2%k}" -le 64 ] || fail "the floor has bios of 64 KiB at most"
	disk_for "${4:-}"
	need insmod /lab/profile/floor.ko disk="$(cat "/sys/block/${disk#/dev/}/dev")"
	send_symbols modules
	"$mark" say "cell floor - $(cell_name "$@")"
	echo "${1#rand} ${2%k} $3 ${floor_requests:-20000}" >/sys/module/floor/parameters/run || fail "the floor's I/O failed"
	need rmmod floor
	say "floor $*"
}

workloads=${workloads:-randread:4k:1 randread:4k:1:50 randread:4k:4:50 randread:4k:32 randwrite:4k:32}
send_symbols kernel
send_symbols xen
# The report refuses a plugin that counts this wrong.
"$mark" say "cell check - 1000000"
need "$mark" loop 1000000
for workload in $workloads; do
	# shellcheck disable=SC2046 # the parts of a workload
	floor $(echo "$workload" | tr : ' ')
done
guest_create g6
for driver in ${drivers:-intree ours}; do
	driver_use "$driver"
	set_parameter max_queues 1
	[ "$driver" != ours ] || [ -z "${copy_bytes:-}" ] || need set_parameter grant_copy_bytes "$copy_bytes"
	send_symbols modules
	for persistent in ${persistences:-Y N}; do
		set_parameter feature_persistent "$persistent"
		for workload in $workloads; do
			disk_for "$(echo "$workload" | cut -d: -f4)"
			attach g6 "$disk" xvdb w
			# shellcheck disable=SC2046 # the parts of a workload
			profile "$driver" "$persistent" $(echo "$workload" | tr : ' ')
			detach g6 xvdb
			wait_for 20 eval '! xenstore-exists "$(backend_node g6 xvdb)"'
		done
	done
done
xl destroy g6
wait_for 10 no_backends || fail "a backend is left over"
timed_disk_remove
wait_for 10 rmmod null_blk
passed
