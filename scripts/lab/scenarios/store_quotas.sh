#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# lab: domain
# xenstored allows a driver domain few watches, and few transactions at a time: all
# disks of a guest connect at once, do I/O, and are detached.
# shows: eight disks of a driver domain with a quota of 22 watches | seven of them
# shows: disks that connect at the same time with a quota of 2 transactions | not compared
. /lab/dom0/lib.sh
disks=8
domain_need dd
guest_cpus=3 guest_create gc
quota() { xenstore-control quota set "$1" "$2" >/dev/null || fail "xenstored takes no quota of $1"; }
usual() {
	quota transactions 10
	quota watches 128
}
trap usual EXIT
# The domain's tools and its kernel use nine or ten watches besides those of the disks.
quota watches "${watches:-22}"
need guest dd "for i in \$(seq $disks); do
	dd if=/dev/urandom of=/tmp/disk\$i bs=64k count=16 2>/dev/null; losetup /dev/loop\$((i - 1)) /tmp/disk\$i || exit 1; done" >/dev/null
name() { printf "xvd%b" "\\0$(printf %o $((97 + $1)))"; } # of the N-th
all() { seq "$disks"; }
disks_there() { [ "$(guest gc 'ls /sys/block | grep -c xvd' | head -1)" = "$1" ]; }
used() { # reads and writes every disk, all at the same time
	need guest gc "for d in /dev/xvd?; do
			(dd if=/dev/urandom of=/tmp/w\${d#/dev/} bs=64k count=8 && dd if=/tmp/w\${d#/dev/} of=\$d bs=64k oflag=direct &&
				dd if=\$d bs=64k count=8 iflag=direct | cmp - /tmp/w\${d#/dev/} && touch \$d.good) 2>/dev/null &
		done; wait; n=\$(ls /dev/*.good | wc -l); rm -f /dev/*.good /tmp/w*; echo \$n; [ \$n = $disks ]" 120 >/dev/null
}
unconnected() { # SAYING
	guest gc 'dmesg | tail -n 5'
	guest dd 'dmesg | tail -n 5'
	fail "$1: the guest has $(guest gc 'ls /sys/block | grep xvd | tr "\n" " "') of $disks disks"
}
backends="/local/domain/$(guest_id dd)/backend/vbd/$(guest_id gc)"
named() { [ "$(xenstore-ls -f "$backends" | grep -c 'hotplug-status = "connected"')" = "$1" ]; }
need guest gc 'rmmod xen_blkfront' >/dev/null
began=$SECONDS
for i in $(all); do
	need xl block-attach gc "format=raw,vdev=$(name "$i"),access=rw,backend=dd,target=/dev/loop$((i - 1))"
	# The script that names the disk needs a watch, too.
	wait_for 30 named "$i" || fail "the domain has named $(xenstore-ls -f "$backends" | grep -c 'hotplug-status = "connected"') of $i disks"
done
say "$disks disks named after $((SECONDS - began)) s"
# All connect at once; nobody else in the domain has a transaction meanwhile.
quota transactions "${transactions:-2}"
need guest gc 'modprobe xen-blkfront' 120 >/dev/null
wait_for 60 disks_there "$disks" || unconnected "connected"
used
say "connected"
usual
for i in $(all); do need xl block-detach gc "$(name "$i")"; done
wait_for 60 disks_there 0 || fail "the guest keeps disks"
wait_for 60 domain_serves dd 0 || fail "the domain keeps $(domain_served dd) disks"
[ -z "$(xenstore-list "/local/domain/$(guest_id dd)/backend/vbd" 2>/dev/null)" ] || fail "backends are left over"
need guest dd "for i in \$(seq $disks); do losetup -d /dev/loop\$((i - 1)); rm /tmp/disk\$i; done" >/dev/null
domain_check_log dd
xl destroy gc
passed
