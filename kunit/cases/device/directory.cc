// SPDX-License-Identifier: GPL-2.0
// Writes to xenstore that fail, with any error and at any moment.  The backend does not assume
// that a failed write took effect, and does not create a directory again that the toolstack has
// removed.
#include <array>
#include <cerrno>

#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

// A conflict of transactions that does not end, a quota, and any other error.
constexpr std::array<int, 3> kErrors = {-EAGAIN, -ENOSPC, -EIO};

bool works(DeviceFixture& bench, uint64_t id) {
  bench.guest().send(ask(BLKIF_OP_READ, id, 0, {{bench.guest().grant()}}));
  host().run();
  return bench.guest().status_of(id) == BLKIF_RSP_OKAY;
}

TEST(HostXenstore, APublicationThatFailsChangesNothing) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  host_device& device = bench.device();
  const auto nodes = device.backend;
  const uint32_t state = device.state;
  const host_store_node node{"sectors", 77};
  host().failing.insert("host_device_publish");
  for (const int error : kErrors) {
    host().errors["host_device_publish"] = error;
    EXPECT_EQ(host_device_publish(&device, HOST_XENBUS_CLOSING, &node, 1), error);
    EXPECT_EQ(device.state, state);
    EXPECT_TRUE(device.backend == nodes);
  }
}

TEST(HostXenstore, ADirectoryThatIsGoneIsNotBroughtBackByTheHost) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  host_device& device = bench.device();
  const uint32_t state = device.state;
  device.backend.clear();
  device.frontend.clear();
  const host_store_node node{"sectors", 77};
  EXPECT_EQ(host_device_publish(&device, HOST_XENBUS_CLOSING, &node, 1), -ENOENT);
  EXPECT_EQ(host_store_resize(&device, 8), -ENOENT);
  EXPECT_EQ(host_device_online(&device), 0);
  EXPECT_EQ(device.state, state);
  EXPECT_TRUE(device.backend.empty());
  EXPECT_TRUE(device.frontend.empty());
}

TEST(HostXenstore, ConnectedIsForAFrontendThatWaitsForIt) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  for (const char* state : {"1", "2", "5", "6", ""}) {
    bench.frontend("state", state);
    EXPECT_EQ(host_device_publish(&bench.device(), HOST_XENBUS_CONNECTED, nullptr, 0), -EBUSY);
  }
  bench.frontend("state", nullptr);
  EXPECT_EQ(host_device_publish(&bench.device(), HOST_XENBUS_CONNECTED, nullptr, 0), -EBUSY);
}

// Each write from the probe to Closed is refused for a while.
TEST(DeviceDirectory, EveryStateIsPublishedInTheEndWhateverTheError) {
  for (const int error : kErrors) {
    for (const char* function : {"host_device_publish", "host_device_online", "host_store_read"}) {
      host().errors[function] = error;
    }
    DeviceFixture bench;
    const auto refused_for_a_while = [&bench](uint32_t state) {
      host().failing.insert("host_device_publish");
      host().failing.insert("host_device_online");
      const uint32_t before = bench.backend_state();
      bench.state(state);
      host().sleep(1500);
      // Nothing was written, so the state has not changed.
      EXPECT_EQ(bench.backend_state(), before);
      host().failing.clear();
      host().sleep(3000);
    };
    ASSERT_EQ(bench.probe(), 0);
    refused_for_a_while(HOST_XENBUS_INITIALISING);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
    bench.offer();
    refused_for_a_while(HOST_XENBUS_INITIALISED);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
    bench.state(HOST_XENBUS_CONNECTED);
    EXPECT_TRUE(works(bench, 1));
    refused_for_a_while(HOST_XENBUS_CLOSING);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
    refused_for_a_while(HOST_XENBUS_CLOSED);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  }
}

// The n-th fallible call in the life of a device fails with the error.  Later calls succeed.
TEST(DeviceDirectory, EachCallMayFailWithEachError) {
  for (const int error : kErrors) {
    const uint32_t failures = kunit::with_each_call_failing([error](uint32_t n) {
      for (const char* function :
           {"host_device_publish", "host_device_online", "host_store_read", "host_store_resize"}) {
        host().errors[function] = error;
      }
      DeviceFixture bench;
      host().fail_call = n;
      const bool connected = bench.connect();
      if (bench.driver() == nullptr) return;
      host().sleep(3000);
      if (connected) {
        // One of the two reads may fail, or wait for memory.
        bool served = works(bench, 1);
        host().sleep(1000);
        served |= works(bench, 2);
        EXPECT_TRUE(served);
        host().sleep(1000);
        host().geometry.sectors += 8;
        driver_disks_changed();
        host().sleep(3000);
        EXPECT_TRUE(bench.published("sectors", "2056"));
        host().geometry.sectors -= 8;
      }
      bench.state(HOST_XENBUS_CLOSING);
      bench.state(HOST_XENBUS_CLOSED);
      host().sleep(3000);
      EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
      EXPECT_TRUE(host().rings.empty());
      host().fail_call = 0;
    });
    EXPECT_GE(failures, 25u);
  }
}

// The toolstack removes the directories at each moment of the device's work.
TEST(DeviceDirectory, ThatGoesAtAnyMomentStaysGone) {
  const uint32_t moments = kunit::sweep([](uint32_t n) -> bool {
    DeviceFixture bench;
    size_t states = 0;
    bool gone = false;
    host().work_interruption = [&] {
      gone = true;
      states = bench.device().states.size();
      bench.device().backend.clear();
      bench.device().frontend.clear();
    };
    host().work_interrupt_at = n;
    EXPECT_EQ(bench.probe(), 0);
    bench.offer();
    if (!gone) bench.state(HOST_XENBUS_INITIALISED);
    if (!gone) bench.state(HOST_XENBUS_CONNECTED);
    if (!gone) bench.state(HOST_XENBUS_CLOSING);
    if (!gone) bench.state(HOST_XENBUS_CLOSED);
    host().work_interrupt_at = 0;
    if (!gone) return false;
    // The frontend's directory is not checked: the case itself may have written there since.
    const uint32_t works = host().work_runs;
    host().sleep(60000);
    EXPECT_LE(host().work_runs, works + 2);
    EXPECT_TRUE(bench.device().backend.empty());
    EXPECT_EQ(bench.device().states.size(), states);
    bench.remove();
    EXPECT_TRUE(bench.device().released);
    return true;
  });
  EXPECT_GE(moments, 20u);
}

}  // namespace
