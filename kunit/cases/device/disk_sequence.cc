// SPDX-License-Identifier: GPL-2.0
// A toolstack that names the disk's sequence number, too, gets that disk or none.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::DeviceFixture;

TEST(DeviceDiskSequence, TheDiskWithTheNamedSequenceNumberIsOpened) {
  host().disk_sequence = 0x2a;
  for (const char* text : {"2a@fe:10", "0x2A@0xfe:0x10", " 2a@fe:10\n", "000000000000002a@fe:10"}) {
    DeviceFixture bench;
    bench.backend("physical-device", text);
    ASSERT_TRUE(bench.connect());
    EXPECT_EQ(bench.disk_info().major, 0xfeu);
    EXPECT_EQ(bench.disk_info().minor, 0x10u);
  }
}

TEST(DeviceDiskSequence, TheLargestSequenceNumberIsUnderstood) {
  host().disk_sequence = UINT64_MAX;
  DeviceFixture bench;
  bench.backend("physical-device", "0xffffffffffffffff@0xfff:0xfffff\n");
  EXPECT_TRUE(bench.connect());
}

TEST(DeviceDiskSequence, AnotherDiskWithTheSameNumberIsRefused) {
  host().disk_sequence = 0x2b;
  DeviceFixture bench;
  bench.backend("physical-device", "2a@fe:10");
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.refused());
  ASSERT_EQ(bench.device().errors.size(), 1u);
  EXPECT_TRUE(bench.complained("device 2a@fe:10"));
  EXPECT_TRUE(bench.complained("expected the disk with the sequence number 0x2a"));
  EXPECT_TRUE(bench.complained("found the one with 0x2b"));
  EXPECT_EQ(host().disks_open, 0u);
  EXPECT_EQ(bench.disk_info().major, 0u);
}

TEST(DeviceDiskSequence, TheUpperHalfOfTheNumberCounts) {
  host().disk_sequence = 0x10000002a;
  DeviceFixture bench;
  bench.backend("physical-device", "2a@fe:10");
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.complained("found the one with 0x10000002a"));
}

TEST(DeviceDiskSequence, WithoutASequenceNumberAnyDiskIsOpened) {
  host().disk_sequence = 0x2b;
  DeviceFixture bench;
  EXPECT_TRUE(bench.connect());
}

TEST(DeviceDiskSequence, AToolstackThatNamesTheRightOneThenIsServed) {
  host().disk_sequence = 0x2b;
  DeviceFixture bench;
  bench.backend("physical-device", "2a@fe:10");
  ASSERT_EQ(bench.probe(), 0);
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  bench.backend("physical-device", "2b@fe:10");
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_TRUE(bench.connect());
}

TEST(DeviceDiskSequence, AFrontendThatWritesStatesDoesNotRepeatTheTry) {
  host().disk_sequence = 0x2b;
  DeviceFixture bench;
  bench.backend("physical-device", "2a@fe:10");
  ASSERT_EQ(bench.probe(), 0);
  for (uint32_t i = 0; i < 20; ++i) bench.state(1 + i % 6);
  uint32_t complaints = 0;
  for (const std::string& line : bench.device().errors) {
    if (line.find("sequence number") != std::string::npos) ++complaints;
  }
  EXPECT_EQ(complaints, 1u);
}

// A medium that changes later has another number.  The disk is open, and stays so.
TEST(DeviceDiskSequence, ItIsLookedAtWhenTheDiskIsOpened) {
  host().disk_sequence = 0x2a;
  DeviceFixture bench;
  bench.backend("physical-device", "2a@fe:10");
  ASSERT_TRUE(bench.connect());
  host().disk_sequence = 0x2b;
  bench.backend("physical-device", "2a@fe:10");
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_TRUE(bench.connect());
  EXPECT_TRUE(bench.device().errors.empty());
}

TEST(DeviceDiskSequence, BadSyntaxIsRefusedWithTheExpectedForms) {
  for (const char* text :
       {"0@fe:10", "@fe:10", "2a@", "2a@fe", "2a@2a@fe:10", "2a:fe:10", "-1@fe:10",
        "10000000000000000@fe:10", "2a @ fe", "fe:10@2a", "g@fe:10"}) {
    DeviceFixture bench;
    bench.backend("physical-device", text);
    ASSERT_EQ(bench.probe(), 0);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
    EXPECT_TRUE(bench.complained("expected MAJOR:MINOR or DISKSEQ@MAJOR:MINOR in hexadecimal"));
    EXPECT_EQ(host().disks_open, 0u);
  }
}

// As Qubes writes it.
TEST(DeviceDiskSequence, TheNumberMayStandInANodeOfItsOwn) {
  host().disk_sequence = 0x2a;
  for (const char* text : {"2a", "0x2A", " 2a\n", "000000000000002a"}) {
    for (const char* disk : {"fe:10", "2a@fe:10"}) {
      DeviceFixture bench;
      bench.backend("diskseq", text);
      bench.backend("physical-device", disk);
      EXPECT_TRUE(bench.connect());
    }
  }
}

TEST(DeviceDiskSequence, AnEmptyNodeCountsAsNone) {
  host().disk_sequence = 0x2a;
  DeviceFixture bench;
  bench.backend("diskseq", " \n");
  bench.backend("physical-device", "fe:10");
  EXPECT_TRUE(bench.connect());
}

// Expects that no disk is opened, and that the error says `complaint`.
void expect_refused(const char* diskseq, const char* physical_device, const char* complaint) {
  DeviceFixture bench;
  bench.backend("diskseq", diskseq);
  bench.backend("physical-device", physical_device);
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.complained(complaint));
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(DeviceDiskSequence, AnotherDiskThanTheNodeNamesIsRefused) {
  host().disk_sequence = 0x2b;
  expect_refused("2a", "fe:10", "expected the disk with the sequence number 0x2a");
}

TEST(DeviceDiskSequence, TwoNumbersMustBeTheSame) {
  host().disk_sequence = 0x2b;
  expect_refused("2a", "2b@fe:10", "diskseq is '2a', but physical-device is '2b@fe:10'");
}

TEST(DeviceDiskSequence, ABadNodeIsRefusedWithTheExpectedForm) {
  for (const char* text : {"0", "-1", "2a@", "g", "10000000000000000", "2a@fe:10",
                           "0000000000000000000000000000000000002a"}) {
    expect_refused(text, "fe:10", "expected the disk's sequence number in hexadecimal");
  }
}

// --- Another driver, or this one again, takes the device over ---------------

TEST(DeviceDiskSequence, ADeviceThatIsTakenOverGoesOnWithItsDisk) {
  host().disk_sequence = 0x10000002a;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("opened-diskseq", "4294967338"));
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(bench.device().errors.empty());
}

// Connects, and binds again when the number of the disk belongs to another one.
void take_over_with_another_disk(DeviceFixture& bench) {
  host().disk_sequence = 0x2a;
  ASSERT_TRUE(bench.connect());
  host().disk_sequence = 0x2b;
  ASSERT_EQ(bench.rebind(), 0);
}

TEST(DeviceDiskSequence, AnotherDiskAfterAnUnbindIsRefused) {
  DeviceFixture bench;
  take_over_with_another_disk(bench);
  EXPECT_TRUE(bench.refused());
  EXPECT_TRUE(bench.complained("its sequence number is 0x2b"));
  EXPECT_TRUE(bench.complained("opened-diskseq has '42' in decimal"));
  EXPECT_EQ(host().disks_open, 0u);
  EXPECT_TRUE(bench.published("opened-diskseq", "42"));
}

// The toolstack says that it is the right one.
TEST(DeviceDiskSequence, AnotherDiskAfterAnUnbindIsServedWhenItIsNamed) {
  DeviceFixture bench;
  take_over_with_another_disk(bench);
  bench.backend("diskseq", "2b");
  bench.backend("physical-device", "fe:10");
  EXPECT_EQ(host().disks_open, 1u);
  EXPECT_TRUE(bench.published("opened-diskseq", "43"));
}

TEST(DeviceDiskSequence, AnotherMediumAfterAnUnbindIsServed) {
  DeviceFixture bench;
  bench.frontend("device-type", "cdrom");
  take_over_with_another_disk(bench);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(bench.published("opened-diskseq", "43"));
}

TEST(DeviceDiskSequence, ADiskThatAnotherDriverOpenedIsServed) {
  host().disk_sequence = 0x2a;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.device().backend.erase("opened-diskseq");
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceDiskSequence, ANodeThatIsNoNumberRefusesTheDisk) {
  host().disk_sequence = 0x2a;
  for (const char* text : {"", "2a", "-1", "0", "42 43", "18446744073709551616"}) {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    bench.device().backend["opened-diskseq"] = text;
    ASSERT_EQ(bench.rebind(), 0);
    EXPECT_TRUE(bench.refused());
    EXPECT_EQ(host().disks_open, 0u);
  }
}

// A new directory, with a node that nobody of ours can have written.
TEST(DeviceDiskSequence, ANewDeviceDoesNotLookAtIt) {
  host().disk_sequence = 0x2a;
  DeviceFixture bench;
  bench.backend("opened-diskseq", "1");
  EXPECT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("opened-diskseq", "42"));
}

}  // namespace
