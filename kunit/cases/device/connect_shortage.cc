// SPDX-License-Identifier: GPL-2.0
// Rings that cannot be mapped because no maptrack handles are left.
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/reads.h"

namespace {

using fake::host;
using kunit::DeviceFixture;
using kunit::send_reads;
using kunit::served;

TEST(ConnectShortage, RingsWithoutHandlesConnectLater) {
  DeviceFixture bench;
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

TEST(ConnectShortage, RingsGetHandlesOfOthers) {
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(other.connect());
  (void)send_reads(other.guest(), 1, 8);
  host().handles_left = 0;
  DeviceFixture bench({.queues = 4});
  EXPECT_FALSE(bench.connect());
  host().sleep(200);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  host().handles_left = UINT32_MAX;
}

TEST(ConnectShortage, RingsThatNeverGetHandlesAreRefusedAndTheReasonIsGiven) {
  DeviceFixture bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  host().sleep(11000);
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("gnttab_max_maptrack_frames"));
  const uint32_t works = host().work_runs;
  host().sleep(60000);
  EXPECT_EQ(host().work_runs, works);
}

TEST(ConnectShortage, AFrontendIsWaitedForHoweverLongAnotherOneWaited) {
  DeviceFixture bench;
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

// Handles that other devices give back would not help.
TEST(ConnectShortage, WithoutEventChannelsADeviceIsRefusedAtOnce) {
  DeviceFixture bench;
  host().failing.insert("host_event_bind");
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("event-channel"));
  EXPECT_FALSE(bench.complained("maptrack"));
}

TEST(ConnectShortage, AFrontendThatLeavesWhileItsRingsWaitIsLetGo) {
  DeviceFixture bench;
  host().handles_left = 0;
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.disconnect());
  host().sleep(20000);
  EXPECT_FALSE(bench.refused());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

}  // namespace
