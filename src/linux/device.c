// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a host_device, from probe to the last reference.  It outlives its
 * binding while its I/O drains.  A step of its end that fails is tried again.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <xen/xenbus.h>

#include "driver.h"
#include "host/device.h"
#include "host/store.h"

#include "device.h"

#define PAY_TRIES 120

/*
 * The devices that the core has not released.  One xenbus device may have several
 * of them: it was unbound and bound again while the first one still drains.
 */
static LIST_HEAD(living_devices);
static DEFINE_MUTEX(living_lock);

/*
 * The number of devices, including those that drain.  Unregistering the xenbus
 * driver does not wait for them.
 */
static atomic_t device_count;
static DECLARE_WAIT_QUEUE_HEAD(device_gone);

static void host_device_free(struct kref *references)
{
	struct host_device *device = container_of(references, struct host_device, references);

	/* After a failed probe the core has not released the device: it is still listed. */
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

/* A workqueue of our own: destroying it waits for functions of this module that still run. */
static struct workqueue_struct *patience_queue;

void host_device_be_patient(struct host_device *device, unsigned long delay)
{
	kref_get(&device->references);
	/* True: the work was pending and has a reference already. */
	if (mod_delayed_work(patience_queue, &device->patience, delay))
		host_device_put(device);
}

/* Makes the watch thread call backend_node_changed() for the device. */
static void device_tell_end(struct host_device *device)
{
	int error = host_device_touch_state(device);

	if (error && error != -ENOENT && error != -ENODEV)
		host_device_be_patient(device, HOST_DEVICE_END_RETRY);
}

/*
 * The frontend is gone, and the device has not closed in time: its disk hangs.
 * Unregisters the device as it is, so that the toolstack does not hang, too.
 */
static void device_closes_long(struct host_device *device)
{
	if (host_device_state(device) == HOST_XENBUS_CLOSED) {
		int online = host_device_online(device);

		/* The device is closed and waits for another frontend. */
		if (online == 1)
			return;
		if (online < 0) {
			if (online != -ENODEV)
				host_device_be_patient(device, HOST_DEVICE_END_RETRY);
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
	/* device->driver is valid while device->removed is false. */
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

/* xenbus has checked no more than that the directory has a name. */
static uint32_t vdev_of(const struct xenbus_device *xenbus)
{
	unsigned int vdev;

	return kstrtouint(kbasename(xenbus->nodename), 10, &vdev) ? 0 : vdev;
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
	device->vdev = vdev_of(xenbus);
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

/*
 * Return: a host_device of @xenbus that has not drained, or NULL.
 * Context: living_lock is held.
 */
static struct host_device *living_of(const struct xenbus_device *xenbus)
{
	struct host_device *device;

	list_for_each_entry(device, &living_devices, living) {
		if (device->xenbus == xenbus)
			return device;
	}
	return NULL;
}

/*
 * The device has drained: must it publish Closed now?  Not while another host_device
 * of the same xenbus device drains: then that one must do so later.
 */
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
 * Publishes the Closed that xenbus was kept from publishing at unbind.  Not when
 * the xenbus device has a driver again: then the state is that driver's.  Not
 * when the xenbus device is unregistered: then the directory may be another
 * device's.  Nobody can unregister it while we hold its lock.
 *
 * Return: 0, also when nothing is to be published, or a negative errno.
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

/* Context: the device's last work, may sleep: for a minute at most (PAY_TRIES). */
static void device_pay_closed(struct host_device *device)
{
	int tries = PAY_TRIES;
	int error;

	while ((error = device_try_pay(device)) && --tries)
		schedule_timeout_idle(HOST_DEVICE_END_RETRY);
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
	 * The work that calls us still has to return through this module's code.
	 * Unloading waits for it when the workqueue is destroyed (work_exit()).
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

/* From here on the core's accesses to xenstore fail with -ENODEV; the sysfs files are gone. */
void host_device_hide(struct host_device *device)
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
 * When the toolstack has written Closing, xenbus publishes Closed after the remove
 * callback.  That is too early while pages of the guest are mapped.  xenbus does
 * not write a state that equals xenbus->state, so set that to Closed here.
 * device_try_pay() publishes Closed after the drain.
 */
void host_device_keep_from_closed(struct xenbus_device *xenbus)
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

int host_devices_init(void)
{
	patience_queue = alloc_workqueue("xen-blkback-life", WQ_UNBOUND, 0);
	return patience_queue ? 0 : -ENOMEM;
}

/*
 * Waits for the devices that the driver's unregistration has unbound.  A device that
 * was unbound earlier has drained by now: it held a module reference until then.
 */
void host_devices_exit(void)
{
	while (!wait_event_idle_timeout(device_gone, !atomic_read(&device_count), 10 * HZ))
		pr_info("unloading waits for the I/O of %d devices\n", atomic_read(&device_count));
	destroy_workqueue(patience_queue);
}
