/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel side keeps of one bound xenbus device.
 *
 * It lives from probe until both the core has released it (its last I/O has
 * drained) and the remove callback has let go of it; until then it holds a
 * reference to the xenbus device.
 */
#pragma once

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/workqueue.h>
#include <xen/xenbus.h>

struct driver_device;

struct host_device {
	struct kref references;
	struct xenbus_device *xenbus;
	struct driver_device *driver;
	/* Copied: xenbus frees its own when the device is unbound. */
	char *frontend_path;
	uint16_t domid;
	/* Of host_device_error(). */
	struct ratelimit_state error_limit;

	/* Among the bound ones; their lock is in xenbus.c. */
	struct list_head bound;

	/* Among those that the core has not released; this lock is in device.c. */
	struct list_head living;
	/* xenbus was kept from publishing Closed in Closing: we have to. */
	bool owes_closed;

	/*
	 * Held while the xenstore directory is read or written, while sysfs
	 * files are created, and while the ring is mapped; never while somebody
	 * waits for a disk.
	 */
	struct mutex lock;
	/* The remove callback has run: the directory may be another device's. */
	bool removed;
	bool sysfs_shown;
	/* The core has released the device; then it is complete, too. */
	bool released;
	struct completion drained;
	/* While an unbound device drains the module cannot be unloaded. */
	bool holds_module;
	/* The frontend's directory is gone. */
	bool frontend_gone;
	/* And the core has not closed the device in time. */
	bool given_up;
	/* When one of both takes long; a pending one has a reference. */
	struct delayed_work patience;
};

/* device.c.  Init returns 0 or -ENOMEM; exit waits for the last device's I/O. */
int host_devices_init(void);
void host_devices_exit(void);
struct host_device *host_device_create(struct xenbus_device *xenbus);
void host_device_put(struct host_device *device);

/* What did not go well with a device's end is tried again after this. */
#define HOST_DEVICE_END_RETRY (HZ / 2)

/* Looks at the device after @delay jiffies, instead of when it was asked to before. */
void host_device_be_patient(struct host_device *device, unsigned long delay);

/* The core sees neither xenstore nor sysfs any more when this returns. */
void host_device_hide(struct host_device *device);

/* At the end of an unbind, under the device's lock: see there. */
void host_device_keep_from_closed(struct xenbus_device *xenbus);

/*
 * store.c: writes our state node again, as it is, so that its watch fires.
 * Return: 0, -ENOENT (the directory is gone), -ENODEV, or another negative errno.
 */
int host_device_touch_state(struct host_device *device);

/*
 * store.c: Closed in the place of Closing, of a device without a driver, whose
 * lock is held.  Return: 0, -EBUSY (another state), -ENOENT, or another negative
 * errno.
 */
int host_device_finish_closing(struct host_device *device);

/* sysfs.c */
int sysfs_create(struct host_device *device);
void sysfs_remove(struct host_device *device);
