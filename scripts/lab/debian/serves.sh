#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The scenario of Debian's dom0: systemd is up, a guest that xl creates does verified I/O
# on a file, and the tools say which driver serves it: the one that /lab/driver names.
. /lab/dom0/lib.sh

release=$(uname -r)
. /etc/os-release
say "this is $PRETTY_NAME, Linux $release, $(ps -o comm= 1) as init"
[ "$release" = "$(cat /lab/release)" ] || fail "Linux $(cat /lab/release) was to be booted"
state=$(timeout 300 systemctl is-system-running --wait)
[ "$state" = running ] || fail "systemd says $state: $(systemctl --failed --plain --no-legend | paste -sd';')"
need systemctl --quiet is-active xen.service
say "systemd says $state; Xen $(xl info xen_version); $(pgrep -c xenstored) xenstored, $(pgrep -c xenconsoled) xenconsoled"

disk=/var/lib/xen/images/disk.img
mkdir -p "${disk%/*}"
dd if=/dev/urandom of=$disk bs=1M count=64 status=none
guest_create g1 "disk=['$disk,raw,xvdb,rw']"
wait_for 30 guest_has_disk g1 xvdb || fail "the guest has no disk"
driver_is "$(cat /lab/driver)" || fail "another driver than $(cat /lab/driver) is loaded"
need guest g1 "$(fio_verify xvdb 24)" 240 >/dev/null
in_guest=$(guest_sum g1 xvdb)
in_dom0=$(file_sum $disk)
[ "$in_guest" = "$in_dom0" ] || fail "the guest reads $in_guest, the file has $in_dom0"
say "a guest of xl verified 24 MiB on $disk: sha256 ${in_dom0:0:16}... on both sides"

text=$(xen-blkback-status)
status=$?
# shellcheck disable=SC2001 # each line
echo "$text" | sed "s/^/  $scenario:   /"
say "xen-blkback-status: exit status $status; loads $(modinfo -n xen-blkback)"
case $(cat /lab/driver) in
ours)
	[ $status = 0 ] || fail "xen-blkback-status ended with $status"
	case $(modinfo -n xen-blkback) in
	"/lib/modules/$release/updates/dkms/"*) ;;
	*) fail "modprobe takes $(modinfo -n xen-blkback)" ;;
	esac
	[ "$(cat /sys/module/xen_blkback/srcversion)" = "$(modinfo -F srcversion xen-blkback)" ] ||
		fail "what is loaded is not what is installed"
	grep -q "^ours is loaded" <<<"$text" || fail "xen-blkback-status does not say that ours is loaded"
	blkback-top --once --json >/tmp/top || fail "blkback-top ended with $?"
	grep -q xvdb /tmp/top || fail "blkback-top does not list the disk: $(cat /tmp/top)"
	;;
*)
	[ $status = 2 ] || fail "xen-blkback-status ended with $status"
	case $(modinfo -n xen-blkback) in
	"/lib/modules/$release/kernel/drivers/block/xen-blkback/"*) ;;
	*) fail "modprobe takes $(modinfo -n xen-blkback)" ;;
	esac
	grep -q "^the in-tree driver is loaded: DKMS does not know xen-blkback: install xen-blkback-dkms" <<<"$text" ||
		fail "xen-blkback-status says: $text"
	;;
esac
detach g1 xvdb
need xl destroy g1
rm $disk
passed
