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

#define STATISTIC(name)                                                                            \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attribute,         \
				   char *buffer)                                                   \
	{                                                                                          \
		return sysfs_emit(buffer, "%llu\n",                                                \
				  (unsigned long long)sysfs_statistics(dev).name);                 \
	}                                                                                          \
	static DEVICE_ATTR_RO(name)

STATISTIC(oo_req);
STATISTIC(rd_req);
STATISTIC(wr_req);
STATISTIC(f_req);
STATISTIC(ds_req);
STATISTIC(rd_sect);
STATISTIC(wr_sect);

static struct attribute *statistics_attributes[] = {
	&dev_attr_oo_req.attr, &dev_attr_rd_req.attr,  &dev_attr_wr_req.attr,  &dev_attr_f_req.attr,
	&dev_attr_ds_req.attr, &dev_attr_rd_sect.attr, &dev_attr_wr_sect.attr, NULL,
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
