// SPDX-License-Identifier: GPL-2.0
// Devices that are removed, and devices that take their place.
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::expect_no_leaks;
using kunit::Guest;

// Sends reads that the disk does not end before finish_io().  Returns the first grant reference.
uint32_t hold_reads(DeviceFixture& bench, uint32_t count) {
  host().hold_io = true;
  const uint32_t gref = bench.guest().grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    bench.guest().send(ask(BLKIF_OP_READ, 500 + i, 0, {{gref + i}}));
  }
  host().run();
  return gref;
}

void finish_io() {
  host().hold_io = false;
  host().complete_all();
  host().run();
}

TEST(DeviceRemoval, ADeviceThatNeverRanIsReleased) {
  DeviceFixture bench;
  ASSERT_EQ(driver_device_create(&bench.device(), &bench.device().driver), 0);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  expect_no_leaks();
}

TEST(DeviceRemoval, ADeviceThatWaitsForItsDiskIsReleased) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  expect_no_leaks();
}

TEST(DeviceRemoval, ADeviceThatWaitsForItsFrontendIsReleased) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceRemoval, AConnectedDeviceIsReleased) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  expect_no_leaks();
}

TEST(DeviceRemoval, ADeviceWithSeveralQueuesIsReleasedOnce) {
  DeviceFixture bench({.queues = 4});
  ASSERT_TRUE(bench.connect());
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  expect_no_leaks();
}

TEST(DeviceRemoval, ADeviceWithPersistentGrantsIsReleased) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  ASSERT_EQ(bench.guest().mappings(gref), 1u);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  EXPECT_EQ(bench.guest().mappings(gref), 0u);
}

TEST(DeviceRemoval, AClosingDeviceIsReleased) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CLOSING);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
}

TEST(DeviceRemoval, AClosedDeviceIsReleased) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  bench.remove();
  EXPECT_TRUE(bench.device().released);
}

TEST(DeviceRemoval, ARefusedDeviceIsReleased) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.state(HOST_XENBUS_INITIALISED);  // without the frontend's nodes
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
}

TEST(DeviceRemoval, ADeviceWithAStoppedRingIsReleased) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.guest().req_prod() += 1000;
  bench.guest().kick();
  host().run();
  bench.remove();
  EXPECT_TRUE(bench.device().released);
}

// The disk's open or sync may take minutes.  Meanwhile the device is removed, and its directory may
// belong to another device.
TEST(DeviceRemoval, ADeviceThatIsRemovedWhileItsWorkWaitsTouchesNothingAnyMore) {
  const uint32_t places = kunit::sweep([](uint32_t n) {
    DeviceFixture bench;
    bool removed = false;
    size_t states = 0;
    auto nodes = bench.device().backend;
    host().work_interruption = [&] {
      if (bench.driver() == nullptr) return;
      removed = true;
      bench.unbind();
      states = bench.device().states.size();
      nodes = bench.device().backend;
    };
    host().work_interrupt_at = n;
    const int error = driver_device_create(&bench.device(), &bench.device().driver);
    EXPECT_EQ(error, 0);
    driver_physical_device_changed(bench.driver());
    bench.offer();
    bench.state(HOST_XENBUS_INITIALISED);
    host().work_interrupt_at = 0;
    if (!removed) return false;
    EXPECT_EQ(bench.device().states.size(), states);
    EXPECT_TRUE(bench.device().backend == nodes);
    EXPECT_TRUE(bench.device().released);
    expect_no_leaks();
    return true;
  });
  EXPECT_GE(places, 10u);
}

// The removed device does not even try: the nodes and grants may belong to another device.
TEST(DeviceRemoval, AfterALongWaitARemovedDeviceLooksForThatFirst) {
  for (const bool at_open : {true, false}) {
    DeviceFixture bench;
    if (at_open) bench.backend("physical-device", nullptr);
    ASSERT_EQ(bench.probe(), 0);
    bench.offer();
    const auto remove = [&] {
      if (bench.driver() != nullptr) bench.unbind();
    };
    if (at_open) {
      host().at_open = remove;
      bench.backend("physical-device", "fe:10");
    } else {
      host().at_sync = remove;
      bench.state(HOST_XENBUS_INITIALISED);
    }
    host().at_open = nullptr;
    host().at_sync = nullptr;
    EXPECT_TRUE(bench.device().released);
    // After the open, the device may still ask for its sysfs files.
    EXPECT_LE(bench.device().too_late, at_open ? 1u : 0u);
  }
}

TEST(DeviceRemoval, WithIoInFlightTheDeviceDrainsOnItsOwn) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = hold_reads(bench, 3);
  bench.remove();
  EXPECT_FALSE(bench.device().released);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  finish_io();
  EXPECT_TRUE(bench.device().released);
  EXPECT_EQ(bench.guest().answers(), 3u);
  expect_no_leaks();
}

TEST(DeviceRemoval, WhileTheDiskWorksNothingPolls) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 3);
  bench.remove();
  const uint32_t works = host().work_runs;
  const uint32_t passes = host().passes;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().work_runs, works);
  EXPECT_EQ(host().passes, passes);
  finish_io();
}

TEST(DeviceRemoval, DuringACloseTheDeviceDrainsOnItsOwn) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 2);
  bench.state(HOST_XENBUS_CLOSED);
  bench.remove();
  EXPECT_FALSE(bench.device().released);
  finish_io();
  EXPECT_TRUE(bench.device().released);
}

TEST(DeviceRemoval, WithoutPagesTheDeviceGivesUpInTime) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  bench.remove();
  EXPECT_FALSE(bench.device().released);
  host().sleep(10000);
  EXPECT_TRUE(bench.device().released);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
}

TEST(DeviceRemoval, AParameterThatChangesWhileADeviceDrainsDoesNoHarm) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.remove();
  driver_parameters_changed();
  host().run();
  finish_io();
  driver_parameters_changed();
  host().run();
  EXPECT_TRUE(bench.device().released);
}

TEST(DeviceRemoval, OtherDevicesGoOn) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(other.connect());
  (void)hold_reads(bench, 2);
  bench.remove();
  host().hold_io = false;
  const uint32_t gref = other.guest().grant();
  other.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  EXPECT_EQ(other.guest().status_of(1), BLKIF_RSP_OKAY);
  finish_io();
}

TEST(DeviceRemoval, ARebindTakesTheRingOver) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(2);
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_TRUE(bench.predecessor().released);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  bench.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref + 1}}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
}

TEST(DeviceRemoval, ARebindWaitsForThePredecessorsIo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 3);
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_FALSE(bench.predecessor().released);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_EQ(host().rings.size(), 1u);
  finish_io();
  EXPECT_TRUE(bench.predecessor().released);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_EQ(bench.guest().answers(), 3u);
}

TEST(DeviceRemoval, EachRequestIsAnsweredOnceAcrossARebind) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 3);
  ASSERT_EQ(bench.rebind(), 0);
  // Sent while nobody serves the ring.
  const uint32_t gref = bench.guest().grants(2);
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref + 1}}));
  host().run();
  finish_io();
  EXPECT_EQ(bench.guest().answers(), 5u);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().status_of(502), BLKIF_RSP_OKAY);
}

TEST(DeviceRemoval, ASuccessorSaysClosedOnlyWhenThePredecessorIsGone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  ASSERT_EQ(bench.rebind(), 0);
  bench.state(HOST_XENBUS_CLOSED);
  // The predecessor still maps the guest's pages.
  EXPECT_TRUE(bench.backend_state() != HOST_XENBUS_CLOSED);
  finish_io();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(DeviceRemoval, ASuccessorThatIsRemovedFirstLeavesThePredecessorAlone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  ASSERT_EQ(bench.rebind(), 0);
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  EXPECT_FALSE(bench.predecessor().released);
  finish_io();
  EXPECT_TRUE(bench.predecessor().released);
}

TEST(DeviceRemoval, AnotherDomainsDeviceIsNoPredecessor) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  (void)hold_reads(bench, 1);
  bench.remove();
  DeviceFixture other({.domid = 8});
  EXPECT_TRUE(other.connect());
  finish_io();
}

}  // namespace
