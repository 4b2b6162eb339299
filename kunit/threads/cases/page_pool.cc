// SPDX-License-Identifier: GPL-2.0
#include "grant/page_pool.h"

#include <gtest/gtest.h>

#include "support/account.h"
#include "threads/frontend.h"

namespace {

using blkback::PagePool;
using kunit::TestPool;
using threads::host;
using threads::random_below;

// Takes some pages, uses them as their only owner, and gives them back.
void use_pages(PagePool& pool, uint32_t mark, uint32_t& wrong) {
  host_page* pages[40];
  const std::span<host_page*> wanted(pages, 1 + random_below(40));
  if (!pool.get(wanted, 0).has_value()) {
    ++wrong;
    return;
  }
  for (host_page* page : wanted) page->gref = mark;
  std::this_thread::yield();
  for (const host_page* page : wanted) wrong += page->gref != mark ? 1 : 0;
  pool.put(wanted);
}

TEST(ThreadsPagePool, NoPageIsLostOrHandedOutTwice) {
  TestPool pool;
  uint32_t wrong[4] = {};
  const auto user = [&pool, &wrong](uint32_t me) {
    for (int i = 0; i < 1500; ++i) use_pages(pool, me, wrong[me]);
  };
  threads::together({[&] { user(0); }, [&] { user(1); }, [&] { user(2); }, [&] { user(3); }});
  for (const uint32_t count : wrong) EXPECT_EQ(count, 0u);
  EXPECT_EQ(pool.free_pages(), host().pages_out);
}

TEST(ThreadsPagePool, WhoWaitsIsWokenBesideOthersThatBeginAndEndToWait) {
  TestPool pool;
  std::atomic<uint32_t> rings{3};
  const auto ring = [&] {
    host_thread thread;
    PagePool::Waiter waiter;
    thread.become();
    for (int i = 0; i < 200; ++i) {
      pool.wait(waiter, &thread);
      while (!waiter.told()) (void)thread.sleep(10);
      pool.stop_waiting(waiter);
    }
    rings.fetch_sub(1);
  };
  const auto freer = [&] {
    while (rings != 0) pool.wake_waiters();
  };
  threads::together({ring, ring, ring, freer});
  EXPECT_EQ(rings, 0u);
}

TEST(ThreadsPagePool, ShrinkingBesideItsUsersLosesNothing) {
  TestPool pool;
  uint32_t wrong[2] = {};
  std::atomic<uint32_t> users{2};
  const auto user = [&](uint32_t me) {
    for (int i = 0; i < 2000; ++i) use_pages(pool, me, wrong[me]);
    users.fetch_sub(1);
  };
  const auto shrinker = [&] {
    while (users != 0) {
      pool.shrink_free_pagepool(random_below(30));
      std::this_thread::yield();
    }
  };
  threads::together({[&] { user(0); }, [&] { user(1); }, shrinker, shrinker});
  for (const uint32_t count : wrong) EXPECT_EQ(count, 0u);
  EXPECT_EQ(pool.free_pages(), host().pages_out);
  pool.shrink_free_pagepool(7);
  EXPECT_LE(pool.free_pages(), 7u);
  EXPECT_EQ(pool.free_pages(), host().pages_out);
}

}  // namespace
