/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xenstore and the xenbus device: reading the backend's and the frontend's directory,
 * publishing nodes, and the backend's state.
 *
 * Context of all functions that access xenstore: process, may sleep; never a queue's
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
	HOST_STORE_BACKEND = 0,	 /* our directory: written by the toolstack and by us */
	HOST_STORE_FRONTEND = 1, /* the frontend's: the guest can write anything there */
};

/*
 * After driver_device_remove() the directory of a device may belong to another device.
 * Reads and writes of xenstore then return -ENODEV and have no effect.
 */

/*
 * host_store_read - read the node @name, a path below the directory of @side, as text.
 *
 * NULs at the end of the node's value are ignored.
 *
 * Return: 0 and the whole string, terminated, in @text; -E2BIG when the value does not
 * fit in @bytes or contains a NUL before its end; -ENOENT when there is no such node;
 * -ENODEV; or another negative errno.
 */
int host_store_read(struct host_device *device, enum host_store_side side, const char *name,
		    char *text, size_t bytes);

/* A node to publish in the backend's directory. */
struct host_store_node {
	const char *name;
	uint64_t value; /* written in decimal */
};

/*
 * host_store_resize - tell a connected frontend that the disk now has @sectors sectors.
 *
 * Writes the node "sectors", and writes the state node again, which makes frontends read
 * the size.  Writes nothing unless our state node holds Connected: the toolstack may
 * have written Closing there.
 *
 * Return: 0, -ENOENT (the directory is gone), -ENODEV, -EBUSY (another state),
 * or another negative errno.
 */
int host_store_resize(struct host_device *device, uint64_t sectors);

/* host_device_domid - the domain of the frontend.  Context: any. */
uint16_t host_device_domid(const struct host_device *device);

/*
 * host_device_key - a number that identifies the xenbus device.
 *
 * Two host_devices have the same number when they belong to the same xenbus device: one
 * was unbound, the other bound later.
 *
 * Context: any.
 */
uint64_t host_device_key(const struct host_device *device);

/*
 * host_device_name - the xenstore path of our directory, for messages.  The string is
 * valid as long as @device.
 *
 * Context: any.
 */
const char *host_device_name(const struct host_device *device);

/*
 * host_device_state - the backend's state, as last published; does not read xenstore.
 *
 * Context: any.
 */
enum host_xenbus_state host_device_state(const struct host_device *device);

/*
 * host_device_publish - write @count nodes of our directory and our state.
 *
 * One transaction writes everything or nothing.  It writes nothing when the toolstack
 * has removed the directory.  The state is not written when host_device_state() is @state
 * already, so that no watch fires without need.  Connected is published only while the
 * frontend's state is Initialised or Connected.
 *
 * The module opens only one transaction at a time: xenstored's quotas allow a domain
 * only few.
 *
 * Return: 0, and host_device_state() is @state; or, with nothing changed, -EBUSY (the
 * frontend is in another state), -ENOENT (the directory is gone), -ENODEV, or another
 * negative errno, such as -ENOSPC (a quota of xenstored).
 */
int host_device_publish(struct host_device *device, enum host_xenbus_state state,
			const struct host_store_node *nodes, uint32_t count);

/*
 * host_device_online - does the toolstack want the device (node "online")?
 *
 * Return: 1 when it does; 0 when it does not, or when the node is missing or not a
 * number; -ENODEV or another negative errno.
 */
int host_device_online(struct host_device *device);

/*
 * host_device_error - report an error to the administrator, in the kernel's log and in
 * the device's error node in xenstore.
 *
 * @error is a negative errno.  At most ten errors per five seconds and device are
 * reported, since a guest can cause them; none after the device's removal.
 */
void host_device_error(struct host_device *device, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * host_device_show - create the device's sysfs files.  Call it once.
 *
 * Context: process, may sleep.
 * Return: 0; -ENODEV when the device is being removed; or another negative errno.
 */
int host_device_show(struct host_device *device);

/*
 * host_device_release - the core does not use @device any more; its I/O has drained.
 *
 * Context: the device's work, may sleep.  Takes the lock of the xenbus device, which
 * probe and remove hold.
 */
void host_device_release(struct host_device *device);

HOST_DECLS_END
