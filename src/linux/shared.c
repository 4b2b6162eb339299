// SPDX-License-Identifier: GPL-2.0
#include <asm/barrier.h>
#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/stddef.h>
#include <xen/interface/io/blkif.h>

#include "host/shared.h"

static_assert(offsetof(struct blkif_response, id) == 0);
static_assert(offsetof(struct blkif_response, operation) == 8);
static_assert(offsetof(struct blkif_response, status) == 10);

void host_shared_copy(void *to, const void *from, size_t bytes)
{
	const void *end = from + bytes;

	/* A slot of a 64-bit frontend: seven times two words. */
	if (IS_ALIGNED((unsigned long)from | (unsigned long)to, sizeof(u64)) &&
	    IS_ALIGNED(bytes, 2 * sizeof(u64))) {
		for (; from != end; from += 2 * sizeof(u64), to += 2 * sizeof(u64)) {
			((u64 *)to)[0] = READ_ONCE(((const u64 *)from)[0]);
			((u64 *)to)[1] = READ_ONCE(((const u64 *)from)[1]);
		}
		return;
	}
	for (; from != end; from += sizeof(u32), to += sizeof(u32))
		*(u32 *)to = READ_ONCE(*(const u32 *)from);
}

uint32_t host_shared_load_acquire(const uint32_t *from)
{
	uint32_t value = READ_ONCE(*from);

	virt_rmb(); /* pairs with the frontend's barrier before it writes the index */
	return value;
}

void host_shared_store_release(uint32_t *to, uint32_t value)
{
	/* Pairs with the frontend's barrier after it reads the index. */
	virt_store_release(to, value);
}

void host_shared_respond(void *response, uint64_t id, uint8_t operation, int16_t status)
{
	u8 *bytes = response;

	WRITE_ONCE(*(u64 *)bytes, id);
	WRITE_ONCE(*(bytes + 8), operation);
	WRITE_ONCE(*(s16 *)(bytes + 10), status);
}

void host_shared_fence(void)
{
	virt_mb(); /* pairs with the frontend's full barrier between index and event index */
}
