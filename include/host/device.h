/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The xenbus device: what identifies it, its state, errors, sysfs files, and its end.
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

/* host_device_domid - the domain of the frontend.  Context: any. */
uint16_t host_device_domid(const struct host_device *device);

/*
 * host_device_vdev - the number of the virtual disk, the last part of our directory's
 * path; 0 when that is no number.  Context: any.
 */
uint32_t host_device_vdev(const struct host_device *device);

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
 * host_device_error - report an error to the administrator, in the kernel's log and in
 * the device's error node in xenstore.
 *
 * @error is a negative errno.  At most ten errors per five seconds and device are
 * reported, since a guest can cause them; none after the device's removal.
 *
 * Context: process, may sleep; never a queue's thread with I/O outstanding.
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
