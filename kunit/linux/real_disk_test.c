// SPDX-License-Identifier: GPL-2.0
/* block.c on disks of the kernel: null_blk and scsi_debug. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "discard.h"
#include "io.h"

struct real_disk {
	const char *path;
	u32 block_bytes;
	u64 sectors;
};

/* The disks of the modules and parameters in MODULE_INFO() of core.c. */
static const struct real_disk real_disks[] = {
	{ "/dev/nullb0", 512, 1 << 21 },
	{ "/dev/sda", 4096, 1 << 16 },
};

static void real_disk_name(const struct real_disk *disk, char *text)
{
	strscpy(text, disk->path, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(real_disk, real_disks, real_disk_name);

static struct host_disk *real_open(struct kunit *test)
{
	const struct real_disk *disk = test->param_value;

	return test_open(test, test_lookup(test, disk->path), false);
}

static void geometry_is_as_loaded(struct kunit *test)
{
	const struct real_disk *disk = test->param_value;
	struct host_disk_geometry geometry;

	host_disk_describe(real_open(test), &geometry);
	KUNIT_EXPECT_EQ(test, disk->sectors, geometry.sectors);
	KUNIT_EXPECT_EQ(test, disk->block_bytes, geometry.logical_block_bytes);
	KUNIT_EXPECT_EQ(test, 1, geometry.write_cache);
	KUNIT_EXPECT_GT(test, geometry.max_discard_sectors, 0);
	KUNIT_EXPECT_EQ(test, 0, geometry.max_secure_discard_sectors);
	KUNIT_EXPECT_GE(test, geometry.discard_granularity_bytes, disk->block_bytes);
}

static void what_is_written_is_read(struct kunit *test)
{
	static const u32 sizes[] = { SZ_4K, SZ_8K, SZ_64K, SZ_1M };
	struct host_disk *disk = real_open(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 sector = 8 * (i + 1);
		struct test_io *write = test_io_create(test, disk, HOST_IO_WRITE, sector, sizes[i]);
		struct test_io *read = test_io_create(test, disk, HOST_IO_READ, sector, sizes[i]);

		write->io.flags = i % 4;
		test_io_fill(write, i);
		KUNIT_EXPECT_EQ(test, 0, test_io_run(test, write));
		KUNIT_EXPECT_EQ(test, 0, test_io_run(test, read));
		KUNIT_EXPECT_TRUE(test, test_io_holds(read, i));
	}
}

/* Adjacent I/Os in one batch: the plug lets the block layer merge them. */
static void batch_is_written_and_read(struct kunit *test)
{
	struct host_disk *disk = real_open(test);
	struct test_io *ios[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		ios[i] = test_io_create(test, disk, HOST_IO_WRITE, 8 * i, SZ_4K);
		test_io_fill(ios[i], 7);
	}
	test_io_submit(ios, ARRAY_SIZE(ios));
	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
		ios[i]->io.operation = HOST_IO_READ;
		test_io_fill(ios[i], 8);
	}
	test_io_submit(ios, ARRAY_SIZE(ios));
	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
		KUNIT_EXPECT_TRUE(test, test_io_holds(ios[i], 7));
	}
}

static void flushes_among_writes(struct kunit *test)
{
	struct host_disk *disk = real_open(test);
	struct test_io *ios[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(ios); i++)
		ios[i] = i % 4 ? test_io_create(test, disk, HOST_IO_WRITE, 8 * i, SZ_4K) :
				 test_io_create_empty(test, disk, HOST_IO_FLUSH, 0, 0);
	test_io_submit(ios, ARRAY_SIZE(ios));
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
}

static void discarded_sectors_read_as_zeroes(struct kunit *test)
{
	struct host_disk *disk = real_open(test);
	struct test_io *write = test_io_create(test, disk, HOST_IO_WRITE, 0, SZ_64K);
	struct test_io *discard = test_io_create_empty(test, disk, HOST_IO_DISCARD, 8, 8);
	struct test_io *read = test_io_create(test, disk, HOST_IO_READ, 8, SZ_4K);
	struct test_io *after = test_io_create(test, disk, HOST_IO_READ, 16, SZ_4K);

	test_io_fill(write, 9);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, write));
	test_io_fill(read, 10);
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, discard));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, read));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address((struct page *)read->segments[0].page), 0,
					   SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, after));
	KUNIT_EXPECT_TRUE(test, test_io_holds(after, 9));
}

static void beyond_the_end_fails(struct kunit *test)
{
	const struct real_disk *disk = test->param_value;
	struct host_disk *opened = real_open(test);
	struct test_io *last = test_io_create(test, opened, HOST_IO_READ, disk->sectors - 8, SZ_4K);
	struct test_io *beyond = test_io_create(test, opened, HOST_IO_READ, disk->sectors, SZ_4K);
	struct test_io *far = test_io_create(test, opened, HOST_IO_WRITE, U64_MAX >> 12, SZ_4K);
	struct test_io *discard =
		test_io_create_empty(test, opened, HOST_IO_DISCARD, disk->sectors - 8, 16);

	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, last));
	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, beyond));
	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, far));
	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, discard));
}

/* An I/O of less than a block fails.  The same I/O with a whole block succeeds afterwards. */
static void half_a_block_fails(struct kunit *test)
{
	const struct real_disk *disk = test->param_value;
	struct host_disk *opened = real_open(test);
	struct test_io *io = test_io_create(test, opened, HOST_IO_READ, 0, SECTOR_SIZE);

	if (disk->block_bytes == SECTOR_SIZE)
		kunit_skip(test, "no sector is half a block here");
	KUNIT_EXPECT_EQ(test, -EIO, test_io_run(test, io));
	io->segments[0].bytes = disk->block_bytes;
	KUNIT_EXPECT_EQ(test, 0, test_io_run(test, io));
}

/* Random writes and reads are in flight together, each at its own place on the disk. */
static void random_batches_keep_their_data(struct kunit *test)
{
	struct host_disk *disk = real_open(test);
	u32 seeds[32] = {};
	struct test_io *ios[32];
	int round, i;

	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		ios[i] = test_io_create(test, disk, HOST_IO_WRITE, 128 * i, SZ_32K);
		test_io_fill(ios[i], 0);
	}
	test_io_submit(ios, ARRAY_SIZE(ios));
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));

	for (round = 1; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(ios); i++) {
			bool write = get_random_u32_below(2);

			ios[i]->io.operation = write ? HOST_IO_WRITE : HOST_IO_READ;
			ios[i]->io.flags = write ? get_random_u32_below(4) : 0;
			test_io_fill(ios[i], write ? round : U32_MAX);
			if (write)
				seeds[i] = round;
		}
		test_io_submit(ios, ARRAY_SIZE(ios));
		for (i = 0; i < ARRAY_SIZE(ios); i++) {
			KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, ios[i]));
			KUNIT_EXPECT_TRUE_MSG(test, test_io_holds(ios[i], seeds[i]),
					      "place %d, round %d", i, round);
		}
	}
}

/* scsi_debug's bad blocks (opts=2) fail.  A good block in the same batch is read. */
static void bad_medium_fails_its_io_alone(struct kunit *test)
{
	struct host_disk *disk = test_open(test, test_lookup(test, "/dev/sda"), false);
	struct test_io *bad = test_io_create(test, disk, HOST_IO_READ, 0x1234 * 8, SZ_4K);
	struct test_io *good = test_io_create(test, disk, HOST_IO_READ, 0x1200 * 8, SZ_4K);
	struct test_io *ios[] = { good, bad };

	test_io_submit(ios, ARRAY_SIZE(ios));
	KUNIT_EXPECT_EQ(test, 0, test_io_wait(test, good));
	KUNIT_EXPECT_EQ(test, -ENODATA, test_io_wait(test, bad));
}

static int real_disk_suite_init(struct kunit_suite *suite)
{
	return discards_init();
}

static void real_disk_suite_exit(struct kunit_suite *suite)
{
	discards_exit();
}

static struct kunit_case real_disk_cases[] = {
	KUNIT_CASE_PARAM(geometry_is_as_loaded, real_disk_gen_params),
	KUNIT_CASE_PARAM(what_is_written_is_read, real_disk_gen_params),
	KUNIT_CASE_PARAM(batch_is_written_and_read, real_disk_gen_params),
	KUNIT_CASE_PARAM(flushes_among_writes, real_disk_gen_params),
	KUNIT_CASE_PARAM(discarded_sectors_read_as_zeroes, real_disk_gen_params),
	KUNIT_CASE_PARAM(beyond_the_end_fails, real_disk_gen_params),
	KUNIT_CASE_PARAM(half_a_block_fails, real_disk_gen_params),
	KUNIT_CASE_PARAM(random_batches_keep_their_data, real_disk_gen_params),
	KUNIT_CASE(bad_medium_fails_its_io_alone),
	{},
};

static struct kunit_suite real_disk_suite = {
	.name = "xen_blkback_linux_real_disk",
	.suite_init = real_disk_suite_init,
	.suite_exit = real_disk_suite_exit,
	.test_cases = real_disk_cases,
};

kunit_test_suite(real_disk_suite);
