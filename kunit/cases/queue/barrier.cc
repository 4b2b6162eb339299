// SPDX-License-Identifier: GPL-2.0
// WRITE_BARRIER: what it waits for, and what waits for it.
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DiscardAsk;
using kunit::Guest;
using kunit::HeldRings;

TEST(QueueBarrier, IsServedOnAnIdleDevice) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 0x31);
  bench.guest().send(ask(BLKIF_OP_WRITE_BARRIER, 1, 24, {{gref}}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().operation_of(1), BLKIF_OP_WRITE_BARRIER);
  EXPECT_TRUE(kunit::disk_holds(24, 8, 0x31));
  EXPECT_EQ(bench.statistics().f_req, 1u);
  EXPECT_EQ(bench.statistics().wr_sect, 8u);
}

TEST(QueueBarrier, WritesDurablyAndAfterWhatWasWrittenBefore) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_EQ(host().held[0]->operation, HOST_IO_WRITE);
  EXPECT_EQ(host().held[0]->flags, HOST_IO_PREFLUSH | HOST_IO_FUA);
}

TEST(QueueBarrier, WaitsForEarlierWritesOfItsOwnRing) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(0, 1);
  bench.write(0, 2);
  bench.barrier(0, 3);
  EXPECT_TRUE(bench.waits(0, 3));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.waits(0, 3));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
  ASSERT_TRUE(bench.end(3));
  EXPECT_TRUE(bench.okay(0, 3));
}

TEST(QueueBarrier, WaitsForEarlierWritesOfOtherRings) {
  HeldRings bench({.queues = 3, .persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.write(2, 2);
  bench.barrier(0, 3);
  EXPECT_TRUE(bench.waits(0, 3));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.waits(0, 3));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, AnEarlierWriteOfTheSameBatchIsWaitedFor) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest(0);
  const uint32_t gref = guest.grants(3);
  guest.put(ask(BLKIF_OP_WRITE, 1, 8, {{gref}}));
  guest.put(ask(BLKIF_OP_WRITE_BARRIER, 2, 16, {{gref + 1}}));
  guest.put(ask(BLKIF_OP_WRITE, 3, 24, {{gref + 2}}));
  guest.show();
  guest.kick();
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_TRUE(bench.with_disk(1));
  ASSERT_TRUE(bench.end(1));
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_TRUE(bench.with_disk(2));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, LaterWritesOfAllRingsWaitForIt) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  ASSERT_TRUE(bench.with_disk(1));
  bench.write(0, 2);
  bench.write(1, 3);
  EXPECT_TRUE(bench.waits(0, 2));
  EXPECT_TRUE(bench.waits(1, 3));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, WritesThatComeWhileItWaitsGoAfterIt) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.write(0, 3);
  bench.write(1, 4);
  EXPECT_TRUE(bench.waits(0, 2));
  EXPECT_TRUE(bench.waits(0, 3));
  EXPECT_TRUE(bench.waits(1, 4));
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
  EXPECT_TRUE(bench.waits(0, 3));
  EXPECT_TRUE(bench.waits(1, 4));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.with_disk(4));
}

TEST(QueueBarrier, HeldWritesGoInTheirOrderAndTogether) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  for (uint64_t id = 2; id < 10; ++id) bench.write(0, id);
  host().submissions.clear();
  ASSERT_TRUE(bench.end(1));
  ASSERT_EQ(host().held.size(), 8u);
  EXPECT_EQ(host().submissions.size(), 1u);
  for (uint64_t id = 2; id < 10; ++id) EXPECT_EQ(host().held[id - 2]->sector, id * 8);
}

TEST(QueueBarrier, ReadsPassWhileItWaitsAndWhileItIsWithTheDisk) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.read(0, 3);
  bench.read(1, 4);
  EXPECT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.with_disk(4));
  ASSERT_TRUE(bench.end(3));
  EXPECT_TRUE(bench.okay(0, 3));
  ASSERT_TRUE(bench.end(1));
  ASSERT_TRUE(bench.with_disk(2));
  bench.read(0, 5);
  bench.read(1, 6);
  EXPECT_TRUE(bench.with_disk(5));
  EXPECT_TRUE(bench.with_disk(6));
}

TEST(QueueBarrier, DoesNotWaitForReads) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  bench.read(1, 2);
  bench.barrier(0, 3);
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, AReadTakenBehindAHeldWriteIsNotHeld) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.write(0, 2);
  bench.read(0, 3);
  EXPECT_TRUE(bench.waits(0, 2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, AnEmptyOneIsAFlush) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.guest(0).send(ask(BLKIF_OP_WRITE_BARRIER, 1, 0, {}));
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_EQ(host().held[0]->operation, HOST_IO_FLUSH);
  EXPECT_EQ(host().held[0]->segment_count, 0u);
  host().complete_all();
  host().run();
  EXPECT_TRUE(bench.okay(0, 1));
  EXPECT_EQ(bench.guest(0).operation_of(1), BLKIF_OP_WRITE_BARRIER);
  EXPECT_TRUE(host().map_calls.empty());
}

TEST(QueueBarrier, AnEmptyOneOrdersToo) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.guest(0).send(ask(BLKIF_OP_WRITE_BARRIER, 2, 0, {}));
  host().run();
  bench.write(1, 3);
  ASSERT_EQ(host().held.size(), 1u);
  ASSERT_TRUE(bench.end(1));
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_EQ(host().held[0]->operation, HOST_IO_FLUSH);
  host().complete_all();
  host().run();
  EXPECT_TRUE(bench.okay(0, 2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, AFlushWithoutDataIsNotHeld) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.write(1, 1);
  bench.barrier(0, 2);
  bench.guest(0).send(ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {}));
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  EXPECT_EQ(host().held[1]->operation, HOST_IO_FLUSH);
}

TEST(QueueBarrier, AFlushWithDataCountsAsAWrite) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.send(1, BLKIF_OP_FLUSH_DISKCACHE, 1, 8);
  bench.barrier(0, 2);
  EXPECT_TRUE(bench.waits(0, 2));
  ASSERT_TRUE(bench.end(1));
  ASSERT_TRUE(bench.with_disk(2));
  bench.send(1, BLKIF_OP_FLUSH_DISKCACHE, 3, 24);
  EXPECT_TRUE(bench.waits(1, 3));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
}

TEST(QueueBarrier, ADiscardCountsAsAWriteUntilItsLastPart) {
  host().geometry.max_discard_sectors = 8;
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.guest(1).send(DiscardAsk{.id = 1, .sector = 800, .sectors = 16});
  host().run();
  bench.barrier(0, 2);
  EXPECT_TRUE(bench.waits(0, 2));
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(bench.waits(0, 2));
  ASSERT_TRUE(bench.end(101));
  ASSERT_TRUE(bench.with_disk(2));
  bench.guest(1).send(DiscardAsk{.id = 3, .sector = 800, .sectors = 8});
  host().run();
  EXPECT_FALSE(bench.with_disk(100));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(100));
}

TEST(QueueBarrier, AnIndirectWriteIsOrderedToo) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest(1);
  const uint32_t gref = guest.grants(20);
  guest.send(guest.indirect(BLKIF_OP_WRITE, 1, 8, gref, 20));
  host().run();
  bench.barrier(0, 30);
  EXPECT_TRUE(bench.waits(0, 30));
  ASSERT_TRUE(bench.end(1));
  ASSERT_TRUE(bench.with_disk(30));
  guest.send(guest.indirect(BLKIF_OP_WRITE, 2, 400, gref, 20));
  guest.send(guest.indirect(BLKIF_OP_READ, 3, 800, gref, 20));
  host().run();
  EXPECT_FALSE(bench.with_disk(50));
  EXPECT_TRUE(bench.with_disk(100));
  ASSERT_TRUE(bench.end(30));
  EXPECT_TRUE(bench.with_disk(50));
}

TEST(QueueBarrier, TwoInARowGoOneAfterTheOther) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1);
  bench.barrier(0, 2);
  bench.write(0, 3);
  bench.barrier(0, 4);
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(bench.with_disk(2));
  EXPECT_TRUE(bench.waits(0, 3));
  ASSERT_TRUE(bench.end(2));
  EXPECT_TRUE(bench.with_disk(3));
  EXPECT_TRUE(bench.waits(0, 4));
  ASSERT_TRUE(bench.end(3));
  ASSERT_TRUE(bench.end(4));
  EXPECT_TRUE(bench.okay(0, 4));
}

TEST(QueueBarrier, ManyInOneBatchAreServedByADiskThatIsDoneAtOnce) {
  DeviceFixture bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest(0);
  const uint32_t gref = guest.grants(1);
  for (uint32_t i = 0; i < 32; ++i) {
    guest.put(ask(i % 2 == 0 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE, i, i * 8, {{gref}}));
  }
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.answers(), 32u);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(guest.answered_id(i), i);
    EXPECT_EQ(host().ios[i].sector, i * 8);
  }
}

// The frontend showed the writes before the barrier, whichever thread runs first.
TEST(QueueBarrier, WaitsForWritesOfOtherRingsThatNobodyHasTakenYet) {
  for (const uint32_t with_barrier : {0u, 1u}) {
    HeldRings bench;
    ASSERT_TRUE(bench.connected);
    const uint32_t other = 1 - with_barrier;
    Guest& writes = bench.guest(other);
    for (uint32_t id = 1; id <= 20; ++id) {
      writes.send(ask(BLKIF_OP_WRITE, id, uint64_t{id} * 8, {{writes.grant()}}));
    }
    Guest& barriers = bench.guest(with_barrier);
    barriers.send(ask(BLKIF_OP_WRITE_BARRIER, 21, 21 * 8, {{barriers.grant()}}));
    host().run();
    for (uint32_t id = 1; id <= 20; ++id) {
      EXPECT_TRUE(bench.waits(with_barrier, 21));
      ASSERT_TRUE(bench.end(id));
    }
    EXPECT_TRUE(bench.with_disk(21));
    ASSERT_TRUE(bench.end(21));
    EXPECT_TRUE(bench.okay(with_barrier, 21));
  }
}

TEST(QueueBarrier, WithBarriersInBothRingsAtOnceEachIsServed) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  for (const uint32_t queue : {0u, 1u}) {
    Guest& guest = bench.guest(queue);
    const uint64_t first = queue * 10 + 1;
    guest.send(ask(BLKIF_OP_WRITE_BARRIER, first, first * 8, {{guest.grant()}}));
    guest.send(ask(BLKIF_OP_WRITE, first + 1, (first + 1) * 8, {{guest.grant()}}));
    guest.send(ask(BLKIF_OP_WRITE_BARRIER, first + 2, (first + 2) * 8, {{guest.grant()}}));
  }
  host().run();
  for (uint32_t round = 0; round < 12 && !host().held.empty(); ++round) {
    host().complete(0, 0);
    host().run();
  }
  for (const uint64_t id : {1u, 2u, 3u}) {
    EXPECT_TRUE(bench.okay(0, id));
    EXPECT_TRUE(bench.okay(1, id + 10));
  }
}

TEST(QueueBarrier, OnAReadOnlyDiskOnlyAnEmptyOneIsAllowed) {
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_WRITE_BARRIER, 1, 0, {{gref}}));
  bench.guest().send(ask(BLKIF_OP_WRITE_BARRIER, 2, 0, {}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueBarrier, BeyondTheDiskItIsRefusedAndHoldsNothingUp) {
  HeldRings bench;
  ASSERT_TRUE(bench.connected);
  bench.barrier(0, 1000);
  EXPECT_EQ(bench.guest(0).status_of(1000), BLKIF_RSP_ERROR);
  bench.write(1, 1);
  EXPECT_TRUE(bench.with_disk(1));
}

}  // namespace
