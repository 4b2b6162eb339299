/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device's connection and rings are doing, for an administrator who looks for a
 * fault.  Metadata only: none of a guest's data.
 *
 * The functions wait for nothing that a disk or a guest can hold up.  What they read
 * changes meanwhile: two values need not be of the same moment.
 *
 * Context: process.  The device was not removed.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_device;

/* What the guest of a device costs, with all its devices.  Bytes. */
struct driver_memory_info {
	uint64_t used;	   /* allocated now */
	uint64_t floors;   /* never refused, allocated when it is needed */
	uint64_t beyond;   /* the part of used that is beyond the floors */
	uint64_t cap;	   /* 0: none */
	uint64_t refusals; /* allocations that the cap has refused */
};

/* driver_memory_read - fill @memory. */
void driver_memory_read(struct driver_device *device, struct driver_memory_info *memory);

struct driver_connection_info {
	uint32_t rings;
	uint32_t ring_pages;	      /* of each ring */
	uint32_t slots;		      /* of each ring */
	uint32_t protocol;	      /* 1 native, 2 x86_32, 3 x86_64 */
	uint32_t free_pages;	      /* kept for later mappings */
	uint32_t logical_block_bytes; /* of the disk, as the frontend was told */
	uint32_t physical_block_bytes;
	uint8_t persistent; /* 1: grants stay mapped between requests */
	uint8_t write_cache;
	uint8_t reserved[2];
	uint64_t sectors; /* as the frontend was told; UINT64_MAX: nothing */
};

/*
 * driver_connection_read - fill @connection.
 *
 * Return: false, and all members are zero, when no frontend is connected.
 */
bool driver_connection_read(struct driver_device *device,
			    struct driver_connection_info *connection);

enum driver_ring_state {
	DRIVER_RING_WAITING = 0, /* not serving yet */
	DRIVER_RING_SERVING = 1,
	DRIVER_RING_STOPPED = 2, /* the frontend's index was impossible */
	DRIVER_RING_CLOSING = 3,
	DRIVER_RING_DRAINED = 4,
};

/* Indices of the ring are free-running. */
struct driver_ring_info {
	uint32_t state; /* enum driver_ring_state */
	uint32_t slots;
	uint32_t req_prod;  /* the frontend's, unchecked */
	uint32_t req_cons;  /* requests taken */
	uint32_t rsp_prod;  /* responses written; the frontend may not see the last ones yet */
	uint32_t rsp_event; /* the frontend's, unchecked: the response that it wants an event for */
	uint32_t requests;  /* taken and not answered, as far as they have a slot */
	uint32_t with_disk; /* I/Os */
	uint32_t persistent_grants;
	uint32_t private_pages; /* kept for later requests whose data is copied */
	uint64_t stalled_ms;	/* the disk has I/Os and has ended none for so long */
};

enum driver_request_place {
	DRIVER_BEFORE_DISK = 0, /* it waits in the backend */
	DRIVER_WITH_DISK = 1,
	DRIVER_BACK_FROM_DISK = 2, /* the disk has ended it, or a part; it is not answered yet */
};

/* A request that was taken and is not answered. */
struct driver_request_info {
	uint64_t sector;
	uint64_t sectors; /* 0: of an indirect request whose descriptors are not read yet */
	uint64_t age_us;  /* since it was taken */
	uint64_t disk_us; /* since its first part went to the disk, until the disk ended it */
	uint16_t segments;
	uint8_t operation; /* BLKIF_OP_*; not BLKIF_OP_INDIRECT */
	uint8_t place;	   /* enum driver_request_place */
	uint32_t reserved;
};

/*
 * driver_ring_read - fill @info, and @requests with up to @capacity of the ring's requests.
 *
 * info->requests may be larger than @capacity.
 *
 * Return: false when there is no such ring.
 */
bool driver_ring_read(struct driver_device *device, uint32_t ring, struct driver_ring_info *info,
		      struct driver_request_info *requests, uint32_t capacity);

/*
 * driver_ring_kick - wake the ring's thread, as an event of the frontend does.
 *
 * Return: false when there is no such ring.
 */
bool driver_ring_kick(struct driver_device *device, uint32_t ring);

HOST_DECLS_END
