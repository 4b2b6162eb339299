// SPDX-License-Identifier: GPL-2.0
/* page.c: chains of pages and buffers on any machine, pages for grants on Xen alone. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "fake_device.h"
#include "host/grant.h"
#include "host/page.h"

#define COUNT 32

static void free_pages_of(void *argument)
{
	struct page **pages = argument;
	int i;

	for (i = 0; i < COUNT; i++)
		if (pages[i])
			__free_page(pages[i]);
}

/* Ordinary pages: a chain can hold them, too. */
static struct host_page **ordinary_pages(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, COUNT, sizeof(*pages), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_pages_of, pages));
	for (i = 0; i < COUNT; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	return (struct host_page **)pages;
}

static void empty_chain_gives_nothing(struct kunit *test)
{
	struct host_page *chain = NULL;
	struct host_page *page = (struct host_page *)1;

	KUNIT_EXPECT_EQ(test, 0, host_page_chain_pop(&chain, &page, 1));
	KUNIT_EXPECT_PTR_EQ(test, (struct host_page *)1, page);
	host_page_chain_push(&chain, &page, 0);
	KUNIT_EXPECT_NULL(test, chain);
}

static void chain_gives_the_last_ones_first(struct kunit *test)
{
	struct host_page **pages = ordinary_pages(test);
	struct host_page *popped[COUNT + 1];
	struct host_page *chain = NULL;
	int i;

	host_page_chain_push(&chain, pages, 10);
	host_page_chain_push(&chain, pages + 10, COUNT - 10);
	KUNIT_EXPECT_EQ(test, 5, host_page_chain_pop(&chain, popped, 5));
	KUNIT_EXPECT_EQ(test, 0, host_page_chain_pop(&chain, popped + 5, 0));
	KUNIT_EXPECT_EQ(test, COUNT - 5, host_page_chain_pop(&chain, popped + 5, COUNT + 1 - 5));
	KUNIT_EXPECT_NULL(test, chain);
	for (i = 0; i < COUNT; i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[COUNT - 1 - i], popped[i]);
}

static void chained_page_is_used_and_chained_again(struct kunit *test)
{
	struct host_page **pages = ordinary_pages(test);
	struct host_page *chain = NULL;
	struct host_page *page;
	int i;

	for (i = 0; i < 4 * COUNT; i++) {
		host_page_chain_push(&chain, &pages[i % COUNT], 1);
		KUNIT_ASSERT_EQ(test, 1, host_page_chain_pop(&chain, &page, 1));
		KUNIT_EXPECT_PTR_EQ(test, pages[i % COUNT], page);
		KUNIT_EXPECT_FALSE(test, host_page_busy(page));
		memset(page_address((struct page *)page), i, PAGE_SIZE);
	}
}

static void referenced_page_is_busy(struct kunit *test)
{
	struct host_page **pages = ordinary_pages(test);

	KUNIT_EXPECT_FALSE(test, host_page_busy(pages[0]));
	get_page((struct page *)pages[0]);
	KUNIT_EXPECT_TRUE(test, host_page_busy(pages[0]));
	put_page((struct page *)pages[0]);
	KUNIT_EXPECT_FALSE(test, host_page_busy(pages[0]));
	KUNIT_EXPECT_PTR_EQ(test, page_address((struct page *)pages[0]),
			    (void *)host_page_memory(pages[0]));
}

static struct kunit_case page_cases[] = {
	KUNIT_CASE(empty_chain_gives_nothing),
	KUNIT_CASE(chain_gives_the_last_ones_first),
	KUNIT_CASE(chained_page_is_used_and_chained_again),
	KUNIT_CASE(referenced_page_is_busy),
	{},
};

static struct kunit_suite page_suite = {
	.name = "xen_blkback_linux_page",
	.test_cases = page_cases,
};

/* The next two cases need Xen. */

static void empty_pages_are_distinct(struct kunit *test)
{
	static const u32 counts[] = { 1, 2, 32, 500 };
	int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		u32 count = counts[i];
		struct host_page **pages = kunit_kcalloc(test, count, sizeof(*pages), GFP_KERNEL);
		u32 j;

		KUNIT_ASSERT_NOT_NULL(test, pages);
		KUNIT_ASSERT_EQ(test, 0, host_page_alloc(pages, count));
		for (j = 0; j < count; j++) {
			KUNIT_EXPECT_NOT_NULL(test, pages[j]);
			KUNIT_EXPECT_FALSE(test, host_page_busy(pages[j]));
			if (j)
				KUNIT_EXPECT_PTR_NE(test, pages[j], pages[j - 1]);
		}
		host_page_free(pages, count);
	}
}

static void empty_pages_may_be_chained(struct kunit *test)
{
	struct host_page *pages[COUNT], *popped[COUNT];
	struct host_page *chain = NULL;

	KUNIT_ASSERT_EQ(test, 0, host_page_alloc(pages, COUNT));
	host_page_chain_push(&chain, pages, COUNT);
	KUNIT_EXPECT_EQ(test, COUNT, host_page_chain_pop(&chain, popped, COUNT));
	KUNIT_EXPECT_PTR_EQ(test, pages[0], popped[COUNT - 1]);
	host_page_free(popped, COUNT);
}

static void *buffer_memory(const struct host_page *page)
{
	return page_address((const struct page *)page);
}

static void buffers_are_zeroed_whatever_was_there(struct kunit *test)
{
	struct host_page *pages[COUNT];
	int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < COUNT; i++) {
			pages[i] = i % 2 ? host_buffer_alloc() : host_buffer_try_alloc();
			KUNIT_ASSERT_NOT_NULL(test, pages[i]);
			KUNIT_EXPECT_NULL(test, memchr_inv(buffer_memory(pages[i]), 0, PAGE_SIZE));
			memset(buffer_memory(pages[i]), 0xa5, PAGE_SIZE);
		}
		for (i = 0; i < COUNT; i++)
			host_buffer_free(pages[i]);
	}
}

static void copy_reaches_its_bytes_alone(struct kunit *test)
{
	struct host_page *from = host_buffer_alloc();
	struct host_page *to = host_buffer_alloc();
	u8 *source, *target;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, from);
	KUNIT_ASSERT_NOT_NULL(test, to);
	source = buffer_memory(from);
	target = buffer_memory(to);
	for (i = 0; i < PAGE_SIZE; i++)
		source[i] = i % 251 + 1;
	host_page_copy(to, 512, from, 1024, 3072);
	KUNIT_EXPECT_NULL(test, memchr_inv(target, 0, 512));
	KUNIT_EXPECT_MEMEQ(test, target + 512, source + 1024, 3072);
	KUNIT_EXPECT_NULL(test, memchr_inv(target + 3584, 0, 512));
	host_buffer_free(from);
	host_buffer_free(to);
}

/* A network stack may still send the buffer: its memory must stay unchanged. */
static void held_buffer_lives_until_it_is_let_go(struct kunit *test)
{
	struct host_page *page = host_buffer_alloc();

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test, host_page_busy(page));
	memset(buffer_memory(page), 0x5a, PAGE_SIZE);
	get_page((struct page *)page);
	KUNIT_EXPECT_TRUE(test, host_page_busy(page));
	host_buffer_free(page);
	KUNIT_EXPECT_EQ(test, 1, page_count((struct page *)page));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer_memory(page), 0x5a, PAGE_SIZE));
	put_page((struct page *)page);
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE(buffers_are_zeroed_whatever_was_there),
	KUNIT_CASE(copy_reaches_its_bytes_alone),
	KUNIT_CASE(held_buffer_lives_until_it_is_let_go),
	{},
};

static struct kunit_suite buffer_suite = {
	.name = "xen_blkback_linux_buffer",
	.test_cases = buffer_cases,
};

static struct kunit_case empty_page_cases[] = {
	KUNIT_CASE(empty_pages_are_distinct),
	KUNIT_CASE(empty_pages_may_be_chained),
	{},
};

static struct kunit_suite empty_page_suite = {
	.name = "xen_blkback_linux_empty_page",
	.init = need_xen,
	.test_cases = empty_page_cases,
};

kunit_test_suites(&page_suite, &buffer_suite, &empty_page_suite);
