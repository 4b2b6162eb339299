# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by every scenario: guests, disks, checks.
#
# A scenario passes when it calls "passed" and ends with status 0.

scenario=$(basename "$0" .sh)
# What the host was told with --set.
# shellcheck source=/dev/null
. /lab/settings

say() { echo "  $scenario: $*"; }

fail() {
	echo "  $scenario: FAILED: $*" >&2
	echo "$*" | head -1 >"/tmp/failed.$scenario"
	exit 1
}

passed() { touch "/tmp/passed.$scenario"; }

# pause SECONDS: as sleep, without a process of its own, which costs 50 ms here.
exec {silence}<> <(:)
pause() { read -r -t "$1" -u "$silence" || :; }

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		pause 0.2
	done
}

need() { "$@" || fail "status $? of: $*"; }

# --- the driver ----------------------------------------------------------------

parameters=/sys/module/xen_blkback/parameters

driver_is_ours() { [ "$(cat /lab/driver)" = ours ]; }

driver_load() {
	[ -d /sys/module/xen_blkback ] || need modprobe xen-blkback "$@"
}

# driver_use WHICH: "ours" or "intree", with no disk attached.
driver_use() {
	local folder file
	folder=/lib/modules/$(uname -r)
	case $1 in
	ours) file=$folder/updates/xen-blkback.ko ;;
	*) file=$(ls "$folder"/kernel/drivers/block/xen-blkback/xen-blkback.ko*) ;;
	esac
	if [ -d /sys/module/xen_blkback ]; then
		wait_for 20 rmmod xen_blkback || fail "the driver is still in use"
	fi
	# The one of kmod knows compressed modules.
	need insmod "$file"
}

set_parameter() { echo "$2" >"$parameters/$1"; }

no_backends() { [ -z "$(xenstore-list /local/domain/0/backend/vbd 2>/dev/null)" ]; }

# --- guests ----------------------------------------------------------------------

# guest_id NAME: prints the number of a domain.  xl takes ten times as long as
# to ask whether what it said last still holds.
guest_id() {
	local id=
	if [ -e "/tmp/domid.$1" ]; then read -r id <"/tmp/domid.$1"; fi
	if [ -z "$id" ] || [ "$(xenstore-read "/local/domain/$id/name" 2>/dev/null)" != "$1" ]; then
		id=$(xl domid "$1" 2>/dev/null) || return 1
		echo "$id" >"/tmp/domid.$1"
	fi
	echo "$id"
}

guest_ready() {
	local id
	id=$(guest_id "$1") && [ "$(xenstore-read "/local/domain/$id/data/ready" 2>/dev/null)" = 1 ]
}

# CPUs of their own for every domain: 2-3 unless guest_cpus says otherwise; 1-4
# where time is counted and there is one guest.
guest_cpu_list() {
	if [ "$(cat /lab/time)" = counted ]; then echo 1-4; else echo "${guest_cpus:-2-3}"; fi
}

# guest_create NAME [CONFIGURATION-LINE...]; in the environment
#   blkfront=OPTION=VALUE,...   goes to the guest's frontend driver
#   guest_extra=WORDS           more for its command line
#   guest_files=FOLDER          holds its vmlinux and initrd
guest_create() {
	local name=$1 config=/tmp/$1.cfg files=${guest_files:-/guest}
	shift
	[ -e "/var/log/xen/guest-$name.log" ] && : >"/var/log/xen/guest-$name.log"
	{
		echo "name='$name'"
		echo "kernel='$files/vmlinux'"
		echo "ramdisk='$files/initrd'"
		echo "extra='console=hvc0 loglevel=4 blkfront=${blkfront:-} ${guest_extra:-}'"
		echo "memory=${guest_memory:-512}"
		echo "vcpus=${guest_vcpus:-2}"
		echo "cpus='$(guest_cpu_list)'"
		echo "tsc_mode='native'"
		echo "on_crash='destroy'"
		echo "on_reboot='destroy'"
		for line in "$@"; do echo "$line"; done
	} >"$config"
	xl create -q "$config" </dev/null || fail "xl create $name"
	wait_for 120 guest_ready "$name" || {
		tail -n 30 "/var/log/xen/guest-$name.log"
		fail "guest $name did not come up"
	}
	echo 0 >"/tmp/number.$name"
}

# A guest with four CPUs, and so four queues, of which it uses two: there are no
# more that no other domain uses.
guest_create_4cpus() {
	guest_vcpus=4 guest_create "$@"
	need guest "$1" 'for cpu in 2 3; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online; done' >/dev/null
}

# A guest whose disks no kernel's frontend takes: "guest NAME frontend CASE VDEV"
# runs a case of the frontend in user space against one.
guest_create_tool() {
	if [ ! -d /tmp/guest-tool ]; then
		mkdir /tmp/guest-tool
		ln -s /guest/vmlinux /tmp/guest-tool/
		cat /lab/frontend.cpio /guest/initrd >/tmp/guest-tool/initrd
	fi
	guest_files=/tmp/guest-tool guest_extra=frontend=tool guest_create "$@"
}

# Such a guest, alone, that stays from one scenario to the next.
guest_need_tool() {
	local name
	for name in $(guests); do [ "$name" = "$1" ] || xl destroy "$name"; done
	guest_ready "$1" && guest "$1" 'dmesg -c' >/dev/null && return 0
	xl destroy "$1" 2>/dev/null
	guest_create_tool "$@"
}

# tool GUEST CASE DEVICE [ARGUMENT [SECONDS]]
tool() {
	local vdev status
	vdev=$(vdev_number "$3")
	guest "$1" "frontend $2 $vdev ${4:-}" "${5:-120}" >/tmp/tool.raw
	status=$?
	# xenstore-read writes line ends as \n.
	sed 's/\\n/\n/g' /tmp/tool.raw >/tmp/tool.log
	if [ $status = 0 ]; then
		grep -v '^all as it should be' /tmp/tool.log | tail -n "${tool_lines:-3}" |
			while read -r line; do say "$2: $line"; done
	else
		tail -n 20 /tmp/tool.log
		fail "$2: $(tail -n 1 /tmp/tool.log)"
	fi
}

# A guest that stays from one scenario to the next.
guest_need() {
	guest_ready "$1" && guest "$1" true >/dev/null && return 0
	xl destroy "$1" 2>/dev/null
	guest_create "$@"
}

guest_command() { # NAME ID COMMAND: sets "number"
	read -r number <"/tmp/number.$1"
	number=$((number + 1))
	echo "$number" >"/tmp/number.$1"
	# xenstore-read would quote line ends.
	xenstore-write "/local/domain/$2/data/command" "$number ${3//[$'\n\t']/ }"
}

# guest_answered ID NUMBER: has that command ended?  Sets "value" and "output".
guest_answered() {
	local both
	both=$(xenstore-read "/local/domain/$1/data/result" "/local/domain/$1/data/output" 2>/dev/null)
	value=${both%%$'\n'*}
	output=${both#"$value"}
	output=${output#$'\n'}
	[ "${value%% *}" = "$2" ]
}

# guest NAME COMMAND [SECONDS]: runs it, prints the end of its output, returns
# its status.
guest() {
	local id number value output
	id=$(guest_id "$1") || fail "guest $1 is not there"
	guest_command "$1" "$id" "$2"
	wait_for "${3:-180}" guest_answered "$id" "$number" || {
		tail -n 20 "/var/log/xen/guest-$1.log"
		fail "guest $1 did not end within ${3:-180} s: $2"
	}
	printf '%s\n' "$output"
	return "${value#* }"
}

# guest_start NAME TAG COMMAND: in the background; guest_join NAME TAG SECONDS
# waits for it and returns its status.
guest_start() {
	local id number value output
	id=$(guest_id "$1") || fail "guest $1 is not there"
	xenstore-rm "/local/domain/$id/data/background/$2" 2>/dev/null
	guest_command "$1" "$id" "&$2 $3"
	wait_for 60 guest_answered "$id" "$number" ||
		fail "guest $1 did not start: $3"
}

guest_background_ended() {
	xenstore-read "/local/domain/$(guest_id "$1")/data/background/$2" >/dev/null 2>&1
}

guest_join() {
	local value
	wait_for "$3" guest_background_ended "$1" "$2" || {
		tail -n 20 "/var/log/xen/guest-$1.log"
		fail "guest $1: $2 did not end within $3 s"
	}
	value=$(xenstore-read "/local/domain/$(guest_id "$1")/data/background/$2")
	return "${value#* }"
}

guests() { xl list | awk 'NR > 1 && $1 != "Domain-0" { print $1 }'; }

guests_destroy() {
	local name
	for name in $(guests); do xl destroy "$name"; done
}

guests_remove_disks() {
	local name vdev
	for name in $(guests); do
		for vdev in $(xl block-list "$name" 2>/dev/null | awk 'NR > 1 { print $1 }'); do
			xl block-detach "$name" "$vdev" >/dev/null 2>&1
		done
	done
}

# --- disks -------------------------------------------------------------------------

# image NAME MEGABYTES: a file of noise; prints its path.
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

# attach GUEST TARGET DEVICE MODE: waits until the guest has it.
attach() {
	attach_only "$@"
	wait_for 30 guest_has_disk "$1" "$3" || fail "guest $1 never saw $3"
}

detach_tool() { # GUEST DEVICE: from a guest of guest_create_tool
	need xl block-detach "$1" "$2"
	wait_for 20 no_backends || fail "the backend of $2 is still there"
}

disk_spec() { # TARGET DEVICE MODE
	case $1 in
	/dev/*) echo "phy:$1,$2,$3" ;;
	*) echo "$1,raw,$2,$3" ;;
	esac
}

detach() { # GUEST DEVICE
	need xl block-detach "$1" "$2"
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

# null_disk NAME=VALUE...: a disk of null_blk as its configfs attributes say;
# sets "disk".  null_disk_remove takes it away.
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
	# It has the folder's name, or in older kernels the next number.
	disk=/dev/$(comm -13 <(echo "$before") <(ls /sys/block) | head -1)
	wait_for 5 [ -b "$disk" ] || fail "no disk of null_blk"
}

null_disk_remove() {
	echo 0 >/sys/kernel/config/nullb/lab/power
	need rmdir /sys/kernel/config/nullb/lab
	wait_for 10 rmmod null_blk || fail "null_blk is still in use"
}

# scsi_disk SECTOR-BYTES: loads scsi_debug; sets "disk".  No udev runs here, so
# the driver of disks is loaded by hand.
scsi_disk() {
	need modprobe sd_mod
	need modprobe scsi_debug dev_size_mb=32 sector_size="$1" delay=0 lbpu=1 lbpws=1
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

guest_sum() { guest "$1" "dd if=/dev/$2 bs=1M iflag=direct 2>/dev/null | sha256sum" | cut -d' ' -f1; }
file_sum() { sha256sum <"$1" | cut -d' ' -f1; }

# Verified I/O for the guest: crc32c in every block, mixed sizes.
fio_verify() { # DEVICE MEGABYTES [OPTIONS]
	echo "fio --name=verify --filename=/dev/$1 --size=${2}M --direct=1 --ioengine=libaio" \
		"--iodepth=16 --rw=randrw --bsrange=512-1m --verify=crc32c --verify_fatal=1" \
		"--do_verify=1 --minimal ${3:-}"
}

# load_start GUEST DEVICE MEGABYTES: such I/O in the background, over and over,
# until load_stop GUEST, which says whether all of it was right.
load_start() {
	guest "$1" 'rm -f /tmp/stop' >/dev/null
	guest_start "$1" load "until [ -e /tmp/stop ]; do $(fio_verify "$2" "$3") || exit 1; done"
}

load_stop() {
	guest "$1" 'touch /tmp/stop' >/dev/null
	need guest_join "$1" load 300
}
