/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xenstore: reading the backend's and the frontend's directory, publishing nodes and the
 * backend's state.
 *
 * Context of all functions that access xenstore: process, may sleep; never a queue's
 * thread with I/O outstanding.
 */
#pragma once

#include "host/device.h"
#include "host/types.h"

HOST_DECLS_BEGIN

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
 * host_store_write - write @count nodes of our directory, which only the host's programs read.
 *
 * One transaction does everything or nothing, and nothing when the toolstack has removed
 * the directory.
 *
 * Return: 0; or, with nothing changed, -ENOENT (the directory is gone), -ENODEV, or
 * another negative errno, such as -ENOSPC (a quota of xenstored).
 */
int host_store_write(struct host_device *device, const struct host_store_node *nodes,
		     uint32_t count);

/*
 * host_store_remove - remove a node of our directory, and all below it.
 *
 * Return: 0, also when there was no such node; -ENOENT (the directory is gone), -ENODEV, or
 * another negative errno.
 */
int host_store_remove(struct host_device *device, const char *name);

/*
 * The nodes with the number of a ring's thread.  For a frontend with several rings, ring N's
 * node stands in the folder "queue-N".
 *
 * When the driver is unbound while the directory stays, the host removes them.
 */
#define HOST_STORE_THREAD "kthread-pid"
#define HOST_STORE_QUEUE "queue-%u"
/* The sequence number of the disk that was opened last. */
#define HOST_STORE_OPENED_DISK "opened-diskseq"
/* No module has ever offered more queues. */
#define HOST_STORE_MOST_QUEUES 1024

/*
 * host_device_online - does the toolstack want the device (node "online")?
 *
 * Return: 1 when it does; 0 when it does not, or when the node is missing or not a
 * number; -ENODEV or another negative errno.
 */
int host_device_online(struct host_device *device);

HOST_DECLS_END
