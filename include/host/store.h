/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xenstore and the xenbus device: what a backend reads of its own directory
 * and of the frontend's, what it publishes, and its state.
 *
 * Context of all that touch xenstore: process, may sleep; never a queue's
 * thread with I/O outstanding.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct host_device;

/* enum xenbus_state of xen/io/xenbus.h */
enum host_xenbus_state {
	HOST_XENBUS_UNKNOWN = 0,
	HOST_XENBUS_INITIALISING = 1,
	HOST_XENBUS_INIT_WAIT = 2,
	HOST_XENBUS_INITIALISED = 3,
	HOST_XENBUS_CONNECTED = 4,
	HOST_XENBUS_CLOSING = 5,
	HOST_XENBUS_CLOSED = 6,
	HOST_XENBUS_RECONFIGURING = 7,
	HOST_XENBUS_RECONFIGURED = 8,
};

enum host_store_side {
	HOST_STORE_BACKEND = 0,	 /* our own directory: the toolstack's word */
	HOST_STORE_FRONTEND = 1, /* the guest's: anything may stand there */
};

/*
 * Once a device is removed (driver_device_remove()), its directory may be that
 * of another device: reads and writes then end with -ENODEV and touch nothing.
 */

/*
 * host_store_read - read the node @name (a relative path) as text.
 *
 * NULs at its end are not part of it.
 *
 * Return: 0 and the whole string, terminated, in @text; -E2BIG when it does not
 * fit in @bytes or holds a NUL; -ENOENT when there is no such node; -ENODEV.
 */
int host_store_read(struct host_device *device, enum host_store_side side, const char *name,
		    char *text, size_t bytes);

struct host_store_node {
	const char *name;
	uint64_t value; /* written in decimal */
};

/*
 * host_store_resize - tell a connected frontend that the disk now has @sectors
 * sectors: the node is written, and the state again, which makes frontends
 * look.  Nothing is written unless our state node says Connected: the
 * toolstack may have written Closing there.
 *
 * Return: 0, -ENOENT (the directory is gone), -ENODEV, -EBUSY (another state),
 * or another negative errno.
 */
int host_store_resize(struct host_device *device, uint64_t sectors);

/* The domain at the other end. */
uint16_t host_device_domid(const struct host_device *device);

/*
 * The same for two host_devices that stand for the same xenbus device, one of
 * them unbound and the other bound later.
 */
uint64_t host_device_identity(const struct host_device *device);

/* The xenstore path of our directory, for messages; lives as long as @device. */
const char *host_device_name(const struct host_device *device);

enum host_xenbus_state host_device_state(const struct host_device *device);

/*
 * host_device_publish - write @count nodes of our directory and our state.
 *
 * All at once or nothing, also when the toolstack has removed the directory.  A
 * state that is host_device_state() already is not written again: watches are
 * not to fire for nothing.  Connected is published only to a frontend whose
 * state is Initialised or Connected at that moment.  Only one transaction of
 * this module is open at a time: a domain has few (xenstored's quotas).
 *
 * Return: 0, and host_device_state() is @state; or, with nothing changed,
 * -EBUSY (the frontend is elsewhere), -ENOENT (the directory is gone), -ENODEV,
 * or another negative errno: -ENOSPC is a quota.
 */
int host_device_publish(struct host_device *device, enum host_xenbus_state state,
			const struct host_store_node *nodes, uint32_t count);

/*
 * host_device_online - does the toolstack want the device (node "online")?
 * Return: 1; 0, also when there is no such node; -ENODEV or another negative errno.
 */
int host_device_online(struct host_device *device);

/*
 * host_device_error - tell the administrator, in the log and in the device's
 * error node.  A few lines per five seconds: a guest can cause them.  @error
 * is a negative errno.
 */
void host_device_error(struct host_device *device, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * host_device_show - create the device's sysfs files; -ENODEV when it is
 * being removed.
 */
int host_device_show(struct host_device *device);

/*
 * host_device_release - the core has forgotten the device and will not use
 * @device again.
 *
 * Context: the device's work; takes the lock of the xenbus device, which is held
 * in probe and remove.
 */
void host_device_release(struct host_device *device);

HOST_DECLS_END
