// SPDX-License-Identifier: GPL-2.0
// The purger, running concurrently with the thread of a queue.
#include "grant/purger.h"

#include <gtest/gtest.h>

#include "support/account.h"
#include "threads/frontend.h"

namespace {

using blkback::GrantJob;
using blkback::GrantUse;
using blkback::Mapper;
using blkback::PagePool;
using blkback::PersistentGrantList;
using blkback::Purger;
using kunit::TestPool;
using threads::host;
using threads::random_below;

constexpr uint32_t kPatienceMs =
    static_cast<uint32_t>(threads::kPatience.count()) * 1000 * threads::kSpeed;

struct Job : GrantJob {
  GrantUse grants[20];
};

// Does what a queue's thread does: hands the grants that it gives up to the purger, and
// at its end waits until all are unmapped.  False when a mapping fails or the wake-up
// does not come.
bool map_and_purge(PagePool& pool, Purger& purger, host_thread& thread, uint32_t first_gref) {
  blkback::LogLimits log_limits;
  Mapper mapper(7, Mapper::Persistence::kNegotiated, pool, {"7.xvda-0", log_limits});
  if (!mapper.create().has_value()) return false;
  thread.become();
  for (uint32_t turn = 0; turn < 300; ++turn) {
    Job job;
    uint32_t count = 0;
    for (GrantUse& use : job.grants) use.gref = first_gref + (turn + count++) % 30;
    job.uses = job.grants;
    GrantJob* jobs[] = {&job};
    mapper.map(jobs, {.max_grants = 25, .unused_ms = 60000}, turn);
    if (job.outcome != GrantJob::Outcome::kMapped) return false;
    // Now and then the storage stack still holds a page of the job.
    if (random_below(8) == 0) job.grants[0].page->busy.store(2, std::memory_order_relaxed);
    while (Mapper::busy(job)) std::this_thread::yield();
    mapper.release(jobs, turn);
    PersistentGrantList purged;
    if (random_below(4) == 0) {
      mapper.persistent().purge_idle(purged);
    } else {
      mapper.persistent().purge_due({.max_grants = 25, .unused_ms = 10}, turn, purged);
    }
    purger.add(purged);
  }
  PersistentGrantList purged;
  mapper.persistent().purge_idle(purged);
  purger.add(purged);
  for (;;) {
    host_thread_clear_wakeups(&thread);
    if (purger.idle()) return true;
    if (!thread.sleep(kPatienceMs)) return false;
  }
}

TEST(ThreadsPurger, UnmapsBesideTheQueueAndWakesItAtTheEnd) {
  for (int round = 0; round < 5; ++round) {
    threads::Frontend guest(1);
    TestPool pool;
    host_thread thread;
    blkback::LogLimits log_limits;
    Purger purger(pool, {"7.xvda-0", log_limits});
    ASSERT_TRUE(purger.create().has_value());
    purger.set_waiter(&thread);
    bool ended = false;
    std::atomic<bool> over{false};
    uint64_t before = 0;
    threads::together({[&] {
                         ended = map_and_purge(pool, purger, thread, guest.gref_of(0));
                         over = true;
                       },
                       [&] {
                         // The statistics line in the log reads the counters like this.
                         while (!over) {
                           const uint64_t now = purger.counters().unmapped.get();
                           EXPECT_GE(now, before);
                           before = now;
                           pool.shrink_free_pagepool(random_below(20));
                           std::this_thread::yield();
                         }
                       }});
    ASSERT_TRUE(ended);
    EXPECT_TRUE(purger.idle());
    EXPECT_EQ(host().mapped, 0);
  }
}

TEST(ThreadsPurger, SeveralPurgersShareAPool) {
  TestPool pool;
  std::unique_ptr<threads::Frontend> guests[3];
  for (uint32_t i = 0; i < 3; ++i) guests[i] = std::make_unique<threads::Frontend>(1 + i);
  bool ended[3] = {};
  const auto queue = [&](uint32_t me) {
    host_thread thread;
    blkback::LogLimits log_limits;
    Purger purger(pool, {"7.xvda-0", log_limits});
    if (!purger.create().has_value()) return;
    purger.set_waiter(&thread);
    ended[me] = map_and_purge(pool, purger, thread, guests[me]->gref_of(0));
  };
  threads::together({[&] { queue(0); }, [&] { queue(1); }, [&] { queue(2); }});
  for (const bool it : ended) EXPECT_TRUE(it);
  EXPECT_EQ(host().mapped, 0);
  EXPECT_EQ(pool.free_pages(), host().pages_out);
}

}  // namespace
