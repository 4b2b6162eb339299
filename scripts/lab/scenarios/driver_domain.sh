#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: domain
# A driver domain serves the disk: it owns the disk and runs our module.
# shows: the backend in a driver domain (`backend=`) | yes
. /lab/dom0/lib.sh
domain_need dd
domain_verify dd
need guest dd 'modprobe xen-blkback' >/dev/null
passed
