// SPDX-License-Identifier: GPL-2.0
// Disks that change without an event, disks that hang, and which devices an event concerns.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

// Runs the next survey, a second later, and the work that it causes.
void survey() {
  host().sleep(1000);
  host().survey();
  host().run();
}

void send_read(DeviceFixture& bench, uint64_t id) {
  bench.guest().send(ask(BLKIF_OP_READ, id, 0, {{bench.guest().grant()}}));
  host().run();
}

TEST(DeviceSurvey, ADiskThatGrewInSilenceIsNoticed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().geometry.sectors = 4096;
  host().run();
  EXPECT_EQ(bench.device().resizes.size(), 0u);
  survey();
  ASSERT_EQ(bench.device().resizes.size(), 1u);
  EXPECT_EQ(bench.device().resizes[0], 4096u);
  survey();
  EXPECT_EQ(bench.device().resizes.size(), 1u);
}

TEST(DeviceSurvey, ADiskThatGrewFromNothingIsNoticed) {
  host().geometry.sectors = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().geometry.sectors = 4096;
  survey();
  ASSERT_EQ(bench.device().resizes.size(), 1u);
  EXPECT_EQ(bench.device().resizes[0], 4096u);
}

TEST(DeviceSurvey, ABusyRingNoticesAtOnce) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().geometry.sectors = 4096;
  send_read(bench, 1);
  EXPECT_EQ(bench.device().resizes.size(), 1u);
}

TEST(DeviceSurvey, ABusyRingNoticesADiskOfWhichOneSectorIsLeft) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().geometry.sectors = 1;
  send_read(bench, 1);
  ASSERT_EQ(bench.device().resizes.size(), 1u);
  EXPECT_EQ(bench.device().resizes[0], 1u);
}

TEST(DeviceSurvey, ALookAtTheDiskWakesNoRing) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t passes = host().passes;
  driver_disks_changed();
  host().run();
  EXPECT_EQ(host().passes, passes);
}

// Requests on the ring cause no further attempts.
TEST(DeviceSurvey, ASizeThatCannotBeToldIsTriedWithTheSurveyAndComplainedOfOnce) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_store_resize");
  host().geometry.sectors = 4096;
  send_read(bench, 1);
  const uint64_t scheduled = host().works_scheduled;
  send_read(bench, 2);
  send_read(bench, 3);
  EXPECT_EQ(host().works_scheduled, scheduled);
  for (int i = 0; i < 5; ++i) survey();
  EXPECT_EQ(bench.device().errors.size(), 1u);
  host().failing.clear();
  survey();
  EXPECT_EQ(bench.device().resizes.size(), 1u);
}

TEST(DeviceSurvey, ARemovalWhoseEventWasLostIsNoticed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().disk_gone = true;
  survey();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  const uint64_t scheduled = host().works_scheduled;
  survey();
  EXPECT_EQ(host().works_scheduled, scheduled);
}

TEST(DeviceSurvey, WithoutNewsNoDeviceIsScheduled) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint64_t scheduled = host().works_scheduled;
  for (int i = 0; i < 10; ++i) survey();
  EXPECT_EQ(host().works_scheduled, scheduled);
  EXPECT_TRUE(host().surveying);
}

TEST(DeviceSurvey, ItEndsWithTheLastConnection) {
  DeviceFixture one({.domid = 7});
  ASSERT_EQ(one.probe(), 0);
  EXPECT_FALSE(host().surveying);
  ASSERT_TRUE(one.connect());
  EXPECT_TRUE(host().surveying);
  {
    DeviceFixture other({.domid = 8});
    ASSERT_TRUE(other.connect());
    ASSERT_TRUE(one.disconnect());
    survey();
    EXPECT_TRUE(host().surveying);
  }
  survey();
  EXPECT_FALSE(host().surveying);
  one.renew_rings();
  one.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(one.connect());
  EXPECT_TRUE(host().surveying);
}

TEST(DeviceSurvey, AnEventConcernsOnlyTheDevicesWithThatDisk) {
  DeviceFixture one({.domid = 7});
  DeviceFixture other({.domid = 8});
  one.backend("physical-device", "fe:10");
  other.backend("physical-device", "fe:20");
  ASSERT_TRUE(one.connect());
  ASSERT_TRUE(other.connect());
  host().geometry.sectors = 4096;
  driver_disk_changed(0xfe, 0x11);
  driver_disk_changed(0xfd, 0x10);
  EXPECT_EQ(host().works.size(), 0u);
  driver_disk_changed(0xfe, 0x10);
  EXPECT_EQ(host().works.size(), 1u);
  host().run();
  EXPECT_EQ(one.device().resizes.size(), 1u);
  EXPECT_EQ(other.device().resizes.size(), 0u);
  driver_disks_changed();
  host().run();
  EXPECT_EQ(other.device().resizes.size(), 1u);
}

TEST(DeviceSurvey, TheWholeDisksEventConcernsItsPartitions) {
  DeviceFixture bench;
  bench.backend("physical-device", "8:2");
  host().whole_disk_minor = 0;
  ASSERT_TRUE(bench.connect());
  host().disk_gone = true;
  driver_disk_changed(8, 0);
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
}

TEST(DeviceSurvey, ADiskThatHangsIsToldOfOnceAndWhenItGoesOn) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().sleep(3600 * 1000);
  host().hold_io = true;
  send_read(bench, 1);
  for (int i = 0; i < 28; ++i) survey();
  EXPECT_EQ(host().logged("hangs"), 0u);
  for (int i = 0; i < 60; ++i) survey();
  EXPECT_EQ(host().logged("hangs: it has answered none of the guest's requests for 30 s"), 1u);
  EXPECT_EQ(host().logged("hangs"), 1u);
  host().hold_io = false;
  host().complete_all();
  host().run();
  survey();
  EXPECT_EQ(host().logged("goes on; it hung for 89 s"), 1u);
  for (int i = 0; i < 60; ++i) survey();
  EXPECT_EQ(host().logged("hung"), 1u);
}

TEST(DeviceSurvey, ASlowDiskDoesNotHang) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  send_read(bench, 1);
  for (uint64_t i = 2; i < 10; ++i) {
    send_read(bench, i);
    for (int seconds = 0; seconds < 20; ++seconds) survey();
    host().complete(0);
    host().run();
  }
  EXPECT_EQ(host().logged("hangs"), 0u);
}

TEST(DeviceSurvey, ADiskThatHangsWhileItsGuestLeavesIsToldOf) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  send_read(bench, 1);
  bench.state(HOST_XENBUS_CLOSED);
  for (int i = 0; i < 40; ++i) survey();
  EXPECT_EQ(host().logged("hangs"), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_EQ(host().logged("goes on"), 1u);
}

// A disk that hangs is logged even after the device's directory is gone.
TEST(DeviceSurvey, ADiskThatHangsAfterItsDevicesRemovalIsToldOf) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  send_read(bench, 1);
  bench.remove();
  for (int i = 0; i < 40; ++i) survey();
  EXPECT_EQ(host().logged("hangs"), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(host().logged("goes on"), 1u);
}

}  // namespace
