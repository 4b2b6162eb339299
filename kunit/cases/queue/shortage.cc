// SPDX-License-Identifier: GPL-2.0
// Requests that wait for handles or pages, which all guests share.
#include "host/log.h"
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/reads.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::send_reads;
using kunit::served;

TEST(QueueShortage, RequestsWithoutHandlesWaitAndAreServedLater) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 4);
  host().sleep(5000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().handles_left = 4;
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
}

TEST(QueueShortage, RequestsThatNeverGetHandlesFailAfterAWhileAndTheLogSaysWhy) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 4);
  host().sleep(9900);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().sleep(600);
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_EQ(bench.guest().status_of(id), BLKIF_RSP_ERROR);
  EXPECT_EQ(host().logged("4 requests failed", HOST_LOG_ERROR), 1u);
  EXPECT_EQ(host().logged("gnttab_max_maptrack_frames"), 1u);
  for (const auto& line : host().log) {
    EXPECT_TRUE(line.limit != nullptr);
  }
  host().handles_left = 4;
  (void)send_reads(bench.guest(), 10, 4);
  EXPECT_EQ(served(bench.guest(), 10, 4), 4u);
}

TEST(QueueShortage, AShortageThatBeginsToEndFailsNothing) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 4);
  host().sleep(9900);
  host().handles_left = 2;
  host().sleep(5000);
  ASSERT_EQ(host().held.size(), 2u);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().complete_all();
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  host().complete_all();
  host().run();
  EXPECT_EQ(served(bench.guest(), 1, 4), 4u);
}

TEST(QueueShortage, AWaitForPagesIsNoneForHandles) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 0;
  (void)send_reads(bench.guest(), 1, 1);
  host().sleep(11000);
  host().pages_left = UINT32_MAX;
  host().handles_left = 0;
  host().sleep(9000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().handles_left = 1;
  host().sleep(200);
  EXPECT_EQ(served(bench.guest(), 1, 1), 1u);
}

TEST(QueueShortage, AWaitForHandlesCostsFewHypercalls) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 20);
  host().sleep(8000);
  EXPECT_LE(host().map_calls.size(), 60u);
  host().handles_left = 20;
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(), 1, 20), 20u);
}

TEST(QueueShortage, RequestsOfMoreGrantsThanAreLeftDoNotHoldWhatTheOthersNeed) {
  DeviceFixture bench({.queues = 2, .persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 10;
  host().hold_io = true;
  for (uint32_t queue = 0; queue < 2; ++queue) {
    const uint32_t gref = bench.guest(queue).grants(8);
    bench.guest(queue).send(ask(BLKIF_OP_READ, 1, 0,
                                {{gref},
                                 {gref + 1},
                                 {gref + 2},
                                 {gref + 3},
                                 {gref + 4},
                                 {gref + 5},
                                 {gref + 6},
                                 {gref + 7}}));
  }
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  EXPECT_EQ(host().handles_left, 2u);
  host().sleep(1000);
  host().complete_all();
  host().sleep(5);
  ASSERT_EQ(host().held.size(), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest(0).status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest(1).status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueShortage, AnIndirectRequestThatWaitsHasNothingMapped) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().handles_left = 20;
  host().change_after_read = true;
  const uint32_t gref = guest.grants(30);
  guest.send(guest.indirect(BLKIF_OP_READ, 1, 0, gref, 30));
  host().run();
  EXPECT_EQ(guest.all_mappings(), 0u);
  EXPECT_EQ(host().handles_left, 20u);
  host().handles_left = 30;
  host().sleep(160);
  // The page of descriptors is not mapped again, so 30 handles are enough.
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().handles_left, 30u);
}

TEST(QueueShortage, WhatIsWithTheDiskIsWaitedFor) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 1;
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 2);
  ASSERT_EQ(host().held.size(), 1u);
  host().sleep(60000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().complete_all();
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
}

TEST(QueueShortage, ADryHostIsAskedForPagesRarely) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  (void)send_reads(bench.guest(), 1, 30);
  host().run();
  EXPECT_EQ(host().page_refusals, 2u);
  host().sleep(10000);
  EXPECT_LE(host().page_refusals, 50u);
  host().failing.clear();
  host().sleep(1000);
  EXPECT_EQ(served(bench.guest(), 1, 30), 30u);
}

TEST(QueueShortage, AQueueThatClosesGivesUpOnHandlesInTime) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  EXPECT_FALSE(bench.disconnect());
  host().sleep(6000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueShortage, AQueueIsIdleAgainAfterAShortage) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  host().handles_left = 8;
  host().sleep(200);
  ASSERT_EQ(served(bench.guest(), 1, 2), 2u);
  host().sleep(500);
  const uint32_t gref = send_reads(bench.guest(), 10, 1);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  host().sleep(70000);
  const uint32_t passes = host().passes;
  const uint32_t works = host().work_runs;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().passes, passes);
  EXPECT_EQ(host().work_runs, works);
}

// The handle comes back when the storage stack drops its reference to the page.
TEST(QueueShortage, WhatTheStorageStackHoldsIsWaitedFor) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 1;
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 2);
  ASSERT_EQ(host().held.size(), 1u);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  host().hold_io = false;
  host().complete_all();
  host().sleep(60000);
  EXPECT_EQ(bench.guest().answers(), 0u);
  page->busy = false;
  host().sleep(200);
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
}

TEST(QueueShortage, APersistentPageThatTheStorageStackHoldsDefersTheAnswer) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const uint32_t gref = send_reads(bench.guest(), 1, 2);
  ASSERT_EQ(host().held.size(), 2u);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
  page->busy = false;
  host().sleep(10);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
}

TEST(QueueShortage, RequestsThatShareAPersistentPageDoNotWaitForEachOther) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = send_reads(bench.guest(), 1, 1);
  host().hold_io = true;
  bench.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref}}));
  bench.guest().send(ask(BLKIF_OP_READ, 3, 8, {{gref}}));
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  ASSERT_TRUE(host().held[0]->segments[0].page == host().held[1]->segments[0].page);
  host().complete(0);
  host().run();
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().status_of(3), Guest::kNoAnswer);
  host().complete_all();
  host().run();
}

}  // namespace
