// SPDX-License-Identifier: GPL-2.0
// A disk that changes its size or is removed, and the discard features that are published for it.
#include <algorithm>
#include <vector>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

void resize(uint64_t sectors) {
  host().geometry.sectors = sectors;
  driver_disks_changed();
  host().run();
}

void take_disk_away() {
  host().disk_gone = true;
  driver_disks_changed();
  host().run();
}

bool nodes_are(const DeviceFixture& bench, const char* discard, const char* granularity,
               const char* alignment, const char* secure) {
  return bench.published("feature-discard", discard) &&
         bench.published("discard-granularity", granularity) &&
         bench.published("discard-alignment", alignment) &&
         bench.published("discard-secure", secure);
}

TEST(DeviceDisk, AConnectedFrontendIsToldOfANewSizeOnce) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  resize(4096);
  driver_disks_changed();
  host().run();
  EXPECT_TRUE((bench.device().resizes == std::vector<uint64_t>{4096}));
  EXPECT_TRUE(bench.published("sectors", "4096"));
  EXPECT_TRUE(bench.published("state", "4"));
  EXPECT_EQ(host().logged("has 4096 sectors now, it had 2048"), 1u);
}

TEST(DeviceDisk, AndOfTheNextOnesToo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  resize(4096);
  resize(1024);
  resize(2048);
  EXPECT_TRUE((bench.device().resizes == std::vector<uint64_t>{4096, 1024, 2048}));
}

TEST(DeviceDisk, WhenNothingChangedNothingIsTold) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  driver_disks_changed();
  host().run();
  bench.backend("some-node", "1");
  EXPECT_TRUE(bench.device().resizes.empty());
}

TEST(DeviceDisk, AShrunkDiskIsToldAndItsNewEndHolds) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  resize(1024);
  EXPECT_TRUE(bench.published("sectors", "1024"));
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  guest.send(ask(BLKIF_OP_READ, 1, 1016, {{gref}}));
  guest.send(ask(BLKIF_OP_READ, 2, 1017, {{gref}}));
  guest.send(guest.indirect(BLKIF_OP_READ, 3, 1017, gref, 1));
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.status_of(3), BLKIF_RSP_ERROR);
}

TEST(DeviceDisk, AGrownDiskIsUsedToItsNewEnd) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  resize(4096);
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_WRITE, 1, 4088, {{gref}}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(DeviceDisk, BeforeItIsConnectedAFrontendIsNotTold) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  resize(4096);
  EXPECT_TRUE(bench.device().resizes.empty());
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sectors", "4096"));
  EXPECT_TRUE(bench.device().resizes.empty());
}

TEST(DeviceDisk, AClosingFrontendIsNotTold) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CLOSING);
  resize(4096);
  EXPECT_TRUE(bench.device().resizes.empty());
  EXPECT_TRUE(bench.published("sectors", "2048"));
}

TEST(DeviceDisk, ADeviceThatTheToolstackClosesIsNotToldAndItsStateIsKept) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.device().backend["state"] = "5";
  resize(4096);
  EXPECT_TRUE(bench.device().resizes.empty());
  EXPECT_TRUE(bench.published("state", "5"));
  EXPECT_TRUE(bench.published("sectors", "2048"));
  EXPECT_TRUE(bench.device().errors.empty());
}

TEST(DeviceDisk, ADeviceWhoseDirectoryIsGoneIsNotToldAndDoesNotComplain) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.device().backend.clear();
  resize(4096);
  EXPECT_TRUE(bench.device().backend.empty());
  EXPECT_TRUE(bench.device().errors.empty());
}

TEST(DeviceDisk, AFailureToTellIsReportedOnceAndTriedAgain) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_store_resize");
  resize(4096);
  host().sleep(10000);
  EXPECT_EQ(bench.device().errors.size(), 1u);
  EXPECT_TRUE(bench.complained("telling the frontend of the disk's new size"));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  host().failing.clear();
  host().sleep(10000);
  EXPECT_TRUE(bench.published("sectors", "4096"));
}

TEST(DeviceDisk, ANewConnectionSeesTheSizeOfNow) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  resize(4096);
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sectors", "4096"));
  EXPECT_TRUE(bench.device().resizes.empty());
}

TEST(DeviceDisk, ANewConnectionSeesTheLimitsOfNow) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sector-size", "512"));
  EXPECT_TRUE(bench.published("feature-discard", "0"));
  ASSERT_TRUE(bench.disconnect());
  host().geometry.logical_block_bytes = 4096;
  host().geometry.max_discard_sectors = 64;
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sector-size", "4096"));
  EXPECT_TRUE(bench.published("feature-discard", "1"));
  const uint32_t gref = bench.guest().grants(2);
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref, 0, 3}}));
  bench.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref + 1}}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
}

TEST(DeviceDisk, BlocksLargerThanAPageAreRefusedWhenTheDiskIsAttached) {
  host().geometry.logical_block_bytes = 8192;
  DeviceFixture bench;
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("fe:10 has logical blocks of 8192 bytes"));
  EXPECT_TRUE(bench.complained("4096"));
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceDisk, BlocksThatHaveGrownLargerThanAPageAreRefusedAtTheNextConnection) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(bench.disconnect());
  host().geometry.logical_block_bytes = 16384;
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.complained("logical blocks of 16384 bytes"));
}

TEST(DeviceDisk, EveryDeviceOnTheDiskIsTold) {
  DeviceFixture one;
  DeviceFixture two({.domid = 9});
  ASSERT_TRUE(one.connect());
  ASSERT_TRUE(two.connect());
  resize(4096);
  EXPECT_EQ(one.device().resizes.size(), 1u);
  EXPECT_EQ(two.device().resizes.size(), 1u);
}

TEST(DeviceDisk, ARemovedDiskIsReportedOnceAndTheFrontendAskedToLetGo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  take_disk_away();
  driver_disks_changed();
  host().run();
  ASSERT_EQ(bench.device().errors.size(), 1u);
  EXPECT_TRUE(bench.complained("the backing disk fe:10 was removed from the system"));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_EQ(std::count(bench.device().states.begin(), bench.device().states.end(),
                       static_cast<uint32_t>(HOST_XENBUS_CLOSING)),
            1);
}

TEST(DeviceDisk, WhileTheFrontendClosesARemovedDiskIsReportedAndTheStateKept) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CLOSING);
  const std::vector<uint32_t> states = bench.device().states;
  take_disk_away();
  driver_disks_changed();
  host().run();
  EXPECT_EQ(bench.device().errors.size(), 1u);
  EXPECT_EQ(bench.device().states, states);
  EXPECT_TRUE(bench.disconnect());
}

TEST(DeviceDisk, RequestsToARemovedDiskFailAndTheFrontendCanLetGo) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  take_disk_away();
  guest.send(ask(BLKIF_OP_WRITE_BARRIER, 2, 0, {{gref + 1}}));
  host().run();
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_ERROR);
  EXPECT_TRUE(bench.disconnect());
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(DeviceDisk, ARemovedDiskRefusesConnections) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  host().disk_gone = true;
  EXPECT_FALSE(bench.connect());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  ASSERT_EQ(bench.device().errors.size(), 1u);
  EXPECT_TRUE(bench.complained("the backing disk fe:10 was removed from the system"));
  EXPECT_TRUE(host().rings.empty());
}

TEST(DeviceDisk, AfterItsDiskWasRemovedAFrontendThatComesBackIsRefused) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  take_disk_away();
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_FALSE(bench.connect());
  EXPECT_EQ(bench.device().errors.size(), 2u);
  // Events about other disks do not repeat the complaint.
  driver_disks_changed();
  host().run();
  EXPECT_EQ(bench.device().errors.size(), 2u);
}

TEST(DeviceDisk, WithoutAFrontendARemovedDiskIsNoNews) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  take_disk_away();
  EXPECT_TRUE(bench.device().errors.empty());
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
}

TEST(DeviceDisk, ADiskWithoutDiscardSaysSo) {
  host().geometry.discard_granularity_bytes = 4096;
  host().geometry.discard_alignment_bytes = 512;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(nodes_are(bench, "0", "0", "0", "0"));
}

TEST(DeviceDisk, ADiskWithDiscardSaysHow) {
  host().geometry.max_discard_sectors = 8192;
  host().geometry.discard_granularity_bytes = 4096;
  host().geometry.discard_alignment_bytes = 512;
  {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(nodes_are(bench, "1", "4096", "512", "0"));
  }
  host().geometry.max_secure_discard_sectors = 8;
  DeviceFixture bench({.domid = 9});
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(nodes_are(bench, "1", "4096", "512", "1"));
}

TEST(DeviceDisk, OfAReadOnlyDiskNoDiscardIsOffered) {
  host().geometry.max_discard_sectors = 8192;
  host().geometry.max_secure_discard_sectors = 8;
  host().geometry.discard_granularity_bytes = 4096;
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(nodes_are(bench, "0", "0", "0", "0"));
}

TEST(DeviceDisk, TheToolstackSwitchesDiscardsOffAndOn) {
  host().geometry.max_discard_sectors = 8192;
  host().geometry.discard_granularity_bytes = 4096;
  const struct {
    const char* node;
    const char* feature;
  } kSwitches[] = {{"0", "0"}, {"1", "1"}, {"no number", "1"}, {nullptr, "1"}};
  uint16_t domid = 10;
  for (const auto& entry : kSwitches) {
    DeviceFixture bench({.domid = domid++});
    bench.backend("discard-enable", entry.node);
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(bench.published("feature-discard", entry.feature));
  }
}

}  // namespace
