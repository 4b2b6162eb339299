// SPDX-License-Identifier: GPL-2.0
// The node "opened": the toolstack need not hold the disk any more.
#include <array>
#include <cerrno>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::DeviceFixture;

constexpr std::array<int, 3> kErrors = {-EAGAIN, -ENOSPC, -EIO};

TEST(DeviceOpened, IsZeroBeforeTheToolstackNamesTheDisk) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.published("opened", "0"));
}

TEST(DeviceOpened, IsThereWhenTheStateSaysInitWait) {
  DeviceFixture bench;
  bool there = false;
  bench.device().at_state = [&](uint32_t state) {
    if (state == HOST_XENBUS_INIT_WAIT) there = bench.published("opened", "0");
  };
  ASSERT_EQ(bench.probe(), 0);
  bench.device().at_state = nullptr;
  EXPECT_TRUE(there);
}

TEST(DeviceOpened, IsOneOnceTheDiskIsOpen) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_TRUE(bench.published("opened", "1"));
}

TEST(DeviceOpened, StaysZeroWhenTheDiskDoesNotOpen) {
  host().open_error = -6;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.published("opened", "0"));
  host().open_error = 0;
  bench.backend("physical-device", "fe:10");
  EXPECT_TRUE(bench.published("opened", "1"));
}

TEST(DeviceOpened, StaysZeroWhenTheDiskIsAnotherOne) {
  host().disk_sequence = 2;
  DeviceFixture bench;
  bench.backend("physical-device", "1@fe:10");
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.published("opened", "0"));
}

TEST(DeviceOpened, StaysOneWhileFrontendsComeAndGo) {
  DeviceFixture bench({.queues = 4});
  ASSERT_TRUE(bench.connect());
  host().parameters.max_queues = 5;  // the limits are published again
  ASSERT_TRUE(bench.disconnect());
  EXPECT_TRUE(bench.published("opened", "1"));
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "5"));
  EXPECT_TRUE(bench.published("opened", "1"));
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("opened", "1"));
}

TEST(DeviceOpened, IsZeroAgainWhenTheDiskIsClosedForGood) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.backend("online", "0");
  bool closed_first = false;
  bench.device().at_state = [&](uint32_t state) {
    if (state == HOST_XENBUS_CLOSED) closed_first = bench.published("opened", "0");
  };
  ASSERT_TRUE(bench.disconnect());
  bench.device().at_state = nullptr;
  EXPECT_EQ(host().disks_open, 0u);
  EXPECT_TRUE(closed_first);
}

// Another module has opened the disk, and closed it when this one took its place.
TEST(DeviceOpened, OfAnotherModuleDoesNotHold) {
  host().open_error = -6;
  DeviceFixture bench;
  bench.device().backend["opened"] = "1";
  bench.device().state = HOST_XENBUS_CONNECTED;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_TRUE(bench.published("opened", "0"));
}

TEST(DeviceOpened, IsWrittenInTheEndWhateverTheErrorAndHoldsUpNoConnect) {
  for (const int error : kErrors) {
    host().errors["host_store_write"] = error;
    host().failing.insert("host_store_write");
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    host().sleep(10000);
    EXPECT_TRUE(bench.published("opened", "0"));
    ASSERT_EQ(bench.device().errors.size(), 1u);
    EXPECT_TRUE(bench.complained("telling that the disk is open"));
    host().failing.clear();
    host().sleep(3000);
    EXPECT_TRUE(bench.published("opened", "1"));
    const uint32_t works = host().work_runs;
    host().sleep(60000);
    EXPECT_LE(host().work_runs, works + 2);
  }
}

TEST(DeviceOpened, ADirectoryThatIsGoneIsNotBroughtBack) {
  DeviceFixture bench;
  bench.backend("physical-device", nullptr);
  ASSERT_EQ(bench.probe(), 0);
  host().at_open = [&bench] { bench.device().backend.clear(); };
  bench.backend("physical-device", "fe:10");
  host().at_open = nullptr;
  host().sleep(10000);
  EXPECT_TRUE(bench.device().backend.empty());
  EXPECT_TRUE(bench.device().errors.empty());
}

}  // namespace
