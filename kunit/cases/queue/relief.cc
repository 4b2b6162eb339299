// SPDX-License-Identifier: GPL-2.0
// Handles and pages, which all guests share, have run out: which rings give back grants and pages.
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/reads.h"

namespace {

using fake::host;
using kunit::DeviceFixture;
using kunit::send_reads;
using kunit::served;

TEST(QueueRelief, TheRingsOwnIdleGrantsMakeRoomAndNoMoreThanAreMissing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(), 1, 8);
  ASSERT_EQ(bench.guest().all_mappings(), 8u);
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 10, 2);
  host().sleep(20);
  EXPECT_EQ(served(bench.guest(), 10, 2), 2u);
  // A grant that is mapped while requests wait for handles is not kept.
  EXPECT_EQ(bench.guest().all_mappings(), 6u);
  EXPECT_EQ(host().logged("handles"), 0u);
}

TEST(QueueRelief, AnotherRingsIdleGrantsMakeRoom) {
  DeviceFixture bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(0), 1, 8);
  host().handles_left = 0;
  (void)send_reads(bench.guest(1), 1, 2);
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(1), 1, 2), 2u);
  EXPECT_EQ(bench.guest(0).all_mappings(), 4u);
}

TEST(QueueRelief, AnotherDevicesIdleGrantsMakeRoom) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 8);
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
  EXPECT_EQ(other.guest().all_mappings(), 4u);
  EXPECT_EQ(host().logged("7.xvda-0: Xen has no handles for 2 more grants"), 1u);
}

// Otherwise the ring would take back the handles before the ring that waits for them tries again.
TEST(QueueRelief, WhoGaveBackForOthersKeepsNothingNewForAWhile) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 8);
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  host().sleep(2);
  host().handles_left = 4;
  (void)send_reads(other.guest(), 10, 4);
  EXPECT_EQ(served(other.guest(), 10, 4), 4u);
  EXPECT_EQ(other.guest().all_mappings(), 4u);
  host().handles_left = UINT32_MAX;
  host().sleep(1000);
  (void)send_reads(other.guest(), 20, 4);
  EXPECT_EQ(other.guest().all_mappings(), 8u);
}

TEST(QueueRelief, AGuestThatIsAlwaysShortCostsTheOthersHalfASecondAtMost) {
  DeviceFixture bench({.persistent = false});
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 32);
  const uint32_t kept[] = {16, 8, 4, 2, 1};
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 30);
  for (const uint32_t left : kept) {
    for (uint32_t ms = 0; ms < 1000; ++ms) {
      host().sleep(1);
      host().handles_left = 0;  // somebody else takes them
    }
    EXPECT_GE(other.guest().all_mappings(), left);
  }
  host().handles_left = UINT32_MAX;
  host().sleep(160);
}

TEST(QueueRelief, AGuestWithRoomOfItsOwnDoesNotDisturbTheOthers) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(bench.guest(), 1, 20);
  (void)send_reads(other.guest(), 1, 20);
  host().handles_left = 0;
  for (uint64_t id = 100; id < 200; id += 10) {
    (void)send_reads(bench.guest(), id, 1);
    host().sleep(20);
    EXPECT_EQ(served(bench.guest(), id, 1), 1u);
  }
  EXPECT_EQ(other.guest().all_mappings(), 20u);
}

TEST(QueueRelief, IdleGrantsMakeRoomForPages) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(), 1, 8);
  host().pages_left = 0;
  (void)send_reads(bench.guest(), 10, 2);
  host().sleep(20);
  EXPECT_EQ(served(bench.guest(), 10, 2), 2u);
  EXPECT_EQ(bench.guest().all_mappings(), 6u);
}

TEST(QueueRelief, APageThatAnotherRingFreesIsUsedSoon) {
  DeviceFixture bench({.queues = 2, .persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 1;
  host().hold_io = true;
  (void)send_reads(bench.guest(0), 1, 1);
  (void)send_reads(bench.guest(1), 1, 1);
  ASSERT_EQ(host().held.size(), 1u);
  host().sleep(3000);
  host().hold_io = false;
  host().complete_all();
  host().sleep(5);
  EXPECT_EQ(bench.guest(0).status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest(1).status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueRelief, AnotherDevicesFreePagesAreHad) {
  DeviceFixture bench({.persistent = false});
  DeviceFixture other({.persistent = false, .domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  host().pages_left = 4;
  host().hold_io = true;
  (void)send_reads(other.guest(), 1, 4);
  host().hold_io = false;
  host().complete_all();
  host().run();
  ASSERT_EQ(host().pages_left, 0u);
  (void)send_reads(bench.guest(), 1, 2);
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
}

TEST(QueueRelief, AnotherDevicesIdleGrantsAreHadForTheirPages) {
  DeviceFixture bench({.persistent = false});
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 4);
  host().pages_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  host().sleep(1000);
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
}

}  // namespace
