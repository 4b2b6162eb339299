/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

struct host_device;

/* @folder: the name in debugfs, below which each device has a folder. */
void blkback_debug_init(const char *folder);
void blkback_debug_exit(void);

/*
 * Show the device, and hide it again.  device->driver must be valid in between.
 * blkback_debug_hide() waits for readers that are with the core, which takes no lock that a disk
 * can hold.  Both may be called without the other.
 */
void blkback_debug_show(struct host_device *device);
void blkback_debug_hide(struct host_device *device);
