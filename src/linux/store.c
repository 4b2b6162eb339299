// SPDX-License-Identifier: GPL-2.0
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "host/store.h"

#include "device.h"
#include "trace.h"

/*
 * A domain other than dom0 may have ten open transactions, for all its drivers.  This
 * module opens one at a time.
 */
static DEFINE_MUTEX(transaction_lock);

/* Tries of a transaction that conflicts with others (-EAGAIN), before it fails. */
#define TRANSACTION_TRIES 32

/*
 * The gate to xenstore: device->lock is held during each access to the device's
 * directory.  host_device_hide() shuts the gate for good.
 *
 * Return: 0 with the lock held, or -ENODEV.
 */
static int gate_enter(struct host_device *device)
{
	mutex_lock(&device->lock);
	if (!device->removed)
		return 0;
	mutex_unlock(&device->lock);
	return -ENODEV;
}

static void gate_leave(struct host_device *device)
{
	mutex_unlock(&device->lock);
}

static char *read_node(struct host_device *device, enum host_store_side side, const char *name,
		       unsigned int *length)
{
	char *value;
	int error;

	error = gate_enter(device);
	if (error)
		return ERR_PTR(error);
	value = xenbus_read(XBT_NIL,
			    side == HOST_STORE_BACKEND ? device->xenbus->nodename :
							 device->frontend_path,
			    name, length);
	gate_leave(device);
	return value;
}

int host_store_read(struct host_device *device, enum host_store_side side, const char *name,
		    char *text, size_t bytes)
{
	unsigned int length;
	char *value;

	value = read_node(device, side, name, &length);
	if (IS_ERR(value))
		return PTR_ERR(value);
	/* NULs at the end are not part of the text.  A node with a NUL elsewhere is no text. */
	while (length && !value[length - 1])
		length--;
	if (length >= bytes || strlen(value) != length) {
		kfree(value);
		return -E2BIG;
	}
	memcpy(text, value, length + 1);
	kfree(value);
	return 0;
}

/* The body of a transaction, with its argument @data.  An error aborts the transaction. */
typedef int transaction_body(struct host_device *device, struct xenbus_transaction transaction,
			     const void *data);

static int transaction_try(struct host_device *device, transaction_body *body, const void *data)
{
	struct xenbus_transaction transaction;
	int error;

	error = xenbus_transaction_start(&transaction);
	if (error)
		return error;
	error = body(device, transaction, data);
	if (error) {
		xenbus_transaction_end(transaction, 1);
		return error;
	}
	return xenbus_transaction_end(transaction, 0);
}

/* Drops the lock between tries: a guest that makes our transaction conflict delays no other. */
static int transaction_run(struct host_device *device, transaction_body *body, const void *data)
{
	int tries = TRANSACTION_TRIES;
	int error;

	do {
		mutex_lock(&transaction_lock);
		error = transaction_try(device, body, data);
		mutex_unlock(&transaction_lock);
	} while (error == -EAGAIN && --tries);
	return error;
}

static int transaction_behind_gate(struct host_device *device, transaction_body *body,
				   const void *data)
{
	int error;

	error = gate_enter(device);
	if (error)
		return error;
	error = transaction_run(device, body, data);
	gate_leave(device);
	return error;
}

/*
 * Reads our state node.  Error -ENOENT: the toolstack is removing the directory, and a
 * write would create it again.
 */
static int read_state(struct host_device *device, struct xenbus_transaction transaction, int *state)
{
	int error = xenbus_scanf(transaction, device->xenbus->nodename, "state", "%d", state);

	/* -ERANGE: the node holds no number, so its text is not ours. */
	return error < 0 ? error : 0;
}

static int touch_state(struct host_device *device, struct xenbus_transaction transaction,
		       const void *data)
{
	int error, state;

	error = read_state(device, transaction, &state);
	if (!error)
		error = xenbus_printf(transaction, device->xenbus->nodename, "state", "%d", state);
	return error;
}

int host_device_touch_state(struct host_device *device)
{
	return transaction_behind_gate(device, touch_state, NULL);
}

static int finish_closing(struct host_device *device, struct xenbus_transaction transaction,
			  const void *data)
{
	int error, state;

	error = read_state(device, transaction, &state);
	if (!error && state != XenbusStateClosing)
		error = -EBUSY;
	if (!error)
		error = xenbus_printf(transaction, device->xenbus->nodename, "state", "%d",
				      XenbusStateClosed);
	return error;
}

int host_device_finish_closing(struct host_device *device)
{
	int error = transaction_run(device, finish_closing, NULL);

	if (!error)
		trace_blkback_state(device->domid, device->vdev, false, XenbusStateClosed);
	return error;
}

static int resize(struct host_device *device, struct xenbus_transaction transaction,
		  const void *data)
{
	const char *directory = device->xenbus->nodename;
	int error, state;

	error = read_state(device, transaction, &state);
	if (!error && state != XenbusStateConnected)
		error = -EBUSY;
	if (!error)
		error = xenbus_printf(transaction, directory, "sectors", "%llu",
				      (unsigned long long)*(const uint64_t *)data);
	if (!error)
		error = xenbus_printf(transaction, directory, "state", "%d", state);
	return error;
}

int host_store_resize(struct host_device *device, uint64_t sectors)
{
	return transaction_behind_gate(device, resize, &sectors);
}

uint16_t host_device_domid(const struct host_device *device)
{
	return device->domid;
}

uint32_t host_device_vdev(const struct host_device *device)
{
	return device->vdev;
}

uint64_t host_device_key(const struct host_device *device)
{
	return (uintptr_t)device->xenbus;
}

const char *host_device_name(const struct host_device *device)
{
	return device->xenbus->nodename;
}

enum host_xenbus_state host_device_state(const struct host_device *device)
{
	return (enum host_xenbus_state)READ_ONCE(device->xenbus->state);
}

struct publication {
	const struct host_store_node *nodes;
	uint32_t count;
	enum xenbus_state state;
	bool switches; /* the state changes */
};

/*
 * Connected is published only to a frontend that waits for it.  Linux' frontend stops
 * its kernel (BUG) when it sees Connected after it has gone to Closed.
 */
static int frontend_waits(struct host_device *device, struct xenbus_transaction transaction)
{
	int error, state;

	error = xenbus_scanf(transaction, device->frontend_path, "state", "%d", &state);
	if (error == -ENOENT || error == -ERANGE)
		return -EBUSY;
	if (error < 0)
		return error;
	return state == XenbusStateInitialised || state == XenbusStateConnected ? 0 : -EBUSY;
}

static int publish(struct host_device *device, struct xenbus_transaction transaction,
		   const void *data)
{
	const struct publication *publication = data;
	const char *directory = device->xenbus->nodename;
	int error, state;
	uint32_t i;

	error = read_state(device, transaction, &state);
	if (!error && publication->state == XenbusStateConnected)
		error = frontend_waits(device, transaction);
	for (i = 0; !error && i < publication->count; i++)
		error = xenbus_printf(transaction, directory, publication->nodes[i].name, "%llu",
				      (unsigned long long)publication->nodes[i].value);
	if (!error && publication->switches)
		error = xenbus_printf(transaction, directory, "state", "%d", publication->state);
	return error;
}

/*
 * Not xenbus_switch_state(): it does not return errors, and it opens a transaction of
 * its own.
 */
int host_device_publish(struct host_device *device, enum host_xenbus_state state,
			const struct host_store_node *nodes, uint32_t count)
{
	struct publication publication = {
		.nodes = nodes,
		.count = count,
		.state = (enum xenbus_state)state,
	};
	int error;

	/*
	 * xenbus->state belongs to the xenbus device.  After our removal a later
	 * host_device may use it, so access it inside the gate.
	 */
	error = gate_enter(device);
	if (error)
		return error;
	publication.switches = host_device_state(device) != state;
	if (publication.switches || count)
		error = transaction_run(device, publish, &publication);
	if (!error)
		WRITE_ONCE(device->xenbus->state, publication.state);
	if (!error && publication.switches)
		trace_blkback_state(device->domid, device->vdev, false, publication.state);
	gate_leave(device);
	return error;
}

/* Without a transaction: a removal does not bring back a directory that is gone. */
int host_store_remove(struct host_device *device, const char *name)
{
	int error;

	error = gate_enter(device);
	if (error)
		return error;
	error = xenbus_rm(XBT_NIL, device->xenbus->nodename, name);
	gate_leave(device);
	return error;
}

int host_store_write(struct host_device *device, const struct host_store_node *nodes,
		     uint32_t count)
{
	/* The state stays as it is. */
	struct publication publication = {
		.nodes = nodes,
		.count = count,
		.state = XenbusStateUnknown,
	};

	return transaction_behind_gate(device, publish, &publication);
}

void host_device_forget_threads(struct host_device *device)
{
	const char *directory = device->xenbus->nodename;
	char name[32];
	u32 queues = 0;

	/* A driver domain writes none. */
	if (!xen_initial_domain())
		return;
	xenbus_rm(XBT_NIL, directory, HOST_STORE_THREAD);
	for (; queues < HOST_STORE_MOST_QUEUES; queues++) {
		scnprintf(name, sizeof(name), HOST_STORE_QUEUE, queues);
		if (!xenbus_exists(XBT_NIL, directory, name))
			break;
	}
	/* The last ones first: after a failure, the next module finds the others. */
	while (queues--) {
		scnprintf(name, sizeof(name), HOST_STORE_QUEUE, queues);
		if (xenbus_rm(XBT_NIL, directory, name))
			break;
	}
}

int host_device_online(struct host_device *device)
{
	unsigned int length;
	unsigned long number;
	char *value;
	int error;

	value = read_node(device, HOST_STORE_BACKEND, "online", &length);
	if (value == ERR_PTR(-ENOENT))
		return 0;
	if (IS_ERR(value))
		return PTR_ERR(value);
	error = kstrtoul(strim(value), 10, &number);
	kfree(value);
	return !error && number;
}

void host_device_error(struct host_device *device, int error, const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list arguments;

	if (!__ratelimit(&device->error_limit))
		return;
	if (gate_enter(device))
		return;
	va_start(arguments, format);
	text.va = &arguments;
	xenbus_dev_error(device->xenbus, error, "%pV", &text);
	va_end(arguments);
	gate_leave(device);
}
