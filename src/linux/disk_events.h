/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/*
 * Hears of resized and removed block devices and calls
 * driver_disks_changed().  disk_events_init() returns 0 or a negative errno.
 */
int disk_events_init(void);
void disk_events_exit(void);
