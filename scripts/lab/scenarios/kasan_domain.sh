#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# lab: release
# lab: kasan
# A PVH guest whose kernel has KASAN and lockdep runs the cases of src/linux, those
# that need Xen among them but for the mapping of its own pages, and serves a disk.  kmemleak under KASAN would make
# everything eight times as slow.
# shows: event channels and xenstore of the Linux side, case by case, with KASAN | yes
. /lab/dom0/lib.sh
guests_destroy
domain_kernel=/kasan/vmlinux domain_memory=1500 domain_type=pvh domain_extra="noxsave kmemleak=off" domain_create dd
guest dd '/lab/dom0/kunit-cases /lab/kunit-kasan auto-translated 2>&1' 300 >/tmp/counts || fail "$(tail -n 30 /tmp/counts)"
say "$(cat /tmp/counts)"
domain_verify dd
guest dd 'grep -q "^ *debug_locks: *1$" /proc/lockdep_stats' || fail "lockdep looks at nothing any more"
xl destroy dd
passed
