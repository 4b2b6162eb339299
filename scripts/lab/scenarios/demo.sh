#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: by hand
# "make demo": a guest's disk served by our module, explained step by step.
. /lab/dom0/lib.sh

say "this is dom0: Xen $(xl info | awk '/^xen_version/ { print $3 }'), Linux $(uname -r), $(nproc) CPUs"
driver_load
say "loaded $(modinfo -n xen-blkback): $(modinfo -F description xen-blkback)"
say "starting a guest ..."
guest_create g1
say "the guest runs; xl list says"
xl list | sed "s/^/  $scenario:   /"

disk=$(image disk 64)
say "xl block-attach g1 $(disk_spec "$disk" xvdb w)"
attach g1 "$disk" xvdb w
say "xl block-list g1 says"
xl block-list g1 | sed "s/^/  $scenario:   /"
device=$(basename "$(backend_of g1)")
say "the guest has /dev/xvdb, $(($(guest g1 'cat /sys/block/xvdb/size') / 2048)) MiB, served by threads" \
	"$(ps -eo comm= | grep "^$(guest_id g1).xvdb-" | paste -sd' ')"

say "the guest writes and reads back blocks of 512 bytes to 1 MiB with checksums ..."
need guest g1 "$(fio_verify xvdb 24)" 240 >/dev/null
say "verified: fio in the guest found every block as it wrote it"
in_guest=$(guest_sum g1 xvdb)
in_dom0=$(file_sum "$disk")
say "sha256 of the whole disk, read by the guest: ${in_guest:0:32}..."
say "sha256 of the image file, read by dom0:      ${in_dom0:0:32}..."
[ "$in_guest" = "$in_dom0" ] || fail "the checksums differ"

for rw in randread randwrite; do
	iops=$(guest g1 "fio --name=speed --filename=/dev/xvdb --rw=$rw --bs=4k --iodepth=32 \
		--ioengine=libaio --direct=1 --time_based --runtime=5 --minimal | cut -d';' -f8,49" 60 |
		awk -F';' '{ print $1 + $2 }')
	say "$rw of 4 KiB, 32 at once: $iops IOPS (on an emulator)"
done

# Writing the parameter makes every ring log its statistics.
set_parameter log_stats 1
sleep 1
set_parameter log_stats 0
dmesg | grep -E 'xen-blkback: \(.*xvdb-[0-9]+\): oo' | tail -n 2 | awk -v name="$scenario" '
	{
		for (i = 1; i < NF; i++) {
			if ($i == "rd" || $i == "wr" || $i == "f") requests += $(i + 1)
			if ($i == "pg:") { persistent += $(i + 1); split($(i + 1), a, "/") }
			if ($i == "pool:") { split($(i + 1), b, "/"); pool = b[1] }
			if ($i == "map" || $i == "unmap" || $i == "copy") { calls += $(i + 1); grants += $(i + 3) }
		}
	}
	END {
		printf "  %s: the driver answered %d requests\n", name, requests
		printf "  %s: grants that stay mapped (persistent): %d; free pages in the pool: %d\n", name, persistent, pool
		printf "  %s: hypercalls to map, unmap and copy grants: %d, %.3f a request\n", name, calls, calls / requests
	}'
say "sysfs: $(cd "/sys/bus/xen-backend/devices/$device/statistics" && for f in *; do echo "$f=$(cat "$f")"; done | paste -sd' ')"

say "xl block-detach g1 xvdb"
detach g1 xvdb
wait_for 20 no_backends || fail "the backend's directory is still there"
say "detached: the guest has no xvdb, xenstore no backend, dom0 no thread of it"
xl destroy g1
passed
