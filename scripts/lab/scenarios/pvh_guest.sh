#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PVH guest's disk.  noxsave: the emulator's nested XSAVE confuses kernels from 6.12 on.
# shows: PVH guests | yes
. /lab/dom0/lib.sh
driver_load
guests_destroy
disk=$(image disk 8)
guest_extra=noxsave guest_create gh "type='pvh'" "disk=['$disk,raw,xvdb,w']"
wait_for 60 guest_has_disk gh xvdb || fail "the guest never saw the disk"
need guest gh "$(fio_verify xvdb 4)" 240 >/dev/null
[ "$(guest_sum gh xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach gh xvdb
attach gh "$disk" xvdc r
detach gh xvdc
xl destroy gh
passed
