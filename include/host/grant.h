/* SPDX-License-Identifier: GPL-2.0 */
/* Other domains' grants: segments of requests, mapped or copied, and shared rings. */
#pragma once

#include "host/page.h"
#include "host/types.h"

HOST_DECLS_BEGIN

struct host_device;

/* The host's buffers for map and unmap hypercalls.  One user at a time. */
struct host_grant_scratch;

/*
 * The GNTST_* statuses that do not mean a bad grant: this domain has no free handle.
 * Xen gives a domain a fixed number of handles for all its mappings.
 */
enum host_grant_shortage {
	HOST_GRANT_NO_DEVICE_SPACE = -7, /* no IOMMU space; on older Xen also: no handles */
	HOST_GRANT_NO_SPACE = -13,
};

/*
 * One grant to map.  Afterwards @status is GNTST_okay (0) or a negative GNTST_* of
 * xen/grant_table.h.  @handle is valid only with status 0.
 *
 * The layout is that of the hypercall's struct gnttab_map_grant_ref: the host converts
 * the array in place.  Two arrays would be most of a ring's memory.
 */
struct host_grant_map_op {
	struct host_page *page; /* in: an empty page; undefined afterwards */
	uint32_t read_only;	/* in: 1 maps read-only; undefined afterwards */
	uint32_t gref;		/* in */
	uint16_t reserved;
	int16_t status;	 /* out */
	uint32_t handle; /* out */
	uint64_t reserved2;
};

/*
 * One grant to unmap.  Afterwards @status is 0 when the page is empty again.  Otherwise
 * it is a negative GNTST_*: the grant may still be mapped, and nobody may use the page.
 * The layout is that of struct gnttab_unmap_grant_ref.
 */
struct host_grant_unmap_op {
	struct host_page *page; /* in; unchanged afterwards */
	uint64_t reserved;
	uint32_t handle; /* in */
	int16_t status;	 /* out */
	uint16_t reserved2;
};

enum host_grant_copy_direction {
	HOST_GRANT_COPY_FROM_GUEST = 0,
	HOST_GRANT_COPY_TO_GUEST = 1,
};

/*
 * One copy between a buffer (host_buffer_alloc()) and a grant, from the same @offset in both
 * pages on.  @bytes is at least 1, and the bytes are within a page.  Afterwards @status is 0
 * and all bytes are copied; or a negative GNTST_*, and any of them may be.
 *
 * The layout is that of the hypercall's struct gnttab_copy: the host converts the array in
 * place.
 */
struct host_grant_copy_op {
	struct host_page *page; /* in; undefined afterwards, as are all members but @status */
	uint32_t gref;		/* in */
	uint16_t offset;	/* in */
	uint16_t bytes;		/* in */
	uint64_t reserved[2];
	uint16_t direction; /* in: enum host_grant_copy_direction */
	uint16_t reserved2;
	int16_t status; /* out */
	uint16_t reserved3;
};

/*
 * host_grant_scratch_alloc - allocate buffers for hypercalls of up to @capacity
 * operations.
 *
 * Context: process, may sleep.
 * Return: the scratch, owned by the caller, or NULL.
 */
struct host_grant_scratch *host_grant_scratch_alloc(uint32_t capacity);
void host_grant_scratch_free(struct host_grant_scratch *scratch);

/*
 * host_grant_scratch_cost - return how many bytes of memory a scratch takes.
 * host_ring_cost - return how many bytes of memory the mapping of a shared ring of @count
 * pages takes.
 *
 * Context: any.
 */
size_t host_grant_scratch_cost(uint32_t capacity);
size_t host_ring_cost(uint32_t count);

/*
 * host_grant_map - map @count grants of domain @domid with one hypercall.
 *
 * @count is at least 1 and at most the scratch's capacity.  The result of each grant
 * is in its @status and @handle.  When the owner has paged the granted page out
 * (GNTST_eagain), the host tries that grant again, which may take seconds.
 *
 * Context: process, may sleep.
 */
void host_grant_map(struct host_grant_scratch *scratch, uint16_t domid,
		    struct host_grant_map_op *ops, uint32_t count);

/*
 * host_grant_unmap - unmap @count grants with one hypercall.
 *
 * @count is at least 1 and at most the scratch's capacity.  No page may be busy
 * (host_page_busy()).  The result of each grant is in its @status.
 *
 * Context: any; calls with the same @scratch must not overlap.
 */
void host_grant_unmap(struct host_grant_scratch *scratch, struct host_grant_unmap_op *ops,
		      uint32_t count);

/*
 * host_grant_copy - copy between @count grants of domain @domid and buffers, with one hypercall.
 *
 * @count is at least 1 and at most the scratch's capacity.  The hypervisor checks the
 * rights: it copies nothing to a grant that is read-only for us, and nothing from or to a
 * grant that its domain has ended.  As with host_grant_map(), a page that is paged out is
 * tried again, which may take seconds.
 *
 * Context: process, may sleep.
 */
void host_grant_copy(struct host_grant_scratch *scratch, uint16_t domid,
		     struct host_grant_copy_op *ops, uint32_t count);

/*
 * host_page_busy - does anybody but us still hold a reference to the page?
 *
 * Network storage may keep references after the I/O has ended.  Such a page must not
 * be unmapped yet.
 *
 * Context: any.
 */
bool host_page_busy(const struct host_page *page);

/*
 * host_page_memory - return the address of the grant that is mapped in @page.
 *
 * The frontend can write to the memory at any time: read it only with
 * host_shared_copy().
 *
 * Context: any.
 */
const void *host_page_memory(const struct host_page *page);

/*
 * host_ring_map - map the @count pages of a shared ring, contiguously.
 * host_ring_unmap - unmap the ring at @address.
 *
 * @count is 1 to XENBUS_MAX_RING_GRANTS.
 *
 * Context: process, may sleep.
 * Return: 0 and the address in @address; -ENOSPC when Xen lacks handles now, which is
 * reported neither in the log nor in xenstore; or another negative errno.  After an
 * error nothing is mapped.
 */
int host_ring_map(struct host_device *device, const uint32_t *grefs, uint32_t count,
		  void **address);
void host_ring_unmap(struct host_device *device, void *address);

HOST_DECLS_END
