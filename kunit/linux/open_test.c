// SPDX-License-Identifier: GPL-2.0
/* block.c: opening a disk, its geometry, and what the host caches of it. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pagemap.h>

#include "disk.h"
#include "io.h"

static void missing_device_is_refused(struct kunit *test)
{
	struct host_disk *disk = NULL;

	/* Majors 240 to 254 are for local use.  247 is not in use here. */
	KUNIT_EXPECT_EQ(test, -ENXIO, host_disk_open(247, 3, 0, &disk));
	KUNIT_EXPECT_EQ(test, -ENXIO, host_disk_open(0, 0, 1, &disk));
	KUNIT_EXPECT_NULL(test, disk);
}

/* A toolstack may write any number. */
static void absurd_device_numbers_are_refused(struct kunit *test)
{
	struct host_disk *disk = NULL;

	KUNIT_EXPECT_LT(test, host_disk_open(4095, 1048575, 0, &disk), 0);
	KUNIT_EXPECT_LT(test, host_disk_open(U32_MAX, U32_MAX, 0, &disk), 0);
	KUNIT_EXPECT_NULL(test, disk);
}

static void removed_device_is_refused(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	dev_t dev = disk_devt(disk->gendisk);
	struct host_disk *opened = NULL;

	test_disk_remove(disk);
	KUNIT_EXPECT_LT(test, host_disk_open(MAJOR(dev), MINOR(dev), 0, &opened), 0);
	KUNIT_EXPECT_NULL(test, opened);
}

/* Two guests may share a disk. */
static void opened_twice(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *first = test_open(test, disk_devt(disk->gendisk), false);
	struct host_disk *second = test_open(test, disk_devt(disk->gendisk), false);

	KUNIT_EXPECT_PTR_NE(test, first, second);
}

static void read_only_open_reads(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), true);
	struct test_io *io = test_io_create(test, opened, HOST_IO_READ, 3, PAGE_SIZE);

	test_pattern(disk->data + 3 * SECTOR_SIZE, 3, PAGE_SIZE, 6);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_TRUE(test, test_io_holds(io, 6));
}

static void read_only_disk_opens_for_reading(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);

	set_disk_ro(disk->gendisk, true);
	test_open(test, disk_devt(disk->gendisk), true);
}

/* Another disk may get the same number, but not the same sequence number. */
static void sequence_number_is_that_of_the_whole_disk(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct test_disk *other = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct host_disk *second = test_open(test, disk_devt(other->gendisk), false);

	KUNIT_EXPECT_NE(test, 0, host_disk_sequence(opened));
	KUNIT_EXPECT_EQ(test, disk->gendisk->diskseq, host_disk_sequence(opened));
	KUNIT_EXPECT_NE(test, host_disk_sequence(opened), host_disk_sequence(second));
}

static void io_is_charged_to_a_group_that_exists(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *io = test_io_create(test, opened, HOST_IO_WRITE, 0, PAGE_SIZE);
	bool charges = IS_ENABLED(CONFIG_BLK_CGROUP);

	KUNIT_EXPECT_EQ(test, charges ? -ENOENT : -EOPNOTSUPP,
			host_disk_charge(opened, "/no/such/group"));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	/* The root group always exists; twice, for its references. */
	KUNIT_EXPECT_EQ(test, charges ? 0 : -EOPNOTSUPP, host_disk_charge(opened, "/"));
	KUNIT_EXPECT_EQ(test, charges ? 0 : -EOPNOTSUPP, host_disk_charge(opened, "/"));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 0, host_disk_charge(opened, NULL));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	/* The disk is closed with a group. */
	KUNIT_EXPECT_EQ(test, charges ? 0 : -EOPNOTSUPP, host_disk_charge(opened, ""));
}

static struct host_disk_geometry geometry_of(struct kunit *test, struct test_disk *disk)
{
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct host_disk_geometry geometry;

	memset(&geometry, 0xff, sizeof(geometry));
	host_disk_describe(opened, &geometry);
	KUNIT_EXPECT_EQ(test, geometry.sectors, host_disk_sectors(opened));
	return geometry;
}

static void geometry_of_a_plain_disk(struct kunit *test)
{
	struct host_disk_geometry geometry = geometry_of(test, test_disk_create(test, NULL));

	KUNIT_EXPECT_EQ(test, TEST_DISK_SECTORS, geometry.sectors);
	KUNIT_EXPECT_EQ(test, 512, geometry.logical_block_bytes);
	KUNIT_EXPECT_EQ(test, 512, geometry.physical_block_bytes);
	KUNIT_EXPECT_EQ(test, 0, geometry.max_discard_sectors);
	KUNIT_EXPECT_EQ(test, 0, geometry.max_secure_discard_sectors);
	KUNIT_EXPECT_EQ(test, 0, geometry.write_cache);
	KUNIT_EXPECT_EQ(test, 0, geometry.removable);
	KUNIT_EXPECT_EQ(test, 0, geometry.cdrom);
}

static void geometry_of_a_rich_disk(struct kunit *test)
{
	static const struct queue_limits limits = {
		.features = BLK_FEAT_WRITE_CACHE,
		.logical_block_size = 4096,
		.physical_block_size = 16384,
		.max_hw_discard_sectors = 4096,
		.discard_granularity = 65536,
		.discard_alignment = 4096,
		.max_secure_erase_sectors = 2048,
	};
	struct host_disk_geometry geometry = geometry_of(test, test_disk_create(test, &limits));

	KUNIT_EXPECT_EQ(test, TEST_DISK_SECTORS, geometry.sectors);
	KUNIT_EXPECT_EQ(test, 4096, geometry.logical_block_bytes);
	KUNIT_EXPECT_EQ(test, 16384, geometry.physical_block_bytes);
	KUNIT_EXPECT_EQ(test, 4096, geometry.max_discard_sectors);
	KUNIT_EXPECT_EQ(test, 65536, geometry.discard_granularity_bytes);
	KUNIT_EXPECT_EQ(test, 4096, geometry.discard_alignment_bytes);
	KUNIT_EXPECT_EQ(test, 2048, geometry.max_secure_discard_sectors);
	KUNIT_EXPECT_EQ(test, 1, geometry.write_cache);
}

/* A bio's length is a 32-bit number of bytes. */
static void largest_discard_fits_a_bio(struct kunit *test)
{
	static const struct queue_limits limits = {
		.max_hw_discard_sectors = UINT_MAX,
		.max_secure_erase_sectors = UINT_MAX,
		.discard_granularity = 512,
	};
	struct host_disk_geometry geometry = geometry_of(test, test_disk_create(test, &limits));

	KUNIT_EXPECT_EQ(test, UINT_MAX >> SECTOR_SHIFT, geometry.max_discard_sectors);
	KUNIT_EXPECT_EQ(test, UINT_MAX >> SECTOR_SHIFT, geometry.max_secure_discard_sectors);
}

static void removable_disk_says_so(struct kunit *test)
{
	struct host_disk_geometry geometry = geometry_of(test, test_disk_create_removable(test));

	KUNIT_EXPECT_EQ(test, 1, geometry.removable);
}

static void size_is_the_one_of_now(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), true);

	set_capacity_and_notify(disk->gendisk, TEST_DISK_SECTORS / 2);
	KUNIT_EXPECT_EQ(test, TEST_DISK_SECTORS / 2, host_disk_sectors(opened));
	set_capacity_and_notify(disk->gendisk, TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, TEST_DISK_SECTORS, host_disk_sectors(opened));
}

static void put_file(void *file)
{
	fput(file);
	flush_delayed_fput();
}

/* Opens the disk through the page cache, as programs of the host do. */
static struct file *cached_open(struct kunit *test, struct test_disk *disk)
{
	struct file *file = bdev_file_open_by_dev(disk_devt(disk->gendisk),
						  BLK_OPEN_READ | BLK_OPEN_WRITE, NULL, NULL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_file, file));
	return file;
}

static void sync_writes_out_and_forgets(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct file *file = cached_open(test, disk);
	u8 *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	loff_t position = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'a', PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, PAGE_SIZE, kernel_write(file, text, PAGE_SIZE, &position));
	KUNIT_EXPECT_EQ(test, 0, disk->data[0]);
	KUNIT_EXPECT_EQ(test, 0, host_disk_sync(opened));
	KUNIT_EXPECT_EQ(test, 'a', disk->data[0]);

	/* A guest writes: after a sync the host's cache must not return the old data. */
	disk->data[0] = 'b';
	KUNIT_EXPECT_EQ(test, 0, host_disk_sync(opened));
	position = 0;
	KUNIT_ASSERT_EQ(test, PAGE_SIZE, kernel_read(file, text, PAGE_SIZE, &position));
	KUNIT_EXPECT_EQ(test, 'b', text[0]);
}

static void sync_tells_of_failed_writes(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct file *file = cached_open(test, disk);
	loff_t position = 0;

	KUNIT_ASSERT_EQ(test, 4, kernel_write(file, "text", 4, &position));
	test_disk_fail(disk, 1, BLK_STS_IOERR);
	/* The bio that fails is the write-back: kernel_write() has read the rest of the page. */
	KUNIT_EXPECT_EQ(test, -EIO, host_disk_sync(opened));
	test_disk_fail(disk, 0, BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, 0, host_disk_sync(opened));
}

static struct kunit_case open_cases[] = {
	KUNIT_CASE(missing_device_is_refused),
	KUNIT_CASE(absurd_device_numbers_are_refused),
	KUNIT_CASE(removed_device_is_refused),
	KUNIT_CASE(opened_twice),
	KUNIT_CASE(read_only_open_reads),
	KUNIT_CASE(read_only_disk_opens_for_reading),
	KUNIT_CASE(geometry_of_a_plain_disk),
	KUNIT_CASE(geometry_of_a_rich_disk),
	KUNIT_CASE(largest_discard_fits_a_bio),
	KUNIT_CASE(removable_disk_says_so),
	KUNIT_CASE(size_is_the_one_of_now),
	KUNIT_CASE(sync_writes_out_and_forgets),
	KUNIT_CASE(sync_tells_of_failed_writes),
	KUNIT_CASE(sequence_number_is_that_of_the_whole_disk),
	KUNIT_CASE(io_is_charged_to_a_group_that_exists),
	{},
};

static struct kunit_suite open_suite = {
	.name = "xen_blkback_linux_open",
	.test_cases = open_cases,
};

kunit_test_suite(open_suite);
