// SPDX-License-Identifier: GPL-2.0
// While a thread or a work waits, the fake host lets others run: all that are due, except those
// that have not ended yet.
#include <algorithm>
#include <vector>

#include "support/complaints.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::Elsewhere;
using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Complaints;

TEST(HostSchedule, AWorkThatIsDueAgainHidesNoOther) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_EQ(bench.probe(), 0);
  ASSERT_EQ(other.probe(), 0);
  uint32_t waits = 0;
  bench.device().at_state = [&](uint32_t) {
    const Elsewhere other_cpu;
    ++waits;
    bench.tell(HOST_XENBUS_CLOSING);
    other.tell(HOST_XENBUS_CLOSING);
    host().sleep(10);
    EXPECT_EQ(other.backend_state(), uint32_t{HOST_XENBUS_CLOSING});
  };
  bench.state(HOST_XENBUS_CLOSING);
  bench.device().at_state = nullptr;
  EXPECT_EQ(waits, 1u);
  EXPECT_EQ(bench.backend_state(), uint32_t{HOST_XENBUS_CLOSING});
}

// While one of two works waits, the other one may run.  Neither runs within itself.
TEST(HostSchedule, AWorkDoesNotRunWithinItself) {
  DeviceFixture bench;
  DeviceFixture other({.domid = 8});
  ASSERT_EQ(bench.probe(), 0);
  ASSERT_EQ(other.probe(), 0);
  std::vector<const host_work*> under_way;
  uint32_t most = 0;
  const auto wait = [&](uint32_t) {
    const host_work* const own = host().running_work;
    EXPECT_EQ(std::count(under_way.begin(), under_way.end(), own), 0);
    under_way.push_back(own);
    most = std::max(most, static_cast<uint32_t>(under_way.size()));
    {
      const Elsewhere other_cpu;
      bench.tell(HOST_XENBUS_CLOSED);
      other.tell(HOST_XENBUS_CLOSED);
      host().run();
    }
    under_way.pop_back();
  };
  bench.device().at_state = wait;
  other.device().at_state = wait;
  bench.state(HOST_XENBUS_CLOSING);
  bench.device().at_state = nullptr;
  other.device().at_state = nullptr;
  EXPECT_EQ(most, 2u);
}

TEST(HostSchedule, APassIsNotMadeWithinItself) {
  kunit::HeldRings bench;
  ASSERT_TRUE(bench.connected);
  std::vector<const host_thread*> under_way;
  uint32_t most = 0;
  host().at_copy = [&](const void*, size_t) {
    const host_thread* const own = host().running;
    EXPECT_EQ(std::count(under_way.begin(), under_way.end(), own), 0);
    under_way.push_back(own);
    most = std::max(most, static_cast<uint32_t>(under_way.size()));
    {
      const Elsewhere other_cpu;
      for (const auto& thread : host().threads) host_thread_wake(thread.get());
      host().run();
    }
    under_way.pop_back();
  };
  for (uint32_t i = 0; i < 2; ++i) {
    bench.guest(i).put(ask(BLKIF_OP_READ, 1, 0, {{bench.guest(i).grant()}}));
    bench.guest(i).show();
  }
  bench.guest(0).kick();
  host().run();
  host().at_copy = nullptr;
  EXPECT_EQ(most, 2u);
  host().complete_all();
  host().run();
  for (uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(bench.okay(i, 1));
}

// The thread of the outer pass is stopped while a second thread is in its pass.
TEST(HostSchedule, AStopInTheMiddleOfAnOuterPassIsNoticed) {
  kunit::HeldRings bench;
  ASSERT_TRUE(bench.connected);
  const host_thread* outer = nullptr;
  uint32_t stops = 0;
  host().at_copy = [&](const void*, size_t) {
    if (outer == nullptr) {
      outer = host().running;
      const Elsewhere other_cpu;
      for (const auto& thread : host().threads) host_thread_wake(thread.get());
      host().run();
    } else if (host().running != outer && stops++ == 0) {
      const Elsewhere other_cpu;
      host_thread_stop(const_cast<host_thread*>(outer));
    }
  };
  for (uint32_t i = 0; i < 2; ++i) {
    bench.guest(i).put(ask(BLKIF_OP_READ, 1, 0, {{bench.guest(i).grant()}}));
    bench.guest(i).show();
  }
  {
    const Complaints complaints;
    bench.guest(0).kick();
    host().run();
    EXPECT_TRUE(complaints.only("deadlock: a thread is stopped in its pass"));
  }
  host().at_copy = nullptr;
  EXPECT_EQ(stops, 1u);
}

}  // namespace
