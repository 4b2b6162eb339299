// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "host/memory.h"

/*
 * Above this kmalloc() hands out pages by powers of two: half of a large array
 * may be waste.
 */
static const size_t largest_kmalloc = 2 * PAGE_SIZE;

void *host_alloc(size_t bytes)
{
	void *memory;

	if (bytes <= largest_kmalloc)
		return kzalloc(bytes, GFP_KERNEL);
	memory = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY);
	if (!memory)
		return vzalloc(bytes);
	/* kmemleak knows nothing of pages, which hold pointers to what it knows. */
	kmemleak_alloc(memory, bytes, 1, GFP_KERNEL);
	return memory;
}

/*
 * Without a direct reclaim: GFP_KERNEL of a small order never returns NULL, under
 * NOIO it goes round and round in the allocator, and a try with __GFP_NORETRY
 * reclaims once for each of the hundreds of grants that a batch may have.  The
 * kernel's reclaim threads are woken.  No vmalloc either: its page tables come
 * from GFP_KERNEL whatever it is asked for.
 */
void *host_try_alloc(size_t bytes)
{
	const gfp_t flags = GFP_NOWAIT | __GFP_NOWARN | __GFP_ZERO;
	void *memory;

	if (bytes <= largest_kmalloc)
		return kmalloc(bytes, flags);
	memory = alloc_pages_exact(bytes, flags);
	if (memory)
		kmemleak_alloc(memory, bytes, 1, flags);
	return memory;
}

void host_free(void *memory, size_t bytes)
{
	if (!memory)
		return;
	if (bytes <= largest_kmalloc) {
		kfree(memory);
	} else if (is_vmalloc_addr(memory)) {
		vfree(memory);
	} else {
		kmemleak_free(memory);
		free_pages_exact(memory, bytes);
	}
}
