#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: main
# A disk is attached to a running guest, used, and detached, several times.
# shows: `xl block-attach`, `block-list`, `block-detach` on a running guest | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 16)
for round in 1 2 3; do
	attach g1 "$disk" xvdb w
	xl block-list g1 | grep -q '^51728 ' || fail "xl block-list does not show the disk"
	need guest g1 "dd if=/dev/urandom of=/tmp/noise bs=64k count=16 2>/dev/null &&
		dd if=/tmp/noise of=/dev/xvdb bs=64k seek=$round oflag=direct 2>/dev/null &&
		dd if=/dev/xvdb bs=64k skip=$round count=16 iflag=direct 2>/dev/null | cmp - /tmp/noise" >/dev/null
	seen=$(guest_sum g1 xvdb)
	detach g1 xvdb
	wait_for 20 no_backends || fail "the backend's directory is still there"
	[ "$seen" = "$(file_sum "$disk")" ] || fail "round $round: guest and dom0 see different data"
	say "round $round: attached, verified, detached"
done
passed
