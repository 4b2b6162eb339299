#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: guests
# Guests with other kernels than dom0's.
# shows: guests with other kernels than dom0's | yes
. /lab/dom0/lib.sh
driver_load
guests_destroy
disk=$(image disk 16)
for files in /guest-*; do
	guest_files=$files guest_create gk "disk=['$disk,raw,xvdb,w']"
	wait_for 20 guest_has_disk gk xvdb || fail "the guest never saw the disk"
	for persistent in Y N; do
		set_parameter feature_persistent $persistent
		detach gk xvdb
		attach gk "$disk" xvdb w
		need guest gk "$(fio_verify xvdb 8)" >/dev/null
		[ "$(guest_sum gk xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
	done
	set_parameter feature_persistent Y
	say "$(guest gk 'uname -r') served by $(uname -r)"
	xl destroy gk
done
passed
