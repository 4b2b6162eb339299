/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The border, upward: what the kernel side calls in the core.
 *
 * Nothing here waits for a guest or for a disk, but driver_queue_work() and
 * driver_work(), which run in contexts of their own.  Nor does anything wait for
 * these two: the caller of all others may hold xenwatch_mutex (a call-back of a
 * watch), the lock of the xenbus device (probe, remove), or both.
 */
#pragma once

#include "host/block.h"
#include "host/store.h"
#include "host/thread.h"
#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_device;
struct driver_queue;

/* Once, before and after everything else.  Context: process. */
void driver_init(void);

/*
 * driver_device_create - a backend directory has appeared.
 *
 * The device serves until driver_device_remove(); it borrows @host until
 * host_device_release(@host), which may come long after.  The caller tells of
 * physical-device once it watches the node: the script may have been faster.
 *
 * Context: process, may sleep.
 * Return: 0 and the device in @device, or -ENOMEM.
 */
int driver_device_create(struct host_device *host, struct driver_device **device);

/*
 * driver_device_remove - the device is unbound or its directory is gone.
 *
 * Outstanding I/O drains on its own; host_device_release() tells its end.
 * The caller must not use @device again.  Context: process.
 */
void driver_device_remove(struct driver_device *device);

/*
 * The frontend's state changed to @state, which may be any number; 0: there is
 * none (any more).  Context: process.
 */
void driver_frontend_changed(struct driver_device *device, uint32_t state);

/* Our state node was written, maybe by the toolstack.  Context: process. */
void driver_state_changed(struct driver_device *device);

/* The node physical-device of our directory was written.  Context: process. */
void driver_physical_device_changed(struct driver_device *device);

/*
 * Is the device closed for good, so that the caller (the xenbus watch thread,
 * which alone may do so) should unregister it?  Context: any.
 */
bool driver_device_finished(const struct driver_device *device);

/*
 * The host is short of memory.  Context: process; maybe in the middle of an
 * allocation of the core's own, which then holds no lock.
 */
void driver_reclaim_memory(struct driver_device *device);

/*
 * The host's block device @major:@minor was resized or removed: a disk, or a
 * partition.  Context: process.
 */
void driver_disk_changed(uint32_t major, uint32_t minor);

/* The same of one or more that are not known.  Context: process. */
void driver_disks_changed(void);

/*
 * A look at all connected disks: have they grown in silence, do they hang?
 *
 * Context: process.
 * Return: whether there are any, so that it is worth going on.
 */
bool driver_survey(void);

/* A parameter was written.  Context: process. */
void driver_parameters_changed(void);

/* The frontend sent an event.  Context: interrupt. */
void driver_event(struct driver_queue *queue);

/* One pass of a queue's thread; see host_thread_start().  Context: its thread. */
uint32_t driver_queue_work(struct driver_queue *queue);

/* An I/O of host_disk_submit() ended with io->error.  Context: any. */
void driver_io_done(struct host_io *io);

/* A work of host_work_schedule() is due.  Context: worker, may sleep. */
void driver_work(struct host_work *work);

/* Totals since the device was created; they never go backwards. */
struct driver_statistics {
	uint64_t oo_req; /* times that requests waited for a slot or for pages */
	uint64_t rd_req;
	uint64_t wr_req;
	uint64_t f_req;
	uint64_t ds_req;
	uint64_t rd_sect; /* sectors of 512 bytes */
	uint64_t wr_sect;
};

void driver_statistics_read(struct driver_device *device, struct driver_statistics *statistics);

/* What sysfs shows of the backing disk. */
struct driver_identity {
	uint32_t major;
	uint32_t minor;
	char mode[16];
};

void driver_identity_read(struct driver_device *device, struct driver_identity *identity);

HOST_DECLS_END
