// SPDX-License-Identifier: GPL-2.0
#include "queue/write_order.h"

#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::WriteOrder;
using fake::host;

// A ring with a thread that is asleep.
struct TestRing : WriteOrder::Member {
  explicit TestRing(WriteOrder& order) {
    thread.woken = false;
    join(order, &thread, nullptr);
  }
  ~TestRing() { leave(); }
  TestRing(const TestRing&) = delete;
  TestRing& operator=(const TestRing&) = delete;

  // The ring has no requests that precede the barrier, so it acknowledges at once.
  [[nodiscard]] bool look() {
    const bool up = Member::look();
    acknowledge();
    return up;
  }
  [[nodiscard]] bool try_raise() { return Member::try_raise(0); }

  [[nodiscard]] bool woken() {
    const bool was = thread.woken;
    thread.woken = false;
    return was;
  }

  host_thread thread{};
};

TEST(WriteOrder, WithoutABarrierNothingIsHeldAndNobodyWoken) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_FALSE(a.look());
  a.begin_write();
  a.tell_raiser();
  a.end_write();
  a.tell_raiser();
  EXPECT_FALSE(a.woken());
  EXPECT_FALSE(b.woken());
}

TEST(WriteOrder, ABarrierOfTheOnlyRingIsQuietAtOnce) {
  WriteOrder order;
  TestRing a(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(a.quiet());
  EXPECT_TRUE(a.look());
  a.lower();
  EXPECT_FALSE(a.look());
}

TEST(WriteOrder, ABarrierWaitsForItsOwnRingsWrites) {
  WriteOrder order;
  TestRing a(order);
  a.begin_write();
  a.begin_write();
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(a.quiet());
  a.end_write();
  EXPECT_FALSE(a.quiet());
  a.end_write();
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, RaisingWakesTheOtherRings) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  TestRing c(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(a.woken());
  EXPECT_TRUE(b.woken());
  EXPECT_TRUE(c.woken());
  a.lower();
}

TEST(WriteOrder, RaisingAgainChangesNothing) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.look());
  EXPECT_TRUE(b.woken());
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(b.woken());
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, ABarrierWaitsUntilEveryRingHasSeenIt) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  TestRing c(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(a.quiet());
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(a.quiet());
  EXPECT_TRUE(c.look());
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, ARingThatSeesTheBarrierWakesItsOwner) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.look());
  EXPECT_TRUE(a.woken());
  // b has woken the owner already.
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(a.woken());
  a.lower();
}

TEST(WriteOrder, ABarrierWaitsForTheWritesOfOtherRings) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  b.begin_write();
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(a.quiet());
  EXPECT_TRUE(a.woken());
  b.end_write();
  b.tell_raiser();
  EXPECT_TRUE(a.woken());
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, WritesThatBeginBeforeTheBarrierIsSeenAreWaitedFor) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  b.begin_write();
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(a.quiet());
  b.end_write();
  b.tell_raiser();
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, ABarrierRaisedSinceTheLastLookIsNotAcknowledged) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.Member::look());
  a.lower();
  EXPECT_TRUE(a.try_raise());
  // b has found no write that precedes the first barrier.  A write may precede the second one.
  b.acknowledge();
  EXPECT_FALSE(a.quiet());
  EXPECT_TRUE(b.look());
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, ASecondBarrierIsRefusedUntilTheFirstIsLowered) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(b.try_raise());
  EXPECT_TRUE(b.look());
  EXPECT_TRUE(a.quiet());
  EXPECT_TRUE(b.woken());
  a.lower();
  EXPECT_TRUE(b.woken());
  EXPECT_TRUE(b.try_raise());
  EXPECT_TRUE(a.woken());
  b.lower();
}

TEST(WriteOrder, AnOldAcknowledgementIsNoneForTheNextBarrier) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  for (uint32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(a.try_raise());
    ASSERT_FALSE(a.quiet());
    ASSERT_TRUE(b.look());
    ASSERT_TRUE(a.quiet());
    a.lower();
  }
}

TEST(WriteOrder, TheBarrierOfAnotherAfterOursIsANewOne) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.look());
  a.lower();
  EXPECT_TRUE(b.try_raise());
  EXPECT_FALSE(b.quiet());
  EXPECT_TRUE(a.look());
  EXPECT_TRUE(b.quiet());
  b.lower();
}

TEST(WriteOrder, ARingThatLeavesIsNotWaitedForAndWakesTheOwner) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_FALSE(a.quiet());
  b.leave();
  EXPECT_TRUE(a.woken());
  EXPECT_TRUE(a.quiet());
  a.lower();
}

TEST(WriteOrder, ARingThatHasLeftIsNotWoken) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  b.leave();
  b.leave();
  EXPECT_TRUE(a.try_raise());
  a.lower();
  EXPECT_FALSE(b.woken());
}

TEST(WriteOrder, ARingMayLeaveWithoutHavingJoined) {
  WriteOrder::Member ring;
  ring.leave();
  EXPECT_FALSE(ring.linked());
}

TEST(WriteOrder, LoweringABarrierOfAnotherDoesNothing) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  EXPECT_TRUE(a.try_raise());
  b.lower();
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(b.try_raise());
  a.lower();
}

TEST(WriteOrder, LoweringWakesThoseThatHold) {
  WriteOrder order;
  TestRing a(order);
  TestRing b(order);
  TestRing c(order);
  EXPECT_TRUE(a.try_raise());
  EXPECT_TRUE(b.woken());
  EXPECT_TRUE(c.woken());
  a.lower();
  EXPECT_TRUE(b.woken());
  EXPECT_TRUE(c.woken());
  EXPECT_FALSE(b.look());
  EXPECT_FALSE(c.look());
}

TEST(WriteOrder, ARingThatJoinsWhileABarrierIsUpIsWaitedFor) {
  WriteOrder order;
  TestRing a(order);
  EXPECT_TRUE(a.try_raise());
  TestRing b(order);
  b.begin_write();
  EXPECT_FALSE(a.quiet());
  EXPECT_TRUE(b.look());
  EXPECT_FALSE(a.quiet());
  b.end_write();
  b.tell_raiser();
  EXPECT_TRUE(a.quiet());
  a.lower();
}

}  // namespace
