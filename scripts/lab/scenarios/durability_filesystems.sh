#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: release
# lab: rare
# lab: long
# A guest's ext4 and XFS, on a disk that loses its cache at any moment: what the guest's
# programs have made durable is there after the file system's recovery, and e2fsck and
# xfs_repair find no fault.  Across resizes and reloads of the module.
# shows: a guest's ext4 and XFS survive the loss of the disk's cache at each flush; no record is lost that fsync(), rename() or O_DSYNC had made durable | yes
. /lab/dom0/lib.sh
. /lab/dom0/durability-filesystems.sh
driver_load
guests_destroy

for filesystem in ext4 xfs; do
	crash_run $filesystem 1 N "${records:-24}"
	crash_run $filesystem 4 Y "${records:-24}"
done
planted ext4
[ -z "$lost" ] || fail "lost:$lost"
passed
