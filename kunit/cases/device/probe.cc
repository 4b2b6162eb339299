// SPDX-License-Identifier: GPL-2.0
// A device from its probe until its frontend appears.
#include <cstring>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::DeviceFixture;

TEST(DeviceProbe, AnnouncesItsLimitsAndWaits) {
  host().parameters.max_queues = 3;
  host().parameters.max_ring_page_order = 2;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "3"));
  EXPECT_TRUE(bench.published("max-ring-page-order", "2"));
  EXPECT_TRUE(bench.published("feature-max-indirect-segments", "256"));
}

TEST(DeviceProbe, OpensTheDiskThatTheHotplugScriptNamed) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_EQ(bench.disk_info().major, 0xfeu);
  EXPECT_EQ(bench.disk_info().minor, 0x10u);
  EXPECT_EQ(std::strcmp(bench.disk_info().mode, "w"), 0);
  EXPECT_TRUE(bench.device().shown);
}

TEST(DeviceProbe, WithoutAPhysicalDeviceItWaits) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_FALSE(bench.refused());
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceProbe, APhysicalDeviceThatComesLateIsOpened) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  bench.backend("physical-device", "ca:1");
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_EQ(bench.disk_info().major, 0xcau);
}

TEST(DeviceProbe, APhysicalDeviceThatComesAfterTheFrontendConnectsIt) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  EXPECT_FALSE(bench.connect());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  bench.backend("physical-device", "ca:1");
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceProbe, AnEmptyPhysicalDeviceIsNone) {
  for (const char* const empty : {"", " ", "\n"}) {
    DeviceFixture bench;
    bench.backend("physical-device", empty);
    EXPECT_FALSE(bench.connect());
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
    EXPECT_TRUE(bench.device().errors.empty());
    bench.backend("physical-device", "ca:1");
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  }
}

TEST(DeviceProbe, APhysicalDeviceThatIsGarbageIsRefused) {
  DeviceFixture bench;
  bench.backend("physical-device", "/dev/sda");
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.complained("physical-device is '/dev/sda'"));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceProbe, APhysicalDeviceThatIsFarTooLongIsRefused) {
  DeviceFixture bench;
  bench.backend("physical-device", "0000000000000000000000000000000000000000000000:1");
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.complained("physical-device"));
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceProbe, ACorrectedPhysicalDeviceIsOpened) {
  DeviceFixture bench;
  bench.backend("physical-device", "garbage");
  ASSERT_EQ(bench.probe(), 0);
  bench.backend("physical-device", "ca:1");
  EXPECT_EQ(host().disks_open, 1u);
}

TEST(DeviceProbe, GarbageIsReportedOnceHoweverOftenTheDeviceLooks) {
  DeviceFixture bench;
  bench.backend("physical-device", "garbage");
  ASSERT_EQ(bench.probe(), 0);
  bench.state(HOST_XENBUS_INITIALISING);
  bench.state(HOST_XENBUS_CLOSED);
  driver_disks_changed();
  host().run();
  EXPECT_EQ(bench.device().errors.size(), 1u);
}

TEST(DeviceProbe, ADiskThatFailedIsTriedAgainWhenTheSameNumberIsWrittenAgain) {
  host().open_error = -123;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("write physical-device again when it works"));
  host().open_error = 0;
  bench.backend("physical-device", "fe:10");
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_TRUE(bench.connect());
}

// A frontend that writes states does not make the backend try or complain again.
TEST(DeviceProbe, ADiskThatFailedIsNotTriedAgainForTheFrontend) {
  host().open_error = -123;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  for (uint32_t i = 0; i < 20; ++i) bench.state(1 + i % 6);
  uint32_t complaints = 0;
  for (const std::string& line : bench.device().errors) {
    if (line.find("opening device") != std::string::npos) ++complaints;
  }
  EXPECT_EQ(complaints, 1u);
}

TEST(DeviceProbe, EventsThatAreNotOfPhysicalDeviceDoNotReadIt) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t reads = bench.device().reads;
  driver_disks_changed();
  driver_parameters_changed();
  driver_reclaim_memory(bench.driver());
  driver_state_changed(bench.driver());
  host().run();
  EXPECT_EQ(bench.device().reads, reads);
}

TEST(DeviceProbe, ADiskThatFailedIsTriedAgainWhenTheToolstackComesBackToIt) {
  host().open_error = -123;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  host().open_error = 0;
  bench.backend("physical-device", "garbage");
  EXPECT_EQ(host().disks_open, 0u);
  bench.backend("physical-device", "fe:10");
  EXPECT_EQ(host().disks_open, 1u);
}

TEST(DeviceProbe, ADiskThatFailedIsTriedAgainWhenItsNumberWasGone) {
  host().open_error = -123;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  host().open_error = 0;
  bench.backend("physical-device", nullptr);
  EXPECT_EQ(host().disks_open, 0u);
  bench.backend("physical-device", "fe:10");
  EXPECT_EQ(host().disks_open, 1u);
}

TEST(DeviceProbe, AChangedPhysicalDeviceIsNotFollowed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.backend("physical-device", "ca:1");
  EXPECT_EQ(bench.disk_info().major, 0xfeu);
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_GE(host().logged("changing the physical device from fe:10 to ca:1"), 1u);
}

TEST(DeviceProbe, ADiskThatCannotBeOpenedIsReported) {
  host().open_error = -123;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.complained("opening device fe:10 (mode w)"));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
}

TEST(DeviceProbe, ModeRIsReadOnly) {
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("info", "4"));
  EXPECT_EQ(std::strcmp(bench.disk_info().mode, "r"), 0);
}

TEST(DeviceProbe, ModeWIsReadWrite) {
  DeviceFixture bench({.mode = "w"});
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("info", "0"));
}

TEST(DeviceProbe, AModeWithoutWIsReadOnly) {
  DeviceFixture bench({.mode = "x"});
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("info", "4"));
}

TEST(DeviceProbe, AModeThatIsMissingIsRefused) {
  DeviceFixture bench;
  bench.backend("mode", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.complained("mode"));
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceProbe, ACdromOfTheFrontendIsPublishedAsOne) {
  DeviceFixture bench;
  bench.frontend("device-type", "cdrom");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("info", "1"));
}

TEST(DeviceProbe, AnotherTypeOfTheFrontendIsNoCdrom) {
  DeviceFixture bench;
  bench.frontend("device-type", "disk");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("info", "0"));
}

TEST(DeviceProbe, WithoutSysfsEntriesItServesAllTheSame) {
  host().failing.insert("host_device_show");
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.complained("creating sysfs entries"));
}

TEST(DeviceProbe, WithoutMemoryThereIsNoDevice) {
  host().failing.insert("host_alloc");
  DeviceFixture bench;
  EXPECT_EQ(bench.probe(), -12);
  EXPECT_TRUE(bench.driver() == nullptr);
  EXPECT_FALSE(bench.device().released);
}

TEST(DeviceProbe, StatisticsStartAtZero) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  const driver_statistics statistics = bench.statistics();
  EXPECT_EQ(statistics.rd_req + statistics.wr_req + statistics.f_req + statistics.ds_req, 0u);
  EXPECT_EQ(statistics.rd_sect + statistics.wr_sect + statistics.oo_req, 0u);
}

TEST(DeviceProbe, AnIdleDeviceDoesNothing) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  const uint32_t works = host().work_runs;
  host().sleep(3600 * 1000);
  EXPECT_EQ(host().work_runs, works);
  EXPECT_TRUE(host().threads.empty());
}

}  // namespace
