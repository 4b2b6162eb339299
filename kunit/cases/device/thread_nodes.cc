// SPDX-License-Identifier: GPL-2.0
// The nodes "kthread-pid" and "queue-N/kthread-pid", by which the host's programs find the threads
// of a guest's rings.
#include <array>
#include <cerrno>
#include <string>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

constexpr std::array<int, 3> kErrors = {-EAGAIN, -ENOSPC, -EIO};

std::string queue_node(uint32_t queue) { return "queue-" + std::to_string(queue) + "/kthread-pid"; }

std::string pid_of(uint32_t thread) { return std::to_string(host().threads[thread]->pid); }

// The number of nodes that name a thread.
uint32_t named(DeviceFixture& bench) {
  uint32_t nodes = 0;
  for (const auto& [name, value] : bench.device().backend) {
    if (name.ends_with("kthread-pid")) ++nodes;
  }
  return nodes;
}

bool works(DeviceFixture& bench) {
  bench.guest().send(ask(BLKIF_OP_READ, 4711, 0, {{bench.guest().grant()}}));
  host().run();
  return bench.guest().status_of(4711) == BLKIF_RSP_OKAY;
}

bool comes_back(DeviceFixture& bench) {
  if (!bench.disconnect()) return false;
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  return bench.connect();
}

TEST(DeviceThreads, OneRingsThreadIsNamedInTheDirectory) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  EXPECT_EQ(named(bench), 0u);
  ASSERT_TRUE(bench.connect());
  ASSERT_EQ(host().threads.size(), 1u);
  EXPECT_TRUE(bench.published("kthread-pid", pid_of(0).c_str()));
  EXPECT_EQ(named(bench), 1u);
}

TEST(DeviceThreads, ThreadsOfSeveralRingsAreNamedInADirectoryForEach) {
  DeviceFixture bench({.queues = 4});
  ASSERT_TRUE(bench.connect());
  ASSERT_EQ(host().threads.size(), 4u);
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(bench.published(queue_node(i).c_str(), pid_of(i).c_str()));
  }
  EXPECT_EQ(named(bench), 4u);
}

TEST(DeviceThreads, ManyQueuesAreNamedAndForgotten) {
  host().parameters.max_queues = 40;
  DeviceFixture bench({.queues = 40});
  ASSERT_TRUE(bench.connect());
  for (uint32_t i = 0; i < 40; ++i) {
    EXPECT_TRUE(bench.published(queue_node(i).c_str(), pid_of(i).c_str()));
  }
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(named(bench), 0u);
}

// xenopsd looks for the nodes when the state becomes Connected, and watches kthread-pid alone.
TEST(DeviceThreads, WhoSeesConnectedSeesTheThreads) {
  for (const uint32_t queues : {1u, 3u}) {
    DeviceFixture bench({.queues = queues});
    uint32_t seen = 0;
    bench.device().at_state = [&](uint32_t state) {
      if (state == HOST_XENBUS_CONNECTED) seen = named(bench);
    };
    ASSERT_TRUE(bench.connect());
    bench.device().at_state = nullptr;
    EXPECT_EQ(seen, queues);
  }
}

TEST(DeviceThreads, AConnectionThatIsGivenUpLeavesNoNode) {
  DeviceFixture bench({.queues = 3});
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().failing.insert("host_device_publish");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_TRUE(host().threads.empty());
  EXPECT_EQ(named(bench), 0u);
  host().failing.clear();
  host().sleep(10000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  // They may have been the reason.
  EXPECT_EQ(named(bench), 0u);
  ASSERT_TRUE(comes_back(bench));
  EXPECT_EQ(named(bench), 3u);
}

// The programs that read the nodes run in the initial domain, and the nodes of a driver domain
// are few.
TEST(DeviceThreads, ADriverDomainNamesNone) {
  host().parameters.initial_domain = 0;
  DeviceFixture bench({.queues = 3});
  bench.device().backend["kthread-pid"] = "17";
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(named(bench), 1u);
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(named(bench), 1u);
}

TEST(DeviceThreads, NoNodeOutlivesItsThread) {
  for (const uint32_t queues : {1u, 3u}) {
    DeviceFixture bench({.queues = queues});
    ASSERT_TRUE(bench.connect());
    uint32_t ended = 0;
    host().at_stop = [&] {
      EXPECT_EQ(named(bench), 0u);
      ++ended;
    };
    ASSERT_TRUE(bench.disconnect());
    EXPECT_EQ(ended, queues);
    bench.renew_rings();
    bench.state(HOST_XENBUS_INITIALISING);
    // A connection that is given up before it serves.
    host().failing.insert("host_device_publish");
    ended = 0;
    bench.offer();
    bench.state(HOST_XENBUS_INITIALISED);
    host().failing.clear();
    EXPECT_EQ(ended, queues);
    host().at_stop = nullptr;
  }
}

TEST(DeviceThreads, WhileTheConnectionDrainsTheyAreNamed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  bench.state(HOST_XENBUS_CLOSED);
  EXPECT_TRUE(bench.published("kthread-pid", pid_of(0).c_str()));
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(named(bench), 0u);
}

TEST(DeviceThreads, ANewConnectionNamesItsOwn) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const std::string first = pid_of(0);
  ASSERT_TRUE(comes_back(bench));
  EXPECT_TRUE(first != pid_of(0));
  EXPECT_TRUE(bench.published("kthread-pid", pid_of(0).c_str()));
}

// An unbound device does not touch the directory any more.  The next module that serves it does.
TEST(DeviceThreads, NodesThatAnotherModuleLeftAreReplaced) {
  DeviceFixture bench;
  bench.device().backend["kthread-pid"] = "17";
  for (uint32_t i = 0; i < 20; ++i) bench.device().backend[queue_node(i)] = "18";
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("kthread-pid", pid_of(0).c_str()));
  EXPECT_EQ(named(bench), 1u);

  DeviceFixture other({.queues = 2, .domid = 9});
  other.device().backend["kthread-pid"] = "17";
  other.device().backend[queue_node(0)] = "18";
  other.device().backend[queue_node(2)] = "18";  // a directory with a gap
  ASSERT_TRUE(other.connect());
  EXPECT_FALSE(other.device().backend.contains("kthread-pid"));
  EXPECT_TRUE(other.published(queue_node(1).c_str(), pid_of(2).c_str()));
}

TEST(DeviceThreads, AfterANewBindTheNewThreadsAreNamed) {
  DeviceFixture bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  ASSERT_EQ(bench.rebind(), 0);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  ASSERT_EQ(host().threads.size(), 2u);
  EXPECT_TRUE(bench.published(queue_node(1).c_str(), pid_of(1).c_str()));
  EXPECT_EQ(named(bench), 2u);
}

TEST(DeviceThreads, ARemovalThatFailsIsLoggedOnceAndHoldsUpNoClose) {
  for (const int error : kErrors) {
    host().log.clear();
    host().failing.clear();
    DeviceFixture bench({.queues = 2});
    ASSERT_TRUE(bench.connect());
    host().errors["host_store_remove"] = error;
    host().failing.insert("host_store_remove");
    ASSERT_TRUE(bench.disconnect());
    host().sleep(60000);
    EXPECT_EQ(host().logged("rings' threads that have ended"), 1u);
    EXPECT_TRUE(bench.device().errors.empty());
    host().failing.clear();
    bench.renew_rings();
    bench.state(HOST_XENBUS_INITIALISING);
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(bench.published(queue_node(0).c_str(), pid_of(0).c_str()));
  }
}

// Connects while the n-th call of the host fails.  Returns false if there are not so many calls.
bool connects_with_failure(DeviceFixture& bench, uint32_t n) {
  bench.offer();
  host().log.clear();
  host().failed_call.clear();
  host().fail_call = n;
  bench.state(HOST_XENBUS_INITIALISED);
  host().fail_call = 0;
  return !host().failed_call.empty();
}

// A look that fails finds nothing out: a program would take the older node for the only one.
TEST(DeviceThreads, ALookThatFailsIsNoMissingNode) {
  uint32_t failures = 0;
  for (uint32_t n = 1;; ++n) {
    DeviceFixture bench({.queues = 2});
    ASSERT_EQ(bench.probe(), 0);
    bench.device().backend["kthread-pid"] = "17";
    if (!connects_with_failure(bench, n)) break;
    if (bench.backend_state() != HOST_XENBUS_CONNECTED) continue;
    if (bench.device().backend.contains("kthread-pid")) {
      EXPECT_EQ(named(bench), 1u);
      EXPECT_EQ(host().logged("rings' threads that have ended"), 1u);
      ++failures;
    }
  }
  EXPECT_EQ(failures, 2u);  // the look and the removal

  DeviceFixture other({.queues = 2, .domid = 9});
  other.device().backend["kthread-pid"] = "a text that is longer than a number";
  ASSERT_TRUE(other.connect());
  EXPECT_FALSE(other.device().backend.contains("kthread-pid"));
}

// Programs would take the queues that are named for all queues.
TEST(DeviceThreads, EitherAllQueuesAreNamedOrNone) {
  host().parameters.max_queues = 20;
  uint32_t failures = 0;
  for (uint32_t n = 1;; ++n) {
    DeviceFixture bench({.queues = 20});
    ASSERT_EQ(bench.probe(), 0);
    if (!connects_with_failure(bench, n)) break;
    if (bench.backend_state() != HOST_XENBUS_CONNECTED) continue;
    EXPECT_TRUE(works(bench));
    EXPECT_TRUE(named(bench) == 20 || named(bench) == 0);
    if (named(bench) == 0) ++failures;
  }
  EXPECT_EQ(failures, 4u);  // two looks for older nodes, two allocations
}

TEST(DeviceThreads, ADirectoryThatIsGoneIsNotBroughtBack) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.device().backend.clear();
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(10000);
  EXPECT_TRUE(bench.device().backend.empty());
  EXPECT_EQ(host().logged("rings' threads"), 0u);
}

TEST(DeviceThreads, ARemovedDeviceLeavesTheDirectoryAlone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const fake::FlatMap<std::string, std::string> nodes = bench.device().backend;
  bench.remove();
  EXPECT_TRUE(bench.device().backend == nodes);
  EXPECT_EQ(bench.device().too_late, 0u);
}

}  // namespace
