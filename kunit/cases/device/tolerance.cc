// SPDX-License-Identifier: GPL-2.0
// Nodes of frontends that do not follow blkif.h and can be understood all the same.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::Layout;

struct Node {
  const char* name;
  const char* value;
};

// Connects with some of the frontend's nodes changed, or removed if the value is null.  Does every
// queue serve a read?
bool served(const DeviceSetup& setup, std::initializer_list<Node> nodes) {
  DeviceFixture bench(setup);
  if (bench.probe() != 0) return false;
  bench.offer();
  for (const Node& node : nodes) bench.frontend(node.name, node.value);
  bench.state(HOST_XENBUS_INITIALISED);
  if (bench.backend_state() != HOST_XENBUS_CONNECTED) return false;
  bool all = true;
  for (uint32_t i = 0; i < setup.queues; ++i) {
    kunit::Guest& guest = bench.guest(i);
    guest.send(ask(BLKIF_OP_READ, 12345, 0, {{guest.grant()}}));
    host().run();
    all = all && guest.status_of(12345) == BLKIF_RSP_OKAY;
  }
  return all;
}

TEST(DeviceTolerance, AnOrderOfZeroMayComeWithAnUnnumberedReference) {
  EXPECT_TRUE(served({}, {{"ring-page-order", "0"}}));
  EXPECT_TRUE(served({.queues = 2}, {{"ring-page-order", "0"}}));
}

TEST(DeviceTolerance, WithoutAnOrderTheReferenceMayBeNumbered) {
  DeviceFixture bench({.queues = 2});
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  for (const char* name : {"queue-0/ring-ref", "queue-1/ring-ref"}) {
    const std::string value = bench.device().frontend[name];
    bench.frontend(name, nullptr);
    bench.frontend((std::string(name) + "0").c_str(), value.c_str());
  }
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

// As in the in-tree driver: the other node may be left over from an earlier frontend.
TEST(DeviceTolerance, OfTwoReferencesTheOrderSaysWhichHolds) {
  {
    DeviceFixture bench;
    ASSERT_EQ(bench.probe(), 0);
    bench.offer();
    bench.frontend("ring-ref0", "4000000000");
    bench.state(HOST_XENBUS_INITIALISED);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  }
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("ring-page-order", "0");
  const std::string reference = bench.device().frontend["ring-ref"];
  bench.frontend("ring-ref0", reference.c_str());
  bench.frontend("ring-ref", "4000000000");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceTolerance, AReferenceThatIsGarbageIsNotReplacedByAnother) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  const std::string reference = bench.device().frontend["ring-ref"];
  bench.frontend("ring-ref0", reference.c_str());
  bench.frontend("ring-ref", "garbage");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("ring-ref is 'garbage'"));
}

TEST(DeviceTolerance, ALargerRingHasNumberedReferencesAlone) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("ring-page-order", "1");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("ring-ref0"));
}

TEST(DeviceTolerance, BlanksAroundWhatIsWrittenAreForgiven) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  for (auto& [name, value] : bench.device().frontend) value = "\t " + value + " \r\n";
  bench.frontend("multi-queue-num-queues", "1\n");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_EQ(host().logged("persistent grants"), 1u);
}

TEST(DeviceTolerance, AnEmptyNodeSaysNothing) {
  EXPECT_TRUE(served({}, {{"ring-page-order", ""}, {"multi-queue-num-queues", " "}}));
  EXPECT_TRUE(served({.layout = Layout::kX86_32}, {{"protocol", ""}}));
}

TEST(DeviceTolerance, OffX86AFrontendThatNamesNoProtocolHasTheNativeLayout) {
  host().parameters.x86 = 0;
  EXPECT_TRUE(served({.layout = Layout::kNative}, {{"protocol", nullptr}}));
}

}  // namespace
