#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Requests in flight, errors, and how long requests took: in the backend, and with the disk.
# shows: `statistics/`: in flight, errors, times in the backend and with the disk, histograms | requests and sectors only
. /lab/dom0/lib.sh
driver_load
guest_need g1
loop=$(losetup -f --show "$(image disk 8)")
table() { # TARGET ARGUMENTS
	dmsetup suspend --noflush --nolockfs lab
	need dmsetup load lab --table "0 16384 $*"
	need dmsetup resume lab
}
need dmsetup create lab --table "0 16384 delay $loop 0 100"
dmsetup mknodes
attach g1 /dev/mapper/lab xvdb w
folder=$(backend_of g1)/statistics
value() { cat "$folder/$1"; }
buckets_of() { # FILE FIRST: the sum of its numbers from the FIRST on
	tr ' ' '\n' <"$folder/$1" | awk -v first="$2" 'NR > first { sum += $1 } END { print sum + 0 }'
}
[ -e "$folder/in_flight" ] || fail "nothing tells how many requests are in flight"
settled() {
	local kind
	for kind in rd wr f ds; do
		[ "$(value ${kind}_done)" = "$(value ${kind}_req)" ] || return 1
		[ "$(buckets_of ${kind}_latency 0)" = "$(value ${kind}_done)" ] || return 1
	done
	[ "$(value in_flight)" = 0 ]
}
wait_for 20 settled || fail "after the connect: $(grep . "$folder"/*)"

# Each of ten reads is with the disk for a tenth of a second.
before=$(value rd_disk_usecs) slow=$(buckets_of rd_disk_latency 17)
need guest g1 'dd if=/dev/xvdb of=/dev/null bs=4k count=10 iflag=direct 2>/dev/null' >/dev/null
settled || fail "after the reads: $(grep . "$folder"/*)"
disk=$(($(value rd_disk_usecs) - before))
[ $disk -ge 1000000 ] || fail "ten reads were with the disk for $disk us, not for a second"
[ "$(value rd_usecs)" -ge "$(value rd_disk_usecs)" ] || fail "reads took $(value rd_usecs) us, $(value rd_disk_usecs) of them with the disk"
[ $(($(buckets_of rd_disk_latency 17) - slow)) -ge 10 ] || fail "the histogram does not show ten slow reads: $(value rd_disk_latency)"
say "ten reads of 100 ms: $disk us with the disk"

# Requests are in flight while the disk stands still.
need dmsetup suspend --noflush --nolockfs lab
guest_start g1 read 'dd if=/dev/xvdb of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null'
wait_for 20 eval '[ "$(value in_flight)" = 1 ]' || fail "$(value in_flight) requests are in flight, not 1"
need dmsetup resume lab
need guest_join g1 read 60
wait_for 10 settled || fail "after the stop: $(grep . "$folder"/*)"

# Errors of the disk are errors, not refusals.
table error
errors=$(value err_req) refused=$(value refused_req)
! guest g1 'dd if=/dev/xvdb of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null' >/dev/null || fail "the disk does not fail"
[ "$(value err_req)" -gt "$errors" ] || fail "no error was counted"
[ "$(value refused_req)" = "$refused" ] || fail "an error of the disk was counted as a refusal"
table linear "$loop" 0
detach g1 xvdb
wait_for 10 dmsetup remove lab || fail "the disk is still in use"
losetup -d "$loop"
passed
