/* SPDX-License-Identifier: GPL-2.0 */
/* Memory for the core's own objects. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_alloc - allocate @bytes bytes, zeroed and aligned for any object.
 *
 * For memory that the caller cannot do without: the kernel reclaims memory if it has
 * to, for as long as that takes.
 *
 * Context: process, may sleep; not a queue's thread, whose requests would wait.
 * Return: the memory, which the caller owns, or NULL.
 */
void *host_alloc(size_t bytes);

/*
 * host_try_alloc - the same for memory that the caller can do without.
 *
 * Fails at once when no memory is free.  It then wakes the kernel's reclaim threads, so
 * that a later call may succeed.
 *
 * Context: process.
 * Return: the memory, which the caller owns, or NULL.
 */
void *host_try_alloc(size_t bytes);

/*
 * host_free - free the memory of host_alloc(@bytes) or host_try_alloc(@bytes), with the
 * same @bytes.  @memory may be NULL.
 *
 * Context: process.
 */
void host_free(void *memory, size_t bytes);

/*
 * host_memory_cost - return how much memory host_alloc(@bytes) takes, which is more than
 * @bytes: allocators have a few sizes.
 *
 * Context: any.
 */
size_t host_memory_cost(size_t bytes);

HOST_DECLS_END
