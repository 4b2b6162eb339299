// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "core.h"
#include "io.h"

/* Runs the deferred fput()s of kernel threads, so that none runs after the module is gone. */
static void close_disk(void *disk)
{
	host_disk_close(disk);
	flush_delayed_fput();
}

struct host_disk *test_open(struct kunit *test, dev_t dev, bool read_only)
{
	struct host_disk *disk = NULL;

	KUNIT_ASSERT_EQ(test, 0, host_disk_open(MAJOR(dev), MINOR(dev), read_only, &disk));
	KUNIT_ASSERT_NOT_NULL(test, disk);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, close_disk, disk));
	return disk;
}

dev_t test_lookup(struct kunit *test, const char *path)
{
	dev_t dev = 0;

	KUNIT_ASSERT_TRUE_MSG(test, SOON(lookup_bdev(path, &dev) == 0), "there is no %s", path);
	return dev;
}

static void free_io(void *argument)
{
	struct test_io *io = argument;
	u32 i;

	for (i = 0; i < io->io.segment_count; i++)
		if (io->segments[i].page)
			__free_page((struct page *)io->segments[i].page);
	kvfree(io->segments);
	kfree(io);
}

struct test_io *test_io_create(struct kunit *test, struct host_disk *disk,
			       enum host_io_operation operation, u64 sector, u32 bytes)
{
	u32 count = DIV_ROUND_UP(bytes, PAGE_SIZE);
	struct test_io *io;
	u32 i;

	io = kzalloc(sizeof(*io), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, io);
	init_completion(&io->done);
	io->io.disk = disk;
	io->io.operation = operation;
	io->io.sector = sector;
	/* The core does not initialise these: their contents must not matter. */
	memset(io->io.storage, 0xde, sizeof(io->io.storage));
	io->io.error = 0xdead;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_io, io));

	io->segments = kvcalloc(count + 1, sizeof(*io->segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, io->segments);
	io->io.segments = io->segments;
	for (i = 0; i < count; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, page);
		io->segments[i].page = (struct host_page *)page;
		io->segments[i].bytes = min_t(u32, PAGE_SIZE, bytes - i * PAGE_SIZE);
		io->io.segment_count++;
	}
	return io;
}

struct test_io *test_io_create_empty(struct kunit *test, struct host_disk *disk,
				     enum host_io_operation operation, u64 sector, u64 sectors)
{
	struct test_io *io = test_io_create(test, disk, operation, sector, 0);

	io->io.sectors = sectors;
	return io;
}

void test_pattern(void *to, u64 sector, u32 bytes, u32 seed)
{
	u64 *word = to;
	u32 i;

	for (i = 0; i < bytes / sizeof(*word); i++)
		word[i] =
			((sector << SECTOR_SHIFT) + i * sizeof(*word)) * 0x9e3779b97f4a7c15 + seed;
}

static void *segment_memory(const struct host_io_segment *segment)
{
	return page_address((struct page *)segment->page) + segment->offset;
}

void test_io_fill(struct test_io *io, u32 seed)
{
	u64 sector = io->io.sector;
	u32 i;

	for (i = 0; i < io->io.segment_count; i++) {
		test_pattern(segment_memory(&io->segments[i]), sector, io->segments[i].bytes, seed);
		sector += io->segments[i].bytes >> SECTOR_SHIFT;
	}
}

bool test_io_holds(const struct test_io *io, u32 seed)
{
	u64 sector = io->io.sector;
	bool same = true;
	void *wanted;
	u32 i;

	wanted = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!wanted)
		return false;
	for (i = 0; i < io->io.segment_count; i++) {
		test_pattern(wanted, sector, io->segments[i].bytes, seed);
		same &= !memcmp(segment_memory(&io->segments[i]), wanted, io->segments[i].bytes);
		sector += io->segments[i].bytes >> SECTOR_SHIFT;
	}
	kfree(wanted);
	return same;
}

void test_io_submit(struct test_io *const *ios, u32 count)
{
	struct host_io *batch[64];
	u32 i, j;

	for (i = 0; i < count; i++) {
		if (ios[i]->io.segment_count)
			ios[i]->io.sectors = 0;
		for (j = 0; j < ios[i]->io.segment_count; j++)
			ios[i]->io.sectors += ios[i]->segments[j].bytes >> SECTOR_SHIFT;
		atomic_set(&ios[i]->times, 0);
		reinit_completion(&ios[i]->done);
		batch[i] = &ios[i]->io;
	}
	host_disk_submit(batch, count);
}

int test_io_wait(struct kunit *test, struct test_io *io)
{
	KUNIT_ASSERT_NE_MSG(test, 0ul, wait_for_completion_timeout(&io->done, 30 * HZ),
			    "the I/O never ended");
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&io->times));
	return io->io.error;
}

int test_io_run(struct kunit *test, struct test_io *io)
{
	test_io_submit(&io, 1);
	return test_io_wait(test, io);
}

void test_io_done(struct host_io *io)
{
	struct test_io *test_io = container_of(io, struct test_io, io);

	atomic_inc(&test_io->times);
	complete(&test_io->done);
}
