# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scenarios about durability: a disk that keeps a log of what became durable
# when.
#
#   durable   linear: what guests get; it can grow
#   logged    log-writes, writes to $log
#   slow      delay: an answer that comes before the disk's flush has ended is seen
#   $file     in memory

file=/tmp/logged.img
log=/tmp/writes.log
server=

# logged_create MEGABYTES SPARE-MEGABYTES WRITE-MS FLUSH-MS: a disk of such a size over $file,
# which is made unless it exists.  It can grow by the spare.  Sets "durable_sectors".
logged_create() {
	local sectors=$((($1 + $2) * 2048)) loop
	[ -e $file ] || truncate -s "$(($1 + $2))M" $file
	rm -f $log
	truncate -s 512M $log
	need modprobe dm-log-writes
	need modprobe dm-delay
	loop=$(losetup -f --show $file) || fail "no loop device"
	log_loop=$(losetup -f --show $log) || fail "no loop device"
	mapped slow "0 $sectors delay $loop 0 0 $loop 0 $3 $loop 0 $4"
	mapped logged "0 $sectors log-writes /dev/mapper/slow $log_loop"
	durable_sectors=$(($1 * 2048))
	mapped durable "0 $durable_sectors linear /dev/mapper/logged 0"
}

mapped() { # NAME TABLE
	need dmsetup create "$1" --table "$2"
	need dmsetup mknodes
}

# Removes the disk.  The log then has its end, and $file is what the disk holds.
logged_remove() {
	local name loop
	for name in durable logged slow; do
		wait_for 20 dmsetup remove "$name" 2>/dev/null || fail "$name is in use"
	done
	for loop in $(losetup -n -O NAME -j $file) $(losetup -n -O NAME -j $log); do need losetup -d "$loop"; done
}

# serve_start GUEST [COMMAND]: makes the marks that the guest asks for.  Other words than
# "mark" go to the command.
serve_start() {
	/lab/writelog serve logged "$(guest_id "$1")" "${2:-false}" >/tmp/serve.log 2>&1 &
	server=$!
	trap serve_stop EXIT
}

serve_stop() {
	[ -z "$server" ] && return
	kill "$server" 2>/dev/null || say "writelog serve has ended by itself"
	wait "$server" 2>/dev/null
	server=
	while read -r line; do say "writelog serve: $line"; done </tmp/serve.log
}

# From now on the kernel drops flushes and FUA for the disk.
durable_drop_flushes() {
	echo "write through" >"/sys/block/dm-$(dmsetup info -c --noheadings -o minor durable)/queue/write_cache" ||
		fail "the disk keeps its write cache"
}

# The disk grows by a megabyte.
durable_grow() {
	local sectors
	sectors=$(($(blockdev --getsz /dev/mapper/durable) + 2048))
	need dmsetup load durable --table "0 $sectors linear /dev/mapper/logged 0"
	need dmsetup suspend durable
	need dmsetup resume durable
}

# The module is loaded again while the device of GUEST exists.
driver_again() { # GUEST [PARAMETER=VALUE...]
	local device
	device=$(basename "$(backend_of "$1")")
	shift
	echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind || fail "unbind"
	wait_for 30 rmmod xen_blkback 2>/dev/null || fail "rmmod after unbind"
	need modprobe xen-blkback "$@"
	wait_for 10 [ -e "/sys/bus/xen-backend/drivers/vbd/$device" ] || fail "the device was not bound again"
}
