#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: domain
# Two guests have more persistent grants than their driver domain can map: idle grants of
# one guest are unmapped for the other.
# shows: handles of grants run out (`max_maptrack_frames`): no request fails | I/O errors in the guests
. /lab/dom0/lib.sh
# The domain can map 1024 pages of guests at a time.
domain_need dn max_maptrack_frames=4
# Two partitions of a disk so slow that all requests that the guest makes are in flight at once.
need guest dn '/lab/dom0/do null_disk size=48 memory_backed=1 irqmode=2 completion_nsec=200000000 &&
	dd if=/dev/urandom of=/dev/lab bs=1M count=48 oflag=direct 2>/dev/null &&
	addpart /dev/lab 1 0 49152 && addpart /dev/lab 2 49152 49152' >/dev/null
for i in 0 1; do
	guest_cpus=$((i + 2)) guest_memory=320 guest_create gm$i \
		"disk=['format=raw,vdev=xvdb,access=rw,backend=dn,target=/dev/lab$((i + 1))']"
	wait_for 30 guest_has_disk gm$i xvdb || fail "the guest never saw its disk"
done
# Prints how many grants of both guests stay mapped, from the driver's log_stats lines.
# xenstore-read writes the ends of lines as \n.
mapped() {
	guest dn 'p=/sys/module/xen_blkback/parameters/log_stats; echo 1 >$p; sleep 2; echo 0 >$p; dmesg | tail -n 30' |
		sed 's/\\n/\n/g' | sed -nE 's/.*-blkback: \((.*)\): oo.*pg: *([0-9]*)\/.*/\1 \2/p' | awk '{ n[$1] = $2 } END { for (i in n) s += n[i]; print s + 0 }'
}
# Requests of 32 pages, 32 at once: 1056 grants with those of their descriptors.
# The domain can map 1024 in all.
fill="fio --name=fill --filename=/dev/xvdb --size=24M --direct=1 --ioengine=libaio --iodepth=32 --rw=write \
	--bs=128k --verify=crc32c --verify_fatal=1 --do_verify=1 --minimal"
for i in 0 1 0; do
	guest gm$i "$fill" 120 >/tmp/fill || fail "gm$i has an error, the other is idle: $(tail -n 3 /tmp/fill)"
	count=$(mapped)
	say "gm$i filled its disk; $count grants are mapped"
	# The grants that the first guest keeps mapped leave too few for the other guest.
	[ -n "${first:-}" ] || first=$count
	[ "$count" -le 1024 ] || fail "$count grants are mapped, more than the domain can"
done
[ "$first" -ge 700 ] || ! driver_is_ours || fail "$first grants were mapped by the first guest: there was no shortage"
for i in 0 1; do guest_start gm$i load "$fill --loops=2"; done
for i in 0 1; do guest_join gm$i load 240 || fail "gm$i has an error, both work: $(guest_output gm$i load | tail -n 3)"; done
say "both at once"
for i in 0 1; do
	[ "$(guest_sum gm$i xvdb)" = "$(guest dn "dd if=/dev/lab$((i + 1)) bs=1M iflag=direct 2>/dev/null | sha256sum" | cut -d' ' -f1)" ] ||
		fail "data of gm$i differs"
	guest gm$i 'dmesg | grep -E "I/O error|critical"' && fail "gm$i saw an I/O error"
	xl destroy gm$i
done
wait_for 60 domain_serves dn 0 || fail "the domain keeps $(domain_served dn) disks"
need guest dn '/lab/dom0/do null_disk_remove' >/dev/null
domain_check_log dn
xl destroy dn
passed
