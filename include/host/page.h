/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two kinds of pages: empty pages ("ballooned" or unpopulated), which have no memory
 * of their own and into which grants are mapped; and buffers, pages of the host's memory
 * for copies of data.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct host_page;

/*
 * host_page_alloc - allocate @count empty pages.
 *
 * Context: process, may sleep.
 * Return: 0, and the caller owns all @pages; or -ENOMEM, and the caller owns none.
 */
int host_page_alloc(struct host_page **pages, uint32_t count);

/*
 * host_page_free - free @count empty pages.  No grant may be mapped in them.
 *
 * Context: process, may sleep.
 */
void host_page_free(struct host_page **pages, uint32_t count);

/*
 * host_page_cost - return how many bytes of the host's memory an empty page takes: the
 * whole page where pages are ballooned, and its administration where they are unpopulated.
 *
 * Context: any.
 */
uint32_t host_page_cost(void);

/*
 * host_page_chain_push - add @count empty pages to a chain; cannot fail.
 * host_page_chain_pop - take up to @count pages from a chain, the last pushed first.
 * Returns how many it took.
 *
 * A chain is a list of empty pages that needs no memory: the link is in the kernel's
 * struct page.  A NULL pointer is an empty chain.  The caller serialises the calls for
 * one chain.
 *
 * Context: any.
 */
void host_page_chain_push(struct host_page **chain, struct host_page *const *pages, uint32_t count);
uint32_t host_page_chain_pop(struct host_page **chain, struct host_page **pages, uint32_t count);

/*
 * host_buffer_alloc - allocate a zeroed page of the host's memory.
 * host_buffer_try_alloc - the same for a page that the caller can do without: fails at
 * once when no memory is free.
 *
 * Context: process; host_buffer_alloc() may sleep and is not for a queue's thread.
 * Return: the page, which the caller owns, or NULL.
 */
struct host_page *host_buffer_alloc(void);
struct host_page *host_buffer_try_alloc(void);

/*
 * host_buffer_free - drop the caller's reference to the page.  If somebody else still
 * holds a reference (see host_page_busy()), the memory is freed with the last one.
 *
 * Context: any.
 */
void host_buffer_free(struct host_page *page);

/*
 * host_page_copy - copy @bytes bytes between two pages.  Each page is a buffer or has a
 * grant mapped.
 *
 * A frontend may write to its grant at the same time, and the copy may read a byte more
 * than once.  Use it only for data; read values that are checked with host_shared_copy().
 *
 * Context: any.
 */
void host_page_copy(struct host_page *to, uint32_t to_offset, const struct host_page *from,
		    uint32_t from_offset, uint32_t bytes);

HOST_DECLS_END
