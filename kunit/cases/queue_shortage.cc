// SPDX-License-Identifier: GPL-2.0
// Queues when handles or pages, which all guests share, have run out.
#include "host/log.h"
#include "support/bench.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::Bench;
using kunit::Guest;

// Reads into `count` fresh pages, one request each; the first page's grant.
uint32_t send_reads(Guest& guest, uint64_t first_id, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    guest.put(ask(BLKIF_OP_READ, first_id + i, i * 8, {{gref + i}}));
  }
  guest.show();
  guest.kick();
  host().run();
  guest.read_answers();
  return gref;
}

uint32_t served(Guest& guest, uint64_t first_id, uint32_t count) {
  uint32_t okay = 0;
  for (uint64_t id = first_id; id < first_id + count; ++id) {
    if (guest.status_of(id) == BLKIF_RSP_OKAY) ++okay;
  }
  return okay;
}

TEST(QueueShortage, RequestsWithoutHandlesWaitAndAreServedLater) {
  Bench bench;
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
  Bench bench;
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
  Bench bench({.persistent = false});
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
  Bench bench({.persistent = false});
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
  Bench bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 20);
  host().sleep(8000);
  EXPECT_LE(host().map_calls.size(), 60u);
  host().handles_left = 20;
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(), 1, 20), 20u);
}

TEST(QueueShortage, TheRingsOwnIdleGrantsMakeRoomAndNoMoreThanAreMissing) {
  Bench bench;
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(), 1, 8);
  ASSERT_EQ(bench.guest().all_mappings(), 8u);
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 10, 2);
  host().sleep(20);
  EXPECT_EQ(served(bench.guest(), 10, 2), 2u);
  // What is mapped while others wait is not kept.
  EXPECT_EQ(bench.guest().all_mappings(), 6u);
  EXPECT_EQ(host().logged("handles"), 0u);
}

TEST(QueueShortage, RequestsOfMoreGrantsThanAreLeftDoNotHoldWhatTheOthersNeed) {
  Bench bench({.queues = 2, .persistent = false});
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
  Bench bench({.persistent = false});
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
  // The page of descriptors is not read again, and not needed.
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().handles_left, 30u);
}

TEST(QueueShortage, WhatIsWithTheDiskIsWaitedFor) {
  Bench bench({.persistent = false});
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

TEST(QueueShortage, AnotherRingsIdleGrantsMakeRoom) {
  Bench bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(0), 1, 8);
  host().handles_left = 0;
  (void)send_reads(bench.guest(1), 1, 2);
  host().sleep(160);
  EXPECT_EQ(served(bench.guest(1), 1, 2), 2u);
  EXPECT_EQ(bench.guest(0).all_mappings(), 4u);
}

TEST(QueueShortage, AnotherDevicesIdleGrantsMakeRoom) {
  Bench bench;
  Bench other({.domid = 8});
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

// Else it would take back what it gave before who asked tries again.
TEST(QueueShortage, WhoGaveBackForOthersKeepsNothingNewForAWhile) {
  Bench bench;
  Bench other({.domid = 8});
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

TEST(QueueShortage, AGuestThatIsAlwaysShortCostsTheOthersHalfASecondAtMost) {
  Bench bench({.persistent = false});
  Bench other({.domid = 8});
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

TEST(QueueShortage, AGuestWithRoomOfItsOwnDoesNotDisturbTheOthers) {
  Bench bench;
  Bench other({.domid = 8});
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

TEST(QueueShortage, IdleGrantsMakeRoomForPages) {
  Bench bench;
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(), 1, 8);
  host().pages_left = 0;
  (void)send_reads(bench.guest(), 10, 2);
  host().sleep(20);
  EXPECT_EQ(served(bench.guest(), 10, 2), 2u);
  EXPECT_EQ(bench.guest().all_mappings(), 6u);
}

TEST(QueueShortage, APageThatAnotherRingFreesIsUsedSoon) {
  Bench bench({.queues = 2, .persistent = false});
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

TEST(QueueShortage, AnotherDevicesFreePagesAreHad) {
  Bench bench({.persistent = false});
  Bench other({.persistent = false, .domid = 8});
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

TEST(QueueShortage, AnotherDevicesIdleGrantsAreHadForTheirPages) {
  Bench bench({.persistent = false});
  Bench other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 4);
  host().pages_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  host().sleep(1000);
  EXPECT_EQ(served(bench.guest(), 1, 2), 2u);
}

TEST(QueueShortage, ADryHostIsAskedForPagesRarely) {
  Bench bench({.persistent = false});
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
  Bench bench;
  ASSERT_TRUE(bench.connect());
  host().handles_left = 0;
  (void)send_reads(bench.guest(), 1, 2);
  EXPECT_FALSE(bench.disconnect());
  host().sleep(6000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueShortage, AQueueIsIdleAgainAfterAShortage) {
  Bench bench;
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

TEST(QueueShortage, RingsWithoutHandlesConnectLater) {
  Bench bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  host().sleep(3000);
  EXPECT_FALSE(bench.refused());
  host().handles_left = 1;
  host().sleep(200);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  host().handles_left = 2;
  (void)send_reads(bench.guest(), 1, 1);
  EXPECT_EQ(served(bench.guest(), 1, 1), 1u);
}

TEST(QueueShortage, RingsGetHandlesOfOthers) {
  Bench other({.domid = 8});
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 8);
  host().handles_left = 0;
  Bench bench({.queues = 4});
  EXPECT_FALSE(bench.connect());
  host().sleep(200);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  host().handles_left = UINT32_MAX;
}

TEST(QueueShortage, RingsThatNeverGetHandlesAreRefusedAndTheReasonIsGiven) {
  Bench bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  host().sleep(11000);
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("gnttab_max_maptrack_frames"));
  const uint32_t works = host().work_runs;
  host().sleep(60000);
  EXPECT_EQ(host().work_runs, works);
}

TEST(QueueShortage, AFrontendIsWaitedForHoweverLongAnotherOneWaited) {
  Bench bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  host().sleep(5000);
  EXPECT_TRUE(bench.disconnect());
  host().sleep(60000);
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  bench.offer();
  bench.state(HOST_XENBUS_INITIALISED);
  host().sleep(5000);
  EXPECT_FALSE(bench.refused());
  host().handles_left = UINT32_MAX;
  host().sleep(200);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

// No handle of anybody's would help.
TEST(QueueShortage, WithoutEventChannelsADeviceIsRefusedAtOnce) {
  Bench bench;
  host().failing.insert("host_event_bind");
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("event-channel"));
  EXPECT_FALSE(bench.complained("maptrack"));
}

TEST(QueueShortage, AFrontendThatLeavesWhileItsRingsWaitIsLetGo) {
  Bench bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.disconnect());
  host().sleep(20000);
  EXPECT_FALSE(bench.refused());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueShortage, APersistentPageThatTheStorageStackHoldsDefersTheAnswer) {
  Bench bench;
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
  Bench bench;
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
