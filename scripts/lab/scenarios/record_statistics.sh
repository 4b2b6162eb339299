#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: by hand
# Records what blkback-top reads while two guests work, for scripts/screenshots.sh.
#
# Prints lines "NOTE record ...": "guest DOMID NAME"; then for each look "look SECONDS"
# and "vbd-DOMID-VDEV NAME=VALUE ..." for each disk, with commas for the spaces in values.
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_cpus=2 guest_create web
guest_cpus=3 guest_create database
null_disk size=64 memory_backed=1 irqmode=2 completion_nsec=400000
loop=$(losetup -f --show "$(image web 64)")
need dmsetup create lab --table "0 131072 delay $loop 0 4"
dmsetup mknodes
attach web "$(image root 32)" xvda w
attach web /dev/mapper/lab xvdb w
attach database "$disk" xvda w
attach database "$(image log 64)" xvdb w

# All jobs are limited: an emulator's CPUs should not be what they wait for.
load() { # GUEST DEVICE OPTIONS
	guest_start "$1" "$2" "until [ -e /tmp/stop ]; do fio --name=load --filename=/dev/$2 --direct=1 --ioengine=libaio --time_based --runtime=20 $3 >/dev/null || exit 1; done"
}
load web xvda "--rw=randrw --bs=4k --iodepth=2 --rate_iops=30,10"
load web xvdb "--rw=randread --bsrange=4k-64k --iodepth=4 --rate_iops=25"
load database xvda "--rw=randrw --bs=16k --iodepth=8 --rate_iops=50,20"
load database xvdb "--rw=write --bs=8k --iodepth=1 --fsync=4 --rate_iops=,20"
pause 15

# The time of a process would be that of the guests, too.
look() {
	local folder file line value now
	read -r now _ </proc/uptime
	echo "look $now"
	for folder in /sys/bus/xen-backend/devices/vbd-*; do
		line=${folder##*/}
		for file in "$folder/mode" "$folder"/statistics/*; do
			read -r value <"$file"
			line="$line ${file##*/}=${value// /,}"
		done
		echo "$line"
	done
}
for name in web database; do echo "NOTE record guest $(guest_id $name) $name"; done
for _ in 1 2 3 4 5 6; do
	look
	pause 2
done >/tmp/record
sed 's/^/NOTE record /' /tmp/record

for name in web database; do
	guest $name 'touch /tmp/stop' >/dev/null
	need guest_join $name xvda 100
	need guest_join $name xvdb 100
done
guests_destroy
wait_for 20 no_backends || fail "a backend is left over"
null_disk_remove
need dmsetup remove lab
losetup -d "$loop"
passed
