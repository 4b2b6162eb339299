// SPDX-License-Identifier: GPL-2.0
/*
 * The xenbus driver: passes probe, remove and changes in xenstore on to the core,
 * which decides what to do.
 *
 * Nothing here waits for a disk, except an unbind, for UNBIND_WAITS at most.  The
 * xenbus watch thread serves all guests, and it takes the device's lock when the
 * device's directory goes away: a holder of that lock blocks the thread.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "driver.h"
#include "host/store.h"

#include "debugfs.h"
#include "device.h"
#include "trace.h"
#include "watch_thread.h"
#include "xenbus.h"

/* How long an unbind waits for the I/O, so that an rmmod after it is not refused. */
#define UNBIND_WAITS (HZ / 5)

/* After this time the log names a device that still drains. */
#define DRAINS_LONG (1 * HZ)

/*
 * How long the devices of a guest that is gone may take to close their disks and
 * publish Closed.  libxl waits for ten seconds; if that is not enough, it does not
 * remove their directories.
 */
#define CLOSES_LONG (4 * HZ)

/* The bound devices, and their lock, under which device->driver of each one is valid. */
static LIST_HEAD(bound_devices);
static DEFINE_MUTEX(bound_lock);

/*
 * Unregisters a device that is closed for good, as its toolstack expects.
 *
 * Context: the watch thread alone, because it also unregisters a device when the
 * directory goes away.
 *
 * In an unbind xenbus waits for the watch thread with the device's lock held.  So
 * if the lock is held, we try again later.
 *
 * BEWARE: an unbind that takes the lock between device_unlock() and
 * device_unregister() still blocks the watch thread for good.  xenbus has the same
 * race for a device whose directory has gone, so no driver can prevent it.
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

/* Return: the last part of @path, with its slash, if it is a node that we need; else "". */
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
 * A node of a backend directory was written.  The toolstack writes physical-device.
 * We write the state; the toolstack writes it, too, when it wants the device closed.
 */
static void backend_node_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct host_device *finished = NULL;
	const char *name = backend_node(path);
	struct host_device *device;
	u64 entered_ns;

	if (!*name)
		return;
	entered_ns = watch_thread_enter();
	/* Under the lock: the core has the device as long as it is on the list. */
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
	if (finished) {
		device_finish(finished);
		host_device_put(finished);
	}
	watch_thread_leave(entered_ns, "a node of the backend");
}

/*
 * One watch for all devices: a driver domain may have only a hundred watches.  It is
 * registered for the first device, not earlier, because registering waits for xenstored.
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
	u64 entered_ns = watch_thread_enter();

	if (!device)
		return;
	/* xenbus has removed the frontend's watch.  From here on our watch finds no device. */
	device_unbind(device);
	blkback_debug_hide(device);
	/* Ends sysfs reads and accesses to xenstore: waits for those that run. */
	host_device_hide(device);
	/* When the watch thread removes a device, the toolstack removes the directory. */
	if (!(current->flags & PF_KTHREAD))
		host_device_forget_threads(device);
	dev_set_drvdata(&xenbus->dev, NULL);
	/*
	 * Keep the module while the device drains.  An rmmod that waits for a hung disk
	 * would leave every guest without a driver; a refused rmmod harms nobody.  Within
	 * an rmmod no reference can be taken: host_devices_exit() waits.
	 */
	device->holds_module = try_module_get(THIS_MODULE);
	/* Before driver_device_remove(): the release of the device cancels this. */
	host_device_be_patient(device, DRAINS_LONG);
	driver_device_remove(device->driver);
	/* An unbind.  When the watch thread removes a device, nobody reads its state any more. */
	if (!(current->flags & PF_KTHREAD)) {
		wait_for_completion_killable_timeout(&device->drained, UNBIND_WAITS);
		host_device_keep_from_closed(xenbus);
	}
	host_device_put(device);
	watch_thread_leave(entered_ns, "remove");
}

static int device_start(struct xenbus_device *xenbus)
{
	struct host_device *device;
	int error;

	device = host_device_create(xenbus);
	if (!device) {
		xenbus_dev_fatal(xenbus, -ENOMEM, "allocating a backend device");
		return -ENOMEM;
	}
	/* This reference is for remove.  The first one is the core's. */
	kref_get(&device->references);
	/* Before driver_device_create(): the core may create sysfs files before it returns. */
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
	blkback_debug_show(device);
	/* The node may have been written before the watch was there. */
	driver_physical_device_changed(device->driver);
	return 0;
}

static int blkback_probe(struct xenbus_device *xenbus, const struct xenbus_device_id *id)
{
	u64 entered_ns = watch_thread_enter();
	int error = device_start(xenbus);

	watch_thread_leave(entered_ns, "probe");
	return error;
}

static void blkback_frontend_changed(struct xenbus_device *xenbus, enum xenbus_state state)
{
	struct host_device *device = dev_get_drvdata(&xenbus->dev);
	u64 entered_ns = watch_thread_enter();

	if (!device)
		return;
	trace_blkback_state(device->domid, device->vdev, true, state);
	WRITE_ONCE(device->frontend_gone, state == XenbusStateUnknown);
	if (state == XenbusStateUnknown)
		host_device_be_patient(device, CLOSES_LONG);
	driver_frontend_changed(device->driver, state);
	if (driver_device_finished(device->driver))
		device_finish(device);
	watch_thread_leave(entered_ns, "a state of the frontend");
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
