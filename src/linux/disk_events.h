/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/*
 * Listens for resized and removed block devices.  Calls driver_disk_changed(), or
 * driver_disks_changed() when events were lost or an event names no device.
 * disk_events_init() returns 0 or a negative errno.
 */
int disk_events_init(void);
void disk_events_exit(void);
