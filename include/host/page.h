/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages without memory of their own ("ballooned" or unpopulated), into which
 * grants are mapped.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct host_page;

/*
 * host_page_alloc - take @count empty pages from the host, in one call.
 *
 * Context: process, may sleep.
 * Return: 0, and the caller owns all of @pages; or -ENOMEM and it owns none.
 */
int host_page_alloc(struct host_page **pages, uint32_t count);

/*
 * host_page_free - give @count pages back.  No grant may be mapped in them.
 *
 * Context: process, may sleep.
 */
void host_page_free(struct host_page **pages, uint32_t count);

/*
 * A chain holds free pages without memory of its own: the link lies in the
 * host's page descriptor.  Start one with NULL.  The caller serialises.
 *
 * host_page_chain_push() cannot fail; host_page_chain_pop() takes up to
 * @count pages, the ones pushed last first, and returns how many it took.
 *
 * Context: any.
 */
void host_page_chain_push(struct host_page **chain, struct host_page *const *pages, uint32_t count);
uint32_t host_page_chain_pop(struct host_page **chain, struct host_page **pages, uint32_t count);

HOST_DECLS_END
