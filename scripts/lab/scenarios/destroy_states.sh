#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: locks
# lab: tool
# A guest is destroyed with its frontend in every state, with I/O in flight where possible.
# shows: `xl destroy` with the frontend in every state | yes
. /lab/dom0/lib.sh
driver_load
null_disk size=32 memory_backed=1 irqmode=2 completion_nsec=6000000000
frontend_is() { # STATE
	[ "$(xenstore-read "/local/domain/$(guest_id gt)/device/vbd/$(vdev_number xvdb)/state")" = "$1" ]
}
# From Initialising to Closed.
for state in 1 2 3 4 5 6; do
	guest_need_tool gt
	attach_only gt "$disk" xvdb w
	guest_start gt leave "frontend leave $(vdev_number xvdb) $state"
	wait_for 20 frontend_is "$state" || fail "the frontend does not come to state $state"
	what=
	if [ "$state" -ge 4 ]; then
		wait_for 20 disk_is_busy "$disk" || fail "no request is in flight in state $state"
		what=", $(disk_in_flight "$disk") requests in flight"
	fi
	[ "$state" != 4 ] || need xl pause gt
	xl destroy gt &
	destroy=$!
	# xl waits for the backend, at most ten seconds.
	pause 0.5
	[ "$state" -lt 4 ] || disk_is_busy "$disk" || fail "the disk had answered when the guest was destroyed"
	wait $destroy || fail "xl destroy"
	wait_for 20 no_backends || fail "the backend outlived its guest (frontend in state $state)"
	say "destroyed with the frontend in state $state$what"
done
null_disk_remove
passed
