// SPDX-License-Identifier: GPL-2.0
#include "grant/page_pool.h"

#include "fake_host/fake_host.h"
#include "support/account.h"
#include "support/expectations.h"

namespace {

using blkback::PagePool;
using fake::host;
using kunit::TestPool;

constexpr uint32_t kMany = 100;

// Puts `count` pages of the host into the pool.
bool stock(PagePool& pool, uint32_t count) {
  host_page* pages[kMany];
  if (!pool.get(std::span(pages, count), host().now_ms).has_value()) return false;
  pool.put(std::span<host_page* const>(pages, count));
  host().page_allocations.clear();
  return true;
}

TEST(PagePool, StartsEmptyAndAsksTheHostForNothing) {
  const TestPool pool;
  EXPECT_EQ(pool.free_pages(), 0u);
  EXPECT_TRUE(host().page_allocations.empty());
}

TEST(PagePool, AMissAllocatesAllThatIsMissingInOneCall) {
  TestPool pool;
  host_page* pages[40];
  ASSERT_TRUE(pool.get(pages, host().now_ms).has_value());
  ASSERT_EQ(host().page_allocations.size(), 1u);
  EXPECT_EQ(host().page_allocations[0], 40u);
  pool.put(pages);
}

TEST(PagePool, TakesWhatItHasAndAllocatesOnlyTheRest) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 10));
  host_page* pages[25];
  ASSERT_TRUE(pool.get(pages, host().now_ms).has_value());
  ASSERT_EQ(host().page_allocations.size(), 1u);
  EXPECT_EQ(host().page_allocations[0], 15u);
  EXPECT_EQ(pool.free_pages(), 0u);
  pool.put(pages);
}

TEST(PagePool, AllocatesNothingWhenItHasEnough) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 10));
  host_page* pages[10];
  ASSERT_TRUE(pool.get(pages, host().now_ms).has_value());
  EXPECT_TRUE(host().page_allocations.empty());
  pool.put(pages);
}

TEST(PagePool, HandsOutDifferentPages) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 3));
  host_page* pages[6] = {};
  ASSERT_TRUE(pool.get(pages, host().now_ms).has_value());
  for (uint32_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(pages[i] != nullptr);
    for (uint32_t j = 0; j < i; ++j) EXPECT_TRUE(pages[i] != pages[j]);
  }
  pool.put(pages);
}

TEST(PagePool, CountsWhatComesBack) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 7));
  EXPECT_EQ(pool.free_pages(), 7u);
}

TEST(PagePool, AFailedAllocationReturnsWhatWasTaken) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 10));
  host().failing.insert("host_page_alloc");
  host_page* pages[11];
  const auto got = pool.get(pages, host().now_ms);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().number, -12);
  EXPECT_EQ(pool.free_pages(), 10u);
}

TEST(PagePool, AFailedAllocationOnAnEmptyPoolTakesNothing) {
  TestPool pool;
  host().failing.insert("host_page_alloc");
  host_page* pages[2];
  EXPECT_FALSE(pool.get(pages, host().now_ms).has_value());
  EXPECT_EQ(pool.free_pages(), 0u);
  EXPECT_EQ(host().pages_out, 0u);
}

TEST(PagePool, WorksAgainAfterAFailure) {
  TestPool pool;
  host().fail_call = 1;
  host_page* pages[2];
  ASSERT_FALSE(pool.get(pages, host().now_ms).has_value());
  ASSERT_TRUE(pool.get(pages, host().now_ms + 10).has_value());
  pool.put(pages);
  EXPECT_EQ(pool.free_pages(), 2u);
}

TEST(PagePool, AskingForNoPagesSucceedsWithoutTheHost) {
  TestPool pool;
  EXPECT_TRUE(pool.get({}, host().now_ms).has_value());
  EXPECT_EQ(host().fallible_calls, 0u);
}

TEST(PagePool, ReturningNoPagesChangesNothing) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 1));
  pool.put({});
  EXPECT_EQ(pool.free_pages(), 1u);
}

TEST(PagePool, ShrinksToTheBoundAndNotFurther) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 50));
  pool.shrink_free_pagepool(20);
  EXPECT_EQ(pool.free_pages(), 20u);
  EXPECT_EQ(host().pages_out, 20u);
}

TEST(PagePool, ShrinksInBatches) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 2 * PagePool::kShrinkBatch + 5));
  pool.shrink_free_pagepool(0);
  ASSERT_EQ(host().page_frees.size(), 3u);
  EXPECT_EQ(host().page_frees[0], PagePool::kShrinkBatch);
  EXPECT_EQ(host().page_frees[1], PagePool::kShrinkBatch);
  EXPECT_EQ(host().page_frees[2], 5u);
}

TEST(PagePool, ABoundAboveWhatItHasGivesNothingBack) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 5));
  pool.shrink_free_pagepool(5);
  pool.shrink_free_pagepool(100);
  EXPECT_EQ(pool.free_pages(), 5u);
  EXPECT_TRUE(host().page_frees.empty());
}

TEST(PagePool, GivesEverythingBackWhenItDies) {
  {
    TestPool pool;
    ASSERT_TRUE(stock(pool, 70));
  }
  EXPECT_EQ(host().pages_out, 0u);
}

// How often the pool asks the host in `ms` milliseconds if a page is wanted every millisecond.
uint32_t asked_in(PagePool& pool, uint64_t from_ms, uint64_t ms) {
  host_page* page[1];
  const uint32_t calls = host().fallible_calls;
  for (uint64_t now = from_ms; now < from_ms + ms; ++now) {
    if (pool.get(page, now).has_value()) pool.put(page);
  }
  return host().fallible_calls - calls;
}

TEST(PagePool, ADryHostIsAskedLessAndLessOften) {
  TestPool pool;
  host().failing.insert("host_page_alloc");
  EXPECT_EQ(asked_in(pool, 1000, 10), 1u);
  // After delays of 10, 20, 40, 80, 160 and 320 ms, and from then on every 640 ms.
  EXPECT_EQ(asked_in(pool, 1010, 630), 6u);
  EXPECT_EQ(asked_in(pool, 1640, 6400), 10u);
}

TEST(PagePool, AHostThatHasPagesAgainIsAskedAsBefore) {
  TestPool pool;
  host().failing.insert("host_page_alloc");
  EXPECT_EQ(asked_in(pool, 1000, 630), 6u);
  host().failing.clear();
  host_page* pages[2];
  ASSERT_TRUE(pool.get(pages, 1630).has_value());
  pool.put(pages);
  pool.shrink_free_pagepool(0);
  host().failing.insert("host_page_alloc");
  EXPECT_FALSE(pool.get(pages, 1631).has_value());
  host().failing.clear();
  EXPECT_FALSE(pool.get(pages, 1640).has_value());
  ASSERT_TRUE(pool.get(pages, 1641).has_value());
  pool.put(pages);
}

TEST(PagePool, ADryHostMayHaveALittle) {
  TestPool pool;
  host().pages_left = 3;
  host_page* pages[8];
  EXPECT_FALSE(pool.get(std::span(pages, 8), 1000).has_value());
  EXPECT_FALSE(pool.get(std::span(pages, 5), 1000).has_value());
  ASSERT_TRUE(pool.get(std::span(pages, 3), 1000).has_value());
  pool.put(std::span<host_page* const>(pages, 3));
}

TEST(PagePool, WhatThePoolHasIsHadWhileTheHostIsDry) {
  TestPool pool;
  ASSERT_TRUE(stock(pool, 3));
  host().failing.insert("host_page_alloc");
  host_page* pages[4];
  EXPECT_FALSE(pool.get(pages, 1000).has_value());
  EXPECT_EQ(pool.free_pages(), 3u);
  ASSERT_TRUE(pool.get(std::span(pages, 3), 1000).has_value());
  pool.put(std::span<host_page* const>(pages, 3));
}

TEST(PagePool, AtTheCapARingKnowsWhetherOthersWait) {
  TestPool pool;
  PagePool::Waiter waiters[2];
  host_thread thread{};
  host_page* pages[1];
  pool.wait(waiters[0], &thread);
  EXPECT_FALSE(pool.others_wait_at_cap(false));
  pool.account().set_cap(1);
  EXPECT_EQ(pool.get(pages, host().now_ms).error().number, -blkback::kEdquot);
  EXPECT_TRUE(pool.others_wait_at_cap(false));
  EXPECT_FALSE(pool.others_wait_at_cap(true));
  pool.wait(waiters[1], &thread);
  EXPECT_TRUE(pool.others_wait_at_cap(true));
  pool.stop_waiting(waiters[0]);
  EXPECT_FALSE(pool.others_wait_at_cap(true));
  pool.stop_waiting(waiters[1]);
  EXPECT_FALSE(pool.others_wait_at_cap(false));
  // The next wait may be one for pages that the host lacks.
  pool.wait(waiters[0], &thread);
  EXPECT_FALSE(pool.others_wait_at_cap(false));
  pool.stop_waiting(waiters[0]);
}

TEST(PagePool, WhoWaitsIsWokenEachTimeUntilItWaitsNoMore) {
  TestPool pool;
  PagePool::Waiter waiter;
  host_thread thread{};
  thread.woken = false;
  pool.wake_waiters();
  EXPECT_FALSE(thread.woken);
  pool.wait(waiter, &thread);
  pool.wait(waiter, &thread);
  EXPECT_FALSE(waiter.told());
  for (int i = 0; i < 2; ++i) {
    pool.wake_waiters();
    EXPECT_TRUE(thread.woken);
    EXPECT_TRUE(waiter.told());
    EXPECT_FALSE(waiter.told());
    thread.woken = false;
  }
  pool.stop_waiting(waiter);
  pool.stop_waiting(waiter);
  pool.wake_waiters();
  EXPECT_FALSE(thread.woken);
}

}  // namespace
