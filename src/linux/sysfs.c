// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/bus/xen-backend/devices/vbd-*: described in
 * Documentation/ABI/stable/sysfs-bus-xen-backend.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "driver.h"

#include "device.h"

static struct driver_device *sysfs_driver(struct device *dev)
{
	struct host_device *device = dev_get_drvdata(dev);

	/* Valid: probe sets the data before it creates files, remove deletes the files first. */
	return device->driver;
}

static struct driver_statistics sysfs_statistics(struct device *dev)
{
	struct driver_statistics statistics;

	driver_statistics_read(sysfs_driver(dev), &statistics);
	return statistics;
}

#define STATISTIC(name) STATISTIC_OF(name, name)
#define STATISTIC_OF(name, member)                                                                 \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attribute,         \
				   char *buffer)                                                   \
	{                                                                                          \
		return sysfs_emit(buffer, "%llu\n",                                                \
				  (unsigned long long)sysfs_statistics(dev).member);               \
	}                                                                                          \
	static DEVICE_ATTR_RO(name)

STATISTIC(oo_req);
STATISTIC(rd_req);
STATISTIC(wr_req);
STATISTIC(f_req);
STATISTIC(ds_req);
STATISTIC(rd_sect);
STATISTIC(wr_sect);
STATISTIC_OF(err_req, err_req);
STATISTIC_OF(refused_req, refused_req);
STATISTIC_OF(pg_hits, pg_hits);
STATISTIC_OF(pg_misses, pg_misses);
STATISTIC_OF(rd_done, done[DRIVER_READ]);
STATISTIC_OF(wr_done, done[DRIVER_WRITE]);
STATISTIC_OF(f_done, done[DRIVER_FLUSH]);
STATISTIC_OF(ds_done, done[DRIVER_DISCARD]);
STATISTIC_OF(rd_usecs, total_us[DRIVER_READ]);
STATISTIC_OF(wr_usecs, total_us[DRIVER_WRITE]);
STATISTIC_OF(f_usecs, total_us[DRIVER_FLUSH]);
STATISTIC_OF(ds_usecs, total_us[DRIVER_DISCARD]);
STATISTIC_OF(rd_disk_usecs, disk_us[DRIVER_READ]);
STATISTIC_OF(wr_disk_usecs, disk_us[DRIVER_WRITE]);
STATISTIC_OF(f_disk_usecs, disk_us[DRIVER_FLUSH]);
STATISTIC_OF(ds_disk_usecs, disk_us[DRIVER_DISCARD]);

static ssize_t in_flight_show(struct device *dev, struct device_attribute *attribute, char *buffer)
{
	struct driver_statistics statistics = sysfs_statistics(dev);
	uint64_t taken =
		statistics.rd_req + statistics.wr_req + statistics.f_req + statistics.ds_req;
	uint64_t done = 0;
	int kind;

	for (kind = 0; kind < DRIVER_REQUEST_KINDS; kind++)
		done += statistics.done[kind];
	/* Requests may have been taken and answered between the reads of two counters. */
	return sysfs_emit(buffer, "%llu\n", (unsigned long long)(taken > done ? taken - done : 0));
}
static DEVICE_ATTR_RO(in_flight);

static ssize_t latency_show(struct device *dev, char *buffer, enum driver_request_kind kind,
			    enum driver_latency_span span)
{
	uint64_t buckets[DRIVER_LATENCY_BUCKETS];
	int length = 0;
	int i;

	driver_latency_read(sysfs_driver(dev), kind, span, buckets);
	for (i = 0; i < DRIVER_LATENCY_BUCKETS; i++)
		length += sysfs_emit_at(buffer, length, "%s%llu", i ? " " : "",
					(unsigned long long)buckets[i]);
	return length + sysfs_emit_at(buffer, length, "\n");
}

#define LATENCY(name, kind, span)                                                                  \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attribute,         \
				   char *buffer)                                                   \
	{                                                                                          \
		return latency_show(dev, buffer, kind, span);                                      \
	}                                                                                          \
	static DEVICE_ATTR_RO(name)

LATENCY(rd_latency, DRIVER_READ, DRIVER_LATENCY_TOTAL);
LATENCY(wr_latency, DRIVER_WRITE, DRIVER_LATENCY_TOTAL);
LATENCY(f_latency, DRIVER_FLUSH, DRIVER_LATENCY_TOTAL);
LATENCY(ds_latency, DRIVER_DISCARD, DRIVER_LATENCY_TOTAL);
LATENCY(rd_disk_latency, DRIVER_READ, DRIVER_LATENCY_DISK);
LATENCY(wr_disk_latency, DRIVER_WRITE, DRIVER_LATENCY_DISK);
LATENCY(f_disk_latency, DRIVER_FLUSH, DRIVER_LATENCY_DISK);
LATENCY(ds_disk_latency, DRIVER_DISCARD, DRIVER_LATENCY_DISK);

static struct attribute *statistics_attributes[] = {
	&dev_attr_oo_req.attr,
	&dev_attr_rd_req.attr,
	&dev_attr_wr_req.attr,
	&dev_attr_f_req.attr,
	&dev_attr_ds_req.attr,
	&dev_attr_rd_sect.attr,
	&dev_attr_wr_sect.attr,
	&dev_attr_err_req.attr,
	&dev_attr_refused_req.attr,
	&dev_attr_pg_hits.attr,
	&dev_attr_pg_misses.attr,
	&dev_attr_in_flight.attr,
	&dev_attr_rd_done.attr,
	&dev_attr_wr_done.attr,
	&dev_attr_f_done.attr,
	&dev_attr_ds_done.attr,
	&dev_attr_rd_usecs.attr,
	&dev_attr_wr_usecs.attr,
	&dev_attr_f_usecs.attr,
	&dev_attr_ds_usecs.attr,
	&dev_attr_rd_disk_usecs.attr,
	&dev_attr_wr_disk_usecs.attr,
	&dev_attr_f_disk_usecs.attr,
	&dev_attr_ds_disk_usecs.attr,
	&dev_attr_rd_latency.attr,
	&dev_attr_wr_latency.attr,
	&dev_attr_f_latency.attr,
	&dev_attr_ds_latency.attr,
	&dev_attr_rd_disk_latency.attr,
	&dev_attr_wr_disk_latency.attr,
	&dev_attr_f_disk_latency.attr,
	&dev_attr_ds_disk_latency.attr,
	NULL,
};

static const struct attribute_group statistics_group = {
	.name = "statistics",
	.attrs = statistics_attributes,
};

static ssize_t physical_device_show(struct device *dev, struct device_attribute *attribute,
				    char *buffer)
{
	struct driver_disk_info info;

	driver_disk_info_read(sysfs_driver(dev), &info);
	return sysfs_emit(buffer, "%x:%x\n", info.major, info.minor);
}
static DEVICE_ATTR_RO(physical_device);

static ssize_t mode_show(struct device *dev, struct device_attribute *attribute, char *buffer)
{
	struct driver_disk_info info;

	driver_disk_info_read(sysfs_driver(dev), &info);
	return sysfs_emit(buffer, "%.*s\n", (int)sizeof(info.mode), info.mode);
}
static DEVICE_ATTR_RO(mode);

static struct attribute *device_attributes[] = {
	&dev_attr_physical_device.attr,
	&dev_attr_mode.attr,
	NULL,
};

static const struct attribute_group device_group = {
	.attrs = device_attributes,
};

static const struct attribute_group *groups[] = {
	&device_group,
	&statistics_group,
	NULL,
};

int sysfs_create(struct host_device *device)
{
	return sysfs_create_groups(&device->xenbus->dev.kobj, groups);
}

void sysfs_remove(struct host_device *device)
{
	sysfs_remove_groups(&device->xenbus->dev.kobj, groups);
}
