#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: locks
# lab: tool
# A frontend starts over with I/O in flight, as after a boot loader or a kexec;
# at Closed no page of the guest is mapped.
# shows: Closed, Initialising, Initialised again, with I/O in flight | no: fails with "pending I/O"
# shows: `Closed` only when no page of the guest is mapped | no: published while I/O is in flight
# shows: persistent grants negotiated on each connect | yes
. /lab/dom0/lib.sh
driver_load
need set_parameter max_queues 2
guest_need_tool gt
null_disk size=32 memory_backed=1 irqmode=2 completion_nsec=150000000
attach_only gt "$disk" xvdb w
tool_lines=8 tool gt reconnect xvdb 8 200
# Each connect negotiates anew: the backend's offer may have changed.
set_parameter feature_persistent N
tool gt reconnect xvdb 2
[ "$(xenstore-read "$(backend_node gt xvdb)/feature-persistent")" = 0 ] ||
	fail "feature-persistent is still offered"
tool gt not-persistent xvdb
set_parameter feature_persistent Y
tool gt persistence xvdb 10
detach_tool gt xvdb
null_disk_remove
passed
