#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: by hand
# Measures our driver and the in-tree driver in turn: IOPS, dom0's run time, hypercalls.
#
# Prints for each cell "NOTE bench DRIVER PERSISTENT WORKLOAD IOPS NANOSECONDS GRANT
# EVENT": dom0's run time (less that with an idle guest), grant-table and event-channel
# hypercalls of dom0, each per request.
#
# Settings: queue_counts, drivers, persistences, workloads (RW:BS:DEPTH:MEGABYTES ...).
. /lab/dom0/lib.sh
modprobe null_blk nr_devices=1 gb=1 queue_mode=2 irqmode=0 submit_queues=1
trace=/tmp/trace

# As many jobs as queues; the jobs share the depth.
job() { # RW BS DEPTH MEGABYTES: the command for the guest, which prints the IOPS
	echo "fio --name=j --filename=/dev/xvdb --direct=1 --ioengine=libaio --rw=$1 --bs=$2" \
		"--iodepth=$((($3 + queues - 1) / queues)) --numjobs=$queues --group_reporting" \
		"--size=512M --io_size=$(($4 / queues))M --offset_increment=128M --minimal" \
		"--norandommap --randrepeat=1 | cut -d';' -f8,49 | awk -F';' '{ print \$1 + \$2 }'"
}

requests() { echo $(($(statistic g6 rd_req) + $(statistic g6 wr_req))); }

# alone JOB: runs the job while dom0 sleeps, because any activity of dom0 would be
# measured, too.
alone() {
	guest_start g6 alone "sleep 1; $1"
	sleep 4
	guest_join g6 alone 60 || fail "fio failed"
}

# traced JOB: prints "NANOSECONDS GRANT EVENT" of dom0 while the guest does the job.
# Nothing else runs in dom0 meanwhile but xentrace, which sleeps.
traced() {
	local pid
	# Classes: scheduling, PV, and the records of lost events.
	xentrace -D -S 4096 -e 0x0023f000 $trace >/dev/null 2>&1 &
	pid=$!
	alone "$1"
	kill -INT $pid
	wait $pid
	xenalyze --summary $trace 2>/tmp/xenalyze.err | awk '
		/^\|-- Domain/ { dom0 = /Domain 0 /; vcpu = 0 }
		dom0 && /^-- v0 --/ { vcpu = 1 }
		# xenalyze assumes 2.4 GHz for the emulated counter.
		dom0 && vcpu && $1 == "running:" { time = $2 * $4 / 2.4 }
		dom0 && $1 == "grant_table_op" { grant = $NF }
		dom0 && $1 == "evtchn_op" { event = $NF }
		END { print int(time), grant + 0, event + 0 }'
	rm -f $trace
}

measure() { # DRIVER PERSISTENT RW BS DEPTH MEGABYTES
	local iops before count
	# Persistent grants must be mapped before the measurement.
	guest g6 "$(job "$3" "$4" "$5" 4)" >/dev/null
	# The phase of timers relative to the work changes the result by some percent: take the
	# median of three.
	iops=$(for _ in 1 2 3; do alone "$(job "$3" "$4" "$5" "$6")"; guest_output g6 alone; done | sort -n | sed -n 2p)
	before=$(requests)
	# shellcheck disable=SC2046 # three numbers
	set -- "$@" $(traced "$(job "$3" "$4" "$5" "$6")")
	count=$(($(requests) - before))
	[ "$count" -gt 0 ] || fail "no requests counted"
	echo "NOTE bench $1 $2 $3-$4-qd$5-q$queues $(awk -v i="$iops" -v n=$count -v t="$7" -v g="$8" -v e="$9" \
		-v idle="$idle" 'BEGIN { printf "%d %.0f %.3f %.3f", i, (t - idle) / n, g / n, e / n }')"
}

for queues in ${queue_counts:-1 4}; do
	case $queues in
	1) kinds="randread:4k:1:16 randwrite:4k:1:16 randread:4k:32:32 randwrite:4k:32:32" ;;
	*) kinds="randread:4k:32:32 randwrite:4k:32:32" ;;
	esac
	kinds="$kinds randread:64k:8:64 randwrite:64k:8:64 read:1m:4:128 write:1m:4:128"
	blkfront=max_indirect_segments=256 guest_vcpus=$queues guest_create g6
	# shellcheck disable=SC2046 # three numbers
	set -- $(traced true)
	idle=$1
	for driver in ${drivers:-intree ours}; do
		driver_use "$driver"
		set_parameter max_queues "$queues"
		[ -z "${log_stats:-}" ] || [ "$driver" = intree ] || set_parameter log_stats 1
		for persistent in ${persistences:-Y N}; do
			set_parameter feature_persistent "$persistent"
			attach g6 /dev/nullb0 xvdb w
			for workload in ${workloads:-$kinds}; do
				# shellcheck disable=SC2046 # the parts of a workload
				measure "$driver" "$persistent" $(echo "$workload" | tr : ' ')
			done
			detach g6 xvdb
		done
	done
	xl destroy g6
	wait_for 10 no_backends || fail "a backend is left over"
done
wait_for 10 rmmod null_blk
passed
