// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs xen-blkback/: described in Documentation/ABI/testing/debugfs-xen-blkback.
 *
 * A removal waits for whoever is between debugfs_file_get() and debugfs_file_put(), and
 * it may run in the xenbus watch thread.  So nothing in between may wait: the memory is
 * allocated before, and the text is copied to the reader afterwards.
 *
 * BEWARE: a removal also waits for whoever lists the folder, as with all of debugfs.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "driver_inspection.h"
#include "host/device.h"

#include "debugfs.h"
#include "device.h"
#include "watch_thread.h"

/* The longest line of a ring and of a request, and the most memory for a text. */
#define RING_LINE 256
#define REQUEST_LINE 160
#define MOST_BYTES SZ_1M

static struct dentry *debug_root;

struct debug_text {
	struct driver_request_info *requests; /* of one ring */
	size_t size;
	size_t length;
	char memory[];
};

static __printf(2, 3) void text_add(struct debug_text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text->length += vscnprintf(text->memory + text->length, text->size - text->length, format,
				   arguments);
	va_end(arguments);
}

static void text_free(struct debug_text *text)
{
	kvfree(text->requests);
	kvfree(text);
}

/* A text for a connection of these rings, and room for the requests of one. */
static struct debug_text *text_create(const struct driver_connection_info *connection,
				      bool requests)
{
	size_t ring = RING_LINE + (requests ? (size_t)connection->slots * REQUEST_LINE : 0);
	size_t size = min_t(size_t, SZ_1K + connection->rings * ring, MOST_BYTES);
	struct debug_text *text = kvzalloc(sizeof(*text) + size, GFP_KERNEL);

	if (!text)
		return ERR_PTR(-ENOMEM);
	text->size = size;
	if (!requests)
		return text;
	text->requests = kvcalloc(connection->slots ?: 1, sizeof(*text->requests), GFP_KERNEL);
	if (text->requests)
		return text;
	kvfree(text);
	return ERR_PTR(-ENOMEM);
}

/* The driver's own names; those of blkif's layouts are in Xen's io/protocols.h. */
static const char *protocol_name(uint32_t protocol)
{
	static const char *const names[] = { "unknown", "native", "x86_32-abi", "x86_64-abi" };

	return names[protocol < ARRAY_SIZE(names) ? protocol : 0];
}

static void connection_fill(struct debug_text *text, struct host_device *device,
			    const struct driver_connection_info *connection)
{
	text_add(text, "state: %d\n", host_device_state(device));
	if (!connection->rings) {
		text_add(text, "connected: no\n");
		return;
	}
	text_add(text, "connected: yes\nrings: %u\nring pages: %u\nring slots: %u\n",
		 connection->rings, connection->ring_pages, connection->slots);
	text_add(text, "protocol: %s\npersistent grants: %s\nfree pages: %u\n",
		 protocol_name(connection->protocol), connection->persistent ? "yes" : "no",
		 connection->free_pages);
	/* A connection that drains has told the frontend nothing any more. */
	if (connection->sectors == U64_MAX)
		text_add(text, "sectors: -\n");
	else
		text_add(text, "sectors: %llu\n", (unsigned long long)connection->sectors);
	text_add(text, "logical block: %u\nphysical block: %u\nwrite cache: %s\n",
		 connection->logical_block_bytes, connection->physical_block_bytes,
		 connection->write_cache ? "yes" : "no");
}

static void memory_fill(struct debug_text *text, struct host_device *device,
			const struct driver_connection_info *connection)
{
	struct driver_memory_info memory;

	driver_memory_read(device->driver, &memory);
	text_add(text, "guest: %llu\nfloors: %llu\nbeyond floors: %llu\n",
		 (unsigned long long)memory.used, (unsigned long long)memory.floors,
		 (unsigned long long)memory.beyond);
	if (memory.cap)
		text_add(text, "cap: %llu\n", (unsigned long long)memory.cap);
	else
		text_add(text, "cap: -\n");
	text_add(text, "refused: %llu\n", (unsigned long long)memory.refusals);
}

static const char *ring_state_name(uint32_t state)
{
	static const char *const names[] = { "waiting", "serving", "stopped", "closing",
					     "drained" };

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static void rings_fill(struct debug_text *text, struct host_device *device,
		       const struct driver_connection_info *connection)
{
	struct driver_ring_info info;
	uint32_t ring;

	for (ring = 0; driver_ring_read(device->driver, ring, &info, NULL, 0); ring++) {
		/* A connection made since the memory was allocated may have more rings. */
		if (text->size - text->length < 2 * RING_LINE) {
			text_add(text, "more rings are not shown\n");
			return;
		}
		text_add(text,
			 "ring=%u %s slots=%u req_prod=%u req_cons=%u rsp_prod=%u rsp_event=%u requests=%u with_disk=%u persistent_grants=%u private_pages=%u stalled_ms=%llu\n",
			 ring, ring_state_name(info.state), info.slots, info.req_prod,
			 info.req_cons, info.rsp_prod, info.rsp_event, info.requests,
			 info.with_disk, info.persistent_grants, info.private_pages,
			 (unsigned long long)info.stalled_ms);
	}
}

static const char *operation_name(uint8_t operation)
{
	static const char *const names[] = { "read", "write", "barrier", "flush", "", "discard" };

	return operation < ARRAY_SIZE(names) ? names[operation] : "";
}

static void request_line(struct debug_text *text, uint32_t ring,
			 const struct driver_request_info *request)
{
	text_add(text, "ring=%u %s sector=%llu sectors=%llu segments=%u age_us=%llu", ring,
		 operation_name(request->operation), (unsigned long long)request->sector,
		 (unsigned long long)request->sectors, request->segments,
		 (unsigned long long)request->age_us);
	if (request->place == DRIVER_BEFORE_DISK)
		text_add(text, " disk_us=-\n");
	else
		text_add(text, " disk_us=%llu%s\n", (unsigned long long)request->disk_us,
			 request->place == DRIVER_BACK_FROM_DISK ? " ended" : "");
}

static void requests_fill(struct debug_text *text, struct host_device *device,
			  const struct driver_connection_info *connection)
{
	struct driver_ring_info info;
	uint32_t ring, i;

	/* A connection made since the memory was allocated may have more slots. */
	for (ring = 0;
	     driver_ring_read(device->driver, ring, &info, text->requests, connection->slots);
	     ring++) {
		for (i = 0; i < min(info.requests, connection->slots); i++) {
			if (text->size - text->length < 2 * REQUEST_LINE) {
				text_add(text, "more requests are not shown\n");
				return;
			}
			request_line(text, ring, &text->requests[i]);
		}
		if (info.requests > connection->slots) {
			text_add(text, "more requests are not shown\n");
			return;
		}
	}
}

typedef void (*fill_function)(struct debug_text *text, struct host_device *device,
			      const struct driver_connection_info *connection);

/* Return: the text, or an error pointer; -EIO when the device is gone. */
static struct debug_text *debug_text(struct file *file, fill_function fill)
{
	struct host_device *device = file_inode(file)->i_private;
	struct driver_connection_info connection;
	struct debug_text *text;
	int error;

	error = debugfs_file_get(file->f_path.dentry);
	if (error)
		return ERR_PTR(error);
	driver_connection_read(device->driver, &connection);
	debugfs_file_put(file->f_path.dentry);
	text = text_create(&connection, fill == requests_fill);
	if (IS_ERR(text))
		return text;
	error = debugfs_file_get(file->f_path.dentry);
	if (error) {
		text_free(text);
		return ERR_PTR(error);
	}
	fill(text, device, &connection);
	debugfs_file_put(file->f_path.dentry);
	return text;
}

/* The text is made by the first read. */
static ssize_t debug_read(struct kiocb *kiocb, struct iov_iter *to, fill_function fill)
{
	struct file *file = kiocb->ki_filp;
	struct debug_text *text, *other;
	size_t length;

	/* Pairs with the cmpxchg() of the thread that made the text. */
	text = smp_load_acquire(&file->private_data);
	if (!text) {
		text = debug_text(file, fill);
		if (IS_ERR(text))
			return PTR_ERR(text);
		/* Another thread may read the same file. */
		other = cmpxchg(&file->private_data, NULL, text);
		if (other) {
			text_free(text);
			text = other;
		}
	}
	if (kiocb->ki_pos < 0 || kiocb->ki_pos >= text->length)
		return 0;
	length = copy_to_iter(text->memory + kiocb->ki_pos, text->length - kiocb->ki_pos, to);
	if (!length && iov_iter_count(to))
		return -EFAULT;
	kiocb->ki_pos += length;
	return length;
}

static int debug_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return 0;
}

static int debug_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		text_free(file->private_data);
	return 0;
}

#define DEBUG_FILE(name)                                                                           \
	static ssize_t name##_read(struct kiocb *kiocb, struct iov_iter *to)                       \
	{                                                                                          \
		return debug_read(kiocb, to, name##_fill);                                         \
	}                                                                                          \
	static const struct file_operations name##_operations = {                                  \
		.owner = THIS_MODULE,                                                              \
		.open = debug_open,                                                                \
		.read_iter = name##_read,                                                          \
		.llseek = default_llseek,                                                          \
		.release = debug_release,                                                          \
	}

DEBUG_FILE(connection);
DEBUG_FILE(memory);
DEBUG_FILE(rings);
DEBUG_FILE(requests);

/* The number of a ring: wakes its thread, which looks at the ring without an event. */
static ssize_t kick_write(struct file *file, const char __user *from, size_t size, loff_t *position)
{
	struct host_device *device = file_inode(file)->i_private;
	unsigned int ring;
	bool kicked;
	int error;

	error = kstrtouint_from_user(from, size, 0, &ring);
	if (error)
		return error;
	error = debugfs_file_get(file->f_path.dentry);
	if (error)
		return error;
	kicked = driver_ring_kick(device->driver, ring);
	debugfs_file_put(file->f_path.dentry);
	return kicked ? size : -ENXIO;
}

static const struct file_operations kick_operations = {
	.owner = THIS_MODULE,
	.open = debug_open,
	.write = kick_write,
	.llseek = default_llseek,
};

void blkback_debug_show(struct host_device *device)
{
	char name[32];

	snprintf(name, sizeof(name), "%u.%u", device->domid, device->vdev);
	/* debugfs makes no files in a folder that it could not make. */
	device->debug = debugfs_create_dir(name, debug_root);
	debugfs_create_file_unsafe("connection", 0400, device->debug, device,
				   &connection_operations);
	debugfs_create_file_unsafe("memory", 0400, device->debug, device, &memory_operations);
	debugfs_create_file_unsafe("rings", 0400, device->debug, device, &rings_operations);
	debugfs_create_file_unsafe("requests", 0400, device->debug, device, &requests_operations);
	debugfs_create_file_unsafe("kick", 0200, device->debug, device, &kick_operations);
}

void blkback_debug_hide(struct host_device *device)
{
	debugfs_remove(device->debug);
	device->debug = NULL;
}

void blkback_debug_init(const char *folder)
{
	debug_root = debugfs_create_dir(folder, NULL);
	/* It needs no protection from its removal: the module stays while it is open. */
	debugfs_create_file_unsafe("watch_thread", 0600, debug_root, NULL,
				   &watch_thread_operations);
}

void blkback_debug_exit(void)
{
	debugfs_remove(debug_root);
	debug_root = NULL;
}
