#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two guests with a disk each work at the same time.
# shows: two guests at once | yes
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_cpus=2 guest_create g1
guest_cpus=3 guest_create g4
one=$(image one 32)
two=$(image two 32)
attach g1 "$one" xvdb w
attach g4 "$two" xvdb w
guest_start g1 load "$(fio_verify xvdb 16)"
guest_start g4 load "$(fio_verify xvdb 16)"
need guest_join g1 load 300
need guest_join g4 load 300
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$one")" ] || fail "g1's data differs"
[ "$(guest_sum g4 xvdb)" = "$(file_sum "$two")" ] || fail "g4's data differs"
detach g1 xvdb
xl destroy g4
xl destroy g1
passed
