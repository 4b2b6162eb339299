/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access to memory that a frontend can write at any time.  The core accesses such
 * memory only through these functions, so that each byte is read once (XSA-155), no
 * byte is written by accident (XSA-216), and a test can observe each access.  Only the
 * data of requests is copied with host_page_copy() (host/page.h).
 *
 * Context of all: any.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_shared_copy - copy @bytes bytes of shared memory, each read exactly once.  @bytes
 * and both addresses are multiples of 4.
 */
void host_shared_copy(void *to, const void *from, size_t bytes);

/*
 * host_shared_load_acquire - read an index.  Later reads of shared memory are not moved
 * before this read.
 */
uint32_t host_shared_load_acquire(const uint32_t *from);

/*
 * host_shared_store_release - write an index.  Earlier writes to shared memory are
 * visible before the index is, and earlier reads have been made: the frontend may then
 * reuse a slot that was read.
 */
void host_shared_store_release(uint32_t *to, uint32_t value);

/*
 * host_shared_respond - write one blkif response field by field; padding is not written.
 *
 * The offsets are those of struct blkif_response, the same in all three layouts: id 0,
 * operation 8, status 10.
 */
void host_shared_respond(void *response, uint64_t id, uint8_t operation, int16_t status);

/* host_shared_fence - a full memory barrier between us and the frontend's domain. */
void host_shared_fence(void);

HOST_DECLS_END
