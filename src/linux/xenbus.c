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
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
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

/* What did not go well with a device's end is tried again after this. */
#define END_RETRY (HZ / 2)
#define PAY_TRIES 120

/* The bound devices, and their ends: see backend_node_changed(). */
static LIST_HEAD(bound_devices);
static DEFINE_MUTEX(bound_lock);

/*
 * Those that the core has not released.  One xenbus device may have several: it
 * was unbound and bound again while the first of them still drains.
 */
static LIST_HEAD(living_devices);
static DEFINE_MUTEX(living_lock);

/* All, those that drain included; xenbus_exit_driver() waits for none. */
static atomic_t device_count;
static DECLARE_WAIT_QUEUE_HEAD(device_gone);

static void host_device_free(struct kref *references)
{
	struct host_device *device = container_of(references, struct host_device, references);

	/* One that the core never had is not released. */
	mutex_lock(&living_lock);
	list_del_init(&device->living);
	mutex_unlock(&living_lock);
	put_device(&device->xenbus->dev);
	kfree(device->frontend_path);
	kfree(device);
	if (atomic_dec_and_test(&device_count))
		wake_up(&device_gone);
}

void host_device_put(struct host_device *device)
{
	kref_put(&device->references, host_device_free);
}

/* Of our own: its end waits for functions of this module that still run. */
static struct workqueue_struct *patience_queue;

static void device_be_patient(struct host_device *device, unsigned long delay)
{
	kref_get(&device->references);
	/* True: it was pending, with a reference of its own. */
	if (mod_delayed_work(patience_queue, &device->patience, delay))
		host_device_put(device);
}

/* Lets backend_node_changed() look at the device, in the watch thread. */
static void device_tell_end(struct host_device *device)
{
	int error = host_device_touch_state(device);

	if (error && error != -ENOENT && error != -ENODEV)
		device_be_patient(device, END_RETRY);
}

/* The disk hangs, the toolstack must not: the device is unregistered as it is. */
static void device_closes_long(struct host_device *device)
{
	if (host_device_state(device) == HOST_XENBUS_CLOSED) {
		int online = host_device_online(device);

		/* It waits for another frontend. */
		if (online == 1)
			return;
		if (online < 0) {
			if (online != -ENODEV)
				device_be_patient(device, END_RETRY);
			return;
		}
	}
	WRITE_ONCE(device->given_up, true);
	device_tell_end(device);
}

static void device_lost_patience(struct work_struct *work)
{
	struct host_device *device =
		container_of(to_delayed_work(work), struct host_device, patience);
	bool drains, ends;

	mutex_lock(&device->lock);
	drains = device->removed && !device->released;
	/* The core's device is there until we are removed. */
	ends = !device->removed &&
	       (READ_ONCE(device->given_up) || driver_device_finished(device->driver));
	mutex_unlock(&device->lock);
	if (drains)
		pr_info("%s: unbound, but its I/O has not ended; until then the module stays\n",
			device->xenbus->nodename);
	else if (ends)
		device_tell_end(device);
	else if (READ_ONCE(device->frontend_gone))
		device_closes_long(device);
	host_device_put(device);
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
	ratelimit_state_init(&device->error_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(&device->error_limit, RATELIMIT_MSG_ON_RELEASE);
	INIT_LIST_HEAD(&device->bound);
	mutex_init(&device->lock);
	init_completion(&device->drained);
	INIT_DELAYED_WORK(&device->patience, device_lost_patience);
	atomic_inc(&device_count);
	mutex_lock(&living_lock);
	list_add_tail(&device->living, &living_devices);
	mutex_unlock(&living_lock);
	return device;
}

/* Anyone of the xenbus device's that has not drained, or NULL. */
static struct host_device *living_of(const struct xenbus_device *xenbus)
{
	struct host_device *device;

	list_for_each_entry(device, &living_devices, living) {
		if (device->xenbus == xenbus)
			return device;
	}
	return NULL;
}

/* The device has drained: must it say so now?  Not while another one drains. */
static bool device_must_pay(struct host_device *device)
{
	struct host_device *other;
	bool owes;

	mutex_lock(&living_lock);
	list_del_init(&device->living);
	owes = device->owes_closed;
	other = owes ? living_of(device->xenbus) : NULL;
	if (other)
		other->owes_closed = true;
	mutex_unlock(&living_lock);
	return owes && !other;
}

/*
 * What xenbus could not say in the unbind, unless there is a driver again, whose
 * word it is now.  The directory of a device that is unregistered may be another
 * one's; nobody can unregister it while we have its lock.
 */
static int device_try_pay(struct host_device *device)
{
	struct device *dev = &device->xenbus->dev;
	int error = 0;

	device_lock(dev);
	if (!dev->driver && device_is_registered(dev))
		error = host_device_finish_closing(device);
	device_unlock(dev);
	return error == -EBUSY || error == -ENOENT ? 0 : error;
}

/* Context: the work that has ended the device, which may wait. */
static void device_pay_closed(struct host_device *device)
{
	int tries = PAY_TRIES;
	int error;

	while ((error = device_try_pay(device)) && --tries)
		schedule_timeout_idle(END_RETRY);
	if (error)
		pr_err("%s: publishing Closed: error %d\n", device->xenbus->nodename, error);
}

void host_device_release(struct host_device *device)
{
	bool holds_module;

	mutex_lock(&device->lock);
	device->released = true;
	holds_module = device->holds_module;
	mutex_unlock(&device->lock);
	if (device_must_pay(device))
		device_pay_closed(device);
	if (cancel_delayed_work(&device->patience))
		host_device_put(device);
	/*
	 * The work that calls us returns into this module's code, which waits
	 * for it when the workqueue is destroyed.
	 */
	if (holds_module)
		module_put(THIS_MODULE);
	complete(&device->drained);
	host_device_put(device);
}

int host_device_show(struct host_device *device)
{
	int error = -ENODEV;

	mutex_lock(&device->lock);
	if (!device->removed && !device->sysfs_shown) {
		error = sysfs_create(device);
		device->sysfs_shown = !error;
	}
	mutex_unlock(&device->lock);
	return error;
}

/* From here on the core sees neither xenstore nor sysfs. */
static void host_device_hide(struct host_device *device)
{
	bool shown;

	mutex_lock(&device->lock);
	shown = device->sysfs_shown;
	device->sysfs_shown = false;
	device->removed = true;
	mutex_unlock(&device->lock);
	if (shown)
		sysfs_remove(device);
}

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
		device_be_patient(device, END_RETRY);
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

/*
 * xenbus publishes Closed after our removal when the toolstack has written Closing.
 * That is for later while anything of the guest is mapped: xenbus writes no state
 * that it believes to be there.
 */
static void keep_from_closed(struct xenbus_device *xenbus)
{
	struct host_device *device;

	mutex_lock(&living_lock);
	device = living_of(xenbus);
	if (device) {
		device->owes_closed = true;
		WRITE_ONCE(xenbus->state, XenbusStateClosed);
	}
	mutex_unlock(&living_lock);
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
	device_be_patient(device, DRAINS_LONG);
	driver_device_remove(device->driver);
	/* An unbind, and not the watch thread, which is here when nobody reads us any more. */
	if (!(current->flags & PF_KTHREAD)) {
		wait_for_completion_killable_timeout(&device->drained, UNBIND_WAITS);
		keep_from_closed(xenbus);
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
		device_be_patient(device, CLOSES_LONG);
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
	int error;

	patience_queue = alloc_workqueue("xen-blkback-life", WQ_UNBOUND, 0);
	if (!patience_queue)
		return -ENOMEM;
	error = xenbus_register_backend(&blkback_driver);
	if (error)
		destroy_workqueue(patience_queue);
	return error;
}

void xenbus_exit_driver(void)
{
	xenbus_unregister_driver(&blkback_driver);
	if (backend_watched)
		unregister_xenbus_watch(&backend_watch);
	/* Those that have drained for long have kept the module from getting here. */
	while (!wait_event_idle_timeout(device_gone, !atomic_read(&device_count), 10 * HZ))
		pr_info("unloading waits for the I/O of %d devices\n", atomic_read(&device_count));
	destroy_workqueue(patience_queue);
}
