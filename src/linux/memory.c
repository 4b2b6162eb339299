// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "host/memory.h"

/*
 * Above this size kmalloc() rounds up to a power of two of pages: half of a large array
 * may be waste.
 */
static const size_t largest_kmalloc = 2 * PAGE_SIZE;

size_t host_memory_cost(size_t bytes)
{
	if (bytes > largest_kmalloc)
		return PAGE_ALIGN(bytes);
	/* The sizes of kmalloc()'s caches that are no powers of two. */
	if (bytes > 64 && bytes <= 96)
		return 96;
	if (bytes > 128 && bytes <= 192)
		return 192;
	return max_t(size_t, roundup_pow_of_two(bytes), KMALLOC_MIN_SIZE);
}

void *host_alloc(size_t bytes)
{
	void *memory;

	if (bytes <= largest_kmalloc)
		return kzalloc(bytes, GFP_KERNEL);
	memory = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY);
	if (!memory)
		return vzalloc(bytes);
	/*
	 * kmemleak does not track pages.  These hold pointers to objects that it does
	 * track, so tell kmemleak about them.
	 */
	kmemleak_alloc(memory, bytes, 1, GFP_KERNEL);
	return memory;
}

/*
 * No direct reclaim.  GFP_KERNEL of a small order never returns NULL: under NOIO it
 * loops in the allocator.  With __GFP_NORETRY a batch would reclaim once for each of
 * its grants, which may be hundreds.  GFP_NOWAIT wakes the kernel's reclaim threads.
 *
 * No vmalloc: it allocates page tables with GFP_KERNEL, whatever flags it gets.
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
