// SPDX-License-Identifier: GPL-2.0
#include "grant/purger.h"

#include <memory>

#include "support/account.h"
#include "support/expectations.h"
#include "support/grant_fixture.h"

namespace {

using blkback::PersistentGrant;
using blkback::PersistentGrantList;
using blkback::Purger;
using fake::host;
using kunit::GrantFixture;
using kunit::GrantUse;
using kunit::Mapper;
using kunit::TestJob;

// A purger, and persistent grants for it to unmap.
class PurgeBench : public GrantFixture {
 public:
  PurgeBench()
      : GrantFixture(Mapper::Persistence::kNegotiated), purger(pool, {"7.xvda-0", log_limits}) {
    ready = purger.create().has_value();
    waiter.woken = false;
    purger.set_waiter(&waiter);
  }

  // Maps `count` grants persistently and takes them out of the tree.
  void prepare(uint32_t count) {
    const uint32_t gref = guest.grants(count);
    limits.max_grants = count;
    for (uint32_t i = 0; i < count; ++i) {
      TestJob job({gref + i});
      map({&job});
      release({&job});
    }
    mapper.persistent().purge_idle(purged);
    host().map_calls.clear();
  }

  Purger purger;
  host_thread waiter{};
  PersistentGrantList purged;
  bool ready = false;
};

TEST(Purger, UnmapsWhatIsHandedOver) {
  PurgeBench bench;
  bench.prepare(3);
  bench.purger.add(bench.purged);
  host().run();
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  EXPECT_TRUE(bench.purger.idle());
}

TEST(Purger, TakesTheListOver) {
  PurgeBench bench;
  bench.prepare(3);
  bench.purger.add(bench.purged);
  EXPECT_TRUE(bench.purged.empty());
  EXPECT_FALSE(bench.purger.idle());
  host().run();
}

TEST(Purger, UnmapsInItsWorkerAndNotInTheCaller) {
  PurgeBench bench;
  bench.prepare(1);
  bench.purger.add(bench.purged);
  EXPECT_TRUE(host().unmap_calls.empty());
  host().run();
  EXPECT_EQ(host().unmap_calls.size(), 1u);
}

TEST(Purger, AnEmptyListDoesNotWakeTheWorker) {
  PurgeBench bench;
  bench.purger.add(bench.purged);
  EXPECT_TRUE(host().works.empty());
  EXPECT_TRUE(bench.purger.idle());
}

TEST(Purger, PagesGoToThePool) {
  PurgeBench bench;
  bench.prepare(5);
  bench.purger.add(bench.purged);
  host().run();
  EXPECT_EQ(bench.pool.free_pages(), 5u);
}

TEST(Purger, UnmapsManyInBatches) {
  PurgeBench bench;
  bench.prepare(Purger::kBatch + 10);
  bench.purger.add(bench.purged);
  host().run();
  ASSERT_EQ(host().unmap_calls.size(), 2u);
  EXPECT_EQ(host().unmap_calls[0], Purger::kBatch);
  EXPECT_EQ(host().unmap_calls[1], 10u);
}

TEST(Purger, WakesTheWaiterWhenTheLastGrantIsUnmapped) {
  PurgeBench bench;
  bench.prepare(2);
  bench.purger.add(bench.purged);
  EXPECT_FALSE(bench.waiter.woken);
  host().run();
  EXPECT_TRUE(bench.waiter.woken);
}

TEST(Purger, APageThatTheStorageStackHoldsWaits) {
  PurgeBench bench;
  bench.prepare(2);
  host_page* held = bench.purged.front()->page;
  held->busy = true;
  bench.purger.add(bench.purged);
  host().run();
  EXPECT_EQ(bench.guest.all_mappings(), 1u);
  EXPECT_FALSE(bench.purger.idle());
  EXPECT_FALSE(bench.waiter.woken);
  held->busy = false;
  host().sleep(Purger::kHeldPageRetryMs);
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  EXPECT_TRUE(bench.waiter.woken);
}

TEST(Purger, WhileAllPagesAreHeldItMakesNoHypercall) {
  PurgeBench bench;
  bench.prepare(1);
  host_page* held = bench.purged.front()->page;
  held->busy = true;
  bench.purger.add(bench.purged);
  host().sleep(10 * Purger::kHeldPageRetryMs);
  EXPECT_TRUE(host().unmap_calls.empty());
  held->busy = false;
  host().sleep(Purger::kHeldPageRetryMs);
}

TEST(Purger, AFailedUnmapLosesThePageAndEndsAllTheSame) {
  PurgeBench bench;
  bench.prepare(2);
  host().sticky_handles.insert(bench.purged.front()->handle);
  bench.purger.add(bench.purged);
  host().run();
  EXPECT_TRUE(bench.purger.idle());
  EXPECT_TRUE(bench.waiter.woken);
  EXPECT_EQ(bench.pool.free_pages(), 1u);
  EXPECT_EQ(bench.purger.counters().lost_pages.get(), 1u);
}

TEST(Purger, CreationFailsCleanlyWithoutMemory) {
  kunit::TestPool pool;
  host().failing.insert("host_grant_scratch_alloc");
  blkback::LogLimits log_limits;
  Purger purger(pool, {"7.xvda-0", log_limits});
  EXPECT_FALSE(purger.create().has_value());
}

TEST(Unmapper, MakesNoHypercallWhenNothingWasAdded) {
  GrantFixture bench(Mapper::Persistence::kOff);
  blkback::GrantBatch batch;
  ASSERT_TRUE(batch.create(4).has_value());
  blkback::Unmapper unmapper(batch, {"7.xvda-0", bench.log_limits});
  unmapper.flush(bench.pool, bench.mapper.counters());
  EXPECT_TRUE(host().unmap_calls.empty());
}

TEST(Unmapper, AFullBatchIsFlushedBeforeTheNextIsAdded) {
  GrantFixture bench(Mapper::Persistence::kOff);
  blkback::GrantBatch batch;
  ASSERT_TRUE(batch.create(2).has_value());
  blkback::Unmapper unmapper(batch, {"7.xvda-0", bench.log_limits});
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  for (GrantUse& use : job.uses) {
    unmapper.add(use.page, use.handle, bench.pool, bench.mapper.counters());
  }
  EXPECT_EQ(host().unmap_calls.size(), 1u);
  unmapper.flush(bench.pool, bench.mapper.counters());
  ASSERT_EQ(host().unmap_calls.size(), 2u);
  EXPECT_EQ(host().unmap_calls[0], 2u);
  EXPECT_EQ(host().unmap_calls[1], 1u);
}

}  // namespace
