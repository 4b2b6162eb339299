// SPDX-License-Identifier: GPL-2.0
// The frontend's states in every order, written quickly or slowly, with a disk that has ended its
// I/O or not, and with a step that fails or not.  In the end a proper frontend can use the device.
#include <array>

#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

constexpr std::array<uint32_t, 7> kStates = {0, 1, 3, 4, 5, 6, 9};
constexpr uint32_t kLength = 3;

bool works(DeviceFixture& bench, uint64_t id) {
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, id, 0, {{gref}}));
  host().run();
  return bench.guest().status_of(id) == BLKIF_RSP_OKAY;
}

// What a kernel does with a device that another kernel has left.
bool takes_over(DeviceFixture& bench) {
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(5000);
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  host().sleep(5000);
  return bench.backend_state() == HOST_XENBUS_INIT_WAIT && bench.connect();
}

// `number` encodes the order of the states and the four conditions.
void run_order(uint32_t number) {
  const bool connected = number % 2 == 0;
  const bool held = number / 2 % 2 == 0;
  const bool slow = number / 4 % 2 == 0;   // the backend runs after each state
  const bool fails = number / 8 % 2 == 0;  // the disk cannot be synced meanwhile
  uint32_t order = number / 16;
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  if (connected) {
    ASSERT_TRUE(bench.connect());
    host().hold_io = held;
    bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
    host().run();
  }
  host().sync_error = fails ? -5 : 0;
  for (uint32_t i = 0; i < kLength; ++i) {
    const uint32_t state = kStates[order % kStates.size()];
    order /= static_cast<uint32_t>(kStates.size());
    if (state == HOST_XENBUS_INITIALISED) {
      bench.renew_rings();
      bench.offer();
    }
    bench.tell(state);
    if (slow) host().sleep(100);
  }
  host().run();
  host().sync_error = 0;
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_TRUE(takes_over(bench));
  EXPECT_TRUE(works(bench, 2));
}

TEST(DeviceOrders, EveryOrderOfStatesEndsInADeviceThatWorks) {
  constexpr uint32_t kOrders = 16 * 7 * 7 * 7;
  // There are so many orders that a run in a kernel tries only some of them.
  const uint32_t stride = kunit::sweep_stride();
  for (kunit::Sweep sweep(stride * stride); sweep.at() <= kOrders; sweep.next()) {
    run_order(sweep.at() - 1);
    kunit::start_over();
  }
}

// xenstored refuses each write for a while, as when others have used up a quota.
TEST(DeviceOrders, EveryStateIsPublishedInTheEndWhateverXenstoreRefuses) {
  const char* const kWrites[] = {"host_device_publish", "host_device_online"};
  for (const char* write : kWrites) {
    DeviceFixture bench;
    host().failing.insert(write);
    ASSERT_EQ(bench.probe(), 0);
    bench.offer();
    bench.state(HOST_XENBUS_INITIALISED);
    host().sleep(3000);
    host().failing.clear();
    host().sleep(3000);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
    EXPECT_TRUE(works(bench, 1));

    host().failing.insert(write);
    bench.state(HOST_XENBUS_CLOSING);
    bench.state(HOST_XENBUS_CLOSED);
    host().sleep(3000);
    host().failing.clear();
    host().sleep(3000);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
    // Each failure is reported once, however often the write is tried again.
    EXPECT_LE(bench.device().errors.size(), 3u);
  }
}

TEST(DeviceOrders, AConnectionThatCannotBePublishedIsGivenUpInTheEnd) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().failing.insert("host_device_publish of nodes");
  bench.state(HOST_XENBUS_INITIALISED);
  host().sleep(60000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(host().rings.empty());
  const uint32_t works = host().work_runs;
  host().sleep(60000);
  EXPECT_EQ(host().work_runs, works);
}

}  // namespace
