#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest boots with two disks, one of them read-only.
# shows: disks in the guest's configuration, read-write and read-only | yes
. /lab/dom0/lib.sh
driver_load
xl destroy g1 2>/dev/null
first=$(image first 16)
second=$(image second 8)
guest_create g2 "disk=['$first,raw,xvda,w', '$second,raw,xvdb,r']"
[ "$(guest_sum g2 xvda)" = "$(file_sum "$first")" ] || fail "xvda differs"
[ "$(guest_sum g2 xvdb)" = "$(file_sum "$second")" ] || fail "xvdb differs"
need guest g2 "$(fio_verify xvda 8)" >/dev/null
[ "$(guest g2 'cat /sys/block/xvdb/ro')" = 1 ] || fail "xvdb is not read-only"
[ "$(guest_sum g2 xvda)" = "$(file_sum "$first")" ] || fail "xvda differs after fio"
xl destroy g2
passed
