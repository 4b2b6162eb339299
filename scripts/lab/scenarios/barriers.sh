#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# A barrier waits for the writes of all rings and holds up later writes, but no reads.
# shows: WRITE_BARRIER drained over all rings, later writes held, reads not held | drains its own ring only
. /lab/dom0/lib.sh
driver_load
need set_parameter max_queues 2
guest_need_tool gt
# Each I/O takes 300 ms; all run in parallel.
null_disk size=16 memory_backed=1 cache_size=4 irqmode=2 completion_nsec=300000000
attach_only gt "$disk" xvdb w
tool_lines=6 tool gt barrier xvdb 300
tool gt flushes xvdb
detach_tool gt xvdb
null_disk_remove
passed
