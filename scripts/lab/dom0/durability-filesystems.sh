# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scenarios about file systems on a disk that loses its cache.
. /lab/dom0/durability.sh

lost=
crashed=/tmp/crashed.img
seed=${durability_seed:-$RANDOM}
# The points of a log that are tried, besides each mark.
flushes_tried=${flushes_tried:-12}

make_filesystem() { # ext4|xfs IMAGE
	case $1 in
	ext4) need mkfs.ext4 -q -F "$2" ;;
	# Without these variables it refuses disks of less than 300 MB.
	xfs) TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 need mkfs.xfs -q -f "$2" ;;
	esac
}

# Prints what the checker of that file system says; fails when that is a fault.
check_filesystem() { # ext4|xfs IMAGE
	case $1 in
	ext4) e2fsck -fn "$2" 2>&1 ;;
	xfs) xfs_repair -n "$2" 2>&1 ;;
	esac
}

# A guest with Linux' frontend and writelog.
guest_create_journal() { # GUEST QUEUES
	if [ ! -d /tmp/guest-journal ]; then
		mkdir /tmp/guest-journal
		ln -s /guest/vmlinux /tmp/guest-journal/
		cat /lab/frontend.cpio /guest/initrd >/tmp/guest-journal/initrd
	fi
	if [ "$2" = 1 ]; then
		guest_files=/tmp/guest-journal guest_create "$1"
	else
		guest_files=/tmp/guest-journal guest_create_4cpus "$1"
	fi
}

acknowledged() { # GUEST
	xenstore-read "/local/domain/$(guest_id "$1")/data/ask" 2>/dev/null | sed -n 's/.*acknowledged //p'
}

# write_records FILESYSTEM QUEUES PERSISTENT RECORDS: a guest writes a journal of records
# while the disk grows and the module is loaded again.  Leaves the log, and the disk as it was
# at first in /tmp/before.img.
write_records() {
	local records=$4
	rm -f "$file"
	truncate -s 96M "$file"
	truncate -s 64M /tmp/before.img
	make_filesystem "$1" /tmp/before.img
	need dd if=/tmp/before.img of="$file" bs=1M conv=notrunc,sparse status=none
	truncate -s 96M /tmp/before.img
	logged_create 64 32 5 40
	need set_parameter max_queues "$2"
	need set_parameter feature_persistent "$3"
	guest_create_journal gj "$2"
	attach gj /dev/mapper/durable xvdb w
	serve_start gj
	need guest gj "modprobe $1; mkdir -p /mnt; mount -t $1 /dev/xvdb /mnt"
	guest_start gj journal "writelog journal /mnt $records"
	if [ -z "${plant:-}" ]; then
		wait_for 120 eval "[ 0\$(acknowledged gj) -ge $((records / 4)) ]" || fail "no record is acknowledged"
		durable_grow
		wait_for 120 eval "[ 0\$(acknowledged gj) -ge $((records / 2)) ]" || fail "no record is acknowledged after the resize"
		driver_again gj max_queues="$2" feature_persistent="$3"
	else
		wait_for 120 eval "[ 0\$(acknowledged gj) -ge $((records / 2)) ]" || fail "no record is acknowledged"
		$plant
	fi
	need guest_join gj journal 300
	# Not unmounted: the guest is lost, too.
	serve_stop
	need xl destroy gj
	wait_for 30 no_backends || fail "the backend is still there"
	logged_remove
}

# Chooses all marks of the log, and some of the flushes: lines "INDEX KIND ACKNOWLEDGED".
choose_points() {
	/lab/writelog points "$log" >/tmp/points || fail "$(tail -n 1 /tmp/points)"
	[ "$(grep -c ' mark ' /tmp/points)" = "$1" ] || fail "the log has $(grep -c ' mark ' /tmp/points) marks, not $1"
	{
		grep ' mark ' /tmp/points
		grep -v ' mark ' /tmp/points | awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand(), $0 }' | sort |
			head -n "$flushes_tried" | cut -d' ' -f2-
	} | sort -n
}

# try_point FILESYSTEM INDEX KIND ACKNOWLEDGED: the disk has lost its cache there.  Prints what
# is wrong.
try_point() {
	local said
	cp /tmp/replayed.img $crashed
	# Recovery is the file system's own, with its journal.
	if ! mount -o loop $crashed /tmp/crashed 2>/tmp/mount.log; then
		echo "it cannot be mounted: $(head -n 1 /tmp/mount.log)"
		return
	fi
	said=$(/lab/writelog check /tmp/crashed "$4") || echo "$said"
	need umount /tmp/crashed
	said=$(check_filesystem "$1" $crashed) || echo "$1 is broken: $(tail -n 3 <<<"$said")"
}

# crash_run FILESYSTEM QUEUES PERSISTENT RECORDS: writes records and tries the points.  Adds to
# "lost" what was wrong.  Sets "bad", the number of bad points.
crash_run() {
	local at=0 index kind acknowledged points=0 said
	write_records "$@"
	cp /tmp/before.img /tmp/replayed.img
	mkdir -p /tmp/crashed
	modprobe "$1"
	bad=0
	choose_points "$4" >/tmp/chosen
	while read -r index kind acknowledged; do
		need /lab/writelog replay "$log" /tmp/replayed.img "$at" "$index"
		at=$index
		said=$(try_point "$1" "$index" "$kind" "$acknowledged")
		points=$((points + 1))
		if [ -n "$said" ]; then
			bad=$((bad + 1))
			[ $bad -gt 3 ] || say "$1 at the $kind behind entry $index, $acknowledged records: $said"
		fi
	done </tmp/chosen
	echo "NOTE durability $(cat /lab/driver) $1, queues $2, persistent $3: $4 records, $(wc -l </tmp/points) points, $points tried (seed $seed), $bad bad"
	[ $bad = 0 ] || lost="$lost $1/queues=$2/persistent=$3"
}

# Plants a disk that drops flushes from the middle of the journal on.
planted() { # FILESYSTEM
	local before=$lost
	plant=durable_drop_flushes crash_run "$1" 1 N 12
	lost=$before
	[ $bad -gt 0 ] || fail "flushes that never came to the disk were not found"
	say "a disk that drops flushes: found at $bad points"
}
