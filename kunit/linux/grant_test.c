// SPDX-License-Identifier: GPL-2.0
/*
 * grant.c on Xen: a domain grants pages to itself and maps or copies them, as when dom0
 * attaches a disk to itself.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/page.h>

#include "fake_device.h"
#include "host/grant.h"

#define COUNT 64
#define NO_GREF 0x7fffff00u

struct granted {
	struct page *page;
	int gref;
};

struct fixture {
	u16 domid;
	struct granted granted[COUNT];
	struct host_page *pages[COUNT];
	struct host_grant_scratch *scratch;
	struct host_grant_map_op map[COUNT];
	struct host_grant_unmap_op unmap[COUNT];
	struct host_page *buffers[COUNT];
	struct host_grant_copy_op copy[COUNT];
};

static void fixture_free(void *argument)
{
	struct fixture *f = argument;
	int i;

	for (i = 0; i < COUNT; i++)
		if (f->granted[i].page)
			gnttab_end_foreign_access(f->granted[i].gref, f->granted[i].page);
	for (i = 0; i < COUNT; i++)
		if (f->buffers[i])
			host_buffer_free(f->buffers[i]);
	if (f->pages[0])
		host_page_free(f->pages, COUNT);
	host_grant_scratch_free(f->scratch);
}

/* Pages that are filled with their number and granted to ourselves. */
static struct fixture *granted_create(struct kunit *test, bool read_only)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->domid = own_domain(test);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fixture_free, f));
	f->scratch = host_grant_scratch_alloc(COUNT);
	KUNIT_ASSERT_NOT_NULL(test, f->scratch);
	for (i = 0; i < COUNT; i++) {
		struct page *page = alloc_page(GFP_KERNEL);
		int gref;

		KUNIT_ASSERT_NOT_NULL(test, page);
		memset(page_address(page), i, PAGE_SIZE);
		gref = gnttab_grant_foreign_access(f->domid, xen_page_to_gfn(page), read_only);
		if (gref < 0)
			__free_page(page);
		KUNIT_ASSERT_GE(test, gref, 0);
		f->granted[i] = (struct granted){ page, gref };
	}
	return f;
}

/*
 * The same, and empty pages to map them in.
 *
 * Not in an auto-translated domain: Xen lets it have a page of its own at one address
 * only, so the mapping would remove the page from its old address.
 */
static struct fixture *fixture_create(struct kunit *test, bool read_only)
{
	struct fixture *f;

	if (xen_feature(XENFEAT_auto_translated_physmap))
		kunit_skip(test, "auto-translated: pages of its own cannot be mapped");
	f = granted_create(test, read_only);
	KUNIT_ASSERT_EQ(test, 0, host_page_alloc(f->pages, COUNT));
	return f;
}

/* The same pages, and buffers filled with 0xbb to copy from or to. */
static struct fixture *copy_create(struct kunit *test, bool read_only)
{
	struct fixture *f = granted_create(test, read_only);
	int i;

	for (i = 0; i < COUNT; i++) {
		f->buffers[i] = host_buffer_alloc();
		KUNIT_ASSERT_NOT_NULL(test, f->buffers[i]);
		memset(page_address((struct page *)f->buffers[i]), 0xbb, PAGE_SIZE);
	}
	return f;
}

static void prepare(struct fixture *f, u32 count, bool read_only)
{
	u32 i;

	for (i = 0; i < count; i++)
		f->map[i] = (struct host_grant_map_op){
			.page = f->pages[i],
			.read_only = read_only,
			.gref = f->granted[i].gref,
			.status = 0x55,
		};
}

/* Unmaps all mapped grants with one call.  All pages are empty afterwards. */
static void unmap(struct kunit *test, struct fixture *f, u32 count)
{
	u32 mapped = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		if (f->map[i].status)
			continue;
		f->unmap[mapped++] = (struct host_grant_unmap_op){
			.page = f->pages[i],
			.handle = f->map[i].handle,
			.status = 0x55,
		};
	}
	KUNIT_ASSERT_GT(test, mapped, 0);
	host_grant_unmap(f->scratch, f->unmap, mapped);
	for (i = 0; i < mapped; i++)
		KUNIT_EXPECT_EQ(test, 0, f->unmap[i].status);
}

static u8 first_byte(struct host_page *page)
{
	return READ_ONCE(*(const u8 *)host_page_memory(page));
}

static void mapped_pages_show_what_was_granted(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);
	int i;

	prepare(f, COUNT, false);
	host_grant_map(f->scratch, f->domid, f->map, COUNT);
	for (i = 0; i < COUNT; i++) {
		KUNIT_ASSERT_EQ(test, 0, f->map[i].status);
		KUNIT_EXPECT_EQ(test, i, first_byte(f->pages[i]));
		KUNIT_EXPECT_FALSE(test, host_page_busy(f->pages[i]));
		/* Both pages are the same memory. */
		memset((void *)host_page_memory(f->pages[i]), 0x80 + i, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, 0x80 + i,
				((u8 *)page_address(f->granted[i].page))[PAGE_SIZE - 1]);
	}
	unmap(test, f, COUNT);
}

/* A grant that cannot be mapped fails alone, wherever it is in the batch. */
static void bad_grants_fail_alone(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);
	int i;

	prepare(f, COUNT, false);
	for (i = 0; i < COUNT; i += 5)
		f->map[i].gref = NO_GREF + i;
	host_grant_map(f->scratch, f->domid, f->map, COUNT);
	for (i = 0; i < COUNT; i++) {
		if (i % 5 == 0) {
			KUNIT_EXPECT_LT(test, f->map[i].status, 0);
		} else {
			KUNIT_EXPECT_EQ(test, 0, f->map[i].status);
			KUNIT_EXPECT_EQ(test, i, first_byte(f->pages[i]));
		}
	}
	unmap(test, f, COUNT);

	/* The pages of the failed grants are unchanged: the next grants can be mapped in them. */
	prepare(f, COUNT, false);
	host_grant_map(f->scratch, f->domid, f->map, COUNT);
	for (i = 0; i < COUNT; i++)
		KUNIT_EXPECT_EQ(test, 0, f->map[i].status);
	unmap(test, f, COUNT);
}

static void unknown_domain_maps_nothing(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);
	int i;

	prepare(f, COUNT, false);
	host_grant_map(f->scratch, 0x7abc, f->map, COUNT);
	for (i = 0; i < COUNT; i++)
		KUNIT_EXPECT_LT(test, f->map[i].status, 0);
}

static void read_only_grant_is_mapped_for_reading(struct kunit *test)
{
	struct fixture *f = fixture_create(test, true);
	int i;

	prepare(f, 2, true);
	host_grant_map(f->scratch, f->domid, f->map, 2);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, 0, f->map[i].status);
		KUNIT_EXPECT_EQ(test, i, first_byte(f->pages[i]));
	}
	unmap(test, f, 2);
	/* A read-only grant: Xen refuses a writable mapping, so no write faults later. */
	prepare(f, 2, false);
	f->map[1].read_only = 1;
	host_grant_map(f->scratch, f->domid, f->map, 2);
	KUNIT_EXPECT_LT(test, f->map[0].status, 0);
	KUNIT_EXPECT_EQ(test, 0, f->map[1].status);
	unmap(test, f, 2);
}

static void same_grant_is_mapped_twice(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);

	prepare(f, 2, false);
	f->map[1].gref = f->map[0].gref;
	host_grant_map(f->scratch, f->domid, f->map, 2);
	KUNIT_ASSERT_EQ(test, 0, f->map[0].status);
	KUNIT_ASSERT_EQ(test, 0, f->map[1].status);
	KUNIT_EXPECT_NE(test, f->map[0].handle, f->map[1].handle);
	memset((void *)host_page_memory(f->pages[0]), 0x42, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0x42, first_byte(f->pages[1]));
	unmap(test, f, 2);
}

static void unmapped_grant_may_be_ended(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);

	prepare(f, 1, false);
	host_grant_map(f->scratch, f->domid, f->map, 1);
	KUNIT_ASSERT_EQ(test, 0, f->map[0].status);
	KUNIT_EXPECT_EQ(test, 0, gnttab_try_end_foreign_access(f->granted[0].gref));
	unmap(test, f, 1);
	KUNIT_EXPECT_NE(test, 0, gnttab_try_end_foreign_access(f->granted[0].gref));
	__free_page(f->granted[0].page);
	f->granted[0].page = NULL;
}

static void bad_handle_is_told(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);

	f->unmap[0] = (struct host_grant_unmap_op){ .page = f->pages[0], .handle = 0x7fffff };
	host_grant_unmap(f->scratch, f->unmap, 1);
	KUNIT_EXPECT_LT(test, f->unmap[0].status, 0);
	KUNIT_EXPECT_PTR_EQ(test, f->pages[0], f->unmap[0].page);
}

/* Network storage keeps references after the I/O: the page must stay mapped until then. */
static void mapped_page_is_busy_while_referenced(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);

	prepare(f, 1, false);
	host_grant_map(f->scratch, f->domid, f->map, 1);
	KUNIT_ASSERT_EQ(test, 0, f->map[0].status);
	get_page((struct page *)f->pages[0]);
	KUNIT_EXPECT_TRUE(test, host_page_busy(f->pages[0]));
	put_page((struct page *)f->pages[0]);
	KUNIT_EXPECT_FALSE(test, host_page_busy(f->pages[0]));
	unmap(test, f, 1);
}

/* Makes copies of different lengths, from different offsets on. */
static void copy(struct fixture *f, u32 count, enum host_grant_copy_direction direction)
{
	u32 i;

	for (i = 0; i < count; i++)
		f->copy[i] = (struct host_grant_copy_op){
			.page = f->buffers[i],
			.gref = f->granted[i].gref,
			.offset = i % 8 * 512,
			.bytes = PAGE_SIZE - i % 8 * 512 - i / 8 % 2 * 100,
			.direction = direction,
			.status = 0x55,
		};
	host_grant_copy(f->scratch, f->domid, f->copy, count);
}

/* Is @byte wherever a copy of copy() @i goes, and @rest elsewhere? */
static bool copied(const u8 *page, u32 i, u8 byte, u8 rest)
{
	u32 begin = i % 8 * 512;
	u32 end = PAGE_SIZE - i / 8 % 2 * 100;
	u32 at;

	for (at = 0; at < PAGE_SIZE; at++)
		if (page[at] != (at >= begin && at < end ? byte : rest))
			return false;
	return true;
}

static void data_is_copied_in_both_directions(struct kunit *test)
{
	struct fixture *f = copy_create(test, false);
	u32 i;

	copy(f, COUNT, HOST_GRANT_COPY_FROM_GUEST);
	for (i = 0; i < COUNT; i++) {
		u8 *ours = page_address((struct page *)f->buffers[i]);

		KUNIT_EXPECT_EQ(test, 0, f->copy[i].status);
		KUNIT_EXPECT_TRUE(test, copied(ours, i, i, 0xbb));
		KUNIT_EXPECT_FALSE(test, host_page_busy(f->buffers[i]));
		memset(ours, 0xcc, PAGE_SIZE);
	}
	copy(f, COUNT, HOST_GRANT_COPY_TO_GUEST);
	for (i = 0; i < COUNT; i++) {
		KUNIT_EXPECT_EQ(test, 0, f->copy[i].status);
		KUNIT_EXPECT_TRUE(test, copied(page_address(f->granted[i].page), i, 0xcc, i));
	}
}

/* A copy that cannot be made fails alone, wherever it is in the batch. */
static void bad_copies_fail_alone(struct kunit *test)
{
	struct fixture *f = copy_create(test, false);
	int good[COUNT];
	u32 i;

	for (i = 0; i < COUNT; i++) {
		good[i] = f->granted[i].gref;
		if (i % 5 == 0)
			f->granted[i].gref = NO_GREF + i;
	}
	copy(f, COUNT, HOST_GRANT_COPY_FROM_GUEST);
	for (i = 0; i < COUNT; i++) {
		u8 *ours = page_address((struct page *)f->buffers[i]);

		f->granted[i].gref = good[i];
		if (i % 5 == 0)
			KUNIT_EXPECT_LT(test, f->copy[i].status, 0);
		else
			KUNIT_EXPECT_EQ(test, 0, f->copy[i].status);
		KUNIT_EXPECT_TRUE(test, copied(ours, i, i % 5 ? i : 0xbb, 0xbb));
	}
}

static void nothing_is_copied_to_a_read_only_grant(struct kunit *test)
{
	struct fixture *f = copy_create(test, true);
	u32 i;

	copy(f, 3, HOST_GRANT_COPY_TO_GUEST);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_LT(test, f->copy[i].status, 0);
		KUNIT_EXPECT_TRUE(test, copied(page_address(f->granted[i].page), i, i, i));
	}
	copy(f, 3, HOST_GRANT_COPY_FROM_GUEST);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, f->copy[i].status);
}

static void ended_grant_is_not_copied(struct kunit *test)
{
	struct fixture *f = copy_create(test, false);

	copy(f, 1, HOST_GRANT_COPY_FROM_GUEST);
	KUNIT_EXPECT_EQ(test, 0, f->copy[0].status);
	/* The copy has not kept it. */
	KUNIT_ASSERT_NE(test, 0, gnttab_try_end_foreign_access(f->granted[0].gref));
	copy(f, 1, HOST_GRANT_COPY_TO_GUEST);
	KUNIT_EXPECT_LT(test, f->copy[0].status, 0);
	KUNIT_EXPECT_TRUE(test, copied(page_address(f->granted[0].page), 0, 0, 0));
	__free_page(f->granted[0].page);
	f->granted[0].page = NULL;
}

static void copy_beyond_a_page_is_refused(struct kunit *test)
{
	struct fixture *f = copy_create(test, false);

	f->copy[0] = (struct host_grant_copy_op){
		.page = f->buffers[0],
		.gref = f->granted[0].gref,
		.offset = 512,
		.bytes = PAGE_SIZE,
		.direction = HOST_GRANT_COPY_TO_GUEST,
	};
	host_grant_copy(f->scratch, f->domid, f->copy, 1);
	KUNIT_EXPECT_LT(test, f->copy[0].status, 0);
	KUNIT_EXPECT_TRUE(test, copied(page_address(f->granted[0].page), 0, 0, 0));
}

static void unknown_domain_copies_nothing(struct kunit *test)
{
	struct fixture *f = copy_create(test, false);
	u32 i;

	f->domid = 0x7abc;
	copy(f, COUNT, HOST_GRANT_COPY_FROM_GUEST);
	for (i = 0; i < COUNT; i++)
		KUNIT_EXPECT_LT(test, f->copy[i].status, 0);
}

static void ring_is_mapped_contiguously(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);
	struct host_device *device = fake_device_create(test)->host;
	u32 grefs[16];
	void *address;
	u32 count, i;

	for (i = 0; i < ARRAY_SIZE(grefs); i++)
		grefs[i] = f->granted[i].gref;
	for (count = 1; count <= ARRAY_SIZE(grefs); count *= 2) {
		KUNIT_ASSERT_EQ(test, 0, host_ring_map(device, grefs, count, &address));
		for (i = 0; i < count; i++)
			KUNIT_EXPECT_EQ(test, i, READ_ONCE(((u8 *)address)[i * PAGE_SIZE]));
		WRITE_ONCE(*(u8 *)address, 0x77);
		KUNIT_EXPECT_EQ(test, 0x77, READ_ONCE(*(u8 *)page_address(f->granted[0].page)));
		WRITE_ONCE(*(u8 *)address, 0);
		host_ring_unmap(device, address);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, host_ring_map(device, grefs, 0, &address));
	KUNIT_EXPECT_EQ(test, -EINVAL, host_ring_map(device, grefs, 17, &address));
}

static void bad_ring_leaves_nothing_mapped(struct kunit *test)
{
	struct fixture *f = fixture_create(test, false);
	struct host_device *device = fake_device_create(test)->host;
	u32 grefs[] = { f->granted[0].gref, NO_GREF, f->granted[2].gref };
	void *address;

	KUNIT_EXPECT_LT(test, host_ring_map(device, grefs, ARRAY_SIZE(grefs), &address), 0);
	KUNIT_EXPECT_NE(test, 0, gnttab_try_end_foreign_access(f->granted[0].gref));
	__free_page(f->granted[0].page);
	f->granted[0].page = NULL;
}

static struct kunit_case grant_cases[] = {
	KUNIT_CASE(mapped_pages_show_what_was_granted),
	KUNIT_CASE(bad_grants_fail_alone),
	KUNIT_CASE(unknown_domain_maps_nothing),
	KUNIT_CASE(read_only_grant_is_mapped_for_reading),
	KUNIT_CASE(same_grant_is_mapped_twice),
	KUNIT_CASE(unmapped_grant_may_be_ended),
	KUNIT_CASE(bad_handle_is_told),
	KUNIT_CASE(mapped_page_is_busy_while_referenced),
	KUNIT_CASE(data_is_copied_in_both_directions),
	KUNIT_CASE(bad_copies_fail_alone),
	KUNIT_CASE(nothing_is_copied_to_a_read_only_grant),
	KUNIT_CASE(ended_grant_is_not_copied),
	KUNIT_CASE(copy_beyond_a_page_is_refused),
	KUNIT_CASE(unknown_domain_copies_nothing),
	KUNIT_CASE(ring_is_mapped_contiguously),
	KUNIT_CASE(bad_ring_leaves_nothing_mapped),
	{},
};

static struct kunit_suite grant_suite = {
	.name = "xen_blkback_linux_grant",
	.init = need_xen,
	.test_cases = grant_cases,
};

kunit_test_suite(grant_suite);
