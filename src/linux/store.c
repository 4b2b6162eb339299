// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include "host/store.h"

#include "device.h"

int host_store_read(struct host_device *device, enum host_store_side side, const char *name,
		    char *text, size_t bytes)
{
	const char *directory = side == HOST_STORE_BACKEND ? device->xenbus->nodename :
							     device->frontend_path;
	unsigned int length;
	char *value;

	value = xenbus_read(XBT_NIL, directory, name, &length);
	if (IS_ERR(value))
		return PTR_ERR(value);
	/* What a guest writes may hold a NUL: that is no text. */
	if (length >= bytes || strlen(value) != length) {
		kfree(value);
		return -E2BIG;
	}
	memcpy(text, value, length + 1);
	kfree(value);
	return 0;
}

static int publish_once(struct host_device *device, const struct host_store_node *nodes,
			uint32_t count)
{
	const char *directory = device->xenbus->nodename;
	struct xenbus_transaction transaction;
	uint32_t i;
	int error;

	error = xenbus_transaction_start(&transaction);
	if (error)
		return error;
	/* The toolstack may be removing us: a write would bring the directory back. */
	if (!xenbus_exists(transaction, directory, "state")) {
		xenbus_transaction_end(transaction, 1);
		return -ENOENT;
	}
	for (i = 0; i < count; i++) {
		error = xenbus_printf(transaction, directory, nodes[i].name, "%llu",
				      (unsigned long long)nodes[i].value);
		if (error) {
			xenbus_transaction_end(transaction, 1);
			return error;
		}
	}
	return xenbus_transaction_end(transaction, 0);
}

int host_store_publish(struct host_device *device, const struct host_store_node *nodes,
		       uint32_t count)
{
	int error;

	do {
		error = publish_once(device, nodes, count);
	} while (error == -EAGAIN);
	return error;
}

static int resize_once(struct host_device *device, uint64_t sectors)
{
	const char *directory = device->xenbus->nodename;
	struct xenbus_transaction transaction;
	int error, state;

	error = xenbus_transaction_start(&transaction);
	if (error)
		return error;
	error = xenbus_scanf(transaction, directory, "state", "%d", &state);
	if (error == 1 && state == XenbusStateConnected)
		error = xenbus_printf(transaction, directory, "sectors", "%llu",
				      (unsigned long long)sectors);
	else
		error = error < 0 ? error : -EBUSY;
	if (!error)
		error = xenbus_printf(transaction, directory, "state", "%d", state);
	if (error) {
		xenbus_transaction_end(transaction, 1);
		return error;
	}
	return xenbus_transaction_end(transaction, 0);
}

int host_store_resize(struct host_device *device, uint64_t sectors)
{
	int error;

	do {
		error = resize_once(device, sectors);
	} while (error == -EAGAIN);
	return error;
}

uint16_t host_device_domid(const struct host_device *device)
{
	return device->domid;
}

uint64_t host_device_identity(const struct host_device *device)
{
	return (uintptr_t)device->xenbus;
}

const char *host_device_name(const struct host_device *device)
{
	return device->xenbus->nodename;
}

enum host_xenbus_state host_device_state(const struct host_device *device)
{
	return (enum host_xenbus_state)device->xenbus->state;
}

void host_device_switch_state(struct host_device *device, enum host_xenbus_state state)
{
	xenbus_switch_state(device->xenbus, (enum xenbus_state)state);
}

bool host_device_online(struct host_device *device)
{
	return xenbus_dev_is_online(device->xenbus);
}

void host_device_error(struct host_device *device, int error, const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list arguments;

	va_start(arguments, format);
	text.va = &arguments;
	xenbus_dev_error(device->xenbus, error, "%pV", &text);
	va_end(arguments);
}

void host_device_fatal(struct host_device *device, int error, const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list arguments;

	va_start(arguments, format);
	text.va = &arguments;
	xenbus_dev_fatal(device->xenbus, error, "%pV", &text);
	va_end(arguments);
}
