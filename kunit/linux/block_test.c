// SPDX-License-Identifier: GPL-2.0
/* block.c on a disk that records its bios. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "disk.h"
#include "io.h"

#define CACHE (BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA)

static const struct queue_limits caching = {
	.features = CACHE,
	.max_segments = HOST_IO_MAX_SEGMENTS,
	.max_hw_sectors = UINT_MAX,
};

struct fixture {
	struct test_disk *disk;
	struct host_disk *opened;
};

/* A disk with a volatile cache, open for writing. */
static struct fixture fixture_create(struct kunit *test)
{
	struct fixture fixture;

	fixture.disk = test_disk_create(test, &caching);
	fixture.opened = test_open(test, disk_devt(fixture.disk->gendisk), false);
	test_disk_forget(fixture.disk);
	return fixture;
}

static void writes_and_reads_back(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *write = test_io_create(test, f.opened, HOST_IO_WRITE, 40, 3 * PAGE_SIZE);
	struct test_io *read = test_io_create(test, f.opened, HOST_IO_READ, 40, 3 * PAGE_SIZE);

	test_io_fill(write, 1);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, write));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, read));
	KUNIT_EXPECT_TRUE(test, test_io_holds(read, 1));
	KUNIT_EXPECT_EQ(test, 2, f.disk->count);
	KUNIT_EXPECT_EQ(test, REQ_OP_WRITE, f.disk->records[0].operation & REQ_OP_MASK);
	KUNIT_EXPECT_EQ(test, REQ_OP_READ, f.disk->records[1].operation & REQ_OP_MASK);
}

/* Segments as frontends send them: a few sectors within a page. */
static void segments_are_parts_of_pages(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, 100, 3 * PAGE_SIZE);
	u8 *wanted = kunit_kzalloc(test, 5 * SECTOR_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, wanted);
	io->segments[0].offset = 7 * SECTOR_SIZE;
	io->segments[0].bytes = SECTOR_SIZE;
	io->segments[1].offset = 0;
	io->segments[1].bytes = SECTOR_SIZE;
	io->segments[2].offset = 3 * SECTOR_SIZE;
	io->segments[2].bytes = 3 * SECTOR_SIZE;
	test_io_fill(io, 2);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	test_pattern(wanted, 100, 5 * SECTOR_SIZE, 2);
	KUNIT_EXPECT_MEMEQ(test, f.disk->data + 100 * SECTOR_SIZE, wanted, 5 * SECTOR_SIZE);
	/* Neither the sector before nor the one after was touched. */
	KUNIT_EXPECT_NULL(test, memchr_inv(f.disk->data + 99 * SECTOR_SIZE, 0, SECTOR_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(f.disk->data + 105 * SECTOR_SIZE, 0, SECTOR_SIZE));
}

/* An I/O with the maximum of segments.  No segment continues the one before it in memory. */
static struct test_io *largest_io(struct kunit *test, struct host_disk *disk)
{
	struct test_io *io =
		test_io_create(test, disk, HOST_IO_READ, 8, HOST_IO_MAX_SEGMENTS * PAGE_SIZE);
	u32 i;

	for (i = 0; i < io->io.segment_count; i++)
		io->segments[i].bytes = 7 * SECTOR_SIZE;
	return io;
}

static void largest_io_is_one_bio(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = largest_io(test, f.opened);

	io->io.operation = HOST_IO_WRITE;
	io->io.flags = HOST_IO_PREFLUSH | HOST_IO_FUA;
	test_io_fill(io, 3);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 1, f.disk->count);
	KUNIT_EXPECT_EQ(test, 8, f.disk->records[0].sector);
	KUNIT_EXPECT_EQ(test, HOST_IO_MAX_SEGMENTS * 7 * SECTOR_SIZE, f.disk->records[0].bytes);
	KUNIT_EXPECT_TRUE(test, f.disk->records[0].operation & REQ_PREFLUSH);
	KUNIT_EXPECT_TRUE(test, f.disk->records[0].operation & REQ_FUA);
	io->io.operation = HOST_IO_READ;
	io->io.flags = 0;
	test_io_fill(io, 4);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_TRUE(test, test_io_holds(io, 3));
}

/* The block layer splits the I/O for a disk that takes less.  It ends once, with the error. */
static void one_failed_part_fails_the_io(struct kunit *test)
{
	static const struct queue_limits limits = { .features = CACHE, .max_hw_sectors = 512 };
	struct test_disk *disk = test_disk_create(test, &limits);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *io = largest_io(test, opened);
	unsigned int parts, i;

	test_disk_forget(disk);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	parts = disk->count;
	KUNIT_EXPECT_GE(test, parts, 2);
	for (i = 1; i <= parts; i++) {
		test_disk_fail(disk, i, BLK_STS_MEDIUM);
		KUNIT_EXPECT_EQ(test, -ENODATA, test_io_run(test, io));
	}
	test_disk_fail(disk, 0, BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
}

/* A disk that ends no bio blocks neither its submitter nor another disk. */
static void hung_disk_holds_up_no_other(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct host_disk *other = test_open(test, test_lookup(test, "/dev/nullb0"), false);
	struct test_io *io = test_io_create(test, other, HOST_IO_WRITE, 0, PAGE_SIZE);
	struct test_io *ios[192];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ios); i++)
		ios[i] = test_io_create(test, f.opened, HOST_IO_READ, i, SECTOR_SIZE);
	test_disk_hold(f.disk);
	for (i = 0; i < ARRAY_SIZE(ios); i += 64)
		test_io_submit(ios + i, 64);
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(ios), f.disk->count);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	test_disk_release(f.disk);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
}

static void errors_are_the_disks(struct kunit *test)
{
	static const struct {
		blk_status_t status;
		int error;
	} table[] = {
		{ BLK_STS_IOERR, -EIO },	 { BLK_STS_NOTSUPP, -EOPNOTSUPP },
		{ BLK_STS_NOSPC, -ENOSPC },	 { BLK_STS_TIMEOUT, -ETIMEDOUT },
		{ BLK_STS_MEDIUM, -ENODATA },	 { BLK_STS_TRANSPORT, -ENOLINK },
		{ BLK_STS_PROTECTION, -EILSEQ }, { BLK_STS_RESOURCE, -ENOMEM },
	};
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, 0, SECTOR_SIZE);
	struct test_io *flush = test_io_create_empty(test, f.opened, HOST_IO_FLUSH, 0, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		test_disk_fail(f.disk, 1, table[i].status);
		KUNIT_EXPECT_EQ(test, table[i].error, test_io_run(test, io));
		test_disk_fail(f.disk, 1, table[i].status);
		KUNIT_EXPECT_EQ(test, table[i].error, test_io_run(test, flush));
	}
}

static void plain_write_asks_for_no_durability(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, 0, SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 0, f.disk->records[0].operation & (REQ_PREFLUSH | REQ_FUA));
	/* A guest waits for its write: it is not background write-back. */
	KUNIT_EXPECT_TRUE(test, f.disk->records[0].operation & REQ_SYNC);
	KUNIT_EXPECT_FALSE(test, f.disk->records[0].operation & REQ_RAHEAD);
}

static void flags_reach_the_disk_apart(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, 0, SECTOR_SIZE);

	io->io.flags = HOST_IO_PREFLUSH;
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	io->io.flags = HOST_IO_FUA;
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, REQ_PREFLUSH,
			f.disk->records[0].operation & (REQ_PREFLUSH | REQ_FUA));
	KUNIT_EXPECT_EQ(test, REQ_FUA, f.disk->records[1].operation & (REQ_PREFLUSH | REQ_FUA));
}

static void flush_is_an_empty_preflush(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create_empty(test, f.opened, HOST_IO_FLUSH, 0, 0);

	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 1, f.disk->count);
	KUNIT_EXPECT_TRUE(test, f.disk->records[0].operation & REQ_PREFLUSH);
	KUNIT_EXPECT_EQ(test, 0, f.disk->records[0].bytes);
}

/* The disk has no cache: the block layer ends the flush itself, without an error. */
static void flush_without_a_cache_succeeds(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct host_disk *opened = test_open(test, disk_devt(disk->gendisk), false);
	struct test_io *flush = test_io_create_empty(test, opened, HOST_IO_FLUSH, 0, 0);
	struct test_io *write = test_io_create(test, opened, HOST_IO_WRITE, 0, SECTOR_SIZE);

	test_disk_forget(disk);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, flush));
	KUNIT_EXPECT_EQ(test, 0, disk->count);
	write->io.flags = HOST_IO_PREFLUSH | HOST_IO_FUA;
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, write));
	KUNIT_EXPECT_EQ(test, 1, disk->count);
}

static void beyond_the_end_fails(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, TEST_DISK_SECTORS - 1,
					    2 * SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 0, f.disk->count);
	io->segments[0].bytes = SECTOR_SIZE;
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
	KUNIT_EXPECT_EQ(test, 1, f.disk->count);
}

/* All I/Os are submitted under one plug, which is gone afterwards. */
static void batch_has_one_plug(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *ios[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		ios[i] = test_io_create(test, f.opened, HOST_IO_WRITE, i * 8, PAGE_SIZE);
		test_io_fill(ios[i], 5);
	}
	KUNIT_ASSERT_NULL(test, current->plug);
	test_io_submit(ios, ARRAY_SIZE(ios));
	KUNIT_EXPECT_NULL(test, current->plug);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));

	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(ios), f.disk->count);
	KUNIT_EXPECT_NOT_NULL(test, f.disk->records[0].plug);
	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		KUNIT_EXPECT_EQ(test, i * 8, f.disk->records[i].sector);
		KUNIT_EXPECT_PTR_EQ(test, f.disk->records[0].plug, f.disk->records[i].plug);
	}
}

/* No I/O is done before the disk ends it.  Each is done once, in the disk's softirq. */
static void batch_ends_when_the_disk_says_so(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *ios[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ios); i++)
		ios[i] = test_io_create(test, f.opened, HOST_IO_READ, i, 2 * SECTOR_SIZE);
	test_disk_fail(f.disk, 10, BLK_STS_NOSPC);
	test_disk_hold(f.disk);
	test_io_submit(ios, ARRAY_SIZE(ios));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(ios), f.disk->count);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&ios[i]->done));
	test_disk_release(f.disk);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_EQ(test, i == 9 ? -ENOSPC : 0, test_io_wait(test, ios[i]));
}

static void same_io_is_used_again(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *io = test_io_create(test, f.opened, HOST_IO_WRITE, 0, PAGE_SIZE);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		test_disk_fail(f.disk, i % 2, BLK_STS_IOERR);
		KUNIT_EXPECT_EQ(test, i % 2 ? -EIO : 0, test_io_run(test, io));
	}
}

/* dm-integrity and network storage with checksums, for example, ask for stable pages. */
static void stable_pages_are_told_of(struct kunit *test)
{
	static const struct queue_limits stable = { .features = BLK_FEAT_STABLE_WRITES };
	struct fixture f = fixture_create(test);
	struct host_disk_geometry geometry;
	struct test_disk *disk;

	host_disk_describe(f.opened, &geometry);
	KUNIT_EXPECT_EQ(test, 0, geometry.stable_writes);
	test_disk_remove(f.disk);
	disk = test_disk_create(test, &stable);
	host_disk_describe(test_open(test, disk_devt(disk->gendisk), false), &geometry);
	KUNIT_EXPECT_EQ(test, 1, geometry.stable_writes);
}

static void io_on_a_removed_disk_fails(struct kunit *test)
{
	struct fixture f = fixture_create(test);
	struct test_io *read = test_io_create(test, f.opened, HOST_IO_READ, 0, SECTOR_SIZE);
	struct test_io *flush = test_io_create_empty(test, f.opened, HOST_IO_FLUSH, 0, 0);

	KUNIT_EXPECT_FALSE(test, host_disk_gone(f.opened));
	test_disk_remove(f.disk);
	KUNIT_EXPECT_TRUE(test, host_disk_gone(f.opened));
	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, read));
	KUNIT_EXPECT_NE(test, 0, test_io_run(test, flush));
	KUNIT_EXPECT_EQ(test, 0, f.disk->count);
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(writes_and_reads_back),
	KUNIT_CASE(segments_are_parts_of_pages),
	KUNIT_CASE(largest_io_is_one_bio),
	KUNIT_CASE(one_failed_part_fails_the_io),
	KUNIT_CASE(hung_disk_holds_up_no_other),
	KUNIT_CASE(errors_are_the_disks),
	KUNIT_CASE(plain_write_asks_for_no_durability),
	KUNIT_CASE(flags_reach_the_disk_apart),
	KUNIT_CASE(flush_is_an_empty_preflush),
	KUNIT_CASE(flush_without_a_cache_succeeds),
	KUNIT_CASE(beyond_the_end_fails),
	KUNIT_CASE(batch_has_one_plug),
	KUNIT_CASE(batch_ends_when_the_disk_says_so),
	KUNIT_CASE(same_io_is_used_again),
	KUNIT_CASE(stable_pages_are_told_of),
	KUNIT_CASE(io_on_a_removed_disk_fails),
	{},
};

static struct kunit_suite block_suite = {
	.name = "xen_blkback_linux_block",
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
