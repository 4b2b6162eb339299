#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: long
# lab: tool
# The cases of hostile frontends that take long: each node with each kind of garbage, states in
# pairs, each byte of a slot.
# shows: hostile frontends: each node with each kind of garbage, pairs of states, each byte of a slot changed | see security.md
. /lab/dom0/lib.sh
. /lab/dom0/hostile.sh
hostile_pace=rare
hostile_start
for disk_kind in rw slow; do hostile_run "$disk_kind"; done
hostile_end
passed
