#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: domain
# The driver domain has no free memory for a while: the I/O of both its guests goes on,
# with requests of up to 256 segments and with grants that it has not mapped before.
# shows: no memory to be had: the I/O of all guests goes on | no: it stops
. /lab/dom0/lib.sh
domain_need dd
need guest dd '/lab/dom0/do null_disk size=24 memory_backed=1 irqmode=2 completion_nsec=1000000 &&
	modprobe brd rd_nr=1 rd_size=24576 &&
	for d in lab ram0; do dd if=/dev/urandom of=/dev/$d bs=1M count=24 oflag=direct 2>/dev/null || exit 1; done' >/dev/null
i=0
for target in lab ram0; do
	blkfront=max_indirect_segments=256 guest_cpus=$((i + 2)) guest_memory=320 guest_create gm$i \
		"disk=['format=raw,vdev=xvdb,access=rw,backend=dd,target=/dev/$target']"
	wait_for 30 guest_has_disk gm$i xvdb || fail "the guest never saw its disk"
	need guest gm$i 'dd if=/dev/xvdb of=/dev/null bs=4k count=4 iflag=direct 2>/dev/null' >/dev/null
	i=$((i + 1))
done
job="fio --name=v --filename=/dev/xvdb --size=24M --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw \
	--bsrange=64k-1m --blockalign=64k --verify=crc32c --verify_fatal=1 --minimal"
done_of() { guest "$1" "awk '\$3 == \"xvdb\" { print \$4 + \$8 }' /proc/diskstats" 20 | head -1; }
guest_start dd shortage "/lab/dom0/shortage 150"
pause 2
for i in 0 1; do
	guest gm$i 'rm -f /tmp/stop' >/dev/null
	guest_start gm$i load "until [ -e /tmp/stop ]; do $job || exit 1; done"
done
pause 5
for _ in 1 2 3; do
	for i in 0 1; do before[i]=$(done_of gm$i); done
	pause 5
	for i in 0 1; do
		count=$(($(done_of gm$i) - before[i]))
		say "gm$i: $count requests"
		[ $count -ge 10 ] || stuck="gm$i had $count requests answered in 5 s without memory"
	done
done
! guest_background_ended dd shortage || fail "the shortage was over too soon"
echo >"$(xenstore-read "/local/domain/$(guest_id dd)/console/tty")"
need guest_join dd shortage 160
for i in 0 1; do load_stop gm$i; done
said=$(guest_output dd shortage)
say "$said"
read -r left most < <(sed -n 's/.* KiB were free, \([0-9]*\) at the end; the most: \([0-9]*\).*/\1 \2/p' <<<"$said")
[ "${left:-1}" -lt "${most:-0}" ] || fail "there was no shortage: $said"
[ -z "${stuck:-}" ] || fail "$stuck"
i=0
for target in lab ram0; do
	[ "$(guest_sum gm$i xvdb)" = "$(guest dd "dd if=/dev/$target bs=1M iflag=direct 2>/dev/null | sha256sum" | cut -d' ' -f1)" ] ||
		fail "data of gm$i differs"
	xl destroy gm$i
	i=$((i + 1))
done
wait_for 60 domain_serves dd 0 || fail "the domain keeps $(domain_served dd) disks"
need guest dd '/lab/dom0/do null_disk_remove && rmmod brd' >/dev/null
domain_check_log dd
passed
