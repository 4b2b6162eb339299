/* SPDX-License-Identifier: GPL-2.0 */
/* Memory for the core's own objects. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_alloc - zeroed memory for @bytes bytes, aligned for any object.
 *
 * In a queue's thread the allocation never starts I/O (the disk being served
 * may be the one that memory pressure would write to).
 *
 * Context: process, may sleep.
 * Return: the memory, which the caller owns, or NULL.
 */
void *host_alloc(size_t bytes);

/*
 * host_free - give back memory of host_alloc(@bytes); NULL is allowed.
 *
 * Context: process.
 */
void host_free(void *memory, size_t bytes);

HOST_DECLS_END
