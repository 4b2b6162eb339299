// SPDX-License-Identifier: GPL-2.0
// A guest's memory account, the cap of parameter and node, and the offers to its disks.
#include <cerrno>
#include <memory>
#include <vector>

#include "device/device.h"
#include "support/expectations.h"
#include "support/memory.h"
#include "support/reads.h"

namespace {

using blkback::Connection;
using blkback::Queue;
using fake::host;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::exact;
using kunit::Guest;
using kunit::memory_of;
using kunit::send_reads;
using kunit::served;
using kunit::set_cap_kib;

bool reconnect(DeviceFixture& bench) {
  if (!bench.disconnect()) return false;
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  return bench.connect();
}

TEST(GuestMemory, TheAccountIsTheSumOfWhatTheHostHandsOut) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench({.queues = 3, .ring_order = 2});
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(exact(bench));
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(exact(bench));
  EXPECT_LE(memory_of(bench).used, memory_of(bench).floors);
  host().hold_io = true;
  for (uint32_t queue = 0; queue < 3; ++queue) {
    Guest& guest = bench.guest(queue);
    (void)send_reads(guest, 1, 20);
    for (uint64_t id = 100; id < 104; ++id) {
      const uint32_t pages = id % 2 == 0 ? 200 : 20;
      guest.send(guest.indirect(BLKIF_OP_WRITE, id, 0, guest.grants(pages), pages));
    }
    host().run();
    EXPECT_TRUE(exact(bench));
  }
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_TRUE(exact(bench));
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(exact(bench));
  EXPECT_EQ(memory_of(bench).beyond, 0u);
  ASSERT_TRUE(bench.disconnect());
  EXPECT_TRUE(exact(bench));
  bench.remove();
  EXPECT_EQ(host().memory_bytes(), 0u);
}

TEST(GuestMemory, APageThatTheHypervisorDoesNotUnmapIsChargedAsLongAsItsRings) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().sticky_handles.insert(host().next_handle);
  (void)send_reads(bench.guest(), 1, 3);
  EXPECT_EQ(host().lost_pages, 1u);
  EXPECT_TRUE(exact(bench));
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(memory_of(bench).used + sizeof(blkback::GuestAccount) + HOST_PAGE_BYTES,
            host().memory_bytes());
}

// Another disk of the guest may be announced before this one.
TEST(GuestMemory, AFloorIsPromisedToADiskFromItsCreationOn) {
  host_device device;
  driver_device* driver = nullptr;
  ASSERT_EQ(driver_device_create(&device, &driver), 0);
  driver_memory_info memory{};
  driver_memory_read(driver, &memory);
  EXPECT_EQ(memory.floors, sizeof(blkback::Device) + sizeof(blkback::Vbd));
  EXPECT_LE(memory.used, memory.floors);
  driver_device_remove(driver);
  host().run();
}

TEST(GuestMemory, DisksOfAGuestShareItsAccountAndOtherGuestsHaveTheirOwn) {
  DeviceFixture first;
  DeviceFixture second({.disk = 1});
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(first.connect());
  const uint64_t one = memory_of(first).used;
  ASSERT_TRUE(second.connect());
  ASSERT_TRUE(other.connect());
  EXPECT_EQ(memory_of(first).used, 2 * one);
  EXPECT_EQ(memory_of(second).used, 2 * one);
  EXPECT_EQ(memory_of(other).used, one);
  first.remove();
  EXPECT_EQ(memory_of(second).used, one);
  EXPECT_EQ(memory_of(second).floors, memory_of(other).floors);
}

TEST(GuestMemory, AFailedConnectOrProbeLeavesNothingCharged) {
  DeviceFixture bench({.queues = 2});
  ASSERT_EQ(bench.probe(), 0);
  const uint64_t before = memory_of(bench).used;
  for (uint32_t n = 1; n < 40; ++n) {
    bench.offer();
    host().fail_call = n;
    bench.state(HOST_XENBUS_INITIALISED);
    host().fail_call = 0;
    EXPECT_TRUE(exact(bench));
    if (bench.backend_state() == HOST_XENBUS_CONNECTED) {
      ASSERT_TRUE(bench.disconnect());
    } else {
      bench.state(HOST_XENBUS_CLOSED);
    }
    EXPECT_EQ(memory_of(bench).used, before);
    bench.renew_rings();
    bench.state(HOST_XENBUS_INITIALISING);
  }
  for (const uint32_t n : {1u, 2u}) {
    DeviceFixture failing({.disk = 1});
    host().fail_call = n;
    EXPECT_EQ(failing.probe(), -ENOMEM);
    EXPECT_EQ(memory_of(bench).used, before);
  }
}

TEST(GuestMemory, TheOfferShrinksWithTheRoomToOneQueueOfOnePage) {
  const uint64_t disk = sizeof(blkback::Device) + sizeof(blkback::Vbd);
  const struct {
    uint32_t queues;
    uint32_t order;
  } kOffers[] = {{4, 4}, {4, 2}, {4, 0}, {2, 0}, {1, 0}};
  for (const auto& offer : kOffers) {
    const uint64_t floor = Connection::floor(offer.queues, 1u << offer.order, true);
    set_cap_kib((2 * floor + disk + 1023) / 1024);
    DeviceFixture bench({.queues = offer.queues, .ring_order = offer.order});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(bench.published("multi-queue-max-queues", std::to_string(offer.queues).c_str()));
    EXPECT_TRUE(bench.published("max-ring-page-order", std::to_string(offer.order).c_str()));
  }
  set_cap_kib(1);
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "1"));
  EXPECT_TRUE(bench.published("max-ring-page-order", "0"));
}

TEST(GuestMemory, EachOfManyDisksIsServedAtASmallCap) {
  set_cap_kib(8192);
  std::vector<std::unique_ptr<DeviceFixture>> disks;
  for (uint32_t i = 0; i < 20; ++i) {
    disks.push_back(std::make_unique<DeviceFixture>(DeviceSetup{.disk = i}));
    ASSERT_EQ(disks[i]->probe(), 0);
  }
  for (auto& disk : disks) {
    ASSERT_TRUE(disk->connect());
    (void)send_reads(disk->guest(), 1, 30);
    EXPECT_EQ(served(disk->guest(), 1, 30), 30u);
  }
  EXPECT_TRUE(disks[19]->published("multi-queue-max-queues", "1"));
  EXPECT_LE(memory_of(*disks[0]).used,
            std::max<uint64_t>(8192 * 1024, memory_of(*disks[0]).floors));
  while (!disks.empty()) disks.pop_back();
  EXPECT_EQ(host().memory_bytes(), 0u);
}

// The frontends of all disks read their offers before the first one connects.
TEST(GuestMemory, OffersThatNoFrontendHasTakenYetAreCounted) {
  const uint64_t disk = sizeof(blkback::Device) + sizeof(blkback::Vbd);
  set_cap_kib((2 * Connection::floor(4, 16, true) + disk + 1023) / 1024);
  DeviceFixture first;
  DeviceFixture second({.disk = 1});
  ASSERT_EQ(first.probe(), 0);
  ASSERT_EQ(second.probe(), 0);
  EXPECT_TRUE(first.published("max-ring-page-order", "4"));
  EXPECT_FALSE(second.published("max-ring-page-order", "4"));
  // What the first one did not take is left for the others.
  ASSERT_TRUE(first.connect());
  ASSERT_TRUE(second.connect());
  ASSERT_TRUE(reconnect(second));
  EXPECT_TRUE(second.published("multi-queue-max-queues", "4"));
}

TEST(GuestMemory, WhatWasOfferedHoldsWhenTheCapFalls) {
  DeviceFixture bench({.queues = 4, .ring_order = 4});
  ASSERT_EQ(bench.probe(), 0);
  set_cap_kib(1);
  ASSERT_TRUE(bench.connect());
  for (uint32_t i = 0; i < 4; ++i) {
    (void)send_reads(bench.guest(i), 1, 30);
    EXPECT_EQ(served(bench.guest(i), 1, 30), 30u);
  }
  EXPECT_LE(memory_of(bench).used, memory_of(bench).floors);
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "4"));
}

TEST(GuestMemory, TheSmallestNodeOfItsDisksIsTheGuestsCap) {
  set_cap_kib(50000);
  DeviceFixture first;
  DeviceFixture second({.disk = 1});
  first.backend("max-guest-memory-kb", "70000");
  second.backend("max-guest-memory-kb", " 60000\n");
  ASSERT_TRUE(first.connect());
  EXPECT_EQ(memory_of(first).cap, 70000u * 1024);
  ASSERT_TRUE(second.connect());
  EXPECT_EQ(memory_of(first).cap, 60000u * 1024);
  second.backend("max-guest-memory-kb", "0");
  ASSERT_TRUE(reconnect(second));
  EXPECT_EQ(memory_of(first).cap, 70000u * 1024);
  first.backend("max-guest-memory-kb", "0");
  ASSERT_TRUE(reconnect(first));
  EXPECT_EQ(memory_of(first).cap, 0u);
  first.backend("max-guest-memory-kb", "30000");
  ASSERT_TRUE(reconnect(first));
  EXPECT_EQ(memory_of(second).cap, 30000u * 1024);
  first.remove();
  EXPECT_EQ(memory_of(second).cap, 0u);
  second.backend("max-guest-memory-kb", nullptr);
  ASSERT_TRUE(reconnect(second));
  EXPECT_EQ(memory_of(second).cap, 50000u * 1024);
  set_cap_kib(0);
  EXPECT_EQ(memory_of(second).cap, 0u);
}

TEST(GuestMemory, ABadNodeIsLoggedAndTheParameterHolds) {
  set_cap_kib(50000);
  for (const char* value :
       {"many", "-1", "10k", "99999999999", "1234567890123456789012345678901234567890"}) {
    host().log.clear();
    DeviceFixture bench;
    bench.backend("max-guest-memory-kb", value);
    ASSERT_TRUE(bench.connect());
    EXPECT_EQ(memory_of(bench).cap, 50000u * 1024);
    EXPECT_GE(host().logged("max-guest-memory-kb is '", HOST_LOG_WARNING), 1u);
    EXPECT_TRUE(bench.device().errors.empty());
  }
  for (const char* value : {"", " \n"}) {
    host().log.clear();
    DeviceFixture bench;
    bench.backend("max-guest-memory-kb", value);
    ASSERT_TRUE(bench.connect());
    EXPECT_EQ(host().logged("max-guest-memory-kb"), 0u);
  }
}

// What a guest writes into its own directory sets no cap.
TEST(GuestMemory, TheFrontendSetsNoCap) {
  DeviceFixture bench;
  bench.frontend("max-guest-memory-kb", "1");
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(memory_of(bench).cap, 0u);
}

// The figures of Documentation/memory.md.
TEST(GuestMemory, AnObjectIsNoLargerThanTheDocumentationSays) {
  EXPECT_LE(sizeof(Queue), 12288u);
  EXPECT_LE(sizeof(blkback::Slot), 800u);
  EXPECT_LE(sizeof(blkback::PersistentGrant), 96u);
  EXPECT_LE(blkback::IndirectBuffers::cost(), 12288u);
  EXPECT_LE(blkback::Mapper::cost() + blkback::Purger::cost(), 24u * 1024);
  EXPECT_LE(blkback::Bounce::cost(), 4u * 4096 + 128);
  EXPECT_LE(sizeof(blkback::Device) + sizeof(blkback::Vbd) + sizeof(Connection), 4096u);
}

}  // namespace
