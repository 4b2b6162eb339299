// SPDX-License-Identifier: GPL-2.0
// A disk that shrinks while requests are in flight.  A request beyond the new end fails, is
// answered once, and holds nothing else up.
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DiscardAsk;
using kunit::disk_holds;
using kunit::fill_disk;
using kunit::Guest;
using kunit::HeldRings;

void expect_error(HeldRings& bench, uint64_t id) {
  EXPECT_EQ(bench.guest().status_of(id), BLKIF_RSP_ERROR) << ": " << id;
}

void expect_service(HeldRings& bench) {
  bench.read(0, 90);
  ASSERT_TRUE(bench.end(90));
  EXPECT_TRUE(bench.okay(0, 90));
}

TEST(QueueShrink, WhatIsWithTheDiskFailsBeyondItsEnd) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  for (const uint64_t id : {100u, 101u}) bench.write(0, id);
  host().geometry.sectors = 808;
  ASSERT_TRUE(bench.end(101));
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(bench.okay(0, 100));
  expect_error(bench, 101);
  EXPECT_EQ(bench.guest().answers(), 2u);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
  expect_service(bench);
}

// The parts before the disk's new end are done.  The first part beyond it fails and is the last.
TEST(QueueShrink, PartsOfADiscardEndAtTheDisksEnd) {
  host().geometry.max_discard_sectors = 8;
  host().geometry.discard_granularity_bytes = 512;
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  fill_disk(800, 24, 0xaa);
  bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 24});
  host().run();
  host().geometry.sectors = 812;
  ASSERT_TRUE(bench.end(100));
  ASSERT_TRUE(bench.end(101));
  EXPECT_TRUE(host().held.empty());
  expect_error(bench, 1);
  EXPECT_EQ(bench.guest().answers(), 1u);
  EXPECT_TRUE(disk_holds(800, 8, 0));
  EXPECT_TRUE(disk_holds(808, 16, 0xaa));
  expect_service(bench);
}

TEST(QueueShrink, PartsOfACopyEndAtTheDisksEnd) {
  host().geometry.stable_writes = 1;
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  fill_disk(800, 240, 0xaa);
  host().failing.insert("host_buffer_try_alloc");
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(30);
  for (uint32_t i = 0; i < 30; ++i) guest.fill(gref + i, 0x11);
  guest.send(guest.indirect(BLKIF_OP_WRITE, 1, 800, gref, 30));
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  const uint64_t part = host().held[0]->sectors;
  host().geometry.sectors = 800 + part + 1;
  host().complete(0);
  host().run();
  EXPECT_TRUE(host().held.empty());
  expect_error(bench, 1);
  EXPECT_EQ(guest.answers(), 1u);
  EXPECT_TRUE(disk_holds(800, part, 0x11));
  EXPECT_TRUE(disk_holds(800 + part, 240 - part, 0xaa));
  EXPECT_EQ(guest.all_mappings(), 0u);
  expect_service(bench);
}

TEST(QueueShrink, WhatWaitsBehindABarrierFailsBeyondTheDisksEnd) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 99);
  for (const uint64_t id : {100u, 101u}) bench.write(0, id);
  host().geometry.sectors = 808;
  ASSERT_TRUE(bench.end(99));
  expect_error(bench, 101);
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(bench.okay(0, 100));
  expect_service(bench);
}

TEST(QueueShrink, ABarrierThatWaitsFailsBeyondTheDisksEndAndLetsTheOthersGo) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 99);
  bench.barrier(0, 101);
  bench.write(0, 100);
  host().geometry.sectors = 808;
  ASSERT_TRUE(bench.end(99));
  expect_error(bench, 101);
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(bench.okay(0, 100));
  expect_service(bench);
}

}  // namespace
