#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kasan
# A PVH guest whose kernel has KASAN serves the disk.
domain_kernel=/kasan/vmlinuz domain_memory=1500 domain_type=pvh domain_extra=noxsave
. /lab/scenarios/driver_domain.sh
