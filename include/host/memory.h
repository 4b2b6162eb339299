/* SPDX-License-Identifier: GPL-2.0 */
/* Memory for the core's own objects. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_alloc - zeroed memory for @bytes bytes, aligned for any object.
 *
 * For what must be had: the host does what it can to find memory, for as long as
 * it takes.
 *
 * Context: process, may sleep; not a queue's thread, whose requests would wait.
 * Return: the memory, which the caller owns, or NULL.
 */
void *host_alloc(size_t bytes);

/*
 * host_try_alloc - the same for what the caller can do without: gives up at once
 * when no memory is free, and leaves it to the host to free some for the next
 * call.
 *
 * Context: process.
 * Return: the memory, which the caller owns, or NULL.
 */
void *host_try_alloc(size_t bytes);

/*
 * host_free - give back memory of host_alloc(@bytes) or host_try_alloc(@bytes);
 * NULL is allowed.
 *
 * Context: process.
 */
void host_free(void *memory, size_t bytes);

HOST_DECLS_END
