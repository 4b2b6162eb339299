// SPDX-License-Identifier: GPL-2.0
/* discard.c on a disk that records its bios and may be slow with discards. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/file.h>

#include "discard.h"
#include "disk.h"
#include "io.h"

static void discard_reaches_the_disk(struct kunit *test)
{
	static const struct queue_limits limits = {
		.max_hw_discard_sectors = 1024,
		.discard_granularity = 4096,
		.max_secure_erase_sectors = 512,
	};
	struct test_disk *disk = test_disk_create(test, &limits);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *io = test_io_create_empty(test, opened, HOST_IO_DISCARD, 16, 1024);

	test_disk_forget(disk);
	memset(disk->data, 0xff, 2048 << SECTOR_SHIFT);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 1, disk->count);
	KUNIT_EXPECT_EQ(test, REQ_OP_DISCARD, disk->records[0].operation & REQ_OP_MASK);
	KUNIT_EXPECT_EQ(test, 16, disk->records[0].sector);
	KUNIT_EXPECT_EQ(test, 1024 << SECTOR_SHIFT, disk->records[0].bytes);
	KUNIT_EXPECT_EQ(test, 0xff, disk->data[(16 << SECTOR_SHIFT) - 1]);
	KUNIT_EXPECT_EQ(test, 0, disk->data[16 << SECTOR_SHIFT]);
	KUNIT_EXPECT_EQ(test, 0xff, disk->data[1040 << SECTOR_SHIFT]);

	io = test_io_create_empty(test, opened, HOST_IO_SECURE_DISCARD, 24, 512);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, REQ_OP_SECURE_ERASE, disk->records[1].operation & REQ_OP_MASK);
	KUNIT_EXPECT_EQ(test, 24, disk->records[1].sector);
	KUNIT_EXPECT_EQ(test, 512 << SECTOR_SHIFT, disk->records[1].bytes);
}

static const struct queue_limits discarding = {
	.max_hw_discard_sectors = 1024,
	.discard_granularity = 4096,
};

/* A disk that does the work of a discard within its submission. */
static void slow_discard_holds_up_no_read(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, &discarding);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *ios[6];
	int i;

	for (i = 0; i < 3; i++) {
		ios[2 * i] = test_io_create_empty(test, opened, HOST_IO_DISCARD, 0, 8);
		ios[2 * i + 1] = test_io_create(test, opened, HOST_IO_READ, 0, SECTOR_SIZE);
	}
	test_disk_slow_discards(disk, TEST_DISCARDS_SLOW);
	for (i = 0; i < 3; i++)
		test_io_submit(ios + 2 * i, 2);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[2 * i + 1]));
		KUNIT_EXPECT_FALSE(test, completion_done(&ios[2 * i]->done));
	}
	test_disk_open(disk);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[2 * i]));
}

/* The discards of one disk hang: those of another disk do not. */
static void slow_discard_holds_up_no_other_disk(struct kunit *test)
{
	struct test_disk *slow = test_disk_create(test, &discarding);
	struct test_disk *quick = test_disk_create(test, &discarding);
	struct host_disk *first = test_open(test, disk_devt(slow->gendisk), false);
	struct host_disk *second = test_open(test, disk_devt(quick->gendisk), false);
	struct test_io *hung = test_io_create_empty(test, first, HOST_IO_DISCARD, 0, 8);
	struct test_io *io = test_io_create_empty(test, second, HOST_IO_DISCARD, 0, 8);

	test_disk_slow_discards(slow, TEST_DISCARDS_SLOW);
	test_io_submit(&hung, 1);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_FALSE(test, completion_done(&hung->done));
	test_disk_open(slow);
	KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, hung));
}

/* The disk is in use until the submission of the last discard returns, after the discard's end. */
static void close_waits_for_a_discards_submission(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, &discarding);
	dev_t dev = disk_devt(disk->gendisk);
	struct host_disk *opened = NULL;
	struct test_io *io;

	KUNIT_ASSERT_EQ(test, 0, host_disk_open(MAJOR(dev), MINOR(dev), false, &opened));
	io = test_io_create_empty(test, opened, HOST_IO_DISCARD, 0, 8);
	test_disk_slow_discards(disk, TEST_DISCARDS_RETURN_LATE);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&disk->inside));
	test_disk_open_later(disk);
	host_disk_close(opened);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&disk->inside));
}

static void discards_of_a_batch_all_end(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, &discarding);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *ios[64];
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(ios); i++)
		ios[i] = test_io_create_empty(test, opened, HOST_IO_DISCARD, i * 8, 8);
	for (round = 0; round < 3; round++) {
		test_disk_forget(disk);
		for (i = 0; i < ARRAY_SIZE(ios); i += 32)
			test_io_submit(ios + i, 32);
		for (i = 0; i < ARRAY_SIZE(ios); i++)
			KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
		KUNIT_EXPECT_EQ(test, ARRAY_SIZE(ios), disk->count);
	}
	test_disk_remove(disk);
	test_io_submit(ios, ARRAY_SIZE(ios));
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_NE(test, 0, test_io_wait(test, ios[i]));
}

static void discard_that_the_disk_has_not(struct kunit *test)
{
	static const struct queue_limits none = {};
	struct test_disk *disk = test_disk_create(test, &none);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *io = test_io_create_empty(test, opened, HOST_IO_DISCARD, 0, 8);
	struct test_io *secure = test_io_create_empty(test, opened, HOST_IO_SECURE_DISCARD, 0, 8);

	test_disk_forget(disk);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, test_io_run(test, secure));
	KUNIT_EXPECT_EQ(test, 0, disk->count);
}

static int discard_suite_init(struct kunit_suite *suite)
{
	return discards_init();
}

static void discard_suite_exit(struct kunit_suite *suite)
{
	discards_exit();
}

static struct kunit_case discard_cases[] = {
	KUNIT_CASE(discard_reaches_the_disk),
	KUNIT_CASE(slow_discard_holds_up_no_read),
	KUNIT_CASE(slow_discard_holds_up_no_other_disk),
	KUNIT_CASE(close_waits_for_a_discards_submission),
	KUNIT_CASE(discards_of_a_batch_all_end),
	KUNIT_CASE(discard_that_the_disk_has_not),
	{},
};

static struct kunit_suite discard_suite = {
	.name = "xen_blkback_linux_discard",
	.suite_init = discard_suite_init,
	.suite_exit = discard_suite_exit,
	.test_cases = discard_cases,
};

kunit_test_suite(discard_suite);
