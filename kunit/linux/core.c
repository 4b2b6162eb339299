// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/string.h>

#include "core.h"
#include "io.h"

struct test_calls test_calls;

void driver_init(void)
{
}

int driver_device_create(struct host_device *host, struct driver_device **device)
{
	return -ENOMEM;
}

void driver_device_remove(struct driver_device *device)
{
}

void driver_frontend_changed(struct driver_device *device, uint32_t state)
{
}

void driver_state_changed(struct driver_device *device)
{
}

void driver_physical_device_changed(struct driver_device *device)
{
}

bool driver_device_finished(const struct driver_device *device)
{
	return false;
}

void driver_reclaim_memory(struct driver_device *device)
{
}

void driver_disk_changed(uint32_t major, uint32_t minor)
{
	WRITE_ONCE(test_calls.changed_disk, MKDEV(major, minor));
	atomic_inc(&test_calls.disk_changed);
}

bool driver_survey(void)
{
	atomic_inc(&test_calls.surveys);
	return READ_ONCE(test_calls.survey_goes_on);
}

void driver_disks_changed(void)
{
	atomic_inc(&test_calls.disks_changed);
}

void driver_parameters_changed(void)
{
	atomic_inc(&test_calls.parameters_changed);
}

void driver_event(struct driver_queue *queue)
{
	queue->event(queue);
}

uint32_t driver_queue_work(struct driver_queue *queue)
{
	return queue->work(queue);
}

void driver_io_done(struct host_io *io)
{
	test_io_done(io);
}

void driver_work(struct host_work *work)
{
	struct test_work *test_work = container_of(work, struct test_work, work);

	test_work->function(test_work);
}

/* Each file in sysfs shows another number. */
void driver_statistics_read(struct driver_device *device, struct driver_statistics *statistics)
{
	*statistics = (struct driver_statistics){
		.oo_req = 11,
		.rd_req = 12,
		.wr_req = 13,
		.f_req = 14,
		.ds_req = 15,
		.rd_sect = U64_MAX,
		.wr_sect = 17,
		.err_req = 18,
		.refused_req = 19,
		.pg_hits = 29,
		.pg_misses = 30,
		.done = { 1, 2, 3, 4 },
		.total_us = { 21, 22, 23, 24 },
		.disk_us = { 25, 26, 27, 28 },
	};
}

/* Each bucket holds its number, and each file begins with another one. */
void driver_latency_read(struct driver_device *device, enum driver_request_kind kind,
			 enum driver_latency_span span, uint64_t buckets[DRIVER_LATENCY_BUCKETS])
{
	int i;

	for (i = 0; i < DRIVER_LATENCY_BUCKETS; i++)
		buckets[i] = i;
	buckets[0] = 100 + 10 * span + kind;
}

void driver_disk_info_read(struct driver_device *device, struct driver_disk_info *disk_info)
{
	*disk_info = (struct driver_disk_info){ .major = 0xca, .minor = 0x10 };
	strscpy(disk_info->mode, "w!", sizeof(disk_info->mode));
}

void driver_memory_read(struct driver_device *device, struct driver_memory_info *memory)
{
	*memory = (struct driver_memory_info){
		.used = 4096,
		.floors = 8192,
		.beyond = 1024,
		.cap = 16384,
		.refusals = 3,
	};
}

/* Two rings of 32 slots. */
bool driver_connection_read(struct driver_device *device, struct driver_connection_info *connection)
{
	*connection = (struct driver_connection_info){
		.rings = 2,
		.ring_pages = 1,
		.slots = 32,
		.protocol = 3,
		.persistent = 1,
	};
	return true;
}

/* Each ring has one request; only that of the second ring is with the disk. */
bool driver_ring_read(struct driver_device *device, uint32_t ring, struct driver_ring_info *info,
		      struct driver_request_info *requests, uint32_t capacity)
{
	if (ring >= 2)
		return false;
	*info = (struct driver_ring_info){
		.state = DRIVER_RING_SERVING,
		.slots = 32,
		.req_prod = 10 + ring,
		.requests = 1,
	};
	if (capacity)
		requests[0] = (struct driver_request_info){
			.sector = 8,
			.sectors = 16,
			.age_us = 17,
			.disk_us = 5,
			.segments = 2,
			.operation = 1,
			.place = ring,
		};
	return true;
}

bool driver_ring_kick(struct driver_device *device, uint32_t ring)
{
	return ring < 2;
}

MODULE_DESCRIPTION("Tests of the Linux side of the Xen block backend");
MODULE_LICENSE("GPL");
/*
 * scripts/kunit/run and scripts/lab/dom0/kunit-cases load these modules, with these
 * parameters, before this module.
 */
MODULE_INFO(kunit_needs, "null_blk nr_devices=1 gb=1 memory_backed=1 discard=1 cache_size=8");
/* opts=2: reads of ten blocks from 0x1234 on fail. */
MODULE_INFO(kunit_needs, "scsi_debug dev_size_mb=32 sector_size=4096 lbpu=1 lbpws=1 opts=2");
MODULE_INFO(kunit_needs, "sd_mod");
