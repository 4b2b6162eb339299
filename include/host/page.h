/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages without memory of their own ("ballooned" or unpopulated), into which
 * grants are mapped; and pages of the host's memory, for copies of data.
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

/*
 * host_buffer_alloc - take a page of the host's own memory, zeroed.
 * host_buffer_try_alloc - the same for what the caller can do without: gives up
 * at once when no memory is free.
 *
 * Context: process; host_buffer_alloc() may sleep and is not for a queue's thread.
 * Return: the page, which the caller owns, or NULL.
 */
struct host_page *host_buffer_alloc(void);
struct host_page *host_buffer_try_alloc(void);

/*
 * host_buffer_free - give the page back.  Who still holds a reference to it (see
 * host_page_busy()) keeps its memory until then.  Context: any.
 */
void host_buffer_free(struct host_page *page);

/*
 * host_page_copy - copy @bytes bytes between two pages, each of which is a buffer
 * or has a grant mapped.  Each byte of a grant is accessed once; its frontend may
 * write there at the same time.
 *
 * Context: any.
 */
void host_page_copy(struct host_page *to, uint32_t to_offset, const struct host_page *from,
		    uint32_t from_offset, uint32_t bytes);

HOST_DECLS_END
