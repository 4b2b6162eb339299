// SPDX-License-Identifier: GPL-2.0
/*
 * The xenbus driver: devices come, change and go; what that means is decided
 * in the core.
 *
 * Nothing here waits for a disk, but for UNBIND_WAITS: the xenbus watch thread
 * serves all guests, and whoever holds a device's lock holds that thread up when
 * the device's directory goes away.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "driver.h"
#include "host/store.h"

#include "device.h"
#include "xenbus.h"

/* So long an unbind waits for the I/O, so that an rmmod after it is not refused. */
#define UNBIND_WAITS (HZ / 5)

/* After this the log tells of a device that still drains. */
#define DRAINS_LONG (1 * HZ)

/*
 * A guest is gone: so long its devices may take to close their disks and say
 * Closed.  libxl waits for ten seconds, and does not remove their directories
 * when it has waited in vain.
 */
#define CLOSES_LONG (4 * HZ)

/* The bound devices, and their ends: see backend_node_changed(). */
static LIST_HEAD(bound_devices);
static DEFINE_MUTEX(bound_lock);

/*
 * Unregisters a device that is closed for good, as its toolstack expects.  Only
 * the watch thread may do so: it does the same when the directory goes away.
 *
 * An unbind holds the device's lock while it waits, in xenbus, for the watch
 * thread, so with somebody at the lock we try again later.
 *
 * BEWARE: an unbind that takes the lock between our look and the unregistration
 * still stops the watch thread for good.  xenbus' own way to a device whose
 * directory has gone is open to the same, so no driver can close it.
 */
static void device_finish(struct host_device *device)
{
	struct device *dev = &device->xenbus->dev;

	if (!device_trylock(dev)) {
		host_device_be_patient(device, HOST_DEVICE_END_RETRY);
		return;
	}
	device_unlock(dev);
	device_unregister(dev);
}

/* The last part of a path below "backend/vbd", if we care for it; "" if not. */
static const char *backend_node(const char *path)
{
	const char *name = strrchr(path, '/');

	if (name && (!strcmp(name, "/physical-device") || !strcmp(name, "/state")))
		return name;
	return "";
}

static bool backend_node_matters(struct xenbus_watch *watch, const char *path, const char *token)
{
	return *backend_node(path) != '\0';
}

static struct host_device *device_find(const char *path, size_t length)
{
	struct host_device *device;

	list_for_each_entry(device, &bound_devices, bound) {
		const char *nodename = device->xenbus->nodename;

		if (strlen(nodename) == length && !memcmp(nodename, path, length))
			return device;
	}
	return NULL;
}

/*
 * A node of a backend directory: physical-device is the toolstack's, the state
 * ours and the toolstack's when it wants the device closed.
 */
static void backend_node_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct host_device *finished = NULL;
	const char *name = backend_node(path);
	struct host_device *device;

	if (!*name)
		return;
	/* The core's device stays until it is not bound any more. */
	mutex_lock(&bound_lock);
	device = device_find(path, name - path);
	if (device && (driver_device_finished(device->driver) || READ_ONCE(device->given_up))) {
		finished = device;
		kref_get(&finished->references);
	} else if (device && !strcmp(name, "/physical-device")) {
		driver_physical_device_changed(device->driver);
	} else if (device) {
		driver_state_changed(device->driver);
	}
	mutex_unlock(&bound_lock);
	if (!finished)
		return;
	device_finish(finished);
	host_device_put(finished);
}

/*
 * One watch for all devices: a driver domain may have a hundred.  Registering
 * waits for xenstored, so it is not done before there is a device.
 */
static struct xenbus_watch backend_watch = {
	.node = "backend/vbd",
	.will_handle = backend_node_matters,
	.callback = backend_node_changed,
};

static bool backend_watched;

static int device_bind(struct host_device *device)
{
	int error = 0;

	mutex_lock(&bound_lock);
	if (!backend_watched)
		error = register_xenbus_watch(&backend_watch);
	if (!error) {
		backend_watched = true;
		list_add_tail(&device->bound, &bound_devices);
	}
	mutex_unlock(&bound_lock);
	return error;
}

static void device_unbind(struct host_device *device)
{
	mutex_lock(&bound_lock);
	list_del_init(&device->bound);
	mutex_unlock(&bound_lock);
}

static void blkback_remove(struct xenbus_device *xenbus)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);

	if (!device)
		return;
	/* xenbus has taken the frontend's watch away; ours finds no device now. */
	device_unbind(device);
	/* sysfs readers and accesses to xenstore end. */
	host_device_hide(device);
	dev_set_drvdata(&xenbus->dev, NULL);
	/*
	 * An rmmod that waits for a hung disk would leave every guest without a
	 * driver; one that is refused harms nobody.  In an rmmod there is no
	 * reference to be had, and that one waits.
	 */
	device->holds_module = try_module_get(THIS_MODULE);
	/* Before the core may release the device, which ends this. */
	host_device_be_patient(device, DRAINS_LONG);
	driver_device_remove(device->driver);
	/* An unbind, and not the watch thread, which is here when nobody reads us any more. */
	if (!(current->flags & PF_KTHREAD)) {
		wait_for_completion_killable_timeout(&device->drained, UNBIND_WAITS);
		host_device_keep_from_closed(xenbus);
	}
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
	/* The core may show sysfs files before its creation has returned. */
	dev_set_drvdata(&xenbus->dev, device);
	error = driver_device_create(device, &device->driver);
	if (error) {
		dev_set_drvdata(&xenbus->dev, NULL);
		xenbus_dev_fatal(xenbus, error, "creating a block backend");
		host_device_put(device);
		host_device_put(device);
		return error;
	}
	error = device_bind(device);
	if (error) {
		blkback_remove(xenbus);
		xenbus_dev_fatal(xenbus, error, "watching backend/vbd");
		return error;
	}
	/* It may have been written before we looked. */
	driver_physical_device_changed(device->driver);
	return 0;
}

static void blkback_frontend_changed(struct xenbus_device *xenbus, enum xenbus_state state)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);

	if (!device)
		return;
	WRITE_ONCE(device->frontend_gone, state == XenbusStateUnknown);
	if (state == XenbusStateUnknown)
		host_device_be_patient(device, CLOSES_LONG);
	driver_frontend_changed(device->driver, state);
	if (driver_device_finished(device->driver))
		device_finish(device);
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
	int error = host_devices_init();

	if (error)
		return error;
	error = xenbus_register_backend(&blkback_driver);
	if (error)
		host_devices_exit();
	return error;
}

void xenbus_exit_driver(void)
{
	xenbus_unregister_driver(&blkback_driver);
	if (backend_watched)
		unregister_xenbus_watch(&backend_watch);
	host_devices_exit();
}
