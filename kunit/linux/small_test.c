// SPDX-License-Identifier: GPL-2.0
/* lock.c, memory.c, time.c, shared.c. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "core.h"
#include "host/lock.h"
#include "host/memory.h"
#include "host/shared.h"
#include "host/time.h"

static void lock_turns_interrupts_off(struct kunit *test)
{
	struct host_spinlock lock;
	unsigned long state;
	bool off, on;

	host_spinlock_init(&lock, HOST_LOCK_POOL);
	state = host_spinlock_lock(&lock);
	off = irqs_disabled();
	host_spinlock_unlock(&lock, state);
	on = !irqs_disabled();
	KUNIT_EXPECT_TRUE(test, off);
	KUNIT_EXPECT_TRUE(test, on);
}

/* In the order of their classes: lockdep learns the order and checks it. */
static void locks_of_all_classes_nest(struct kunit *test)
{
	struct host_spinlock locks[HOST_LOCK_CLASSES];
	unsigned long states[HOST_LOCK_CLASSES];
	bool off = true;
	int i;

	for (i = 0; i < HOST_LOCK_CLASSES; i++)
		host_spinlock_init(&locks[i], i);
	for (i = 0; i < HOST_LOCK_CLASSES; i++)
		states[i] = host_spinlock_lock(&locks[i]);
	for (i = HOST_LOCK_CLASSES - 1; i >= 0; i--) {
		off &= irqs_disabled();
		host_spinlock_unlock(&locks[i], states[i]);
	}
	KUNIT_EXPECT_TRUE(test, off);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
}

struct contention {
	struct host_spinlock lock;
	unsigned long value;
	atomic_t running;
};

static int contend(void *data)
{
	struct contention *contention = data;
	int i;

	for (i = 0; i < 50000; i++) {
		unsigned long state = host_spinlock_lock(&contention->lock);

		contention->value++;
		host_spinlock_unlock(&contention->lock, state);
		if (i % 1000 == 0)
			cond_resched();
	}
	atomic_dec(&contention->running);
	return 0;
}

static void lock_excludes_others(struct kunit *test)
{
	struct contention *contention = kunit_kzalloc(test, sizeof(*contention), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, contention);
	host_spinlock_init(&contention->lock, HOST_LOCK_ORDER);
	for (i = 0; i < 4; i++) {
		atomic_inc(&contention->running);
		if (IS_ERR(kthread_run(contend, contention, "kunit-contend")))
			atomic_dec(&contention->running);
	}
	/* Wait without a limit: the threads use the object, and the machine may be busy. */
	while (atomic_read(&contention->running))
		msleep(20);
	KUNIT_EXPECT_EQ(test, 200000, contention->value);
}

/* Sizes on both sides of each limit between the ways to allocate. */
static const size_t sizes[] = {
	1,
	8,
	100,
	PAGE_SIZE,
	PAGE_SIZE + 1,
	2 * PAGE_SIZE,
	2 * PAGE_SIZE + 1,
	SZ_64K + 8,
	SZ_1M + 8,
	SZ_8M + 8,
};

static void memory_is_zeroed_whatever_was_there(struct kunit *test)
{
	int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			u8 *memory = host_alloc(sizes[i]);

			KUNIT_ASSERT_NOT_NULL(test, memory);
			KUNIT_EXPECT_NULL(test, memchr_inv(memory, 0, sizes[i]));
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((uintptr_t)memory, 8));
			memset(memory, 0xa5, sizes[i]);
			host_free(memory, sizes[i]);
		}
	}
}

static void memory_costs_what_the_allocator_hands_out(struct kunit *test)
{
	size_t bytes;

	for (bytes = 1; bytes <= 2 * PAGE_SIZE; bytes += bytes < 256 ? 1 : 61) {
		void *memory = host_alloc(bytes);

		KUNIT_ASSERT_NOT_NULL(test, memory);
		/* Debug kernels hand out less of an object: they use its end themselves. */
		KUNIT_EXPECT_GE_MSG(test, host_memory_cost(bytes), ksize(memory), "%zu", bytes);
		KUNIT_EXPECT_GE(test, host_memory_cost(bytes), bytes);
		KUNIT_EXPECT_LT(test, host_memory_cost(bytes), 2 * bytes + 64);
		host_free(memory, bytes);
	}
	KUNIT_EXPECT_EQ(test, 3 * PAGE_SIZE, host_memory_cost(2 * PAGE_SIZE + 1));
}

static void memory_that_was_tried_for_is_zeroed(struct kunit *test)
{
	int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			u8 *memory = host_try_alloc(sizes[i]);

			if (!memory && sizes[i] > SZ_64K)
				continue; /* must be contiguous, so it may fail */
			KUNIT_ASSERT_NOT_NULL(test, memory);
			KUNIT_EXPECT_NULL(test, memchr_inv(memory, 0, sizes[i]));
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((uintptr_t)memory, 8));
			memset(memory, 0xa5, sizes[i]);
			host_free(memory, sizes[i]);
		}
	}
}

/* No memory is free: host_try_alloc() gives up soon, also under NOIO as in a queue's thread. */
static void trying_gives_up_when_memory_is_short(struct kunit *test)
{
	unsigned int no_io = memalloc_noio_save();
	unsigned long began = jiffies;
	struct list_head *memory;
	struct page *page;
	bool refused = false;
	LIST_HEAD(pages);
	LIST_HEAD(taken);

	while ((page = alloc_page(GFP_NOWAIT | __GFP_NOWARN)))
		list_add(&page->lru, &pages);
	/* Take the memory that is freed meanwhile, too. */
	while (!refused && time_before(jiffies, began + 60 * HZ)) {
		memory = host_try_alloc(PAGE_SIZE);
		refused = !memory;
		if (memory)
			list_add(memory, &taken);
	}
	while (!list_empty(&taken)) {
		memory = taken.next;
		list_del(memory);
		host_free(memory, PAGE_SIZE);
	}
	while ((page = list_first_entry_or_null(&pages, struct page, lru))) {
		list_del(&page->lru);
		__free_page(page);
	}
	memalloc_noio_restore(no_io);
	KUNIT_EXPECT_TRUE(test, refused);
}

static void freeing_nothing_is_allowed(struct kunit *test)
{
	int i;

	host_free(NULL, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		host_free(NULL, sizes[i]);
}

/* More than the page allocator can give in one piece. */
static void huge_memory_is_virtually_contiguous(struct kunit *test)
{
	void *memory = host_alloc(SZ_8M + 8);

	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(memory));
	host_free(memory, SZ_8M + 8);
}

static void time_goes_on_and_never_back(struct kunit *test)
{
	u64 began = host_time_ms();
	u64 last = began;
	bool back = false;
	u64 passed;
	int i;

	for (i = 0; i < 100000; i++) {
		u64 now = host_time_ms();

		back |= now < last;
		last = now;
	}
	KUNIT_EXPECT_FALSE(test, back);

	began = host_time_ms();
	msleep(200);
	passed = host_time_ms() - began;
	KUNIT_EXPECT_GE(test, passed, 200 - jiffies_to_msecs(2));
	/* The unit is no smaller than a millisecond.  The bound is high for busy machines. */
	KUNIT_EXPECT_LT(test, passed, 100000);

	began = host_time_ns();
	msleep(200);
	passed = host_time_ns() - began;
	/* msleep() counts ticks. */
	KUNIT_EXPECT_GE(test, passed, (200 - jiffies_to_msecs(2)) * NSEC_PER_MSEC);
	KUNIT_EXPECT_LT(test, passed, 100 * NSEC_PER_SEC);
}

static void shared_copy_copies_exactly(struct kunit *test)
{
	u32 from[64], to[66];
	u32 words, i;

	for (i = 0; i < ARRAY_SIZE(from); i++)
		from[i] = 0x01010101u * i + 1;
	for (words = 0; words <= ARRAY_SIZE(from); words++) {
		memset(to, 0xee, sizeof(to));
		host_shared_copy(to + 1, from, words * sizeof(*from));
		KUNIT_EXPECT_EQ(test, 0xeeeeeeee, to[0]);
		KUNIT_EXPECT_EQ(test, 0xeeeeeeee, to[words + 1]);
		if (words)
			KUNIT_EXPECT_MEMEQ(test, to + 1, from, words * sizeof(*from));
	}
}

static void shared_indices_are_kept(struct kunit *test)
{
	u32 index[3] = { 1, 2, 3 };

	host_shared_store_release(&index[1], 0xfffffffe);
	host_shared_fence();
	KUNIT_EXPECT_EQ(test, 0xfffffffe, host_shared_load_acquire(&index[1]));
	KUNIT_EXPECT_EQ(test, 1, index[0]);
	KUNIT_EXPECT_EQ(test, 3, index[2]);
}

/* XSA-216: padding of the shared slot keeps its bytes. */
static void response_leaves_the_padding(struct kunit *test)
{
	static const u8 wanted[16] = { 8,    7,	   6,	 5,    4,    3,	   2,	 1,
				       0x55, 0xee, 0xfe, 0xff, 0xee, 0xee, 0xee, 0xee };
	u8 slot[16] __aligned(8);

	memset(slot, 0xee, sizeof(slot));
	host_shared_respond(slot, 0x0102030405060708, 0x55, -2);
	KUNIT_EXPECT_MEMEQ(test, slot, wanted, sizeof(slot));
}

static struct kunit_case lock_cases[] = {
	KUNIT_CASE(lock_turns_interrupts_off),
	KUNIT_CASE(locks_of_all_classes_nest),
	KUNIT_CASE(lock_excludes_others),
	{},
};

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_is_zeroed_whatever_was_there),
	KUNIT_CASE(memory_costs_what_the_allocator_hands_out),
	KUNIT_CASE(memory_that_was_tried_for_is_zeroed),
	KUNIT_CASE(trying_gives_up_when_memory_is_short),
	KUNIT_CASE(freeing_nothing_is_allowed),
	KUNIT_CASE(huge_memory_is_virtually_contiguous),
	{},
};

static struct kunit_case time_cases[] = {
	KUNIT_CASE(time_goes_on_and_never_back),
	{},
};

static struct kunit_case shared_cases[] = {
	KUNIT_CASE(shared_copy_copies_exactly),
	KUNIT_CASE(shared_indices_are_kept),
	KUNIT_CASE(response_leaves_the_padding),
	{},
};

static struct kunit_suite lock_suite = {
	.name = "xen_blkback_linux_lock",
	.test_cases = lock_cases,
};

static struct kunit_suite memory_suite = {
	.name = "xen_blkback_linux_memory",
	.test_cases = memory_cases,
};

static struct kunit_suite time_suite = {
	.name = "xen_blkback_linux_time",
	.test_cases = time_cases,
};

static struct kunit_suite shared_suite = {
	.name = "xen_blkback_linux_shared",
	.test_cases = shared_cases,
};

kunit_test_suites(&lock_suite, &memory_suite, &time_suite, &shared_suite);
