/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of the core that the kernel side (src/linux) calls.
 *
 * Only driver_queue_work() and driver_work() may wait for a guest or for a disk.
 * Both run in contexts of their own.  All other functions wait neither for a guest
 * or a disk nor for these two to return.  Their callers may hold xenwatch_mutex (a
 * watch callback), the lock of the xenbus device (probe, remove), or both.
 */
#pragma once

#include "host/block.h"
#include "host/device.h"
#include "host/thread.h"
#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_device;
struct driver_queue;

/* driver_init - set up the core.  Call once, before every other function.  Context: process. */
void driver_init(void);

/*
 * driver_device_create - create the core's device for a new backend directory.
 *
 * The device serves its frontend until driver_device_remove().  The core uses @host
 * until it calls host_device_release(@host), possibly long after the removal.
 * @device is set before the core first uses @host.
 *
 * Once the caller watches the node physical-device, it must call
 * driver_physical_device_changed(): the hotplug script may have written the node
 * earlier.
 *
 * Context: process, may sleep.
 * Return: 0 and the device in @device, or -ENOMEM.
 */
int driver_device_create(struct host_device *host, struct driver_device **device);

/*
 * driver_device_remove - the device is unbound or its backend directory is gone.
 *
 * Does not wait for outstanding I/O.  When the I/O has drained, the core calls
 * host_device_release().  The caller must not use @device again.
 *
 * Context: process.
 */
void driver_device_remove(struct driver_device *device);

/*
 * driver_frontend_changed - the frontend's state changed to @state.
 *
 * @state comes from the frontend and may be any number.  0: there is no frontend
 * (any more).
 *
 * Context: process.
 */
void driver_frontend_changed(struct driver_device *device, uint32_t state);

/*
 * driver_state_changed - the backend's state node was written, by us or by the
 * toolstack.
 *
 * Context: process.
 */
void driver_state_changed(struct driver_device *device);

/*
 * driver_physical_device_changed - the node physical-device of the backend's
 * directory was written.
 *
 * Context: process.
 */
void driver_physical_device_changed(struct driver_device *device);

/*
 * driver_device_finished - should the xenbus device be unregistered?
 *
 * True once the toolstack wants the device gone (node "online" is 0 or missing),
 * nothing of the guest is mapped, and the disk is closed.  Only the xenbus watch
 * thread may unregister the device.
 *
 * Context: any.
 */
bool driver_device_finished(const struct driver_device *device);

/*
 * driver_reclaim_memory - the host is short of memory: the device gives its free
 * pages back soon after.
 *
 * Context: process.  The kernel may call this from within an allocation by the core;
 * the core holds no lock while it allocates.
 */
void driver_reclaim_memory(struct driver_device *device);

/*
 * driver_disk_changed - the host's block device @major:@minor, a disk or a partition,
 * was resized or removed.
 *
 * Checks the devices that use it.  The number of a whole disk stands for its
 * partitions, too.
 *
 * Context: process.
 */
void driver_disk_changed(uint32_t major, uint32_t minor);

/*
 * driver_disks_changed - block devices whose numbers are not known were resized or
 * removed.  Checks all devices.
 *
 * Context: process.
 */
void driver_disks_changed(void);

/*
 * driver_survey - check all connected disks: has a size changed without an event, does
 * a disk hang, does it answer again?
 *
 * Called about once a second; see host_survey_start().
 *
 * Context: process.
 * Return: true while any frontend is connected; false: no further call is needed.
 */
bool driver_survey(void);

/* driver_parameters_changed - a module parameter was written.  Context: process. */
void driver_parameters_changed(void);

/* driver_event - the frontend sent an event to @queue.  Context: interrupt. */
void driver_event(struct driver_queue *queue);

/*
 * driver_queue_work - one pass of a queue's thread; see host_thread_start().
 *
 * Context: the queue's thread, may sleep.
 * Return: the milliseconds until the next call, or HOST_FOREVER.
 */
uint32_t driver_queue_work(struct driver_queue *queue);

/*
 * driver_io_done - an I/O of host_disk_submit() has ended; io->error is its result.
 * The core may use @io again at once.
 *
 * Context: any.
 */
void driver_io_done(struct host_io *io);

/* driver_work - run a work of host_work_schedule() that is due.  Context: worker, may sleep. */
void driver_work(struct host_work *work);

/*
 * A device's totals over all its rings since it was created.  They never go backwards.
 * rd_req, wr_req, f_req (flushes and barriers) and ds_req (discards) count the requests
 * taken from the frontend.
 */
struct driver_statistics {
	uint64_t oo_req; /* times that requests waited for a slot, pages, handles or memory */
	uint64_t rd_req;
	uint64_t wr_req;
	uint64_t f_req;
	uint64_t ds_req;
	uint64_t rd_sect; /* sectors of 512 bytes */
	uint64_t wr_sect;
	uint64_t err_req;     /* answered with another status than BLKIF_RSP_OKAY */
	uint64_t refused_req; /* among these: refused, because malformed or not allowed */
	/* Grants of frontends with persistent grants: mapped already, and not yet. */
	uint64_t pg_hits;
	uint64_t pg_misses;
	/* Answered with BLKIF_RSP_OKAY or an error after they were counted in *_req above. */
	uint64_t done[4]; /* by enum driver_request_kind */
	/* Microseconds of these requests, from the ring to the answer, and with the disk. */
	uint64_t total_us[4];
	uint64_t disk_us[4];
};

enum driver_request_kind {
	DRIVER_READ = 0,
	DRIVER_WRITE = 1,
	DRIVER_FLUSH = 2, /* and barriers */
	DRIVER_DISCARD = 3,
	DRIVER_REQUEST_KINDS = 4,
};

/* driver_statistics_read - fill @statistics with the device's totals.  Context: process. */
void driver_statistics_read(struct driver_device *device, struct driver_statistics *statistics);

/*
 * How long answered requests of one kind took, in buckets: [0] counts those below 1 us, [i]
 * those of at least 2^(i-1) us and below 2^i us, the last one all that took longer.
 */
#define DRIVER_LATENCY_BUCKETS 24
enum driver_latency_span {
	DRIVER_LATENCY_TOTAL = 0, /* from the ring to the answer */
	DRIVER_LATENCY_DISK = 1,  /* with the disk; for requests that had I/O */
	DRIVER_LATENCY_SPANS = 2,
};

/* driver_latency_read - fill @buckets with the device's totals.  Context: process. */
void driver_latency_read(struct driver_device *device, enum driver_request_kind kind,
			 enum driver_latency_span span, uint64_t buckets[DRIVER_LATENCY_BUCKETS]);

/*
 * The backing disk as sysfs shows it.  @mode is the text of the backend's node "mode".
 * All members are zero until the disk is opened.
 */
struct driver_disk_info {
	uint32_t major;
	uint32_t minor;
	char mode[16];
};

/* driver_disk_info_read - fill @disk_info.  Context: process. */
void driver_disk_info_read(struct driver_device *device, struct driver_disk_info *disk_info);

HOST_DECLS_END
