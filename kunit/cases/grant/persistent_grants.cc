// SPDX-License-Identifier: GPL-2.0
#include "grant/persistent_grants.h"

#include "base/owned.h"
#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::Owned;
using blkback::PersistentGrant;
using blkback::PersistentGrantList;
using blkback::PersistentGrants;
using fake::host;

// Persistent grants without mappings: the cases check the bookkeeping only.
class Cache {
 public:
  Cache() = default;
  ~Cache() {
    grants.purge_idle(purged);
    while (purged_gref() != 0) {
    }
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  PersistentGrant* enter(uint32_t gref) {
    const auto entered = grants.enter(gref, gref + 1000, &page_, limits);
    return entered ? *entered : nullptr;
  }
  int error_of(uint32_t gref) {
    const auto entered = grants.enter(gref, gref + 1000, &page_, limits);
    return entered ? 0 : entered.error().number;
  }
  // Enters the grants `from` to `to`.  Each becomes idle one millisecond after the one before.
  void enter_idle(uint32_t from, uint32_t to) {
    for (uint32_t gref = from; gref <= to; ++gref) {
      if (PersistentGrant* grant = enter(gref)) grants.put(*grant, ++now_ms);
    }
  }
  uint32_t purge() {
    grants.purge_due(limits, now_ms, purged);
    return purged.size();
  }
  // The grant reference of the next purged grant; 0: there is none.
  uint32_t purged_gref() {
    const Owned<PersistentGrant> grant(purged.pop_front());
    return grant ? grant->gref() : 0;
  }

  blkback::Account account;
  PersistentGrants grants{account};
  PersistentGrantList purged;
  PersistentGrants::Limits limits{.max_grants = 100, .unused_ms = 60000};
  uint64_t now_ms = 5000000;

 private:
  host_page page_;
};

TEST(PersistentGrants, FindsNothingAtFirst) {
  Cache cache;
  EXPECT_EQ(cache.grants.count(), 0u);
  EXPECT_TRUE(cache.grants.use(1) == nullptr);
}

TEST(PersistentGrants, KeepsWhatIsNeededToUnmap) {
  Cache cache;
  PersistentGrant* grant = cache.enter(42);
  ASSERT_TRUE(grant != nullptr);
  EXPECT_EQ(grant->gref(), 42u);
  EXPECT_EQ(grant->handle, 1042u);
  EXPECT_TRUE(grant->page != nullptr);
  cache.grants.put(*grant, cache.now_ms);
}

TEST(PersistentGrants, AnEnteredGrantIsInUseOnce) {
  Cache cache;
  PersistentGrant* grant = cache.enter(42);
  ASSERT_TRUE(grant != nullptr);
  EXPECT_EQ(grant->uses, 1u);
  EXPECT_EQ(cache.grants.count(), 1u);
  cache.grants.put(*grant, cache.now_ms);
  EXPECT_EQ(grant->uses, 0u);
}

TEST(PersistentGrants, FindsAGrantByItsReference) {
  Cache cache;
  cache.enter_idle(1, 20);
  PersistentGrant* grant = cache.grants.use(13);
  ASSERT_TRUE(grant != nullptr);
  EXPECT_EQ(grant->gref(), 13u);
  EXPECT_EQ(grant->uses, 1u);
  cache.grants.put(*grant, cache.now_ms);
}

TEST(PersistentGrants, TwoRequestsCanUseTheSameGrant) {
  Cache cache;
  PersistentGrant* grant = cache.enter(5);
  ASSERT_TRUE(cache.grants.use(5) == grant);
  EXPECT_EQ(grant->uses, 2u);
  cache.grants.put(*grant, cache.now_ms);
  cache.grants.purge_idle(cache.purged);
  EXPECT_TRUE(cache.purged.empty());
  cache.grants.put(*grant, cache.now_ms);
  cache.grants.purge_idle(cache.purged);
  EXPECT_EQ(cache.purged.size(), 1u);
}

TEST(PersistentGrants, ADuplicateIsRefusedWithEinval) {
  Cache cache;
  cache.enter_idle(5, 5);
  EXPECT_EQ(cache.error_of(5), -22);
  EXPECT_EQ(cache.grants.count(), 1u);
}

TEST(PersistentGrants, ADuplicateIsRefusedWithEinvalEvenWhenFull) {
  Cache cache;
  cache.limits.max_grants = 1;
  cache.enter_idle(5, 5);
  EXPECT_EQ(cache.error_of(5), -22);
  EXPECT_EQ(cache.purge(), 0u);
}

TEST(PersistentGrants, AFullCacheAnswersEbusy) {
  Cache cache;
  cache.limits.max_grants = 3;
  cache.enter_idle(1, 3);
  EXPECT_EQ(cache.error_of(4), -16);
  EXPECT_EQ(cache.grants.count(), 3u);
  EXPECT_TRUE(cache.grants.use(4) == nullptr);
}

TEST(PersistentGrants, ALimitOfZeroKeepsNothing) {
  Cache cache;
  cache.limits.max_grants = 0;
  EXPECT_EQ(cache.error_of(1), -16);
  EXPECT_EQ(cache.purge(), 0u);
  EXPECT_EQ(cache.grants.count(), 0u);
}

TEST(PersistentGrants, NoMemoryForTheNodeAnswersEnomem) {
  Cache cache;
  host().failing.insert("host_alloc");
  EXPECT_EQ(cache.error_of(1), -12);
  EXPECT_EQ(cache.grants.count(), 0u);
  host().failing.clear();
  EXPECT_EQ(cache.purge(), 0u);
}

TEST(PersistentGrants, NothingIsPurgedWithinTheLimits) {
  Cache cache;
  cache.enter_idle(1, 100);
  EXPECT_EQ(cache.purge(), 0u);
  EXPECT_EQ(cache.grants.count(), 100u);
}

TEST(PersistentGrants, WhenThereWasNoRoomFivePercentGo) {
  Cache cache;
  cache.enter_idle(1, 100);
  ASSERT_EQ(cache.error_of(101), -16);
  EXPECT_EQ(cache.purge(), 5u);
  EXPECT_EQ(cache.grants.count(), 95u);
}

TEST(PersistentGrants, WhenThereWasNoRoomAtLeastOneGoes) {
  Cache cache;
  cache.limits.max_grants = 3;
  cache.enter_idle(1, 3);
  ASSERT_EQ(cache.error_of(4), -16);
  EXPECT_EQ(cache.purge(), 1u);
}

TEST(PersistentGrants, FivePercentGoOnlyOncePerShortage) {
  Cache cache;
  cache.enter_idle(1, 100);
  ASSERT_EQ(cache.error_of(101), -16);
  ASSERT_EQ(cache.purge(), 5u);
  cache.now_ms += 1000;
  EXPECT_EQ(cache.purge(), 5u);
}

TEST(PersistentGrants, ALastingShortagePurgesOnlySoOften) {
  Cache cache;
  cache.enter_idle(1, 100);
  ASSERT_EQ(cache.error_of(101), -16);
  ASSERT_EQ(cache.purge(), 5u);
  cache.enter_idle(201, 205);
  ASSERT_EQ(cache.error_of(206), -16);
  EXPECT_EQ(cache.purge(), 5u);
  cache.now_ms += PersistentGrants::kPurgeIntervalMs;
  EXPECT_EQ(cache.purge(), 10u);
}

TEST(PersistentGrants, ALastingShortagePurgesAgainAfter100Milliseconds) {
  Cache cache;
  cache.enter_idle(1, 100);
  ASSERT_EQ(cache.error_of(101), -16);
  const uint64_t first = cache.now_ms;
  ASSERT_EQ(cache.purge(), 5u);
  cache.enter_idle(201, 205);
  ASSERT_EQ(cache.error_of(206), -16);
  cache.now_ms = first + 99;
  EXPECT_EQ(cache.purge(), 5u);
  cache.now_ms = first + 100;
  EXPECT_EQ(cache.purge(), 10u);
}

TEST(PersistentGrants, TheLeastRecentlyUsedGoFirst) {
  Cache cache;
  cache.enter_idle(1, 100);
  // Grants 1 to 3 are used again: 4 is now the oldest.
  for (uint32_t gref = 1; gref <= 3; ++gref) {
    PersistentGrant* grant = cache.grants.use(gref);
    ASSERT_TRUE(grant != nullptr);
    cache.grants.put(*grant, ++cache.now_ms);
  }
  ASSERT_EQ(cache.error_of(101), -16);
  ASSERT_EQ(cache.purge(), 5u);
  for (uint32_t gref = 4; gref <= 8; ++gref) EXPECT_EQ(cache.purged_gref(), gref);
}

TEST(PersistentGrants, GrantsInUseAreNeverPurged) {
  Cache cache;
  cache.limits.max_grants = 4;
  cache.enter_idle(1, 4);
  PersistentGrant* used[4];
  for (uint32_t i = 0; i < 4; ++i) used[i] = cache.grants.use(i + 1);
  ASSERT_EQ(cache.error_of(5), -16);
  cache.now_ms += 1000000;
  EXPECT_EQ(cache.purge(), 0u);
  cache.grants.purge_idle(cache.purged);
  EXPECT_TRUE(cache.purged.empty());
  for (PersistentGrant* grant : used) cache.grants.put(*grant, cache.now_ms);
}

TEST(PersistentGrants, ALoweredLimitPurgesTheExcess) {
  Cache cache;
  cache.enter_idle(1, 50);
  cache.limits.max_grants = 20;
  EXPECT_EQ(cache.purge(), 30u);
  EXPECT_EQ(cache.grants.count(), 20u);
  EXPECT_EQ(cache.purged_gref(), 1u);
}

TEST(PersistentGrants, AGrantThatWasPurgedIsNotFoundAnyMore) {
  Cache cache;
  cache.enter_idle(1, 2);
  cache.limits.max_grants = 1;
  ASSERT_EQ(cache.purge(), 1u);
  EXPECT_TRUE(cache.grants.use(1) == nullptr);
  PersistentGrant* kept = cache.grants.use(2);
  ASSERT_TRUE(kept != nullptr);
  cache.grants.put(*kept, cache.now_ms);
}

TEST(PersistentGrants, AGrantThatWasPurgedCanBeEnteredAgain) {
  Cache cache;
  cache.enter_idle(1, 1);
  cache.grants.purge_idle(cache.purged);
  ASSERT_EQ(cache.purged.size(), 1u);
  cache.enter_idle(1, 1);
  EXPECT_EQ(cache.grants.count(), 1u);
}

TEST(PersistentGrants, WhatIsUnusedForTooLongGoes) {
  Cache cache;
  cache.enter_idle(1, 3);
  cache.now_ms += 59999;
  EXPECT_EQ(cache.purge(), 2u);  // grant 3 lacks a millisecond; see enter_idle()
  cache.now_ms += 1;
  EXPECT_EQ(cache.purge(), 3u);
}

TEST(PersistentGrants, WithNoBoundOnIdlenessNothingGrowsTooOld) {
  Cache cache;
  cache.limits.unused_ms = 0;
  cache.enter_idle(1, 3);
  cache.now_ms += 1000000000;
  EXPECT_EQ(cache.purge(), 0u);
  EXPECT_FALSE(cache.grants.due_in_ms(cache.limits, cache.now_ms).has_value());
}

TEST(PersistentGrants, NothingIsDueWhenNothingIsIdle) {
  Cache cache;
  EXPECT_FALSE(cache.grants.due_in_ms(cache.limits, cache.now_ms).has_value());
  PersistentGrant* grant = cache.enter(1);
  ASSERT_TRUE(grant != nullptr);
  EXPECT_FALSE(cache.grants.due_in_ms(cache.limits, cache.now_ms).has_value());
  cache.grants.put(*grant, cache.now_ms);
}

TEST(PersistentGrants, TheNextPurgeIsDueWhenTheOldestIsTooOld) {
  Cache cache;
  cache.enter_idle(1, 1);
  EXPECT_EQ(cache.grants.due_in_ms(cache.limits, cache.now_ms).value_or(1), 60000u);
  EXPECT_EQ(cache.grants.due_in_ms(cache.limits, cache.now_ms + 59000).value_or(1), 1000u);
}

TEST(PersistentGrants, APurgeThatIsOverdueIsDueNow) {
  Cache cache;
  cache.enter_idle(1, 1);
  EXPECT_EQ(cache.grants.due_in_ms(cache.limits, cache.now_ms + 70000).value_or(1), 0u);
}

TEST(PersistentGrants, UseMakesAGrantYoungAgain) {
  Cache cache;
  cache.enter_idle(1, 1);
  cache.now_ms += 50000;
  PersistentGrant* grant = cache.grants.use(1);
  ASSERT_TRUE(grant != nullptr);
  cache.grants.put(*grant, cache.now_ms);
  cache.now_ms += 50000;
  EXPECT_EQ(cache.purge(), 0u);
}

TEST(PersistentGrants, TheOldestGoWhenSomeAreAskedFor) {
  Cache cache;
  cache.enter_idle(1, 5);
  PersistentGrant* used = cache.grants.use(1);
  cache.grants.purge_oldest(2, cache.purged);
  EXPECT_EQ(cache.purged_gref(), 2u);
  EXPECT_EQ(cache.purged_gref(), 3u);
  EXPECT_EQ(cache.purged_gref(), 0u);
  EXPECT_EQ(cache.grants.idle(), 2u);
  cache.grants.purge_oldest(10, cache.purged);
  EXPECT_EQ(cache.purged.size(), 2u);
  EXPECT_EQ(cache.grants.count(), 1u);
  cache.grants.put(*used, cache.now_ms);
}

}  // namespace
