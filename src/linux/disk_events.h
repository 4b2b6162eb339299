/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/*
 * Hears of resized and removed block devices and calls driver_disk_changed(),
 * or driver_disks_changed() when events were lost.  disk_events_init() returns 0
 * or a negative errno.
 */
int disk_events_init(void);
void disk_events_exit(void);
