#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A crash kernel starts while the disk still has the I/O of the crashed kernel.
# A frontend writes its states in every order, fast and slow, and checks at InitWait that
# no page is still mapped.
# shows: a crash kernel beside a slow disk: InitWait once its request is done | no: fails with "pending I/O"
# shows: a frontend's states in every order, then a proper connect | no
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=4000000000
attach_only gt "$disk" xvdb w
tool gt crash-kernel xvdb 4000
detach_tool gt xvdb
null_disk_remove
null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=40000000
attach_only gt "$disk" xvdb w
tool_lines=1 tool gt restart xvdb 8
tool_lines=1 tool gt state-orders xvdb "${length:-2}" 300
detach_tool gt xvdb
null_disk_remove
passed
