// SPDX-License-Identifier: GPL-2.0
// The state machine, from the first connection on.
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/random.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

bool works(DeviceFixture& bench, uint64_t id) {
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, id, 0, {{gref}}));
  host().run();
  return bench.guest().status_of(id) == BLKIF_RSP_OKAY;
}

// Sends reads that the disk does not end before complete_all().  Returns the first grant reference.
uint32_t hold_reads(DeviceFixture& bench, uint32_t count) {
  host().hold_io = true;
  const uint32_t gref = bench.guest().grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    bench.guest().send(ask(BLKIF_OP_READ, 500 + i, 0, {{gref + i}}));
  }
  host().run();
  return gref;
}

// Closed -> Initialising -> Initialised, with new rings.
bool reconnect(DeviceFixture& bench) {
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  if (bench.backend_state() != HOST_XENBUS_INIT_WAIT) return false;
  return bench.connect();
}

TEST(DeviceStates, ConnectsOnInitialised) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceStates, ConnectsOnConnectedWhenInitialisedWasMissed) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.state(HOST_XENBUS_CONNECTED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench, 1));
}

TEST(DeviceStates, AStateThatIsRepeatedChangesNothing) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.state(HOST_XENBUS_INITIALISED);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  const size_t changes = bench.device().states.size();
  const host_thread* thread = host().threads[0].get();
  bench.state(HOST_XENBUS_INITIALISED);
  bench.state(HOST_XENBUS_CONNECTED);
  bench.state(HOST_XENBUS_CONNECTED);
  EXPECT_EQ(bench.device().states.size(), changes);
  ASSERT_EQ(host().threads.size(), 1u);
  EXPECT_EQ(host().threads[0].get(), thread);
  EXPECT_TRUE(works(bench, 1));
}

TEST(DeviceStates, FollowsTheFrontendIntoClosing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CLOSING);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
}

TEST(DeviceStates, StillServesWhileTheFrontendIsClosing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CLOSING);
  EXPECT_TRUE(works(bench, 1));
}

TEST(DeviceStates, ClosedUnmapsEverything) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(works(bench, 1));
  ASSERT_GE(bench.guest().all_mappings(), 1u);
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
  EXPECT_TRUE(host().rings.empty());
  EXPECT_TRUE(host().channels.empty());
  EXPECT_TRUE(host().threads.empty());
  EXPECT_EQ(host().pages_out, 0u);
}

TEST(DeviceStates, ClosedIsPublishedOnlyWhenTheDiskIsDone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = hold_reads(bench, 3);
  EXPECT_FALSE(bench.disconnect());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_EQ(bench.guest().answers(), 3u);
}

TEST(DeviceStates, TheWatchThreadDoesNotWaitForTheDisk) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 3);
  bench.state(HOST_XENBUS_CLOSED);
  const uint32_t works = host().work_runs;
  host().sleep(60 * 1000);
  EXPECT_LE(host().work_runs - works, 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(DeviceStates, ClosedIsPublishedOnlyWhenNoPageIsHeld) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 2);
  host_page* page = host().held[1]->segments[0].page;
  page->busy = true;
  bench.state(HOST_XENBUS_CLOSED);
  host().complete_all();
  host().sleep(1000);
  EXPECT_TRUE(bench.backend_state() != HOST_XENBUS_CLOSED);
  page->busy = false;
  host().sleep(100);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(DeviceStates, RequestsWithoutPagesAreFailedWhenTheDeviceCloses) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  const uint32_t gref = bench.guest().grants(2);
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref + 1}}));
  host().run();
  bench.state(HOST_XENBUS_CLOSED);
  EXPECT_TRUE(bench.backend_state() != HOST_XENBUS_CLOSED);
  host().sleep(10000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_ERROR);
}

TEST(DeviceStates, RequestsWithoutPagesAreServedWhenPagesComeDuringTheClose) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(1000);
  host().failing.clear();
  host().sleep(1000);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(DeviceStates, NoRequestIsTakenAfterClosed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.state(HOST_XENBUS_CLOSED);
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 9, 0, {}));
  host().run();
  EXPECT_EQ(host().ios.size(), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(DeviceStates, ClosedWithoutAConnectionIsAnsweredAtOnce) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.state(HOST_XENBUS_CLOSED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_FALSE(driver_device_finished(bench.driver()));
}

TEST(DeviceStates, AReconnectServesNewRings) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(works(bench, 1));
  ASSERT_TRUE(bench.disconnect());
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(works(bench, 2));
}

TEST(DeviceStates, ReconnectsAsOftenAsTheFrontendLikes) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  for (uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(works(bench, i));
    ASSERT_TRUE(bench.disconnect());
    ASSERT_TRUE(reconnect(bench));
  }
  EXPECT_EQ(host().disks_open, 1u);
}

TEST(DeviceStates, TheDiskStaysOpenBetweenConnections) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(host().disks_open, 1u);
}

TEST(DeviceStates, StatisticsNeverGoBackwards) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(works(bench, i));
    EXPECT_EQ(bench.statistics().rd_req, i);
    ASSERT_TRUE(bench.disconnect());
    EXPECT_EQ(bench.statistics().rd_req, i);
    EXPECT_EQ(bench.statistics().rd_sect, 8 * i);
    ASSERT_TRUE(reconnect(bench));
    EXPECT_EQ(bench.statistics().rd_req, i);
  }
}

TEST(DeviceStates, AFrontendThatStartsOverWithoutClosingIsServedAgain) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(works(bench, 1));
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(works(bench, 2));
}

TEST(DeviceStates, AFrontendThatStartsOverWaitsForTheDisk) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 2);
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  bench.renew_rings();
  EXPECT_TRUE(bench.connect());
}

TEST(DeviceStates, AReconnectWhileTheOldConnectionDrainsComesAfterIt) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 2);
  bench.state(HOST_XENBUS_CLOSED);
  host().hold_io = false;
  bench.renew_rings();
  bench.offer();
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(host().rings.size(), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench, 1));
}

TEST(DeviceStates, AnImpossibleStateIsReported) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.state(4711);
  EXPECT_TRUE(bench.complained("saw state 4711"));
}

TEST(DeviceStates, AFrontendWhoseStateIsGoneIsClosedAndMayComeBack) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_UNKNOWN);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_FALSE(driver_device_finished(bench.driver()));
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(works(bench, 1));
}

TEST(DeviceStates, AFrontendThatIsGoneWithItsDeviceOfflineIsTheEnd) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.backend("online", "0");
  bench.state(HOST_XENBUS_UNKNOWN);
  EXPECT_FALSE(driver_device_finished(bench.driver()));
  host().complete_all();
  host().run();
  EXPECT_TRUE(driver_device_finished(bench.driver()));
}

// At Closed a detach script runs, and must find the disk closed.
TEST(DeviceStates, AtTheEndTheDiskIsClosedBeforeClosedIsPublished) {
  for (const uint32_t end : {HOST_XENBUS_CLOSED, HOST_XENBUS_UNKNOWN}) {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    bench.backend("online", "0");
    uint32_t open_at_closed = 99;
    bench.device().at_state = [&](uint32_t state) {
      if (state == HOST_XENBUS_CLOSED) open_at_closed = host().disks_open;
    };
    bench.state(end);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
    EXPECT_EQ(open_at_closed, 0u);
  }
}

// A crash kernel resets the device that the dead kernel left, in steps of a few
// seconds, whether the backend follows or not.
TEST(DeviceStates, ACrashKernelGetsItsDiskWhenTheOldConnectionHasDrained) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.state(HOST_XENBUS_CLOSING);
  host().sleep(5000);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(5000);
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_EQ(host().logged("prepare for reconnect"), 1u);
  bench.renew_rings();
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench, 1));
}

// The frontend writes Closed, Initialising and the last state before the backend looks once.
TEST(DeviceStates, AFrontendThatStartsOverFasterThanWeLookIsServed) {
  for (const uint32_t last : {HOST_XENBUS_INITIALISED, HOST_XENBUS_CONNECTED}) {
    for (const bool held : {false, true}) {
      DeviceFixture bench;
      ASSERT_TRUE(bench.connect());
      if (held) (void)hold_reads(bench, 1);
      bench.renew_rings();
      bench.offer();
      for (const uint32_t state :
           {uint32_t{HOST_XENBUS_CLOSED}, uint32_t{HOST_XENBUS_INITIALISING}, last}) {
        bench.tell(state);
      }
      host().run();
      host().hold_io = false;
      host().complete_all();
      host().run();
      EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
      EXPECT_TRUE(works(bench, 1));
    }
  }
}

// Linux' frontend stops its kernel when it sees Connected after it has written Closed.
TEST(DeviceStates, AFrontendThatLeavesWhileItIsConnectedIsNotToldConnected) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  // During the connection, before the event about the state arrives.
  host().at_sync = [&] { bench.frontend("state", "6"); };
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_TRUE(bench.device().errors.empty());
  host().at_sync = nullptr;
  bench.state(HOST_XENBUS_CLOSED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_TRUE(host().rings.empty());
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(works(bench, 1));
}

// The grant references and the port are the same as before: only Initialised after Connected shows
// that the frontend has started over.
TEST(DeviceStates, AFrontendThatStartsOverInTheSamePlaceIsServed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(works(bench, 1));
  ASSERT_EQ(host().logged("using 1 queues"), 1u);
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_EQ(host().logged("using 1 queues"), 2u);
  EXPECT_TRUE(works(bench, 2));
}

TEST(DeviceStates, ClosedAndOfflineIsTheEnd) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.backend("online", "0");
  EXPECT_FALSE(driver_device_finished(bench.driver()));
  ASSERT_TRUE(bench.disconnect());
  EXPECT_TRUE(driver_device_finished(bench.driver()));
}

TEST(DeviceStates, ClosedAndOnlineIsNotTheEnd) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  EXPECT_FALSE(driver_device_finished(bench.driver()));
}

TEST(DeviceStates, OfflineWithIoInFlightEndsOnlyAfterIt) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.backend("online", "0");
  bench.state(HOST_XENBUS_CLOSED);
  EXPECT_FALSE(driver_device_finished(bench.driver()));
  host().complete_all();
  host().run();
  EXPECT_TRUE(driver_device_finished(bench.driver()));
}

TEST(DeviceStates, GoingOfflineAfterClosedIsTheEndToo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  bench.backend("online", "0");
  // The toolstack writes Closing over our Closed.
  bench.backend("state", "5");
  EXPECT_TRUE(driver_device_finished(bench.driver()));
  EXPECT_TRUE(bench.published("state", "6"));
}

TEST(DeviceStates, ARandomFrontendNeverBreaksIt) {
  kunit::Random random;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  for (uint32_t step = 0; step < 2000; ++step) {
    switch (random.below(8)) {
      case 0:
        bench.guest().send(ask(BLKIF_OP_READ, step, 0, {{bench.guest().grant()}}));
        break;
      case 1:
        host().hold_io = random.below(2) == 0;
        break;
      case 2:
        if (!host().held.empty()) host().complete(0);
        break;
      case 3:
        bench.renew_rings();
        bench.offer();
        break;
      case 4:
        host().sleep(random.below(20));
        break;
      default:
        bench.state(random.below(9));
        break;
    }
    host().run();
  }
  host().hold_io = false;
  host().complete_all();
  host().run();
  // Whatever the frontend did before, it is served after it has closed.
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(100);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  ASSERT_TRUE(reconnect(bench));
  EXPECT_TRUE(works(bench, 1000000));
}

}  // namespace
