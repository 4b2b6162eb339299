#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# lab: release
# lab: rare
# What was answered before a flush or a barrier is on the disk when that is answered, although
# the disk loses its cache at that moment: one queue and four, persistent grants on and off.
# shows: what was answered before FLUSH, empty or with data, is durable when FLUSH is answered, and so is its data | the data is not
# shows: the same for WRITE_BARRIER, and for the writes of all rings that were sent before it | no: its data is not, nor are writes of other rings
. /lab/dom0/lib.sh
. /lab/dom0/durability-rounds.sh
driver_load
need set_parameter max_queues 4
guest_need_tool gt

# A frontend that drops its connection with I/O in flight finds its pages mapped in-tree.
driver_is_ours && steps=drop+resize || steps=resize
rounds "$steps" 2
planted
[ -z "$lost" ] || fail "lost at $lost"
passed
