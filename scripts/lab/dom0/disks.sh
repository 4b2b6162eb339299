# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lib.sh: makes disks, attaches and detaches them, and does I/O on them.

# image NAME MEGABYTES: makes a file of random data; prints its path.
image() {
	local file=/tmp/$1.img
	dd if=/dev/urandom of="$file" bs=1M count="$2" status=none
	echo "$file"
}

guest_has_disk() { [ -n "$(guest "$1" "cat /sys/block/$2/size" 2>/dev/null)" ]; }
guest_lacks_disk() { guest "$1" "[ ! -e /sys/block/$2 ]" >/dev/null; }

attach_only() { # GUEST TARGET DEVICE MODE
	need xl block-attach "$1" "$(disk_spec "$2" "$3" "$4")"
}

# attach GUEST TARGET DEVICE MODE: attaches a disk and waits until the guest has it.
attach() {
	attach_only "$@"
	wait_for 30 guest_has_disk "$1" "$3" || fail "guest $1 never saw $3"
}

# xl waits ten seconds for frontend and backend.  On a slow machine they may take longer:
# then asks xl again once the backend is closed.
block_detach() { # GUEST DEVICE
	local node
	node=$(xenstore-read "/local/domain/$(guest_id "$1")/device/vbd/$(vdev_number "$2")/backend")
	xl block-detach "$1" "$2" && return
	say "xl did not wait until $2 of $1 was closed"
	wait_for 30 eval '[ "$(xenstore-read "$node/state")" = 6 ]' || fail "$2 of $1 is in state $(xenstore-read "$node/state"), not 6"
	need xl block-detach "$1" "$2"
}

detach_tool() { # GUEST DEVICE: from a guest of guest_create_tool
	block_detach "$1" "$2"
	wait_for 20 no_backends || fail "the backend of $2 is still there"
}

disk_spec() { # TARGET DEVICE MODE
	case $1 in
	/dev/*) echo "phy:$1,$2,$3" ;;
	*) echo "$1,raw,$2,$3" ;;
	esac
}

detach() { # GUEST DEVICE
	block_detach "$1" "$2"
	wait_for 20 guest_lacks_disk "$1" "$2" || fail "guest $1 still has $2"
}

vdev_number() { # DEVICE: xvdb is 51728
	local letter
	letter=$(printf '%d' "'${1#xvd}")
	echo $((51712 + (letter - 97) * 16))
}

backend_node() { # GUEST DEVICE: the backend's xenstore directory
	echo "/local/domain/0/backend/vbd/$(guest_id "$1")/$(vdev_number "$2")"
}

# The number of requests in flight at a disk of dom0, or of a guest.
disk_in_flight() { awk '{ print $1 + $2 }' "/sys/block/${1##*/}/inflight"; }         # DISK
disk_is_busy() { [ "$(disk_in_flight "$1")" -gt 0 ]; }                              # DISK
guest_in_flight() { guest "$1" "cat /sys/block/$2/inflight" | awk '{ print $1 + $2 }'; } # GUEST DEVICE
guest_is_busy() { [ "$(guest_in_flight "$1" "$2")" -gt 0 ]; }                       # GUEST DEVICE

stats_lines() { dmesg | grep -c -- "-blkback: ($(guest_id "$1")\.$2-.*): oo "; } # GUEST DEVICE
stats_grew() { [ "$(stats_lines "$1" "$2")" -gt "$3" ]; }                      # GUEST DEVICE LINES

# ring_counts GUEST DEVICE: prints "REQUESTS KEPT" for each ring, from the line that our
# driver logs with log_stats: the number of reads and writes, and of grants that it keeps
# mapped.
ring_counts() {
	local lines
	lines=$(stats_lines "$1" "$2")
	set_parameter log_stats 1
	pause 1
	wait_for 20 stats_grew "$1" "$2" "$lines" || fail "no ring of $2 logs its counts"
	set_parameter log_stats 0
	dmesg | sed -nE "s/.*-blkback: \\(($(guest_id "$1")\\.$2-[0-9]+)\\): oo .*rd ([0-9]+) .*wr ([0-9]+) .*pg: *([0-9]+)\\/.*/\\1 \\2 \\3 \\4/p" |
		awk '{ requests[$1] = $2 + $3; kept[$1] = $4 } END { for (i in kept) print requests[i], kept[i] }'
}

# null_disk NAME=VALUE...: makes a disk of null_blk with these configfs attributes;
# sets "disk".  null_disk_remove removes it.
null_disk() {
	local setting before
	[ -d /sys/module/null_blk ] || need modprobe null_blk nr_devices=0
	mountpoint -q /sys/kernel/config || need mount -t configfs configfs /sys/kernel/config
	before=$(ls /sys/block)
	need mkdir /sys/kernel/config/nullb/lab
	for setting in "$@"; do
		echo "${setting#*=}" >"/sys/kernel/config/nullb/lab/${setting%%=*}" || fail "null_blk: $setting"
	done
	need eval 'echo 1 >/sys/kernel/config/nullb/lab/power'
	# The disk is named after the folder; older kernels use the next number.
	disk=/dev/$(comm -13 <(echo "$before") <(ls /sys/block) | head -1)
	wait_for 5 [ -b "$disk" ] || fail "no disk of null_blk"
}

null_disk_remove() {
	echo 0 >/sys/kernel/config/nullb/lab/power
	need rmdir /sys/kernel/config/nullb/lab
	wait_for 10 rmmod null_blk || fail "null_blk is still in use"
}

# scsi_disk SECTOR-BYTES [OPTION...]: loads scsi_debug; sets "disk".  No udev runs here, so
# the driver of disks is loaded by hand.
scsi_disk() {
	need modprobe sd_mod
	need modprobe scsi_debug dev_size_mb=32 sector_size="$1" delay=0 lbpu=1 lbpws=1 "${@:2}"
	wait_for 10 eval 'ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* >/dev/null 2>&1'
	for disk in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do break; done
	disk=/dev/${disk##*/}
	wait_for 10 [ -b "$disk" ] || fail "no disk of scsi_debug"
	dd if=/dev/urandom of="$disk" bs=1M count=32 oflag=direct status=none
}

backend_of() { # GUEST: the sysfs folders of its disks
	ls -d "/sys/bus/xen-backend/devices/vbd-$(guest_id "$1")-"* 2>/dev/null
}

statistic() { # GUEST NAME: summed over its disks
	cat "/sys/bus/xen-backend/devices/vbd-$(guest_id "$1")-"*/statistics/"$2" | awk '{ s += $1 } END { print s }'
}

statistic_of() { # GUEST DEVICE NAME
	cat "/sys/bus/xen-backend/devices/vbd-$(guest_id "$1")-$(vdev_number "$2")/statistics/$3"
}

# The checksum of no data.  It is replaced by different words, so that an empty read never
# compares equal.
sum_of_nothing=$(sha256sum </dev/null | cut -d' ' -f1)
guest_sum() {
	guest "$1" "dd if=/dev/$2 bs=1M iflag=direct 2>/dev/null | sha256sum" | cut -d' ' -f1 |
		sed "s/$sum_of_nothing/(the guest read nothing)/"
}
file_sum() { sha256sum <"$1" | cut -d' ' -f1 | sed "s/$sum_of_nothing/(the file is empty)/"; }

# Prints a command for the guest that does verified I/O: crc32c in every block, mixed sizes.
fio_verify() { # DEVICE MEGABYTES [OPTIONS]
	echo "fio --name=verify --filename=/dev/$1 --size=${2}M --direct=1 --ioengine=libaio" \
		"--iodepth=16 --rw=randrw --bsrange=512-1m --verify=crc32c --verify_fatal=1" \
		"--do_verify=1 --minimal ${3:-}"
}

# load_start GUEST DEVICE MEGABYTES: repeats such I/O in the background until load_stop
# GUEST, which fails the scenario when any of it failed.
load_start() {
	guest "$1" 'rm -f /tmp/stop' >/dev/null
	guest_start "$1" load "until [ -e /tmp/stop ]; do $(fio_verify "$2" "$3") || exit 1; done"
}

load_stop() {
	guest "$1" 'touch /tmp/stop' >/dev/null
	need guest_join "$1" load 300
}
