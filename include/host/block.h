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
	uint8_t write_cache;		  /* 1: a flush means something */
	uint8_t removable;
	uint8_t cdrom;
	uint8_t stable_writes; /* 1: the data of a write must not change before its end */
	uint8_t reserved[4];
};

/*
 * host_disk_open - open the block device @major:@minor.
 *
 * @read_only is 0 or 1 and decides what the open asks for.
 *
 * Context: process, may sleep for I/O.
 * Return: 0 and the disk, which the caller owns, in @disk; or -ENOENT,
 * -EACCES, -EROFS, -ENOMEDIUM and other errnos of the kernel's open.
 */
int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, struct host_disk **disk);
void host_disk_close(struct host_disk *disk);

/*
 * Context: any; they tell how it is now.  A limit that is lowered later is the
 * storage stack's business: it splits an I/O, or fails it.
 */
void host_disk_describe(const struct host_disk *disk, struct host_disk_geometry *geometry);
uint64_t host_disk_sectors(const struct host_disk *disk);

/*
 * host_disk_is - is @major:@minor the disk's number, or that of the whole disk
 * on which it is a partition?  Context: any.
 */
bool host_disk_is(const struct host_disk *disk, uint32_t major, uint32_t minor);

/*
 * host_disk_gone - has the device been removed from the system?  Its I/O fails
 * then.  driver_disk_changed() tells when this or a size may have changed.
 *
 * Context: any.
 */
bool host_disk_gone(const struct host_disk *disk);

/*
 * host_disk_sync - write out and forget what the host has cached of the disk,
 * so that the guest sees what is on it.
 *
 * Context: process, may sleep for I/O.
 * Return: 0 or a negative errno of the write-out.
 */
int host_disk_sync(struct host_disk *disk);

/*
 * Sizes and places are those of the host's own structure: the I/O uses the
 * core's array where it is.
 */
struct host_io_segment {
	struct host_page *page;
	uint32_t bytes;	 /* whole logical blocks, at least one, within the page */
	uint32_t offset; /* bytes into the page, a multiple of the logical block */
};

/* What one I/O takes at most. */
#define HOST_IO_MAX_SEGMENTS 256u

enum host_io_operation {
	HOST_IO_READ = 0,
	HOST_IO_WRITE = 1,
	HOST_IO_FLUSH = 2,	    /* no segments: make earlier completed writes durable */
	HOST_IO_DISCARD = 3,	    /* no segments: @sectors hold no data any more */
	HOST_IO_SECURE_DISCARD = 4, /* the same, and nothing of them can be recovered */
};

/* Of a write or a flush; another operation has none. */
enum host_io_flags {
	HOST_IO_PREFLUSH = 1, /* earlier completed writes are durable first */
	HOST_IO_FUA = 2,      /* this write is durable when it completes */
};

/*
 * One I/O in flight, embedded by the core in what it belongs to.  The core
 * fills it and keeps it and its segments unchanged until driver_io_done(); then
 * it may be used again.  What the host needs for it is in there, so that an I/O
 * needs no memory and no disk can hold up another's.
 *
 * @sector and @sectors are whole logical blocks, as last described, within a size
 * that host_disk_describe() or host_disk_sectors() has told: an I/O beyond the end
 * of a disk that has shrunk since ends with -EIO.  Of all but a flush @sectors is
 * not 0.  An I/O is not submitted again, and its disk is not closed, before it is
 * done.
 */
struct host_io {
	struct host_disk *disk;
	struct host_io_segment *segments;
	uint64_t sector;
	/* Those of all segments; of a discard at most the maximum last described. */
	uint64_t sectors;
	uint32_t segment_count;
	uint8_t operation; /* enum host_io_operation */
	uint8_t flags;	   /* enum host_io_flags */
	uint8_t reserved[2];
	int32_t error; /* out: 0 or a negative errno; -EOPNOTSUPP is one */
	uint32_t reserved2;
	uint64_t storage[17]; /* the host's */
};

/*
 * host_disk_submit - start @count I/Os together (under one plug).
 *
 * For each of them driver_io_done() is called exactly once, from any context,
 * possibly before this function returns.  The call never ends a discard itself:
 * a thread of the host does, and it may hand the discard to the disk later than
 * what is submitted after it.  A discard therefore holds nothing else up.
 *
 * Context: process, may sleep while the disk's queue is full.
 */
void host_disk_submit(struct host_io *const *ios, uint32_t count);

HOST_DECLS_END
