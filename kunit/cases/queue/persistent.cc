// SPDX-License-Identifier: GPL-2.0
// Buffers that outlive a request, persistent grants and free pages, and their parameters.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

// Reads into `count` pages from `gref` on, with one request after the other.
void read_into(Guest& guest, uint32_t gref, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    static uint64_t id = 100000;
    guest.send(ask(BLKIF_OP_READ, ++id, 0, {{gref + i}}));
    host().run();
    guest.read_answers();
  }
}

TEST(QueuePersistent, AGrantStaysMappedAndIsUsedAgain) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  read_into(bench.guest(), gref, 1);
  read_into(bench.guest(), gref, 1);
  EXPECT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
}

TEST(QueuePersistent, WithoutTheFrontendsConsentNothingStaysMapped) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  read_into(bench.guest(), gref, 1);
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
}

TEST(QueuePersistent, WithTheParameterOffNothingStaysMapped) {
  host().parameters.feature_persistent = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("feature-persistent", "0"));
  const uint32_t gref = bench.guest().grant();
  read_into(bench.guest(), gref, 1);
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
}

TEST(QueuePersistent, UnusedGrantsGoAfterTheirTime) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(10);
  read_into(bench.guest(), gref, 10);
  host().sleep(59 * 1000);
  EXPECT_EQ(bench.guest().all_mappings(), 10u);
  host().sleep(3 * 1000);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(QueuePersistent, WhenTheUnusedGrantsAreGoneTheQueueSleepsForGood) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grants(10), 10);
  host().sleep(70 * 1000);
  const uint32_t passes = host().passes;
  const uint32_t works = host().work_runs;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().passes, passes);
  EXPECT_EQ(host().work_runs, works);
}

TEST(QueuePersistent, UnusedGrantsGoWithFewWakeUps) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grants(20), 20);
  const uint32_t passes = host().passes;
  host().sleep(70 * 1000);
  EXPECT_LE(host().passes - passes, 4u);
}

TEST(QueuePersistent, GrantsInUseStayHoweverLongTheDiskTakes) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  host().sleep(1000 * 1000);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueuePersistent, OverTheLimitOldGrantsMakeRoom) {
  host().parameters.max_persistent_grants = 20;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(21);
  read_into(bench.guest(), gref, 21);
  host().run();
  // 20 grants were kept.  The 21st was used once, and then the oldest one had to go.
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
  EXPECT_EQ(bench.guest().all_mappings(), 19u);
}

TEST(QueuePersistent, ALoweredLimitTakesEffectWithoutARequest) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grants(30), 30);
  host().parameters.max_persistent_grants = 10;
  driver_parameters_changed();
  host().run();
  EXPECT_EQ(bench.guest().all_mappings(), 10u);
}

TEST(QueuePersistent, FreePagesAreKeptUpToTheirBound) {
  host().parameters.max_buffer_pages = 4;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  const uint32_t gref = bench.guest().grants(10);
  for (uint32_t i = 0; i < 10; ++i) {
    bench.guest().put(ask(BLKIF_OP_READ, i, 0, {{gref + i}}));
  }
  bench.guest().show();
  bench.guest().kick();
  host().run();
  EXPECT_EQ(host().pages_out, 10u);
  host().complete_all();
  host().run();
  EXPECT_EQ(host().pages_out, 4u);
}

TEST(QueuePersistent, PagesOfPurgedGrantsAreBoundedToo) {
  host().parameters.max_buffer_pages = 4;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grants(10), 10);
  host().sleep(70 * 1000);
  EXPECT_EQ(host().pages_out, 4u);
}

TEST(QueuePersistent, ALoweredBoundOfFreePagesTakesEffectWithoutARequest) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grants(3), 3);
  ASSERT_GE(host().pages_out, 1u);
  host().parameters.max_buffer_pages = 0;
  driver_parameters_changed();
  host().run();
  EXPECT_EQ(host().pages_out, 0u);
}

TEST(QueuePersistent, UnderMemoryPressureFreePagesGoAtOnce) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  read_into(bench.guest(), bench.guest().grant(), 1);
  ASSERT_EQ(host().pages_out, 1u);
  driver_reclaim_memory(bench.driver());
  host().run();
  EXPECT_EQ(host().pages_out, 0u);
}

TEST(QueuePersistent, UnderMemoryPressurePagesAreNotKeptForAWhile) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  driver_reclaim_memory(bench.driver());
  host().run();
  read_into(bench.guest(), bench.guest().grant(), 1);
  EXPECT_EQ(host().pages_out, 0u);
  host().sleep(20);
  read_into(bench.guest(), bench.guest().grant(), 1);
  EXPECT_EQ(host().pages_out, 1u);
}

TEST(QueuePersistent, MemoryPressureWithoutAConnectionDoesNoHarm) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  driver_reclaim_memory(bench.driver());
  driver_parameters_changed();
  host().run();
  EXPECT_TRUE(bench.connect());
}

TEST(QueuePersistent, StatisticsAreLoggedWhenAskedFor) {
  host().parameters.log_stats = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().sleep(11000);
  read_into(bench.guest(), bench.guest().grant(), 1);
  EXPECT_EQ(host().logged("(7.xvda-0): oo 0 | rd 1 | wr 0"), 1u);
}

TEST(QueuePersistent, LoggingStatisticsWakesNobody) {
  host().parameters.log_stats = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  const uint32_t passes = host().passes;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().passes, passes);
}

TEST(QueuePersistent, AGrantThatIsBeingPurgedCanBeUsedAgain) {
  host().parameters.max_persistent_grants = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  read_into(bench.guest(), gref, 1);
  host().parameters.max_persistent_grants = 0;
  driver_parameters_changed();
  host().run();
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
  host().parameters.max_persistent_grants = 1;
  read_into(bench.guest(), gref, 1);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
}

}  // namespace
