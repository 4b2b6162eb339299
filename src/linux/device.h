/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel side keeps of one bound xenbus device.
 *
 * It lives from probe until both the core has released it (its last I/O has
 * drained) and the remove callback has let go of it; until then it holds
 * references to the xenbus device and to the module.
 */
#pragma once

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <xen/xenbus.h>

struct driver_device;

struct host_device {
	struct kref references;
	struct xenbus_device *xenbus;
	struct driver_device *driver;
	/* Copied: xenbus frees its own when the device is unbound. */
	char *frontend_path;
	uint16_t domid;

	/* Our own directory, watched for what the toolstack writes. */
	struct xenbus_watch physical_device_watch;
	struct xenbus_watch state_watch;

	/* Orders the creation of sysfs files with removal. */
	struct mutex sysfs_lock;
	bool sysfs_shown;
	bool removed;

	/* The core has released the device. */
	struct completion released;
};

struct host_device *host_device_create(struct xenbus_device *xenbus);
void host_device_put(struct host_device *device);

/* sysfs.c */
int sysfs_create(struct host_device *device);
void sysfs_remove(struct host_device *device);
