# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lib.sh: guests, and commands in them.

# guest_id NAME: prints the number of a domain.  xl takes ten times as long as a check in
# xenstore that the last answer of xl still holds.
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

# Prints the CPUs of a guest, which dom0 does not use: 2-3, or guest_cpus (4 for a driver
# domain).  When time is counted in instructions there is one guest, with 1-4.
guest_cpu_list() {
	if [ "$(cat /lab/time)" = counted ]; then echo 1-4; else echo "${guest_cpus:-2-3}"; fi
}

# guest_create NAME [CONFIGURATION-LINE...]; in the environment
#   blkfront=OPTION=VALUE,...   goes to the guest's frontend driver
#   guest_extra=WORDS           more for its command line
#   guest_files=FOLDER          holds its vmlinux and initrd
#   guest_seconds=SECONDS       the longest time until it is up (120)
#   guest_vcpus=NUMBER          its CPUs and queues.  With one CPU the emulator cannot run
#                               code that the guest's kernel replaces (stale_code.py), which
#                               a booting kernel does most.  All of its CPUs therefore
#                               share a physical one until it is up.
guest_create() {
	local name=$1 config=/tmp/$1.cfg files=${guest_files:-/guest} cpus boot
	shift
	cpus=$(guest_cpu_list)
	boot=$cpus
	[ "${guest_vcpus:-1}" = 1 ] || [ "$(cat /lab/time)" = counted ] || boot=${cpus%%-*}
	{
		echo "name='$name'"
		echo "kernel='$files/vmlinux'"
		echo "ramdisk='$files/initrd'"
		echo "extra='console=hvc0 loglevel=5 blkfront=${blkfront:-} ${guest_extra:-}'"
		echo "memory=${guest_memory:-512}"
		echo "vcpus=${guest_vcpus:-1}"
		echo "cpus='$boot'"
		echo "tsc_mode='native'"
		echo "on_crash='destroy'"
		echo "on_reboot='destroy'"
		for line in "$@"; do echo "$line"; done
	} >"$config"
	xl create -q "$config" </dev/null || fail "xl create $name"
	wait_for "${guest_seconds:-120}" guest_ready "$name" || {
		tail -n 30 "/var/log/xen/guest-$name.log"
		fail "guest $name did not come up"
	}
	[ "$boot" = "$cpus" ] || need xl vcpu-pin "$name" all "$cpus"
	echo 0 >"/tmp/number.$name"
}

# Creates a guest with four CPUs, and therefore four queues, and takes two CPUs offline:
# only two physical CPUs are not used by other domains.
guest_create_4cpus() {
	guest_vcpus=4 guest_create "$@"
	need guest "$1" 'for cpu in 2 3; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online; done' >/dev/null
}

# Creates a guest without the kernel's frontend: "guest NAME frontend CASE VDEV" runs a
# case of the frontend in user space on a disk.
guest_create_tool() {
	if [ ! -d /tmp/guest-tool ]; then
		mkdir /tmp/guest-tool
		ln -s /guest/vmlinux /tmp/guest-tool/
		cat /lab/frontend.cpio /guest/initrd >/tmp/guest-tool/initrd
	fi
	guest_files=/tmp/guest-tool guest_extra=frontend=tool guest_create "$@"
}

# Creates such a guest, with two CPUs, unless it runs already, and destroys all other guests.  The guest
# stays for later scenarios.
guest_need_tool() {
	local name
	for name in $(guests); do [ "$name" = "$1" ] || xl destroy "$name"; done
	guest_ready "$1" && guest "$1" 'dmesg -c >/dev/null' >/dev/null && return 0
	xl destroy "$1" 2>/dev/null
	guest_vcpus=2 guest_create_tool "$@"
}

# tool GUEST CASE DEVICE [ARGUMENT [SECONDS]]: runs such a case; fails when the case fails.
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

# tool_must_fail GUEST CASE DEVICE WORDS: the case plants a fault, and must fail with WORDS.
tool_must_fail() {
	guest "$1" "frontend $2 $(vdev_number "$3")" >/tmp/tool.log && fail "$2 did not fail"
	grep -q "^FAILED: .*$4" /tmp/tool.log || fail "$2 does not say '$4': $(tail -n 1 /tmp/tool.log)"
	say "$2: found: $(tail -n 1 /tmp/tool.log)"
}

# Creates a guest with two CPUs unless it runs already.  It stays for later scenarios.
guest_need() {
	guest_ready "$1" && guest "$1" true >/dev/null && return 0
	xl destroy "$1" 2>/dev/null
	guest_vcpus=2 guest_create "$@"
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

# guest NAME COMMAND [SECONDS]: runs the command, prints the end of its output and
# returns its status.
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

# guest_start NAME TAG COMMAND: runs the command in the background; guest_join NAME TAG
# SECONDS waits for it and returns its status; guest_output NAME TAG prints the end of what
# it has printed.
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

guest_output() { guest "$1" "tail -c 1500 /tmp/background.$2"; }

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
