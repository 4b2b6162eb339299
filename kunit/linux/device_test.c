// SPDX-License-Identifier: GPL-2.0
/* The life of a host_device (device.c) and its files (sysfs.c). */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "core.h"
#include "fake_device.h"
#include "host/device.h"

static void device_knows_its_ends(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);

	KUNIT_EXPECT_STREQ(test, "data/kunit/backend", host_device_name(fake->host));
	KUNIT_EXPECT_STREQ(test, "data/kunit/frontend", fake->host->frontend_path);
	KUNIT_EXPECT_PTR_NE(test, fake->xenbus.otherend, fake->host->frontend_path);
	KUNIT_EXPECT_EQ(test, fake->xenbus.otherend_id, host_device_domid(fake->host));
	fake->xenbus.state = XenbusStateConnected;
	KUNIT_EXPECT_EQ(test, HOST_XENBUS_CONNECTED, host_device_state(fake->host));
}

/* Unbound and bound again: another host_device, the same key. */
static void key_is_that_of_the_xenbus_device(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	struct fake_device *other = fake_device_create(test);
	struct host_device *again = host_device_create(&fake->xenbus);

	KUNIT_ASSERT_NOT_NULL(test, again);
	KUNIT_EXPECT_EQ(test, host_device_key(fake->host), host_device_key(again));
	KUNIT_EXPECT_NE(test, host_device_key(fake->host), host_device_key(other->host));
	host_device_put(again);
}

/* The bus drops its reference first: the xenbus device stays as long as the host_device. */
static void xenbus_device_outlives_ours(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	struct host_device *host = fake->host;
	bool freed = false;

	fake->freed = &freed;
	fake->host = NULL;
	fake_device_put(test, fake);
	KUNIT_EXPECT_FALSE(test, freed);
	host_device_put(host);
	KUNIT_EXPECT_TRUE(test, freed);
}

/* Does what the remove callback does.  Adds the references of the core and of the work. */
static void device_is_removed(struct fake_device *fake, unsigned long delay)
{
	kref_get(&fake->host->references);
	kref_get(&fake->host->references);
	fake->host->removed = true;
	schedule_delayed_work(&fake->host->patience, delay);
}

/* A device that drains at once holds no reference to the module. */
static void release_gives_back_what_the_core_held(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	int references = module_refcount(THIS_MODULE);

	device_is_removed(fake, 3600 * HZ);
	host_device_release(fake->host);
	KUNIT_EXPECT_TRUE(test, fake->host->released);
	KUNIT_EXPECT_EQ(test, references, module_refcount(THIS_MODULE));
	KUNIT_EXPECT_EQ(test, 1, kref_read(&fake->host->references));
}

/* The work that logs a long drain puts its reference when it has run. */
static void device_that_drains_long_keeps_the_module(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	int references = module_refcount(THIS_MODULE);

	KUNIT_ASSERT_TRUE(test, try_module_get(THIS_MODULE));
	fake->host->holds_module = true;
	device_is_removed(fake, 0);
	EXPECT_SOON(test, kref_read(&fake->host->references) == 2);
	KUNIT_EXPECT_EQ(test, references + 1, module_refcount(THIS_MODULE));
	KUNIT_EXPECT_FALSE(test, completion_done(&fake->host->drained));
	kref_get(&fake->host->references);
	host_device_release(fake->host);
	KUNIT_EXPECT_EQ(test, references, module_refcount(THIS_MODULE));
	KUNIT_EXPECT_TRUE(test, completion_done(&fake->host->drained));
	KUNIT_EXPECT_EQ(test, 2, kref_read(&fake->host->references));
	host_device_put(fake->host);
}

static void device_remove_from_sysfs(void *dev)
{
	device_del(dev);
}

static char *read_file(struct kunit *test, const char *path)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t position = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	if (IS_ERR(file))
		return "(no file)";
	KUNIT_EXPECT_GT(test, kernel_read(file, text, PAGE_SIZE - 1, &position), 0);
	filp_close(file, NULL);
	return text;
}

#define FOLDER "/sys/devices/vbd-kunit/"

/* All but the first one. */
#define BUCKETS " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"

static void files_show_what_the_core_says(struct kunit *test)
{
	static const struct {
		const char *path, *text;
	} table[] = {
		{ FOLDER "physical_device", "ca:10\n" },
		{ FOLDER "mode", "w!\n" },
		{ FOLDER "statistics/oo_req", "11\n" },
		{ FOLDER "statistics/rd_req", "12\n" },
		{ FOLDER "statistics/wr_req", "13\n" },
		{ FOLDER "statistics/f_req", "14\n" },
		{ FOLDER "statistics/ds_req", "15\n" },
		{ FOLDER "statistics/rd_sect", "18446744073709551615\n" },
		{ FOLDER "statistics/wr_sect", "17\n" },
		{ FOLDER "statistics/err_req", "18\n" },
		{ FOLDER "statistics/refused_req", "19\n" },
		{ FOLDER "statistics/pg_hits", "29\n" },
		{ FOLDER "statistics/pg_misses", "30\n" },
		{ FOLDER "statistics/in_flight", "44\n" },
		{ FOLDER "statistics/rd_done", "1\n" },
		{ FOLDER "statistics/wr_done", "2\n" },
		{ FOLDER "statistics/f_done", "3\n" },
		{ FOLDER "statistics/ds_done", "4\n" },
		{ FOLDER "statistics/rd_usecs", "21\n" },
		{ FOLDER "statistics/wr_usecs", "22\n" },
		{ FOLDER "statistics/f_usecs", "23\n" },
		{ FOLDER "statistics/ds_usecs", "24\n" },
		{ FOLDER "statistics/rd_disk_usecs", "25\n" },
		{ FOLDER "statistics/wr_disk_usecs", "26\n" },
		{ FOLDER "statistics/f_disk_usecs", "27\n" },
		{ FOLDER "statistics/ds_disk_usecs", "28\n" },
		{ FOLDER "statistics/rd_latency", "100" BUCKETS },
		{ FOLDER "statistics/wr_latency", "101" BUCKETS },
		{ FOLDER "statistics/f_latency", "102" BUCKETS },
		{ FOLDER "statistics/ds_latency", "103" BUCKETS },
		{ FOLDER "statistics/rd_disk_latency", "110" BUCKETS },
		{ FOLDER "statistics/wr_disk_latency", "111" BUCKETS },
		{ FOLDER "statistics/f_disk_latency", "112" BUCKETS },
		{ FOLDER "statistics/ds_disk_latency", "113" BUCKETS },
	};
	struct fake_device *fake = fake_device_create(test);
	struct device *dev = &fake->xenbus.dev;
	int i;

	KUNIT_ASSERT_EQ(test, 0, device_add(dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, device_remove_from_sysfs, dev));
	dev_set_drvdata(dev, fake->host);
	KUNIT_EXPECT_EQ(test, 0, host_device_show(fake->host));
	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_STREQ(test, table[i].text, read_file(test, table[i].path));
	/* The files are created once, and never after the removal. */
	KUNIT_EXPECT_EQ(test, -ENODEV, host_device_show(fake->host));
	sysfs_remove(fake->host);
	fake->host->sysfs_shown = false;
	fake->host->removed = true;
	KUNIT_EXPECT_EQ(test, -ENODEV, host_device_show(fake->host));
	KUNIT_EXPECT_STREQ(test, "(no file)", read_file(test, FOLDER "mode"));
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(device_knows_its_ends),
	KUNIT_CASE(key_is_that_of_the_xenbus_device),
	KUNIT_CASE(xenbus_device_outlives_ours),
	KUNIT_CASE(release_gives_back_what_the_core_held),
	KUNIT_CASE(device_that_drains_long_keeps_the_module),
	KUNIT_CASE(files_show_what_the_core_says),
	{},
};

static struct kunit_suite device_suite = {
	.name = "xen_blkback_linux_device",
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
