// SPDX-License-Identifier: GPL-2.0
// Allocations that fail now and then, on rings of every size.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "threads/frontend.h"

namespace {

using kunit::ask;
using threads::Device;
using threads::Frontend;
using threads::host;
using threads::random_below;

// Writes a part of the disk that no other ring uses, and reads it back.
void write_and_read(Frontend& frontend, uint32_t first_sector, uint64_t count) {
  const uint32_t slots = frontend.slots();
  const auto reads = [slots](uint64_t id) { return id / slots % 2 == 1; };
  const auto byte = [slots](uint64_t id) { return static_cast<uint8_t>(id % slots * 7 + 1); };
  EXPECT_TRUE(frontend.run(
      count,
      [&](uint64_t id) {
        std::memset(frontend.page_of(id), reads(id) ? 0xff : byte(id), 512);
        return ask(reads(id) ? BLKIF_OP_READ : BLKIF_OP_WRITE, id, first_sector + id % slots,
                   {{frontend.gref_of(id), 0, 0}});
      },
      [&](uint64_t id, int16_t status) {
        EXPECT_EQ(status, BLKIF_RSP_OKAY);
        if (reads(id)) {
          EXPECT_EQ(frontend.page_of(id)[0], byte(id));
        }
      }));
}

void expect_service(uint32_t ring_order, bool persistent) {
  Device device(2, persistent, 7, 1, ring_order);
  ASSERT_TRUE(device.probe());
  ASSERT_TRUE(device.connect());
  const uint32_t slots = device.frontend(0).slots();
  EXPECT_EQ(slots, 32u << ring_order);
  threads::together({[&] { write_and_read(device.frontend(0), 0, slots * 4); },
                     [&] { write_and_read(device.frontend(1), slots, slots * 4); }});
  EXPECT_TRUE(device.disconnect());
  EXPECT_EQ(host().mapped, 0);
}

TEST(ThreadsShortage, RingsOfEverySizeServeAllRequests) {
  for (uint32_t order = 0; order <= 4; ++order) expect_service(order, order % 2 == 0);
}

TEST(ThreadsShortage, WhatIsTriedForMayFailOnRingsOfEverySize) {
  host().tries_fail = 4;
  for (uint32_t order = 0; order <= 4; order += 2) {
    expect_service(order, false);
    expect_service(order, true);
  }
  EXPECT_GT(host().failures, 10u);
}

TEST(ThreadsShortage, CopiesThatFindNoMemoryGoInParts) {
  host().tries_fail = 2;
  host().geometry.stable_writes = 1;
  expect_service(2, true);
  EXPECT_GT(host().failures, 10u);
}

// Wherever the set-up of a device fails, the parts that were set up are freed.
TEST(ThreadsShortage, DevicesThatCannotBeSetUpComeAndGo) {
  uint32_t connections = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    host().set_ups_fail = 4 + round * 2;
    host().tries_fail = 4;
    Device device(2, true, 7, 1, round % 3);
    if (!device.probe()) continue;
    if (device.try_connect()) {
      ++connections;
      write_and_read(device.frontend(0), 0, 40);
    }
    device.remove();
    ASSERT_TRUE(device.wait_release());
    EXPECT_EQ(host().mapped, 0);
    EXPECT_EQ(host().rings, 0);
  }
  EXPECT_GT(connections, 0u);
  EXPECT_GT(host().failures, 10u);
}

// Two disks of one guest, whose cap comes and goes.
TEST(ThreadsShortage, RingsAtTheGuestsCapServeAllRequests) {
  for (const bool stable : {false, true}) {
    host().geometry.stable_writes = stable ? 1 : 0;
    host().max_guest_memory_kb = 0;  // at a cap that is small two queues are not on offer
    Device first(2, true, 7, 1, 2);
    Device second(1, false, 8, 9, 4);
    ASSERT_TRUE(first.probe());
    ASSERT_TRUE(second.probe());
    ASSERT_TRUE(first.connect());
    ASSERT_TRUE(second.connect());
    std::atomic<uint32_t> rings{3};
    const auto serve = [&rings](Frontend& frontend, uint32_t first_sector, uint64_t count) {
      write_and_read(frontend, first_sector, count);
      rings.fetch_sub(1);
    };
    const auto administrator = [&rings] {
      while (rings != 0 && !testing::Test::HasFailure()) {
        host().max_guest_memory_kb = random_below(2) == 0 ? 1 : random_below(20000);
        driver_parameters_changed();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    };
    threads::together({[&] { serve(first.frontend(0), 0, 512); },
                       [&] { serve(first.frontend(1), 200, 512); },
                       [&] { serve(second.frontend(0), 400, 1024); }, administrator});
    EXPECT_TRUE(first.disconnect());
    EXPECT_TRUE(second.disconnect());
    EXPECT_EQ(host().mapped, 0);
    // At a small cap the next devices would be offered fewer and smaller rings.
    host().max_guest_memory_kb = 0;
  }
}

TEST(ThreadsShortage, TwoDevicesInNeedHoldEachOtherUpForAWhileOnly) {
  host().tries_fail = 3;
  host().handles_left = 80;
  Device first(2, true, 7, 1, 1);
  Device second(1, true, 8, 9, 2);
  ASSERT_TRUE(first.probe());
  ASSERT_TRUE(second.probe());
  ASSERT_TRUE(first.connect());
  ASSERT_TRUE(second.connect());
  threads::together({[&] { write_and_read(first.frontend(0), 0, 300); },
                     [&] { write_and_read(first.frontend(1), 200, 300); },
                     [&] { write_and_read(second.frontend(0), 400, 300); }});
  EXPECT_TRUE(first.disconnect());
  EXPECT_TRUE(second.disconnect());
  EXPECT_EQ(host().mapped, 0);
  EXPECT_EQ(host().handles_left, 80);
}

}  // namespace
