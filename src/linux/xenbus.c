// SPDX-License-Identifier: GPL-2.0
/*
 * The xenbus driver: devices come, change and go; what that means is decided
 * in the core.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <xen/xenbus.h>

#include "driver.h"
#include "host/store.h"

#include "device.h"
#include "xenbus.h"

static void host_device_free(struct kref *references)
{
	struct host_device *device = container_of(references, struct host_device, references);

	put_device(&device->xenbus->dev);
	kfree(device->frontend_path);
	kfree(device);
}

void host_device_put(struct host_device *device)
{
	kref_put(&device->references, host_device_free);
}

struct host_device *host_device_create(struct xenbus_device *xenbus)
{
	struct host_device *device;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return NULL;
	device->frontend_path = kstrdup(xenbus->otherend, GFP_KERNEL);
	if (!device->frontend_path) {
		kfree(device);
		return NULL;
	}
	kref_init(&device->references);
	get_device(&xenbus->dev);
	device->xenbus = xenbus;
	device->domid = xenbus->otherend_id;
	mutex_init(&device->sysfs_lock);
	init_completion(&device->released);
	return device;
}

void host_device_release(struct host_device *device)
{
	/*
	 * The work that calls us returns into this module's code, which waits
	 * for it when the workqueue is destroyed.
	 */
	module_put(THIS_MODULE);
	complete_all(&device->released);
	host_device_put(device);
}

int host_device_show(struct host_device *device)
{
	int error = -ENODEV;

	mutex_lock(&device->sysfs_lock);
	if (!device->removed && !device->sysfs_shown) {
		error = sysfs_create(device);
		device->sysfs_shown = !error;
	}
	mutex_unlock(&device->sysfs_lock);
	return error;
}

static void host_device_hide(struct host_device *device)
{
	bool shown;

	mutex_lock(&device->sysfs_lock);
	shown = device->sysfs_shown;
	device->sysfs_shown = false;
	device->removed = true;
	mutex_unlock(&device->sysfs_lock);
	if (shown)
		sysfs_remove(device);
}

static void physical_device_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct host_device *device = container_of(watch, struct host_device, physical_device_watch);

	driver_backend_changed(device->driver);
}

/*
 * Our own state node: written by us, and by the toolstack when it wants the
 * device closed.  Only the xenbus watch thread may unregister a device, since
 * it does the same when the directory goes away.
 */
static void state_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct host_device *device = container_of(watch, struct host_device, state_watch);

	if (driver_device_finished(device->driver))
		device_unregister(&device->xenbus->dev);
	else
		driver_backend_changed(device->driver);
}

static void watch_remove(struct xenbus_watch *watch)
{
	if (!watch->node)
		return;
	unregister_xenbus_watch(watch);
	kfree(watch->node);
	watch->node = NULL;
}

static void blkback_remove(struct xenbus_device *xenbus)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);

	if (!device)
		return;
	/*
	 * In this order: sysfs readers end; new callbacks of the frontend's
	 * watch, which xenbus removes only later, find nothing; unregistering
	 * our watches waits for callbacks that still run.
	 */
	host_device_hide(device);
	dev_set_drvdata(&xenbus->dev, NULL);
	watch_remove(&device->state_watch);
	watch_remove(&device->physical_device_watch);
	driver_device_remove(device->driver);

	/*
	 * An administrator who unbinds the device wants it done when the
	 * command returns; the xenbus watch thread waits for nobody's I/O.
	 */
	if (!(current->flags & PF_KTHREAD))
		wait_for_completion_killable(&device->released);
	host_device_put(device);
}

static int blkback_probe(struct xenbus_device *xenbus, const struct xenbus_device_id *id)
{
	struct host_device *device;
	int error;

	device = host_device_create(xenbus);
	if (!device) {
		xenbus_dev_fatal(xenbus, -ENOMEM, "allocating a backend device");
		return -ENOMEM;
	}
	/* For remove; the reference of creation is the core's. */
	kref_get(&device->references);
	__module_get(THIS_MODULE);

	error = driver_device_create(device, &device->driver);
	if (error) {
		xenbus_dev_fatal(xenbus, error, "creating a block backend");
		module_put(THIS_MODULE);
		host_device_put(device);
		host_device_put(device);
		return error;
	}
	dev_set_drvdata(&xenbus->dev, device);

	error = xenbus_watch_pathfmt(xenbus, &device->physical_device_watch, NULL,
				     physical_device_changed, "%s/physical-device",
				     xenbus->nodename);
	if (!error)
		error = xenbus_watch_pathfmt(xenbus, &device->state_watch, NULL, state_changed,
					     "%s/state", xenbus->nodename);
	if (error)
		blkback_remove(xenbus);
	return error;
}

static void blkback_frontend_changed(struct xenbus_device *xenbus, enum xenbus_state state)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);

	if (!device)
		return;
	driver_frontend_changed(device->driver, state);
	/* The frontend's directory is gone: so is the device. */
	if (state == XenbusStateUnknown || driver_device_finished(device->driver))
		device_unregister(&xenbus->dev);
}

static void blkback_reclaim_memory(struct xenbus_device *xenbus)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);

	if (device)
		driver_reclaim_memory(device->driver);
}

static const struct xenbus_device_id blkback_ids[] = {
	{ "vbd" },
	{ "" },
};

static struct xenbus_driver blkback_driver = {
	.ids = blkback_ids,
	.probe = blkback_probe,
	.remove = blkback_remove,
	.otherend_changed = blkback_frontend_changed,
	.allow_rebind = true,
	.reclaim_memory = blkback_reclaim_memory,
};

int xenbus_init_driver(void)
{
	return xenbus_register_backend(&blkback_driver);
}

void xenbus_exit_driver(void)
{
	xenbus_unregister_driver(&blkback_driver);
}
