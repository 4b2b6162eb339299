/* SPDX-License-Identifier: GPL-2.0 */
/* The backing disk: a block device of the host. */
#pragma once

#include "host/page.h"
#include "host/types.h"

HOST_DECLS_BEGIN

struct host_disk;

/* A sector is 512 bytes everywhere in this driver and in the protocol. */
struct host_disk_geometry {
	uint64_t sectors;
	uint64_t max_discard_sectors;	     /* in one I/O; 0: no discard */
	uint64_t max_secure_discard_sectors; /* in one I/O; 0: no secure discard */
	uint32_t logical_block_bytes;
	uint32_t physical_block_bytes;
	uint32_t discard_granularity_bytes;
	uint32_t discard_alignment_bytes; /* offset of the first granule */
	uint8_t write_cache;		  /* 1: volatile, so a flush has an effect */
	uint8_t removable;
	uint8_t cdrom;
	uint8_t stable_writes; /* 1: the data of a write must not change until it ends */
	uint8_t reserved[4];
};

/*
 * host_disk_open - open the block device @major:@minor.
 * host_disk_close - close the disk.  None of its I/Os may be in flight.
 *
 * @read_only is 1 to open the disk for reading, 0 to open it for writing.
 *
 * Context: process, may sleep for I/O.
 * Return: 0 and the disk, which the caller owns, in @disk; or an errno of the
 * kernel's open: -ENXIO (no such device), -EACCES, -EROFS, -ENOMEDIUM and others.
 */
int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, struct host_disk **disk);
void host_disk_close(struct host_disk *disk);

/*
 * host_disk_describe - fill @geometry with the disk's current properties.
 * host_disk_sectors - return the disk's current size in sectors.
 *
 * If a limit is lowered later, the storage stack splits an I/O that exceeds it, or
 * fails it.
 *
 * Context: any.
 */
void host_disk_describe(const struct host_disk *disk, struct host_disk_geometry *geometry);
uint64_t host_disk_sectors(const struct host_disk *disk);

/*
 * host_disk_is - is @major:@minor the number of the disk, or of the whole disk if
 * @disk is a partition?  Context: any.
 */
bool host_disk_is(const struct host_disk *disk, uint32_t major, uint32_t minor);

/*
 * host_disk_sequence - a number that no other disk of the host has had since it started:
 * the kernel's diskseq, of the whole disk if @disk is a partition.  Never 0.
 *
 * Numbers of block devices are used again, as those of loop devices: another disk then
 * has the same major and minor number, and so has another medium in a drive.
 *
 * Context: any.
 */
uint64_t host_disk_sequence(const struct host_disk *disk);

/*
 * host_disk_gone - has the device been removed from the system?  If so, its I/O
 * fails.  driver_disk_changed() is called when a disk was removed or resized.
 *
 * Context: any.
 */
bool host_disk_gone(const struct host_disk *disk);

/*
 * host_disk_sync - write out the host's page cache of the disk, so that the guest reads
 * what the host has written, and drop it.  When the write-out fails, the cache stays.
 *
 * Context: process, may sleep for I/O.
 * Return: 0 or a negative errno of the write-out.
 */
int host_disk_sync(struct host_disk *disk);

/*
 * host_disk_charge - charge all later I/Os of @disk to the cgroup @group, whichever
 * thread submits them.  None may be in flight.
 *
 * @group is the path of a cgroup v2, relative to the root of the hierarchy.  NULL: each
 * I/O is charged to the cgroup of the thread that submits it, as after host_disk_open().
 * When the group is removed later, I/Os are charged to the next ancestor that exists.
 *
 * Context: process, may sleep.
 * Return: 0; or, and then threads are charged, -ENOENT (no such group), -ENXIO (the group
 * has no io controller), -EOPNOTSUPP (the kernel was built without io controllers), or
 * another negative errno.
 */
int host_disk_charge(struct host_disk *disk, const char *group);

/*
 * One segment of an I/O.  The layout is that of the kernel's struct bio_vec, so that
 * the host uses the core's array without a copy.
 */
struct host_io_segment {
	struct host_page *page;
	uint32_t bytes;	 /* whole logical blocks, at least one, within the page */
	uint32_t offset; /* bytes into the page, a multiple of the logical block */
};

/* The largest number of segments in one I/O. */
#define HOST_IO_MAX_SEGMENTS 256u

enum host_io_operation {
	HOST_IO_READ = 0,
	HOST_IO_WRITE = 1,
	HOST_IO_FLUSH = 2,	    /* no segments: make earlier completed writes durable */
	HOST_IO_DISCARD = 3,	    /* no segments: @sectors need not keep their data */
	HOST_IO_SECURE_DISCARD = 4, /* the same, and the data cannot be recovered */
};

/* Flags of a write or a flush.  Every other operation has no flags. */
enum host_io_flags {
	HOST_IO_PREFLUSH = 1, /* earlier completed writes are durable first */
	HOST_IO_FUA = 2,      /* this write is durable when it completes */
};

/*
 * One I/O.  The core embeds it in the object that it belongs to.
 *
 * From host_disk_submit() until driver_io_done() the core must not change the I/O or
 * its segments, submit the I/O again, or close its disk.  Afterwards the I/O may be
 * used again.
 *
 * The kernel's bio is in @storage.  Submitting an I/O therefore allocates no memory,
 * and a disk that hangs holds up no other disk's I/O.
 *
 * @sector and @sectors are multiples of the logical block last described.  They are
 * within a size that host_disk_describe() or host_disk_sectors() has returned: if the
 * disk has shrunk since, an I/O beyond its end fails with -EIO.  Except for a flush,
 * @sectors is not 0.
 */
struct host_io {
	struct host_disk *disk;
	struct host_io_segment *segments;
	uint64_t sector;
	/* Sum over all segments.  For a discard: at most the maximum last described. */
	uint64_t sectors;
	uint32_t segment_count;
	uint8_t operation; /* enum host_io_operation */
	uint8_t flags;	   /* enum host_io_flags */
	uint8_t reserved[2];
	int32_t error; /* out: 0 or a negative errno; -EOPNOTSUPP: unsupported operation */
	uint32_t reserved2;
	uint64_t storage[17]; /* for the host */
};

/*
 * host_disk_submit - start @count I/Os together (under one plug).
 *
 * driver_io_done() is called exactly once for each I/O, from any context, possibly
 * before this function returns.
 *
 * A worker of the host hands discards to the disk, possibly after I/Os that are
 * submitted later.  A discard therefore holds up no other I/O, and this function never
 * calls driver_io_done() for a discard itself.
 *
 * Context: process, may sleep while the disk's queue is full.
 */
void host_disk_submit(struct host_io *const *ios, uint32_t count);

HOST_DECLS_END
