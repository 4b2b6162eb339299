// SPDX-License-Identifier: GPL-2.0
// A guest at its memory cap: each kind of memory is refused, and nothing fails.
#include <algorithm>

#include "queue/resources.h"
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/memory.h"
#include "support/reads.h"

namespace {

using blkback::PersistentGrants;
using blkback::Resources;
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
using kunit::send_full_reads;
using kunit::send_indirect;
using kunit::send_reads;
using kunit::served;
using kunit::set_cap_kib;

TEST(QueueCap, NoGrantBecomesPersistentAtTheCap) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  // 1023 bytes may be left over, which is less than a grant.
  allow_beyond_floors(bench, 3 * PersistentGrants::cost());
  (void)send_reads(bench.guest(), 1, 8);
  EXPECT_EQ(served(bench.guest(), 1, 8), 8u);
  // One of the three was unmapped to make room for another one.
  EXPECT_EQ(bench.guest().all_mappings(), 2u);
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(memory_of(bench).beyond, 2 * PersistentGrants::cost());
  EXPECT_GT(memory_of(bench).refusals, 0u);
  EXPECT_TRUE(calm(bench));
}

// As at max_persistent_grants: a guest that uses other pages now gets them mapped persistently.
TEST(QueueCap, TheOldestIdleGrantsMakeRoomForOthers) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  allow_beyond_floors(bench, 20 * PersistentGrants::cost());
  const uint32_t old = send_reads(bench.guest(), 1, 20);
  ASSERT_EQ(bench.guest().all_mappings(), 20u);
  const uint32_t gref = bench.guest().grant();
  for (uint64_t id = 100; id < 104; ++id) {
    bench.guest().send(ask(BLKIF_OP_READ, id, 0, {{gref}}));
    host().sleep(110);
    EXPECT_EQ(bench.guest().status_of(id), BLKIF_RSP_OKAY);
  }
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  EXPECT_EQ(bench.guest().mappings(old), 0u);
  EXPECT_TRUE(exact(bench));
}

TEST(QueueCap, PagesBeyondTheFloorAreRefusedAndTheRequestsWait) {
  HeldRings bench({.ring_order = 1, .persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 0);
  const uint32_t fit = Resources::kFloorPages / 11;
  send_full_reads(bench.guest(), 1, fit + 2);
  EXPECT_EQ(host().held.size(), fit);
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(memory_of(bench).beyond, 0u);
  EXPECT_EQ(host().logged("at its memory cap"), 1u);
  host().sleep(30000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  end_all();
  EXPECT_EQ(served(bench.guest(), 1, fit + 2), fit + 2);
  EXPECT_TRUE(calm(bench));
}

TEST(QueueCap, BlocksBeyondTheReserveAreRefusedAndTheRequestsWait) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 0);
  send_indirect(bench.guest(), 1, 4, 40);
  EXPECT_EQ(host().held.size(), 1u);
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(memory_of(bench).beyond, 0u);
  host().sleep(30000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  // The waiting requests start the moment that the first one has ended.
  for (uint32_t i = 1; i <= 4; ++i) {
    ASSERT_EQ(host().held.size(), 1u);
    host().complete(0);
    host().run();
    bench.guest().read_answers();
    EXPECT_EQ(bench.guest().answers(), i);
  }
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
  EXPECT_TRUE(calm(bench));
}

TEST(QueueCap, BuffersBeyondTheReserveAreRefusedAndTheRequestsGoInParts) {
  host().geometry.stable_writes = 1;
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 0);
  for (uint64_t id = 1; id <= 3; ++id) bench.write(0, id);
  EXPECT_EQ(host().held.size(), 1u);
  EXPECT_EQ(host().buffers_out, blkback::Bounce::kReservePages);
  const uint32_t gref = bench.guest().grants(30);
  for (uint32_t i = 0; i < 30; ++i) bench.guest().fill(gref + i, 0x11);
  bench.guest().send(bench.guest().indirect(BLKIF_OP_WRITE, 4, 800, gref, 30));
  host().sleep(30000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  EXPECT_TRUE(exact(bench));
  end_all();
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
  EXPECT_TRUE(kunit::disk_holds(800, 240, 0x11));
  EXPECT_TRUE(calm(bench));
}

// Nothing is allocated and nothing charged for a request of a guest that is served already.
TEST(QueueCap, ARequestThatAllocatesNothingTouchesNoAccount) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  allow_beyond_floors(bench, 0);
  (void)send_reads(bench.guest(), 1, 8);
  const driver_memory_info before = memory_of(bench);
  const size_t allocations = host().page_allocations.size();
  for (uint64_t id = 100; id < 120; ++id) {
    (void)send_reads(bench.guest(), 1000 + id, 1);
  }
  EXPECT_EQ(memory_of(bench).used, before.used);
  EXPECT_EQ(host().page_allocations.size(), allocations);
}

TEST(QueueCap, NearTheCapNoPagesAreKeptBeyondTheFloor) {
  HeldRings bench({.ring_order = 1, .persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 20 * HOST_PAGE_BYTES);
  send_full_reads(bench.guest(), 1, 25);
  ASSERT_EQ(host().held.size(), 25u);
  ASSERT_EQ(memory_of(bench).beyond, 18u * HOST_PAGE_BYTES);
  end_all();
  EXPECT_LT(memory_of(bench).beyond, 8u * HOST_PAGE_BYTES);
  EXPECT_GE(host().pages_out, Resources::kFloorPages);
}

TEST(QueueCap, FreePagesMakeRoomForBlocksAndBuffers) {
  for (const bool copies : {false, true}) {
    host().geometry.stable_writes = copies ? 1 : 0;
    HeldRings bench({.ring_order = 1, .persistent = false});
    ASSERT_TRUE(bench.connected);
    // 7 pages are kept, and one block or one page of a buffer fits beside them.
    allow_beyond_floors(bench, 7 * HOST_PAGE_BYTES + (copies ? 4200 : 16000));
    set_cap_kib(memory_of(bench).cap / 1024 + 100);
    send_full_reads(bench.guest(), 1, 24);
    end_all();
    ASSERT_EQ(memory_of(bench).beyond, 7u * HOST_PAGE_BYTES);
    set_cap_kib(memory_of(bench).cap / 1024 - 100);
    ASSERT_EQ(memory_of(bench).beyond, 7u * HOST_PAGE_BYTES);
    Guest& guest = bench.guest();
    for (uint64_t id = 100; id < 103; ++id) {
      if (copies) {
        guest.put(ask(BLKIF_OP_WRITE, id, id * 8, {{guest.grant()}}));
      } else {
        guest.put(guest.indirect(BLKIF_OP_READ, id, 0, guest.grants(40), 40));
      }
    }
    guest.show();
    guest.kick();
    host().run();
    EXPECT_EQ(host().held.size(), 3u);
    EXPECT_TRUE(exact(bench));
    end_all();
    EXPECT_EQ(served(guest, 100, 3), 3u);
    bench.remove();
    set_cap_kib(0);
  }
}

// A disk that is slow is no reason to fail what waits at the cap.
TEST(QueueCap, WithoutACapAMissingBlockCostsNoFreePages) {
  DeviceFixture bench({.ring_order = 4, .persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  send_full_reads(bench.guest(), 1, 40);
  host().complete_all();
  host().run();
  const uint32_t pages = host().pages_out;
  EXPECT_GT(pages, Resources::kFloorPages);
  host().tries_left = 0;
  send_indirect(bench.guest(), 100, 2, 200);
  EXPECT_EQ(host().pages_out, pages);
  host().tries_left = UINT32_MAX;
  end_all();
  EXPECT_EQ(served(bench.guest(), 100, 2), 2u);
}

TEST(QueueCap, AClosingRingFailsNothingThatWaitsForItsOwnRequests) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  allow_beyond_floors(bench, 0);
  send_indirect(bench.guest(), 1, 4, 40);
  bench.tell(HOST_XENBUS_CLOSING);
  bench.tell(HOST_XENBUS_CLOSED);
  host().run();
  for (uint32_t i = 0; i < 4; ++i) {
    host().sleep(4000);
    host().sleep(4000);
    ASSERT_EQ(host().held.size(), 1u);
    host().complete(0);
    host().run();
  }
  bench.guest().read_answers();
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

// The worst legal demand: all slots of all rings with the largest requests, at each cap.
TEST(QueueCap, TheWorstDemandStaysBelowEachCapAndIsServed) {
  for (const uint64_t beyond_kib : {0u, 16u, 300u, 2000u, 8000u}) {
    HeldRings bench({.queues = 2, .ring_order = 0});
    ASSERT_TRUE(bench.connected);
    allow_beyond_floors(bench, beyond_kib * 1024);
    const uint64_t cap = memory_of(bench).cap;
    for (uint32_t queue = 0; queue < 2; ++queue) {
      send_indirect(bench.guest(queue), 1, bench.guest(queue).slots(), 256);
    }
    uint64_t most = 0;
    for (uint32_t ended = 0; ended < 2000; ++ended) {
      most = std::max(most, memory_of(bench).used);
      if (!exact(bench)) break;
      if (host().held.empty()) {
        host().sleep(170);
        if (host().held.empty()) break;
      }
      host().complete(host().held.size() / 2);
      host().run();
    }
    for (uint32_t queue = 0; queue < 2; ++queue) {
      const uint32_t slots = bench.guest(queue).slots();
      bench.guest(queue).read_answers();
      EXPECT_EQ(served(bench.guest(queue), 1, slots), slots);
    }
    EXPECT_LE(most, cap);
    EXPECT_TRUE(calm(bench));
    host().hold_io = false;
    bench.remove();
    bench.drain();
    host().log.clear();
    EXPECT_EQ(host().memory_bytes(), 0u);
    set_cap_kib(0);
  }
}

}  // namespace
