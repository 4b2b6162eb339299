// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/build_bug.h>
#include <linux/cdrom.h>
#include <linux/slab.h>
#include <linux/stddef.h>

#include "driver.h"
#include "host/block.h"

#include "compat.h"
#include "discard.h"
#include "io_group.h"

/* A bio's length is a 32-bit number of bytes. */
#define BIO_MOST_SECTORS (UINT_MAX >> SECTOR_SHIFT)

struct host_disk {
	compat_bdev_handle *handle;
	struct discards *discards;
	struct cgroup *charged; /* NULL: the submitting threads */
	bool read_only;
};

int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, struct host_disk **disk)
{
	struct host_disk *created;
	int error = -ENOMEM;

	created = kzalloc(sizeof(*created), GFP_KERNEL);
	if (!created)
		return -ENOMEM;
	created->discards = discards_create();
	if (!created->discards)
		goto undo_created;
	created->read_only = read_only;
	created->handle = compat_bdev_open(MKDEV(major, minor), read_only);
	if (IS_ERR(created->handle)) {
		error = PTR_ERR(created->handle);
		goto undo_discards;
	}
	*disk = created;
	return 0;

undo_discards:
	discards_end(created->discards);
undo_created:
	kfree(created);
	return error;
}

void host_disk_close(struct host_disk *disk)
{
	discards_end(disk->discards);
	io_group_put(disk->charged);
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
	geometry->stable_writes = bdev_stable_writes(bdev);
	geometry->removable = !!(bdev->bd_disk->flags & GENHD_FL_REMOVABLE);
	geometry->cdrom = !!disk_to_cdi(bdev->bd_disk);
}

uint64_t host_disk_sectors(const struct host_disk *disk)
{
	return bdev_nr_sectors(compat_bdev(disk->handle));
}

/* The event of a whole disk's removal has the number of the whole disk, not of a partition. */
bool host_disk_is(const struct host_disk *disk, uint32_t major, uint32_t minor)
{
	struct block_device *bdev = compat_bdev(disk->handle);

	return bdev->bd_dev == MKDEV(major, minor) ||
	       disk_devt(bdev->bd_disk) == MKDEV(major, minor);
}

uint64_t host_disk_sequence(const struct host_disk *disk)
{
	return compat_bdev(disk->handle)->bd_disk->diskseq;
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

int host_disk_charge(struct host_disk *disk, const char *group)
{
	struct cgroup *charged = group ? io_group_get(group) : NULL;
	int error = 0;

	if (IS_ERR(charged)) {
		error = PTR_ERR(charged);
		charged = NULL;
	}
	io_group_put(disk->charged);
	disk->charged = charged;
	return error;
}

/*
 * The bio is in the host_io, and the I/O's segments are the bio's vectors.  So no I/O
 * waits for memory, and a disk that hangs holds no bio that another disk needs.
 */
#define SAME_PLACE(our_member, bvec_member)                                                        \
	static_assert(offsetof(struct host_io_segment, our_member) ==                              \
		      offsetof(struct bio_vec, bvec_member))
static_assert(sizeof(struct host_io_segment) == sizeof(struct bio_vec));
SAME_PLACE(page, bv_page);
SAME_PLACE(bytes, bv_len);
SAME_PLACE(offset, bv_offset);
static_assert(HOST_IO_MAX_SEGMENTS <= BIO_MAX_VECS);
static_assert(sizeof(struct bio) <= sizeof(((struct host_io *)NULL)->storage));
static_assert(__alignof__(struct bio) <= __alignof__(struct host_io));

static void io_bio_done(struct bio *bio)
{
	struct host_io *io = bio->bi_private;

	io->error = blk_status_to_errno(bio->bi_status);
	/* The block layer is done with the bio.  driver_io_done() may use the I/O again at once. */
	bio_uninit(bio);
	driver_io_done(io);
}

static blk_opf_t io_operation(const struct host_io *io)
{
	blk_opf_t operation;

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
		/* A guest waits for its writes: they are not background write-back. */
		operation = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
		if (io->flags & HOST_IO_PREFLUSH)
			operation |= REQ_PREFLUSH;
		if (io->flags & HOST_IO_FUA)
			operation |= REQ_FUA;
		return operation;
	}
}

static void io_submit(struct host_io *io)
{
	struct bio *bio = (struct bio *)io->storage;

	/*
	 * Segments are not merged: adjacent pages here are not adjacent in the
	 * guest.
	 */
	bio_init(bio, compat_bdev(io->disk->handle), (struct bio_vec *)io->segments,
		 io->segment_count, io_operation(io));
	/* bio_init() has charged the submitting thread. */
	if (io->disk->charged)
		io_group_charge(bio, io->disk->charged);
	bio->bi_vcnt = io->segment_count;
	bio->bi_iter.bi_sector = io->sector;
	bio->bi_iter.bi_size = io->sectors << SECTOR_SHIFT;
	bio->bi_private = io;
	bio->bi_end_io = io_bio_done;
	if (io->operation == HOST_IO_DISCARD || io->operation == HOST_IO_SECURE_DISCARD)
		discards_submit(io->disk->discards, bio);
	else
		submit_bio(bio);
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
