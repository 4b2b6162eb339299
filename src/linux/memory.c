// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/slab.h>

#include "host/memory.h"

void *host_alloc(size_t bytes)
{
	return kvzalloc(bytes, GFP_KERNEL);
}

void host_free(void *memory)
{
	kvfree(memory);
}
