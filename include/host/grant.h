/* SPDX-License-Identifier: GPL-2.0 */
/* Mapping of other domains' grants: segments of requests, and shared rings. */
#pragma once

#include "host/page.h"
#include "host/types.h"

HOST_DECLS_BEGIN

struct host_device;

/* What else the host needs for a hypercall; one user at a time. */
struct host_grant_scratch;

/*
 * The GNTST_* that say nothing of the grant: this domain has no more handles,
 * of which Xen gives it a fixed number for all that it maps.
 */
enum host_grant_shortage {
	HOST_GRANT_NO_DEVICE_SPACE = -7, /* the IOMMU's; with older Xen handles, too */
	HOST_GRANT_NO_SPACE = -13,
};

/*
 * One grant to map.  @status is GNTST_okay (0) afterwards, or the negative
 * GNTST_* of xen/grant_table.h; @handle is valid only with status 0.
 *
 * Sizes and places are those of the hypercall's own structure, which the host
 * makes of it: two arrays of them would be most of a ring's memory.
 */
struct host_grant_map_op {
	struct host_page *page; /* in: an empty page; undefined afterwards */
	uint32_t read_only;	/* in: 1 maps for reading only; undefined afterwards */
	uint32_t gref;		/* in */
	uint16_t reserved;
	int16_t status;	 /* out */
	uint32_t handle; /* out */
	uint64_t reserved2;
};

/*
 * One grant to unmap.  @status is 0 when the page is empty again.
 */
struct host_grant_unmap_op {
	struct host_page *page; /* in */
	uint64_t reserved;
	uint32_t handle; /* in */
	int16_t status;	 /* out */
	uint16_t reserved2;
};

/*
 * host_grant_scratch_alloc - room for batches of up to @capacity operations.
 *
 * Context: process, may sleep.
 * Return: the scratch, owned by the caller, or NULL.
 */
struct host_grant_scratch *host_grant_scratch_alloc(uint32_t capacity);
void host_grant_scratch_free(struct host_grant_scratch *scratch);

/*
 * host_grant_map - map @count grants of domain @domid with one hypercall.
 *
 * @count is at least 1 and at most the scratch's capacity.  A grant whose
 * owner is paged out (GNTST_eagain) is tried again by the host, which may
 * take seconds.
 *
 * Context: process, may sleep.
 */
void host_grant_map(struct host_grant_scratch *scratch, uint16_t domid,
		    struct host_grant_map_op *ops, uint32_t count);

/*
 * host_grant_unmap - unmap @count grants with one hypercall.
 *
 * @count as above.  None of the pages may be busy (host_page_busy()).
 *
 * Context: process.
 */
void host_grant_unmap(struct host_grant_scratch *scratch, struct host_grant_unmap_op *ops,
		      uint32_t count);

/*
 * host_page_busy - does anybody but us still hold a reference to the page?
 *
 * Network storage keeps references after the I/O has ended; such a page must
 * not be unmapped yet.
 *
 * Context: any.
 */
bool host_page_busy(const struct host_page *page);

/*
 * host_page_memory - the memory of the grant that is mapped in @page.
 *
 * The frontend can write it at any time: read it with host_shared_copy() alone.
 * Context: any.
 */
const void *host_page_memory(const struct host_page *page);

/*
 * host_ring_map - map the @count pages of a shared ring, contiguously.
 *
 * Context: process, may sleep.
 * Return: 0 and the address in @address; -ENOSPC when there are not enough
 * handles now, and nobody was told; or another negative errno.  Nothing stays
 * mapped then.
 */
int host_ring_map(struct host_device *device, const uint32_t *grefs, uint32_t count,
		  void **address);
void host_ring_unmap(struct host_device *device, void *address);

HOST_DECLS_END
