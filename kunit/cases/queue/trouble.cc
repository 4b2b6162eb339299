// SPDX-License-Identifier: GPL-2.0
// A queue without pages, with a hostile frontend, or while it closes.
#include "host/log.h"
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

uint32_t send_reads(Guest& guest, uint64_t first_id, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    guest.put(ask(BLKIF_OP_READ, first_id + i, i * 8, {{gref + i}}));
  }
  guest.show();
  guest.kick();
  return gref;
}

TEST(QueueTrouble, RequestsWithoutPagesWaitAndAreServedLater) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  (void)send_reads(bench.guest(), 1, 4);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().sleep(100);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().failing.clear();
  host().sleep(1000);
  EXPECT_EQ(bench.guest().answers(), 4u);
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_EQ(bench.guest().status_of(id), BLKIF_RSP_OKAY);
}

TEST(QueueTrouble, RequestsWithoutPagesAreCounted) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  (void)send_reads(bench.guest(), 1, 4);
  host().run();
  EXPECT_GE(bench.statistics().oo_req, 1u);
  host().failing.clear();
  host().sleep(10);
}

TEST(QueueTrouble, WithPagesForSomeTheRestFollow) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 3;
  (void)send_reads(bench.guest(), 1, 20);
  host().run();
  host().sleep(200);
  EXPECT_EQ(bench.guest().answers(), 20u);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(QueueTrouble, RequestsWithoutPagesKeepTheirOrder) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 1;
  (void)send_reads(bench.guest(), 1, 6);
  host().run();
  host().sleep(200);
  ASSERT_EQ(bench.guest().answers(), 6u);
  for (uint32_t i = 0; i < 6; ++i) EXPECT_EQ(bench.guest().answered_id(i), i + 1);
}

TEST(QueueTrouble, RequestsThatComeWhileOthersWaitForPagesAreNotLost) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  (void)send_reads(bench.guest(), 1, 2);
  host().run();
  (void)send_reads(bench.guest(), 10, 2);
  host().run();
  host().failing.clear();
  host().sleep(100);
  EXPECT_EQ(bench.guest().answers(), 4u);
}

TEST(QueueTrouble, PagesThatComeFreeServeWhatWaits) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 2;
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 4);
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  host().complete_all();
  host().run();
  EXPECT_EQ(host().held.size(), 2u);
  EXPECT_EQ(bench.guest().answers(), 2u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 4u);
}

TEST(QueueTrouble, AHeldPageDefersTheAnswer) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const uint32_t gref = send_reads(bench.guest(), 1, 2);
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  page->busy = false;
  host().sleep(10);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
}

TEST(QueueTrouble, AQueueThatClosesWaitsForAHeldPage) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const uint32_t gref = send_reads(bench.guest(), 1, 1);
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  host().complete_all();
  EXPECT_FALSE(bench.disconnect());
  host().sleep(1000);
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  page->busy = false;
  host().sleep(10);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueTrouble, AnUnmapThatFailsIsAnsweredAndThePageNeverUsedAgain) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 3);
  host().run();
  host().sticky_handles.insert(host().handles.begin()->first);
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 3u);
  EXPECT_EQ(host().lost_pages, 1u);
  (void)send_reads(bench.guest(), 10, 8);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 11u);
}

TEST(QueueTrouble, AnImpossibleIndexStopsTheRing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.guest().req_prod() += 100;
  bench.guest().kick();
  host().run();
  EXPECT_TRUE(host().copies.empty());
  EXPECT_EQ(host().logged("claims more requests than the ring has slots (32)"), 1u);
}

TEST(QueueTrouble, AStoppedRingStaysStopped) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t prod = bench.guest().req_prod();
  bench.guest().req_prod() += 100;
  bench.guest().kick();
  host().run();
  bench.guest().req_prod() = prod;
  const uint32_t gref = bench.guest().grant();
  bench.guest().put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().show();
  bench.guest().kick();
  host().sleep(10000);
  EXPECT_EQ(bench.guest().answers(), 0u);
}

TEST(QueueTrouble, AStoppedRingAnswersWhatWasInFlight) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 2);
  host().run();
  bench.guest().req_prod() += 1000;
  bench.guest().kick();
  host().run();
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 2u);
}

TEST(QueueTrouble, AStoppedRingDoesNotHarmTheOthers) {
  DeviceFixture bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  bench.guest(0).req_prod() += 100;
  bench.guest(0).kick();
  host().run();
  const uint32_t gref = bench.guest(1).grant();
  bench.guest(1).send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  EXPECT_EQ(bench.guest(1).status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueTrouble, AfterAReconnectAStoppedRingWorksAgain) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.guest().req_prod() += 100;
  bench.guest().kick();
  host().run();
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  (void)send_reads(bench.guest(), 1, 1);
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueTrouble, AnEventWithNothingToDoIsReportedAsSpurious) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().spurious_eois = 0;
  for (uint32_t i = 0; i < 5; ++i) {
    bench.guest().kick();
    host().run();
  }
  EXPECT_EQ(host().spurious_eois, 5u);
}

TEST(QueueTrouble, AnEventWithARequestIsNotSpurious) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().eois = 0;
  host().spurious_eois = 0;
  (void)send_reads(bench.guest(), 1, 1);
  host().run();
  EXPECT_EQ(host().eois, 1u);
  EXPECT_EQ(host().spurious_eois, 0u);
}

TEST(QueueTrouble, RequestsTakenWithoutAnEventDoNotExcuseALaterStorm) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  // The request is served without an event, as when the thread runs because an I/O has ended.  The
  // frontend was not asked for an event.
  const uint32_t gref = bench.guest().grant();
  bench.guest().put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().show();
  driver_parameters_changed();
  host().run();
  ASSERT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  host().spurious_eois = 0;
  bench.guest().kick();
  host().run();
  bench.guest().kick();
  host().run();
  EXPECT_GE(host().spurious_eois, 1u);
}

TEST(QueueTrouble, AnEventThatComesWhileTheChannelIsBoundIsNotLost) {
  host().event_at_bind = true;
  DeviceFixture bench;
  const uint32_t gref = bench.guest().grant();
  bench.guest().put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().show();
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().eois, 1u);
}

TEST(QueueTrouble, AnEventThatComesWhileTheChannelIsMaskedIsDealtWithAfterwards) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().eois = 0;
  bench.guest().kick();
  bench.guest().kick();
  host().run();
  EXPECT_EQ(host().eois, 2u);
  (void)send_reads(bench.guest(), 1, 1);
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueTrouble, AnIdleQueueMakesNoPass) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t passes = host().passes;
  const uint32_t works = host().work_runs;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().passes, passes);
  EXPECT_EQ(host().work_runs, works);
}

// One pass: the thread has lent its turn, and looks once whether that gave it something to do.
TEST(QueueTrouble, AQueueThatWaitsForTheDiskMakesOnePassMoreAtMost) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  (void)send_reads(bench.guest(), 1, 3);
  host().run();
  const uint32_t passes = host().passes;
  host().sleep(3600 * 1000);
  EXPECT_LE(host().passes, passes + 1);
}

TEST(QueueTrouble, AFloodOfBadRequestsLogsOnlyThroughTheLimiter) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  for (uint32_t i = 0; i < 32; ++i) bench.guest().put(ask(99, i, 0, {}));
  bench.guest().show();
  bench.guest().kick();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 32u);
  for (const auto& line : host().log) EXPECT_TRUE(line.limit != nullptr);
}

}  // namespace
