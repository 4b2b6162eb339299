#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: by hand
# Measures how long xl takes to attach and to detach a disk, with our driver and with the
# in-tree driver in turn.  The hotplug script is the short one: it takes most of the time
# otherwise, with either driver.
#
# Prints "NOTE attach DRIVER ROUND MS MS": the medians of an attach and of a detach.
# Settings: time_disks, time_rounds, drivers.
. /lab/dom0/lib.sh
disks=${time_disks:-8}
for i in $(seq "$disks"); do image "time$i" 1 >/dev/null; done
guest_create g1

median() { sort -n | sed -n "$(((disks + 1) / 2))p"; }
# timed COMMAND...: prints the milliseconds that it takes.
timed() {
	local began=${EPOCHREALTIME/./}
	need "$@" >/dev/null
	echo $(((${EPOCHREALTIME/./} - began) / 1000))
}
name() { printf "xvd%b" "\\0$(printf %o $((97 + $1)))"; } # N

for round in $(seq "${time_rounds:-2}"); do
	for driver in ${drivers:-intree ours}; do
		driver_use "$driver"
		attaches=$(for i in $(seq "$disks"); do
			timed xl block-attach g1 "$(disk_spec "/tmp/time$i.img" "$(name "$i")" w)"
		done)
		wait_for 20 guest_has_disk g1 "$(name "$disks")" || fail "the last disk does not come"
		detaches=$(for i in $(seq "$disks"); do timed xl block-detach g1 "$(name "$i")"; done)
		wait_for 20 no_backends || fail "backends are left over"
		echo "NOTE attach $driver $round $(median <<<"$attaches") $(median <<<"$detaches")"
	done
done
xl destroy g1
passed
