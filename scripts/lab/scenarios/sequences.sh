#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: long
# lab: tool
# lab: sequences
# Programs of a hostile frontend, drawn from a seed (--set seed=N, --set programs=N; half a minute
# each): each answer is right, and dom0 and a second guest with verified I/O do not notice.
# shows: hostile frontends: programs drawn from a seed, made smaller when they fail | see security.md
. /lab/dom0/lib.sh
. /lab/dom0/hostile.sh
. /lab/dom0/sequences.sh
say "seed ${seed:-1}"
# Programs connect often, and each connection has its lines.
hostile_lines=1000
hostile_start
# The search itself: only the wrong block is left of the planted program.
program_made_smaller planted rw
[ "${without[*]}" = "3 1" ] || fail "of the planted program the blocks ${without[*]} were left out, not 3 and 1"
for disk_kind in rw slow; do hostile_run "$disk_kind"; done
hostile_end
passed
