// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <asm/xen/hypercall.h>
#include <xen/grant_table.h>
#include <xen/xen.h>
#include <xen/page.h>
#include <xen/xenbus.h>

#include "host/grant.h"
#include "host/log.h"
#include "host/memory.h"

#include "device.h"

/* A page that its owner has paged out is waited for as long as the kernel's map does. */
#define MOST_DELAY_MS 256

struct host_grant_scratch {
	uint32_t capacity;
	/* Limits the log lines on hypercalls that failed as a whole, for this ring alone. */
	struct host_log_limit failures;
	struct page *pages[];
};

/* The core's operations are turned into the hypercall's in place: the layouts must agree. */
#define SAME_PLACE(ours, our_member, xens, xens_member)                                            \
	static_assert(offsetof(struct ours, our_member) == offsetof(struct xens, xens_member))
static_assert(sizeof(struct host_grant_map_op) == sizeof(struct gnttab_map_grant_ref));
SAME_PLACE(host_grant_map_op, page, gnttab_map_grant_ref, host_addr);
SAME_PLACE(host_grant_map_op, gref, gnttab_map_grant_ref, ref);
SAME_PLACE(host_grant_map_op, status, gnttab_map_grant_ref, status);
SAME_PLACE(host_grant_map_op, handle, gnttab_map_grant_ref, handle);
static_assert(sizeof(struct host_grant_unmap_op) == sizeof(struct gnttab_unmap_grant_ref));
SAME_PLACE(host_grant_unmap_op, page, gnttab_unmap_grant_ref, host_addr);
SAME_PLACE(host_grant_unmap_op, handle, gnttab_unmap_grant_ref, handle);
SAME_PLACE(host_grant_unmap_op, status, gnttab_unmap_grant_ref, status);
static_assert(sizeof(struct host_grant_copy_op) == sizeof(struct gnttab_copy));
SAME_PLACE(host_grant_copy_op, status, gnttab_copy, status);
static_assert(GNTST_no_device_space == HOST_GRANT_NO_DEVICE_SPACE);
static_assert(GNTST_no_space == HOST_GRANT_NO_SPACE);

struct host_grant_scratch *host_grant_scratch_alloc(uint32_t capacity)
{
	struct host_grant_scratch *scratch;

	scratch = kvzalloc(struct_size(scratch, pages, capacity), GFP_KERNEL);
	if (scratch)
		scratch->capacity = capacity;
	return scratch;
}

void host_grant_scratch_free(struct host_grant_scratch *scratch)
{
	kvfree(scratch);
}

size_t host_grant_scratch_cost(uint32_t capacity)
{
	return host_memory_cost(sizeof(struct host_grant_scratch) +
				capacity * sizeof(struct page *));
}

static unsigned long page_host_address(struct page *page)
{
	return (unsigned long)pfn_to_kaddr(page_to_pfn(page));
}

void host_grant_map(struct host_grant_scratch *scratch, uint16_t domid,
		    struct host_grant_map_op *ops, uint32_t count)
{
	struct gnttab_map_grant_ref *map = (struct gnttab_map_grant_ref *)ops;
	int error;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct page *page = (struct page *)ops[i].page;
		uint32_t gref = ops[i].gref;
		uint32_t flags = GNTMAP_host_map;

		if (ops[i].read_only)
			flags |= GNTMAP_readonly;
		gnttab_set_map_op(&map[i], page_host_address(page), flags, gref, domid);
		scratch->pages[i] = page;
	}

	/*
	 * An error of the whole call says nothing about a single grant.  A grant
	 * that was mapped has status 0 and must be unmapped by its handle
	 * (XSA-361, XSA-365).  A grant that was not reached keeps the positive
	 * status that gnttab_set_map_op() has set.
	 */
	error = gnttab_map_refs(map, NULL, scratch->pages, count);
	if (error)
		host_log_limited(&scratch->failures, HOST_LOG_WARNING,
				 "mapping %u grants of domain %u: error %d", count, domid, error);

	for (i = 0; i < count; i++)
		if (map[i].status > 0)
			map[i].status = GNTST_general_error;
}

void host_grant_unmap(struct host_grant_scratch *scratch, struct host_grant_unmap_op *ops,
		      uint32_t count)
{
	struct gnttab_unmap_grant_ref *unmap = (struct gnttab_unmap_grant_ref *)ops;
	int error;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct page *page = (struct page *)ops[i].page;
		uint32_t handle = ops[i].handle;

		gnttab_set_unmap_op(&unmap[i], page_host_address(page), GNTMAP_host_map, handle);
		/* The hypervisor overwrites the status, unless the whole call fails. */
		unmap[i].status = GNTST_general_error;
		scratch->pages[i] = page;
	}

	error = gnttab_unmap_refs(unmap, NULL, scratch->pages, count);
	if (error)
		host_log_limited(&scratch->failures, HOST_LOG_WARNING,
				 "unmapping %u grants: error %d", count, error);

	for (i = 0; i < count; i++)
		ops[i].page = (struct host_page *)scratch->pages[i];
}

/*
 * Tries the copies again whose pages are paged out, as gnttab_batch_copy() does.  That
 * function stops the kernel when the hypercall fails, and waits anew for each copy.
 */
static int copy_again(struct gnttab_copy *copy, uint32_t count)
{
	unsigned int delay_ms;
	bool left = true;
	int error = 0;
	uint32_t i;

	for (delay_ms = 1; left && !error && delay_ms < MOST_DELAY_MS; delay_ms++) {
		msleep(delay_ms);
		left = false;
		for (i = 0; i < count && !error; i++) {
			if (copy[i].status != GNTST_eagain)
				continue;
			error = HYPERVISOR_grant_table_op(GNTTABOP_copy, &copy[i], 1);
			left |= copy[i].status == GNTST_eagain;
		}
	}
	return error;
}

void host_grant_copy(struct host_grant_scratch *scratch, uint16_t domid,
		     struct host_grant_copy_op *ops, uint32_t count)
{
	struct gnttab_copy *copy = (struct gnttab_copy *)ops;
	bool again = false;
	int error;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct host_grant_copy_op op = ops[i];
		bool to_guest = op.direction == HOST_GRANT_COPY_TO_GUEST;
		struct gnttab_copy_ptr grant = {
			.u.ref = op.gref,
			.domid = domid,
			.offset = op.offset,
		};
		struct gnttab_copy_ptr ours = {
			.u.gmfn = xen_page_to_gfn((struct page *)op.page),
			.domid = DOMID_SELF,
			.offset = op.offset,
		};

		copy[i] = (struct gnttab_copy){
			.source = to_guest ? ours : grant,
			.dest = to_guest ? grant : ours,
			.len = op.bytes,
			.flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref,
			/* The hypervisor overwrites this, unless the whole call fails. */
			.status = GNTST_general_error,
		};
	}

	error = HYPERVISOR_grant_table_op(GNTTABOP_copy, copy, count);
	for (i = 0; i < count; i++)
		again |= copy[i].status == GNTST_eagain;
	if (again && !error)
		error = copy_again(copy, count);
	if (error)
		host_log_limited(&scratch->failures, HOST_LOG_WARNING,
				 "copying %u grants of domain %u: error %d", count, domid, error);
}

bool host_page_busy(const struct host_page *page)
{
	return page_count((const struct page *)page) > 1;
}

const void *host_page_memory(const struct host_page *page)
{
	return (const void *)page_host_address((struct page *)page);
}

/* A ring's pages, mapped once to see whether that goes well. */
struct ring_trial {
	struct gnttab_map_grant_ref map[XENBUS_MAX_RING_GRANTS];
	struct gnttab_unmap_grant_ref unmap[XENBUS_MAX_RING_GRANTS];
	struct page *pages[XENBUS_MAX_RING_GRANTS];
	struct page *mapped[XENBUS_MAX_RING_GRANTS];
};

/* Unmaps what the trial has mapped.  Returns whether its pages may be used again. */
static bool ring_trial_end(struct ring_trial *trial, struct host_device *device, uint32_t count)
{
	uint32_t mapped = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (trial->map[i].status != GNTST_okay)
			continue;
		gnttab_set_unmap_op(&trial->unmap[mapped], page_host_address(trial->pages[i]),
				    GNTMAP_host_map, trial->map[i].handle);
		trial->unmap[mapped].status = GNTST_general_error;
		trial->mapped[mapped++] = trial->pages[i];
	}
	if (mapped && gnttab_unmap_refs(trial->unmap, NULL, trial->mapped, mapped))
		pr_debug("%s: the end of a trial of mapping failed\n", device->xenbus->nodename);
	for (i = 0; i < mapped; i++) {
		if (trial->unmap[i].status == GNTST_okay)
			continue;
		/* The guest's memory may still be mapped: never free these pages. */
		pr_alert_ratelimited("%s: the hypervisor did not unmap a ring: status %d\n",
				     device->xenbus->nodename, trial->unmap[i].status);
		return false;
	}
	return true;
}

/*
 * Are there enough handles for a ring?  xenbus_map_ring_valloc() makes every failure a
 * fatal error of the device, even a shortage that would pass.  So try first with pages
 * of our own.  Every other failure is left to xenbus_map_ring_valloc().
 *
 * Return: 0 or -ENOSPC.
 */
static int ring_try_handles(struct host_device *device, const grant_ref_t *refs, uint32_t count)
{
	struct ring_trial *trial;
	int result = 0;
	uint32_t i;

	trial = kzalloc(sizeof(*trial), GFP_KERNEL);
	if (!trial)
		return 0;
	if (gnttab_alloc_pages(count, trial->pages)) {
		kfree(trial);
		return 0;
	}
	for (i = 0; i < count; i++)
		gnttab_set_map_op(&trial->map[i], page_host_address(trial->pages[i]),
				  GNTMAP_host_map, refs[i], device->xenbus->otherend_id);
	if (gnttab_map_refs(trial->map, NULL, trial->pages, count))
		pr_debug("%s: a trial of mapping failed\n", device->xenbus->nodename);
	for (i = 0; i < count; i++) {
		if (trial->map[i].status == GNTST_no_space ||
		    trial->map[i].status == GNTST_no_device_space)
			result = -ENOSPC;
	}
	if (ring_trial_end(trial, device, count))
		gnttab_free_pages(count, trial->pages);
	kfree(trial);
	return result;
}

int host_ring_map(struct host_device *device, const uint32_t *grefs, uint32_t count, void **address)
{
	grant_ref_t refs[XENBUS_MAX_RING_GRANTS];
	int error;

	if (count == 0 || count > ARRAY_SIZE(refs))
		return -EINVAL;
	memcpy(refs, grefs, count * sizeof(*refs));
	/* When xenbus fails it writes to the directory, which must not be another device's. */
	mutex_lock(&device->lock);
	error = device->removed ? -ENODEV : ring_try_handles(device, refs, count);
	if (!error)
		error = xenbus_map_ring_valloc(device->xenbus, refs, count, address);
	mutex_unlock(&device->lock);
	return error;
}

/*
 * xenbus keeps a node for each mapping.  A PV domain maps into an area of vmalloc, other
 * domains into empty pages.
 */
size_t host_ring_cost(uint32_t count)
{
	size_t pages = xen_pv_domain() ? 0 : (size_t)count * host_page_cost();

	return pages + 512;
}

void host_ring_unmap(struct host_device *device, void *address)
{
	xenbus_unmap_ring_vfree(device->xenbus, address);
}
