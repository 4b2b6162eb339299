// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <xen/grant_table.h>

#include "host/page.h"

/*
 * A free page's link.  An unpopulated page is a ZONE_DEVICE page, whose lru
 * member belongs to its pagemap; the kernel's own page cache for grants links
 * through zone_device_data there, and through lru where pages are ballooned.
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
