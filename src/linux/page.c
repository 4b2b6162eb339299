// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <xen/grant_table.h>

#include "host/page.h"

/* A page of the protocol.  Kernels with larger pages are not supported. */
static_assert(PAGE_SIZE == 4096);

/*
 * The link of a free page in a chain.  An unpopulated page is a ZONE_DEVICE page, whose
 * lru member belongs to its pagemap: link it through zone_device_data.  Link a ballooned
 * page through lru.  The kernel's gnttab_page_cache does the same.
 */
static struct page *page_next(struct page *page)
{
#ifdef CONFIG_XEN_UNPOPULATED_ALLOC
	return page->zone_device_data;
#else
	return (struct page *)page->lru.next;
#endif
}

static void page_set_next(struct page *page, struct page *next)
{
#ifdef CONFIG_XEN_UNPOPULATED_ALLOC
	page->zone_device_data = next;
#else
	page->lru.next = (struct list_head *)next;
#endif
}

int host_page_alloc(struct host_page **pages, uint32_t count)
{
	return gnttab_alloc_pages(count, (struct page **)pages);
}

void host_page_free(struct host_page **pages, uint32_t count)
{
	gnttab_free_pages(count, (struct page **)pages);
}

/*
 * An unpopulated page has a struct page, an entry in the table of machine frames of a PV
 * domain and one in the page table of the kernel's linear map.
 */
uint32_t host_page_cost(void)
{
#ifdef CONFIG_XEN_UNPOPULATED_ALLOC
	return sizeof(struct page) + 2 * sizeof(unsigned long);
#else
	return PAGE_SIZE;
#endif
}

void host_page_chain_push(struct host_page **chain, struct host_page *const *pages, uint32_t count)
{
	struct page *head = (struct page *)*chain;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct page *page = (struct page *)pages[i];

		page_set_next(page, head);
		head = page;
	}
	*chain = (struct host_page *)head;
}

uint32_t host_page_chain_pop(struct host_page **chain, struct host_page **pages, uint32_t count)
{
	struct page *head = (struct page *)*chain;
	uint32_t taken = 0;

	while (head && taken < count) {
		pages[taken++] = (struct host_page *)head;
		head = page_next(head);
	}
	*chain = (struct host_page *)head;
	return taken;
}

struct host_page *host_buffer_alloc(void)
{
	return (struct host_page *)alloc_page(GFP_KERNEL | __GFP_ZERO);
}

/* See host_try_alloc(). */
struct host_page *host_buffer_try_alloc(void)
{
	return (struct host_page *)alloc_page(GFP_NOWAIT | __GFP_NOWARN | __GFP_ZERO);
}

void host_buffer_free(struct host_page *page)
{
	put_page((struct page *)page);
}

static u8 *page_memory(const struct host_page *page, uint32_t offset)
{
	return (u8 *)pfn_to_kaddr(page_to_pfn((const struct page *)page)) + offset;
}

void host_page_copy(struct host_page *to, uint32_t to_offset, const struct host_page *from,
		    uint32_t from_offset, uint32_t bytes)
{
	memcpy(page_memory(to, to_offset), page_memory(from, from_offset), bytes);
}
