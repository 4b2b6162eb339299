// SPDX-License-Identifier: GPL-2.0
// Sizes of batches, and delays before the next try.  The core's numbers, as seen from outside, are
// written down here a second time.
#include "device/device.h"
#include "device/registry.h"
#include "grant/page_pool.h"
#include "support/account.h"
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/reads.h"

namespace {

using blkback::Device;
using blkback::PagePool;
using blkback::Registry;
using blkback::Scarce;
using fake::host;
using kunit::TestPool;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

// Shows `count` reads of one page each at once, with ids from `first` on, and runs them.
void read_many(Guest& guest, uint64_t first, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    guest.put(ask(BLKIF_OP_READ, first + i, 0, {{gref + i}}));
  }
  guest.show();
  guest.kick();
  host().run();
}

// No thread makes a pass for `ms` - 1 milliseconds; one thread makes one in the next millisecond.
void expect_next_pass_in(uint64_t ms) {
  const uint32_t passes = host().passes;
  host().sleep(ms - 1);
  EXPECT_EQ(host().passes, passes);
  host().sleep(1);
  EXPECT_EQ(host().passes, passes + 1);
}

TEST(Pace, ADiskThatIsDoneAtOnceGetsSixteenRequestsAtATime) {
  DeviceFixture bench({.ring_order = 1});
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 0, 40);
  read_many(bench.guest(), 100, 40);
  EXPECT_EQ(bench.guest().answers(), 80u);
  // The core does not know yet that the disk ends the first batch at once.
  EXPECT_EQ(host().submissions, (std::vector<uint32_t>{40, 16, 16, 8}));
}

TEST(Pace, ADiskThatTakesItsTimeGetsUpTo128RequestsAtOnce) {
  DeviceFixture bench({.ring_order = 3});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(), 0, 200);
  EXPECT_EQ(host().submissions, (std::vector<uint32_t>{128, 72}));
}

TEST(Pace, ARequestWithoutPagesIsTriedAgainAfterTenMillisecondsAndThenLessOften) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  read_many(bench.guest(), 1, 1);
  for (const uint64_t ms : {10, 20, 40, 80, 160, 160, 160}) expect_next_pass_in(ms);
  host().failing.clear();
  // The pool asks the host again after at most 640 ms.
  host().sleep(640 + 160);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(Pace, APageThatAnotherRingFreesIsTakenFourMillisecondsAfterTheLastTry) {
  DeviceFixture bench({.queues = 2, .persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(1), 1, 1);
  host().hold_io = false;
  host().failing.insert("host_page_alloc");
  read_many(bench.guest(0), 1, 1);
  host().complete(0);
  host().run();
  host().sleep(3);
  EXPECT_EQ(bench.guest(0).status_of(1), Guest::kNoAnswer);
  host().sleep(1);
  EXPECT_EQ(bench.guest(0).status_of(1), BLKIF_RSP_OKAY);
}

TEST(Pace, APageThatTheStorageStackHoldsIsLookedAtAgainAfterOneMillisecond) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(), 1, 1);
  host_page* page = host().held.front()->segments[0].page;
  page->busy = true;
  host().complete_all();
  host().run();
  expect_next_pass_in(1);
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  page->busy = false;
  expect_next_pass_in(1);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(Pace, AFrontendThatNeverStopsLetsTheThreadBeFrozenBetweenItsRequests) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  uint64_t sent = 1;
  // The thread calls the fence before it checks for more requests for the last time.
  host().at_fence = [&] {
    if (sent == 1000) return;
    guest.put(ask(BLKIF_OP_READ, ++sent, 0, {{gref}}));
    guest.show();
  };
  const uint32_t passes = host().passes;
  const uint32_t yields = host().yields;
  guest.send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  host().at_fence = nullptr;
  EXPECT_EQ(guest.answers(), 1000u);
  EXPECT_LT(host().passes - passes, 10u);
  EXPECT_GE(host().yields - yields, 400u);
}

TEST(Pace, AnUnusedGrantGoesOneSecondAfterItIsDue) {
  host().parameters.persistent_grant_unused_seconds = 7;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 1);
  ASSERT_EQ(bench.guest().all_mappings(), 1u);
  const uint32_t passes = host().passes;
  host().sleep(7999);
  EXPECT_EQ(host().passes, passes);
  EXPECT_EQ(bench.guest().all_mappings(), 1u);
  host().sleep(1);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(Pace, AHeldPageOfAPurgedGrantIsLookedAtAgainAfterFiveMilliseconds) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(), 1, 1);
  host_page* page = host().held.front()->segments[0].page;
  host().complete_all();
  host().run();
  page->busy = true;
  host().parameters.max_persistent_grants = 0;
  driver_parameters_changed();
  host().run();
  page->busy = false;
  host().sleep(4);
  EXPECT_EQ(bench.guest().all_mappings(), 1u);
  host().sleep(1);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(Pace, AQueueThatClosesGivesUpOnRequestsWithoutPagesAfterFiveSeconds) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  read_many(bench.guest(), 1, 1);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(4999);
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  EXPECT_NE(bench.backend_state(), HOST_XENBUS_CLOSED);
  host().sleep(1);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

// What a hanging disk would give back is not what the request waits for.
TEST(Pace, AQueueThatClosesDoesNotWaitForTheDiskWhenPagesAreMissing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(), 1, 1);
  host().failing.insert("host_page_alloc");
  read_many(bench.guest(), 2, 1);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(5000);
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_ERROR);
}

// Requests that end make a ring try again, and ask again.
TEST(Pace, ARingThatIsShortAsksOthersEvery100Milliseconds) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  read_many(bench.guest(), 1, 2);
  host().failing.insert("host_page_alloc");
  kunit::send_full_reads(bench.guest(), 10, 1);
  const uint32_t runs = host().work_runs;
  host().sleep(99);
  host().complete(0);
  host().run();
  EXPECT_EQ(host().work_runs, runs);
  host().sleep(1);
  host().complete(0);
  host().run();
  EXPECT_GT(host().work_runs, runs);
  host().failing.clear();
  host().hold_io = false;
  host().sleep(1000);
  EXPECT_EQ(bench.guest().status_of(10), BLKIF_RSP_OKAY);
}

TEST(Pace, APurgeUnmaps64GrantsAtATime) {
  DeviceFixture bench({.ring_order = 2});
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 100);
  host().unmap_calls.clear();
  host().parameters.max_persistent_grants = 0;
  driver_parameters_changed();
  host().run();
  EXPECT_EQ(host().unmap_calls, (std::vector<uint32_t>{64, 36}));
}

TEST(Pace, StatisticsAreLoggedEveryTenSecondsWhileThereAreRequests) {
  host().parameters.log_stats = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 1);
  const uint32_t lines = host().logged("| rd ");
  host().sleep(9999);
  read_many(bench.guest(), 2, 1);
  EXPECT_EQ(host().logged("| rd "), lines);
  host().sleep(1);
  read_many(bench.guest(), 3, 1);
  EXPECT_EQ(host().logged("| rd "), lines + 1);
  EXPECT_EQ(host().logged("| rd 3 |"), 1u);
}

TEST(Pace, StatisticsOfAnIdleRingAreLoggedOnce) {
  host().parameters.log_stats = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 1);
  for (uint32_t i = 0; i < 3; ++i) {
    host().sleep(10000);
    driver_parameters_changed();
    host().run();
  }
  EXPECT_EQ(host().logged("| rd 1 |"), 1u);
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(host().logged("| rd 1 |"), 1u);
}

TEST(Pace, StatisticsOfAnIdleRingAreLoggedWhenTheyAreAskedForAgain) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 1);
  for (uint32_t asked = 1; asked <= 3; ++asked) {
    host().parameters.log_stats = 1;
    driver_parameters_changed();
    host().run();
    EXPECT_EQ(host().logged("| rd 1 |"), asked);
    host().parameters.log_stats = 0;
    driver_parameters_changed();
    host().run();
  }
}

// Asks for relief `ms` after the last time.  How many grants does the ring keep then?
template <typename Relieve>
uint32_t kept_after(DeviceFixture& other, uint32_t ms, Relieve relieve) {
  host().sleep(ms);
  relieve();
  host().run();
  return other.guest().all_mappings();
}

TEST(Pace, OtherDevicesGiveBackForADeviceOnceASecond) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  read_many(other.guest(), 1, 32);
  host().sleep(1000);
  const auto relieve = [&bench] {
    Registry::get().relieve(*static_cast<Device*>(bench.driver()), Scarce::kHandles);
  };
  EXPECT_EQ(kept_after(other, 0, relieve), 16u);
  EXPECT_EQ(kept_after(other, 999, relieve), 16u);
  EXPECT_EQ(kept_after(other, 1, relieve), 8u);
}

TEST(Pace, OtherDisksOfAGuestGiveBackFourTimesASecond) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_many(bench.guest(), 1, 32);
  host().sleep(250);
  const auto relieve = [&bench] {
    Registry::get().relieve_guest(static_cast<Device*>(bench.driver())->account());
  };
  EXPECT_EQ(kept_after(bench, 0, relieve), 16u);
  EXPECT_EQ(kept_after(bench, 249, relieve), 16u);
  EXPECT_EQ(kept_after(bench, 1, relieve), 8u);
}

TEST(Pace, APoolGivesBack32PagesAtATime) {
  TestPool pool;
  host_page* pages[70];
  ASSERT_TRUE(pool.get(pages, host().now_ms).has_value());
  pool.put(pages);
  pool.shrink_free_pagepool(3);
  EXPECT_EQ(host().page_frees, (std::vector<uint32_t>{32, 32, 3}));
}

TEST(Pace, ABusyRingKeepsFourUnusedBlocksOfEachSize) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  const size_t at_rest = host().memory.size();
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(33);
  for (uint32_t i = 0; i < 6; ++i) {
    guest.put(guest.indirect(BLKIF_OP_READ, 10 + i, 0, gref, 32));
    guest.put(guest.indirect(BLKIF_OP_READ, 20 + i, 0, gref, 33));
  }
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.answers(), 12u);
  EXPECT_EQ(host().memory.size(), at_rest + 8);
}

}  // namespace
