// SPDX-License-Identifier: GPL-2.0
// The driver on a host whose memory comes slowly or in small pieces only, and with a disk whose
// queue is full.
#include "host/memory.h"

#include "support/complaints.h"
#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::Guest;

constexpr uint32_t kSingles = 12;
constexpr uint32_t kIndirect = 4;
constexpr uint32_t kSegments = 40;
constexpr uint64_t kLast = kSingles + kIndirect + 2;

// Sends writes and reads of one page, indirect ones, a flush and a barrier, with ids from 1 on.
void send_batch(Guest& guest) {
  uint64_t id = 0;
  const uint32_t gref = guest.grants(kSingles + kIndirect * kSegments + 1);
  for (uint32_t i = 0; i < kSingles; ++i) {
    guest.put(ask(i % 2 == 0 ? BLKIF_OP_WRITE : BLKIF_OP_READ, ++id, i * 8, {{gref + i}}));
  }
  for (uint32_t i = 0; i < kIndirect; ++i) {
    guest.put(guest.indirect(i % 2 == 0 ? BLKIF_OP_WRITE : BLKIF_OP_READ, ++id, 512 + i * 320,
                             gref + kSingles + i * kSegments, kSegments));
  }
  guest.put(ask(BLKIF_OP_FLUSH_DISKCACHE, ++id, 0, {}));
  guest.put(ask(BLKIF_OP_WRITE_BARRIER, ++id, 0, {{gref + kSingles + kIndirect * kSegments}}));
  guest.show();
  guest.kick();
}

uint32_t served(Guest& guest) {
  uint32_t okay = 0;
  for (uint64_t id = 1; id <= kLast; ++id) {
    if (guest.status_of(id) == BLKIF_RSP_OKAY) ++okay;
  }
  return okay;
}

void* try_once(size_t bytes) {
  void* memory = host_try_alloc(bytes);
  host_free(memory, bytes);
  return memory;
}

TEST(HostMemory, WhatCanOnlyBeTriedForMayBeSmallOrFew) {
  host().largest_try = 64;
  EXPECT_TRUE(try_once(64) != nullptr);
  EXPECT_TRUE(try_once(65) == nullptr);
  host().tries_left = 1;
  EXPECT_TRUE(try_once(8) != nullptr);
  EXPECT_TRUE(try_once(8) == nullptr);
  void* const must = host_alloc(128);
  EXPECT_TRUE(must != nullptr);
  host_free(must, 128);
}

TEST(HostMemory, WhatMustBeHadTakesTimeAndAsksDrivers) {
  host().alloc_ms = 300;
  uint32_t asked = 0;
  host().at_reclaim = [&asked] {
    ++asked;
    host_free(host_alloc(8), 8);  // does not call at_reclaim again
  };
  const uint64_t before = host().now_ms;
  host_free(host_alloc(8), 8);
  EXPECT_EQ(asked, 1u);
  EXPECT_EQ(host().now_ms, before + 600);
  host().at_reclaim = nullptr;
}

TEST(HostMemory, MemoryThatMustBeHadIsNotForAQueuesThread) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().at_copy = [](const void*, size_t) { host_free(host_alloc(8), 8); };
  const kunit::Complaints complaints;
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  host().at_copy = nullptr;
  EXPECT_TRUE(complaints.only("host_alloc in a queue's thread"));
}

TEST(MemoryShortage, ADeviceWhoseMemoryIsSlowToComeConnectsAndServes) {
  host().alloc_ms = 2000;
  DeviceFixture bench({.queues = 2, .ring_order = 1});
  const uint64_t before = host().now_ms;
  ASSERT_TRUE(bench.connect());
  EXPECT_GE(host().now_ms, before + 10000);
  send_batch(bench.guest());
  host().run();
  host().sleep(1000);
  EXPECT_EQ(served(bench.guest()), kLast);
  EXPECT_TRUE(bench.disconnect());
}

// The kernel may reclaim memory in the middle of any allocation, and then calls the driver.
TEST(MemoryShortage, ADeviceMayBeAskedForMemoryInTheMiddleOfItsOwnAllocation) {
  uint32_t asked = 0;
  {
    DeviceFixture bench({.queues = 2});
    ASSERT_EQ(bench.probe(), 0);
    host().at_reclaim = [&] {
      if (bench.driver() == nullptr) return;
      ++asked;
      driver_reclaim_memory(bench.driver());
    };
    for (uint32_t round = 0; round < 3; ++round) {
      bench.renew_rings();
      bench.state(HOST_XENBUS_INITIALISING);
      EXPECT_TRUE(bench.connect());
      send_batch(bench.guest(round % 2));
      host().run();
      EXPECT_EQ(served(bench.guest(round % 2)), kLast);
      EXPECT_TRUE(bench.disconnect());
    }
    host().at_reclaim = nullptr;
  }
  EXPECT_GT(asked, 20u);
}

void expect_service(const DeviceSetup& setup, bool copies) {
  host().geometry.stable_writes = copies ? 1 : 0;
  DeviceFixture bench(setup);
  ASSERT_TRUE(bench.connect());
  send_batch(bench.guest());
  host().run();
  host().sleep(2000);
  EXPECT_EQ(served(bench.guest()), kLast);
  EXPECT_TRUE(bench.disconnect());
}

TEST(MemoryShortage, OnlyTheSmallestPiecesAreEnough) {
  for (const bool copies : {false, true}) {
    for (const bool persistent : {false, true}) {
      for (const size_t largest : {size_t{0}, size_t{32}, size_t{128}, size_t{2048}}) {
        host().largest_try = largest;
        expect_service({.persistent = persistent}, copies);
        kunit::start_over();
      }
    }
  }
}

TEST(MemoryShortage, ItMayEndAtAnyTryOfABatch) {
  for (const bool copies : {false, true}) {
    const uint32_t tries = kunit::sweep([copies](uint32_t n) -> bool {
      host().tries_left = n;
      expect_service({}, copies);
      return host().tries_left == 0;
    });
    EXPECT_GE(tries, 3u);
  }
}

TEST(MemoryShortage, ADiskWithRoomForOneIoAtATimeServesAll) {
  for (const bool copies : {false, true}) {
    {
      host().geometry.stable_writes = copies ? 1 : 0;
      host().disk_depth = 1;
      DeviceFixture bench;
      ASSERT_TRUE(bench.connect());
      host().hold_io = true;
      send_batch(bench.guest());
      for (uint32_t i = 0; i < 100 && served(bench.guest()) != kLast; ++i) {
        host().run();
        EXPECT_LE(host().held.size(), 1u);
        host().complete_all();
        host().run();
      }
      EXPECT_EQ(served(bench.guest()), kLast);
      EXPECT_EQ(host().flush_oracle.judged(), 2u);
    }
    kunit::start_over();
  }
}

}  // namespace
