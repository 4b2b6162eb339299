#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# lab: release
# lab: rare
# lab: long
# As durability, with more rounds, and with a reconnect, a resize or another module between the
# writes and the flush.
# shows: the same when a reconnect, a resize or a reload of the module comes before the flush | yes
. /lab/dom0/lib.sh
. /lab/dom0/durability-rounds.sh
driver_load
need set_parameter max_queues 4
guest_need_tool gt

# A frontend that drops its connection with I/O in flight finds its pages mapped in-tree.
driver_is_ours && steps=reconnect+drop+resize+reload || steps=reconnect+resize+reload
rounds "$steps" 8
planted
[ -z "$lost" ] || fail "lost at $lost"
passed
