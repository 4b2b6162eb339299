// SPDX-License-Identifier: GPL-2.0
// Several barriers at once, barriers that fail, and barriers whose rings stop or disconnect.
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::Guest;
using kunit::HeldRings;

TEST(QueueBarrierTrouble, TwoOnTwoRingsGoOneAfterTheOther) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(0, 1);
  bench.write(1, 2);
  bench.barrier(0, 3);
  bench.barrier(1, 4);
  EXPECT_TRUE(bench.waits(0, 3));
  EXPECT_TRUE(bench.waits(1, 4));
  ASSERT_TRUE(bench.end(2));
  ASSERT_TRUE(bench.end(1));
  ASSERT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.waits(1, 4));
  ASSERT_TRUE(bench.end(3));
  ASSERT_TRUE(bench.with_disk(4));
  ASSERT_TRUE(bench.end(4));
  EXPECT_TRUE(bench.okay(0, 3));
  EXPECT_TRUE(bench.okay(1, 4));
}

TEST(QueueBarrierTrouble, WritesBehindAWaitingBarrierWaitForTheirOwnRingsBarrier) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.barrier(1, 2);
  bench.write(1, 3);
  bench.write(0, 4);
  ASSERT_TRUE(bench.end(1));
  // Ring 1's barrier was taken before both writes.
  EXPECT_TRUE(bench.waits(1, 3));
  if (bench.with_disk(4)) {
    // Ring 0's barrier was done, and ring 0 could not know of ring 1's barrier yet.
    EXPECT_TRUE(bench.waits(1, 2));
    ASSERT_TRUE(bench.end(4));
  }
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.with_disk(4) || bench.okay(0, 4));
}

TEST(QueueBarrierTrouble, ManyOnManyRingsAreAllServed) {
  HeldRings bench({.queues = 4, .persistent = false});
  ASSERT_TRUE(bench.connected);
  uint64_t id = 1;
  for (uint32_t round = 0; round < 5; ++round) {
    for (uint32_t queue = 0; queue < 4; ++queue) {
      bench.write(queue, id++);
      bench.barrier(queue, id++);
    }
  }
  for (uint32_t i = 0; i < 1000 && !host().held.empty(); ++i) {
    host().complete(host().held.size() - 1);
    host().run();
  }
  for (uint32_t queue = 0; queue < 4; ++queue) {
    EXPECT_EQ(bench.guest(queue).answers(), 10u);
    EXPECT_EQ(bench.guest(queue).all_mappings(), 0u);
  }
}

TEST(QueueBarrierTrouble, AFailedOneLetsTheOthersGoOn) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.write(0, 2);
  bench.write(1, 3);
  bench.barrier(1, 4);
  ASSERT_TRUE(bench.end(1, -5));
  EXPECT_EQ(bench.guest(0).status_of(1), BLKIF_RSP_ERROR);
  EXPECT_TRUE(bench.with_disk(2));
  EXPECT_TRUE(bench.with_disk(3));
  ASSERT_TRUE(bench.end(2));
  ASSERT_TRUE(bench.end(3));
  EXPECT_TRUE(bench.with_disk(4));
}

TEST(QueueBarrierTrouble, WhatTheDiskCannotDoIsAnsweredAsNotSupported) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  ASSERT_TRUE(bench.end(1, -95));
  EXPECT_EQ(bench.guest(0).status_of(1), BLKIF_RSP_EOPNOTSUPP);
}

TEST(QueueBarrierTrouble, AFailedWriteBeforeItDoesNotStopIt) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  ASSERT_TRUE(bench.end(1, -5));
  EXPECT_TRUE(bench.with_disk(2));
}

TEST(QueueBarrierTrouble, OneWhoseGrantCannotBeMappedFailsAndLetsTheOthersGoOn) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.guest(0).send(ask(BLKIF_OP_WRITE_BARRIER, 2, 16, {{4000000000u}}));
  host().run();
  bench.write(0, 3);
  bench.write(1, 4);
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(bench.guest(0).status_of(2), BLKIF_RSP_ERROR);
  EXPECT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.with_disk(4));
}

TEST(QueueBarrierTrouble, AHeldWriteWhoseGrantCannotBeMappedHoldsUpNobody) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.guest(0).send(ask(BLKIF_OP_WRITE, 2, 16, {{4000000000u}}));
  host().run();
  bench.barrier(1, 3);
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(bench.guest(0).status_of(2), BLKIF_RSP_ERROR);
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrierTrouble, WithoutPagesItWaitsAndTheOthersWithIt) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  host().failing.insert("host_page_alloc");
  bench.barrier(0, 1);
  bench.write(1, 2);
  host().sleep(100);
  EXPECT_TRUE(bench.waits(0, 1));
  EXPECT_TRUE(bench.waits(1, 2));
  host().failing.clear();
  host().sleep(1000);
  ASSERT_TRUE(bench.with_disk(1));
  EXPECT_TRUE(bench.waits(1, 2));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
}

TEST(QueueBarrierTrouble, AnEarlierWriteWithoutPagesIsWaitedFor) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  host().failing.insert("host_page_alloc");
  bench.write(1, 1);
  host().failing.clear();
  bench.barrier(0, 2);
  EXPECT_TRUE(bench.waits(0, 2));
  host().sleep(20);
  ASSERT_TRUE(bench.with_disk(1));
  EXPECT_TRUE(bench.waits(0, 2));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
}

TEST(QueueBarrierTrouble, AHeldPageOfItsDataKeepsItUp) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.write(1, 2);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.waits(1, 2));
  page->busy = false;
  host().sleep(10);
  EXPECT_TRUE(bench.okay(0, 1));
  EXPECT_TRUE(bench.with_disk(2));
}

TEST(QueueBarrierTrouble, ARingThatStoppedDoesNotBlockIt) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.guest(1).req_prod() += 100;
  bench.guest(1).kick();
  host().run();
  bench.barrier(0, 1);
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.okay(0, 1));
}

TEST(QueueBarrierTrouble, WritesInFlightOfARingThatStoppedAreWaitedFor) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.guest(1).req_prod() += 100;
  bench.guest(1).kick();
  host().run();
  bench.barrier(0, 2);
  EXPECT_TRUE(bench.waits(0, 2));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
}

TEST(QueueBarrierTrouble, TheBarrierOfARingThatStopsGoesOn) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.guest(0).req_prod() += 100;
  bench.guest(0).kick();
  host().run();
  ASSERT_TRUE(bench.end(1));
  ASSERT_TRUE(bench.end(2));
  bench.write(1, 3);
  EXPECT_TRUE(bench.with_disk(3));
}

// Both rings drain while a barrier waits for a write of the other ring.
TEST(QueueBarrierTrouble, ADisconnectWhileItWaitsDrainsBothRings) {
  for (const bool barrier_ends_last : {false, true}) {
    HeldRings bench;
    ASSERT_TRUE(bench.connected);
    bench.write(1, 1);
    bench.barrier(0, 2);
    bench.write(0, 3);
    bench.write(1, 4);
    bench.barrier(1, 5);
    bench.state(HOST_XENBUS_CLOSING);
    bench.state(HOST_XENBUS_CLOSED);
    EXPECT_NE(bench.backend_state(), HOST_XENBUS_CLOSED);
    ASSERT_TRUE(bench.end(1));
    ASSERT_TRUE(bench.with_disk(2));
    ASSERT_TRUE(bench.end(2));
    for (uint32_t i = 0; i < 10 && !host().held.empty(); ++i) {
      host().complete(barrier_ends_last ? 0 : host().held.size() - 1);
      host().run();
    }
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
    EXPECT_EQ(bench.guest(0).all_mappings() + bench.guest(1).all_mappings(), 0u);
    for (const uint64_t id : {2u, 3u}) EXPECT_TRUE(bench.okay(0, id));
    for (const uint64_t id : {1u, 4u, 5u}) EXPECT_TRUE(bench.okay(1, id));
  }
}

TEST(QueueBarrierTrouble, ADrainedRingIsNotWaitedFor) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  bench.write(0, 2);
  bench.barrier(0, 3);
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  // Ring 1 had no requests and has left the order of writes.
  ASSERT_TRUE(bench.end(2));
  ASSERT_TRUE(bench.end(3));
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueBarrierTrouble, ARemovalWhileItWaitsLeaksNothing) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.barrier(1, 3);
  bench.remove();
  EXPECT_FALSE(bench.device().released);
  bench.drain();
  EXPECT_TRUE(bench.device().released);
  kunit::expect_no_leaks();
}

TEST(QueueBarrierTrouble, AfterAReconnectNothingIsHeldAnyMore) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  ASSERT_TRUE(bench.end(1));
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  bench.write(0, 2);
  bench.write(1, 3);
  EXPECT_TRUE(bench.with_disk(2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrierTrouble, TheBarriersOfTwoDevicesHaveNothingToDoWithEachOther) {
  HeldRings one;
  HeldRings two({.queues = 2, .persistent = false, .domid = 9});
  ASSERT_TRUE(one.connected && two.connected);
  one.barrier(0, 1);
  two.write(0, 2);
  EXPECT_TRUE(two.with_disk(2));
  two.barrier(1, 3);
  EXPECT_TRUE(two.waits(1, 3));
  ASSERT_TRUE(two.end(2));
  EXPECT_TRUE(two.with_disk(3));
  EXPECT_TRUE(one.with_disk(1));
}

TEST(QueueBarrierTrouble, WhileItWaitsForTheDiskNobodyMakesAPass) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.write(0, 3);
  bench.barrier(1, 4);
  const uint32_t passes = host().passes;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().passes, passes);
}

}  // namespace
