#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# Every operation in all three layouts, every form of ring, wrong requests.
# The frontend runs in user space and checks at each Closed that no page is still mapped.
# shows: all operations in the layouts x86_64, x86_32, and without a `protocol` node | yes
# shows: unknown operations answered `BLKIF_RSP_EOPNOTSUPP`, malformed requests `BLKIF_RSP_ERROR` | yes, asleep for 1 ms each
# shows: rings of 1 to 16 pages, `ring-ref` or `ring-refN`, order 0 written out or absent | yes
# shows: order 0 together with `ring-ref`; `ring-ref0` without an order | no
# shows: numbers with blanks, an end of line or a NUL around them | yes
# shows: alignment of requests to the logical block size checked | yes
# shows: FLUSH_DISKCACHE with and without data; empty flush on a read-only disk | the last is refused
. /lab/dom0/lib.sh
driver_load
need set_parameter max_queues 2
guest_need_tool gt
disk=$(image disk 32)
attach_only gt "$disk" xvdb w
for case in layouts ring-refs indirect discard flushes; do tool gt $case xvdb; done
# A loop device has a write cache.
[ "$(xenstore-read "$(backend_node gt xvdb)/feature-flush-cache")" = 1 ] || fail "flushes are not offered"
! driver_is_ours || tool gt tolerance xvdb
tool gt persistence xvdb 100
! driver_is_ours || dmesg | grep -q 'ring-page-order' || fail "the log does not say what was refused"
detach_tool gt xvdb
attach_only gt "$disk" xvdb r
tool gt read-only xvdb
detach_tool gt xvdb
scsi_disk 4096
attach_only gt "$disk" xvdb w
tool gt blocks-4k xvdb
detach_tool gt xvdb
wait_for 20 rmmod scsi_debug || fail "the disk is still in use"
passed
