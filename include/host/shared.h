/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access to memory that a frontend can write at any time.  The core touches
 * such memory through these functions alone, so that each byte is read once
 * (XSA-155), no byte is written by accident (XSA-216), and a test can watch.
 *
 * Context of all: any.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/* Copy @bytes bytes, each read exactly once. @bytes is a multiple of 4. */
void host_shared_copy(void *to, const void *from, size_t bytes);

/* Read an index; later reads of shared memory are not moved before it. */
uint32_t host_shared_load_acquire(const uint32_t *from);

/* Write an index; earlier accesses to shared memory are done before it. */
void host_shared_store_release(uint32_t *to, uint32_t value);

/*
 * Write one blkif response field by field; padding keeps its bytes.
 * The offsets are those of struct blkif_response: id 0, operation 8, status
 * 10, the same in all three layouts.
 */
void host_shared_respond(void *response, uint64_t id, uint8_t operation, int16_t status);

/* A full memory barrier between us and the other domain. */
void host_shared_fence(void);

HOST_DECLS_END
