# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by every scenario: messages, waiting, and the driver.
#
# A scenario passes when it calls "passed" and ends with status 0.

scenario=$(basename "$0" .sh)
. /lab/dom0/guests.sh
. /lab/dom0/disks.sh
. /lab/dom0/domains.sh
# The variables of the lab's option --set.
# shellcheck source=/dev/null
. /lab/settings

say() { echo "  $scenario: $*"; }

fail() {
	echo "  $scenario: FAILED: $*" >&2
	echo "$*" | head -1 >"/tmp/failed.$scenario"
	exit 1
}

passed() { touch "/tmp/passed.$scenario"; }

# pause SECONDS: sleeps without starting a process, which would take 50 ms here.
exec {silence}<> <(:)
pause() { read -r -t "$1" -u "$silence" || :; }

# wait_for SECONDS COMMAND...: waits until the command succeeds; fails after SECONDS.  The
# command takes CPU time of dom0, which the disk needs, too: the pauses between tries grow.
wait_for() {
	local end=$((SECONDS + $1)) tries=0 pauses=(0.2 0.2 0.3 0.4 0.6 0.8)
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		pause "${pauses[tries++]:-1}"
	done
}

need() { "$@" || fail "status $? of: $*"; }

# on_one_cpu COMMAND...: runs the command while dom0 has only one CPU.  Use it for a command
# that makes dom0's kernel change its own code, such as the switch of a tracepoint: if
# another CPU runs that code meanwhile, the emulator may keep the kernel's breakpoint there
# for ever (stale_code.py).  Measured: with four CPUs that ran the switched code the kernel
# died within a minute, 4 times of 4; switched on one CPU it survived, 52 times of 52.
on_one_cpu() {
	local status=0
	echo 0 >/sys/devices/system/cpu/cpu1/online || fail "dom0 keeps its second CPU"
	"$@" || status=$?
	echo 1 >/sys/devices/system/cpu/cpu1/online || fail "dom0's second CPU does not come back"
	return $status
}

# forgive PATTERN: clears dom0's log.  Fails when it has a complaint other than the lines
# with PATTERN, which the scenario provoked.  The console must not have shown these lines.
forgive() {
	local found
	found=$(dmesg | grep -vE "$1" | sed 's/\[[0-9. ]*\]//' |
		grep -E "$(grep -vE '^#|^$' /lab/dom0/bad-words | paste -sd'|')" | head -3)
	[ -z "$found" ] || fail "the kernel said: $found"
	dmesg -C
}

# --- the driver ----------------------------------------------------------------

parameters=/sys/module/xen_blkback/parameters

driver_is_ours() { [ "$(cat /lab/driver)" = ours ]; }

driver_load() {
	[ -d /sys/module/xen_blkback ] || need modprobe xen-blkback "$@"
	driver_is "$(cat /lab/driver)" || fail "another driver than $(cat /lab/driver) is loaded"
}

# driver_is WHICH: is that driver loaded?  Only ours is built out of tree (taint O).
driver_is() {
	case $(cat /sys/module/xen_blkback/taint) in
	*O*) [ "$1" = ours ] ;;
	*) [ "$1" = intree ] ;;
	esac
}

# driver_use WHICH: loads "ours" or "intree" in place of the loaded one.  No disk may be
# attached.
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
	# kmod's insmod can load compressed modules.
	need insmod "$file"
	driver_is "$1" || fail "another driver than $1 is loaded"
}

set_parameter() { echo "$2" >"$parameters/$1"; }

# An empty list proves nothing when xenstored does not answer.
no_backends() { xenstore-exists /local/domain/0 && [ -z "$(xenstore-list /local/domain/0/backend/vbd 2>/dev/null)" ]; }
