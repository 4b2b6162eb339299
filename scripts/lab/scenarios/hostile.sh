#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: long
# lab: tool
# A guest does all that a frontend can do wrong: the cases of scripts/lab/hostile.  dom0, and a
# second guest with verified I/O, must not notice.
# shows: hostile frontends (`scripts/lab/hostile`): nothing hangs, leaks, floods the log, or slows another guest | see security.md
. /lab/dom0/lib.sh
. /lab/dom0/hostile.sh
hostile_start
for disk_kind in rw ro 4k plain nodiscard slow; do hostile_run "$disk_kind"; done
hostile_end
passed
