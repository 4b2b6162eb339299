#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kasan
# A PVH guest whose kernel has KASAN serves the disk.  dom0's looks for leaks;
# here kmemleak under KASAN would make everything eight times as slow.
domain_kernel=/kasan/vmlinux domain_memory=1500 domain_type=pvh domain_extra="noxsave kmemleak=off"
. /lab/scenarios/driver_domain.sh
