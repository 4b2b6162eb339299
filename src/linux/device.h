/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel side of one binding of a xenbus device to this driver.
 *
 * It lives from probe until the core has released it (its last I/O has drained)
 * and the remove callback has dropped its reference.  It holds a reference to
 * the xenbus device.
 */
#pragma once

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/workqueue.h>
#include <xen/xenbus.h>

struct dentry;
struct driver_device;

struct host_device {
	struct kref references;
	struct xenbus_device *xenbus;
	struct driver_device *driver;
	/* A copy of xenbus->otherend, which xenbus frees at unbind. */
	char *frontend_path;
	uint16_t domid;
	uint32_t vdev; /* see host_device_vdev() */
	/* Limits host_device_error(). */
	struct ratelimit_state error_limit;

	/* Link in bound_devices, guarded by bound_lock (xenbus.c). */
	struct list_head bound;

	/* Link in living_devices, guarded by living_lock (device.c). */
	struct list_head living;
	/*
	 * xenbus was kept from replacing Closing by Closed at unbind: do it after
	 * the drain.  Guarded by living_lock.
	 */
	bool owes_closed;

	/*
	 * Held during access to the xenstore directory, creation of sysfs files
	 * and mapping of a ring.  Never held while waiting for a disk.
	 */
	struct mutex lock;
	/* The remove callback was called: the directory may be another device's. */
	bool removed;
	bool sysfs_shown;
	/* The folder in debugfs, or NULL or an error.  Probe and remove alone use it. */
	struct dentry *debug;
	/* The core has released the device.  `drained` is completed afterwards. */
	bool released;
	struct completion drained;
	/* A module reference is held: the module stays while an unbound device drains. */
	bool holds_module;
	/* The frontend's directory is gone. */
	bool frontend_gone;
	/* The frontend is gone, and the core has not closed the device in time. */
	bool given_up;
	/*
	 * Runs when the drain or the close takes long, or to try a step of the
	 * end again.  Has a reference to the device while it is pending.
	 */
	struct delayed_work patience;
};

/*
 * device.c.  host_devices_init() returns 0 or -ENOMEM.  host_devices_exit() waits
 * for the I/O of the last device.
 */
int host_devices_init(void);
void host_devices_exit(void);
struct host_device *host_device_create(struct xenbus_device *xenbus);
void host_device_put(struct host_device *device);

/* Jiffies after which a failed step of a device's end is tried again. */
#define HOST_DEVICE_END_RETRY (HZ / 2)

/* Schedules device->patience in @delay jiffies.  Replaces an earlier schedule. */
void host_device_be_patient(struct host_device *device, unsigned long delay);

/*
 * store.c: at an unbind, removes the nodes with the numbers of the rings' threads, whose
 * numbers will be used again.  Call behind host_device_hide().
 */
void host_device_forget_threads(struct host_device *device);

/* When this returns, the core can reach neither the device's xenstore nor its sysfs files. */
void host_device_hide(struct host_device *device);

/* Call at the end of an unbind, with the lock of the xenbus device held.  See device.c. */
void host_device_keep_from_closed(struct xenbus_device *xenbus);

/*
 * store.c: writes our state node again, unchanged, so that its watch fires.
 * Return: 0, -ENOENT (the directory is gone), -ENODEV, or another negative errno.
 */
int host_device_touch_state(struct host_device *device);

/*
 * store.c: replaces Closing by Closed in our state node.  The xenbus device must
 * have no driver, and the caller must hold its lock.
 * Return: 0, -EBUSY (another state), -ENOENT (the directory is gone), or another
 * negative errno.
 */
int host_device_finish_closing(struct host_device *device);

/* sysfs.c */
int sysfs_create(struct host_device *device);
void sysfs_remove(struct host_device *device);
