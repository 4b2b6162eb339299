// SPDX-License-Identifier: GPL-2.0
// A guest at its memory cap: which rings give way to those that wait, and when.
#include <algorithm>

#include "grant/persistent_grants.h"
#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/memory.h"
#include "support/reads.h"

namespace {

using blkback::PersistentGrants;
using fake::host;
using kunit::allow_beyond_floors;
using kunit::ask;
using kunit::calm;
using kunit::DeviceFixture;
using kunit::end_all;
using kunit::exact;
using kunit::Guest;
using kunit::HeldRings;
using kunit::memory_of;
using kunit::send_indirect;
using kunit::send_reads;
using kunit::served;
using kunit::set_cap_kib;

TEST(QueueCapRelief, AHigherCapEndsTheWait) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 0);
  send_indirect(bench.guest(), 1, 4, 40);
  ASSERT_EQ(host().held.size(), 1u);
  set_cap_kib(0);
  host().sleep(170);
  EXPECT_EQ(host().held.size(), 4u);
  end_all();
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
}

TEST(QueueCapRelief, ALowerCapTakesIdleMemoryAtOnceAndTheRestWhenItsRequestsEnd) {
  HeldRings bench({.queues = 2});
  ASSERT_TRUE(bench.connected);
  host().hold_io = false;
  (void)send_reads(bench.guest(0), 1, 20);
  host().hold_io = true;
  send_indirect(bench.guest(1), 1, 3, 40);
  ASSERT_EQ(host().held.size(), 3u);
  ASSERT_GT(memory_of(bench).beyond, 140 * PersistentGrants::cost());
  allow_beyond_floors(bench, 0);
  EXPECT_EQ(bench.guest(0).all_mappings(), 0u);
  EXPECT_GE(bench.guest(1).all_mappings(), 120u);
  EXPECT_TRUE(exact(bench));
  end_all();
  EXPECT_EQ(memory_of(bench).beyond, 0u);
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(served(bench.guest(1), 1, 3), 3u);
  EXPECT_TRUE(calm(bench));
}

// Its free pages, blocks and idle grants are what the other ring waits for.
TEST(QueueCapRelief, AnIdleRingOfTheGuestGivesWayToOneThatWaits) {
  HeldRings bench({.queues = 2, .ring_order = 1});
  ASSERT_TRUE(bench.connected);
  host().hold_io = false;
  (void)send_reads(bench.guest(0), 1, 60);
  host().hold_io = true;
  ASSERT_EQ(bench.guest(0).all_mappings(), 60u);
  allow_beyond_floors(bench, 60 * PersistentGrants::cost());
  send_indirect(bench.guest(1), 1, 3, 40);
  EXPECT_EQ(host().held.size(), 1u);
  host().sleep(1000);
  EXPECT_EQ(host().held.size(), 3u);
  EXPECT_LT(bench.guest(0).all_mappings(), 60u);
  end_all();
  EXPECT_EQ(served(bench.guest(1), 1, 3), 3u);
}

TEST(QueueCapRelief, AnotherDiskOfTheGuestGivesWayToOneThatWaits) {
  DeviceFixture idle({.ring_order = 1});
  HeldRings bench({.persistent = false, .disk = 1});
  ASSERT_TRUE(idle.connect());
  ASSERT_TRUE(bench.connected);
  host().hold_io = false;
  (void)send_reads(idle.guest(), 1, 60);
  host().hold_io = true;
  ASSERT_EQ(idle.guest().all_mappings(), 60u);
  allow_beyond_floors(bench, 60 * PersistentGrants::cost());
  send_indirect(bench.guest(), 1, 3, 40);
  host().sleep(1000);
  EXPECT_EQ(host().held.size(), 3u);
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(memory_of(idle).used, memory_of(bench).used);
  end_all();
  EXPECT_EQ(served(bench.guest(), 1, 3), 3u);
  EXPECT_TRUE(calm(idle) && calm(bench));
}

TEST(QueueCapRelief, ADiskThatIsAttachedTakesIdleMemoryAtOnce) {
  DeviceFixture idle({.ring_order = 1});
  ASSERT_TRUE(idle.connect());
  (void)send_reads(idle.guest(), 1, 60);
  ASSERT_EQ(idle.guest().all_mappings(), 60u);
  allow_beyond_floors(idle, 60 * PersistentGrants::cost());
  DeviceFixture bench({.disk = 1});
  ASSERT_TRUE(bench.connect());
  EXPECT_LT(idle.guest().all_mappings(), 60u);
  EXPECT_LE(memory_of(bench).floors + memory_of(bench).beyond,
            std::max(memory_of(bench).cap, memory_of(bench).floors));
  EXPECT_TRUE(exact(bench));
}

TEST(QueueCapRelief, AGuestAtItsCapCostsAnotherGuestNothing) {
  HeldRings bench({.persistent = false});
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connected);
  ASSERT_TRUE(other.connect());
  host().hold_io = false;
  (void)send_reads(other.guest(), 1, 20);
  host().hold_io = true;
  bench.device().backend["max-guest-memory-kb"] = "1";
  driver_parameters_changed();
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  host().hold_io = false;
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const driver_memory_info before = memory_of(other);
  EXPECT_EQ(before.cap, 0u);
  send_indirect(bench.guest(), 1, 4, 40);
  host().sleep(2000);
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_EQ(other.guest().all_mappings(), 20u);
  EXPECT_EQ(memory_of(other).used, before.used);
  EXPECT_EQ(memory_of(other).refusals, 0u);
  end_all();
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
}

// Without a share of its own, the second ring would never find so many pages at once.
TEST(QueueCapRelief, ABusyRingDoesNotStarveAnotherOne) {
  HeldRings bench({.queues = 2, .ring_order = 2, .persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 200000);
  uint64_t id = 0;
  const auto keep_busy = [&] {
    const uint32_t gref = bench.guest(0).grants(11);
    ++id;
    auto request = ask(BLKIF_OP_READ, id, 8 * id, {});
    request.count = 11;
    for (uint32_t i = 0; i < 11; ++i) request.parts[i] = {gref + i};
    bench.guest(0).send(request);
    host().run();
  };
  while (id < 60) keep_busy();
  send_indirect(bench.guest(1), 1, 1, 256);
  for (uint32_t i = 0; i < 400 && bench.guest(1).status_of(1) == Guest::kNoAnswer; ++i) {
    ASSERT_FALSE(host().held.empty());
    host().complete(0);
    host().sleep(2);
    bench.guest(0).read_answers();
    bench.guest(1).read_answers();
    keep_busy();
  }
  EXPECT_EQ(bench.guest(1).status_of(1), BLKIF_RSP_OKAY);
  end_all();
  EXPECT_TRUE(calm(bench));
}

}  // namespace
