// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/slab.h>

#include "driver.h"
#include "host/block.h"

#include "block.h"
#include "compat.h"

/*
 * Bios come from a set of our own, each submitted before the next is taken,
 * so that I/O goes on when no memory is to be had.
 */
#define BIO_RESERVE 64

/* A bio's length is a 32-bit number of bytes. */
#define BIO_MOST_SECTORS (UINT_MAX >> SECTOR_SHIFT)

static struct bio_set bios;

struct host_disk {
	compat_bdev_handle *handle;
	bool read_only;
};

int block_init(void)
{
	return bioset_init(&bios, BIO_RESERVE, 0, BIOSET_NEED_BVECS);
}

void block_exit(void)
{
	bioset_exit(&bios);
}

int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, struct host_disk **disk)
{
	struct host_disk *created;

	created = kzalloc(sizeof(*created), GFP_KERNEL);
	if (!created)
		return -ENOMEM;
	created->read_only = read_only;
	created->handle = compat_bdev_open(MKDEV(major, minor), read_only);
	if (IS_ERR(created->handle)) {
		int error = PTR_ERR(created->handle);

		kfree(created);
		return error;
	}
	*disk = created;
	return 0;
}

void host_disk_close(struct host_disk *disk)
{
	compat_bdev_close(disk->handle, disk->read_only);
	kfree(disk);
}

void host_disk_describe(const struct host_disk *disk, struct host_disk_geometry *geometry)
{
	struct block_device *bdev = compat_bdev(disk->handle);

	memset(geometry, 0, sizeof(*geometry));
	geometry->sectors = bdev_nr_sectors(bdev);
	geometry->max_discard_sectors =
		min_t(u64, bdev_max_discard_sectors(bdev), BIO_MOST_SECTORS);
	geometry->max_secure_discard_sectors =
		min_t(u64, bdev_max_secure_erase_sectors(bdev), BIO_MOST_SECTORS);
	geometry->discard_granularity_bytes = bdev_discard_granularity(bdev);
	geometry->discard_alignment_bytes = bdev_discard_alignment(bdev);
	geometry->logical_block_bytes = bdev_logical_block_size(bdev);
	geometry->physical_block_bytes = bdev_physical_block_size(bdev);
	geometry->write_cache = bdev_write_cache(bdev);
	geometry->removable = !!(bdev->bd_disk->flags & GENHD_FL_REMOVABLE);
	geometry->cdrom = !!disk_to_cdi(bdev->bd_disk);
}

uint64_t host_disk_sectors(const struct host_disk *disk)
{
	return bdev_nr_sectors(compat_bdev(disk->handle));
}

bool host_disk_gone(const struct host_disk *disk)
{
	return test_bit(GD_DEAD, &compat_bdev(disk->handle)->bd_disk->state);
}

int host_disk_sync(struct host_disk *disk)
{
	int error = sync_blockdev(compat_bdev(disk->handle));

	if (!error)
		compat_bdev_invalidate(disk->handle);
	return error;
}

static_assert(sizeof(atomic_t) == sizeof(((struct host_io *)NULL)->pending));

static atomic_t *io_pending(struct host_io *io)
{
	return (atomic_t *)&io->pending;
}

static void io_put(struct host_io *io)
{
	if (atomic_dec_and_test(io_pending(io)))
		driver_io_done(io);
}

static void io_bio_done(struct bio *bio)
{
	struct host_io *io = bio->bi_private;

	if (unlikely(bio->bi_status))
		WRITE_ONCE(io->error, blk_status_to_errno(bio->bi_status));
	bio_put(bio);
	io_put(io);
}

static blk_opf_t io_operation(const struct host_io *io)
{
	blk_opf_t operation = 0;

	switch (io->operation) {
	case HOST_IO_READ:
		return REQ_OP_READ;
	case HOST_IO_FLUSH:
		return REQ_OP_WRITE | REQ_PREFLUSH;
	case HOST_IO_DISCARD:
		return REQ_OP_DISCARD;
	case HOST_IO_SECURE_DISCARD:
		return REQ_OP_SECURE_ERASE;
	default:
		/* What a guest writes it waits for: not background write-back. */
		operation = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
		if (io->flags & HOST_IO_PREFLUSH)
			operation |= REQ_PREFLUSH;
		if (io->flags & HOST_IO_FUA)
			operation |= REQ_FUA;
		return operation;
	}
}

static struct bio *io_bio(struct host_io *io, uint32_t segments, blk_opf_t operation, u64 sector)
{
	struct bio *bio;

	/* With the set's reserve behind it this waits, but never fails. */
	bio = bio_alloc_bioset(compat_bdev(io->disk->handle), bio_max_segs(segments), operation,
			       GFP_NOIO, &bios);
	bio->bi_iter.bi_sector = sector;
	bio->bi_private = io;
	bio->bi_end_io = io_bio_done;
	atomic_inc(io_pending(io));
	return bio;
}

static void io_submit(struct host_io *io)
{
	blk_opf_t operation = io_operation(io);
	u64 sector = io->sector;
	struct bio *bio;
	uint32_t i;

	io->error = 0;
	atomic_set(io_pending(io), 1);

	bio = io_bio(io, io->segment_count, operation, sector);
	if (op_is_discard(operation) || bio_op(bio) == REQ_OP_SECURE_ERASE)
		bio->bi_iter.bi_size = io->sectors << SECTOR_SHIFT;
	for (i = 0; i < io->segment_count; i++) {
		const struct host_io_segment *segment = &io->segments[i];

		if (bio->bi_vcnt == bio->bi_max_vecs) {
			submit_bio(bio);
			/* The first bio carried the flush before the data. */
			operation &= ~REQ_PREFLUSH;
			bio = io_bio(io, io->segment_count - i, operation, sector);
		}
		/*
		 * Without a look at the segment before it: neighbours among our
		 * pages are none among the guest's.
		 */
		__bio_add_page(bio, (struct page *)segment->page, segment->bytes, segment->offset);
		sector += segment->bytes >> SECTOR_SHIFT;
	}
	submit_bio(bio);
	io_put(io);
}

void host_disk_submit(struct host_io *const *ios, uint32_t count)
{
	struct blk_plug plug;
	uint32_t i;

	blk_start_plug(&plug);
	for (i = 0; i < count; i++)
		io_submit(ios[i]);
	blk_finish_plug(&plug);
}
