#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A guest is destroyed with its disk in every state, I/O in flight or not.
# shows: `xl destroy` with the frontend in every state | yes
. /lab/dom0/lib.sh
driver_load
null_disk size=32 memory_backed=1 irqmode=2 completion_nsec=150000000
# What the frontend has reached: Initialising, Connected, Closing.
for state in 1 4 5; do
	guest_need_tool gt
	attach_only gt "$disk" xvdb w
	guest_start gt leave "frontend leave $(vdev_number xvdb) $state"
	sleep 1
	[ $state != 4 ] || need xl pause gt
	need xl destroy gt
	wait_for 20 no_backends || fail "the backend outlived its guest (frontend in state $state)"
	say "destroyed with the frontend in state $state"
done
null_disk_remove
passed
