// SPDX-License-Identifier: GPL-2.0
// Batches of one kind of request.  Every host call fails once, and memory or pages are missing for
// a while.
#include "support/device_fixture.h"
#include "support/disk.h"
#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::DiscardAsk;
using kunit::Guest;
using kunit::start_over;
using kunit::with_each_call_failing;

// Requests that got no pages are tried again within this time.
constexpr uint64_t kRetryMs = 200;
// Failed writes to xenstore are tried again within this time.
constexpr uint64_t kStoreRetryMs = 200;

void send_indirect(Guest& guest) {
  const uint32_t gref = guest.grants(256);
  constexpr uint32_t kCounts[] = {256, 1, 32, 33, 200, 12};
  for (uint32_t i = 0; i < 6; ++i) {
    guest.put(guest.indirect(i % 2 == 0 ? BLKIF_OP_WRITE : BLKIF_OP_READ, i, 0, gref, kCounts[i]));
  }
  guest.show();
  guest.kick();
}

void send_barriers(Guest& guest) {
  const uint32_t gref = guest.grants(6);
  for (uint32_t i = 0; i < 6; ++i) {
    guest.put(ask(i % 2 == 0 ? BLKIF_OP_WRITE : BLKIF_OP_WRITE_BARRIER, i, i * 8, {{gref + i}}));
  }
  guest.show();
  guest.kick();
}

void send_discards(Guest& guest) {
  for (uint32_t i = 0; i < 6; ++i) {
    guest.put(DiscardAsk{.id = i, .sector = i * 100, .sectors = 90});
  }
  guest.show();
  guest.kick();
}

// Fallible call `n` fails.  Each of the six requests of a queue is answered, only a failed
// host_grant_map() makes requests fail, and the device goes on.
void batch_with_failure(const DeviceSetup& setup, void (*send)(Guest&), uint32_t n) {
  host().geometry.max_discard_sectors = 16;
  DeviceFixture bench(setup);
  ASSERT_TRUE(bench.connect());
  host().fail_call = n;
  for (uint32_t queue = 0; queue < setup.queues; ++queue) send(bench.guest(queue));
  host().run();
  host().sleep(kRetryMs);
  host().fail_call = 0;
  for (uint32_t queue = 0; queue < setup.queues; ++queue) {
    Guest& guest = bench.guest(queue);
    EXPECT_EQ(guest.answers(), 6u);
    for (uint64_t id = 0; id < 6; ++id) {
      const int status = guest.status_of(id);
      EXPECT_TRUE(status == BLKIF_RSP_OKAY ||
                  (status == BLKIF_RSP_ERROR && host().failed_call == "host_grant_map"));
    }
    if (!setup.persistent) {
      EXPECT_EQ(guest.all_mappings(), 0u);
    }
    guest.send(ask(BLKIF_OP_WRITE_BARRIER, 20, 0, {{guest.grant()}}));
    host().run();
    EXPECT_EQ(guest.status_of(20), BLKIF_RSP_OKAY);
  }
  EXPECT_TRUE(bench.disconnect());
}

TEST(FailuresProtocol, EveryCallOfABatchOfIndirectRequestsMayFail) {
  for (const bool persistent : {false, true}) {
    const uint32_t failures = with_each_call_failing(
        [&](uint32_t n) { batch_with_failure({.persistent = persistent}, send_indirect, n); });
    EXPECT_GE(failures, 8u);
  }
}

TEST(FailuresProtocol, EveryCallOfABatchOfBarriersMayFail) {
  for (const bool persistent : {false, true}) {
    const uint32_t failures = with_each_call_failing([&](uint32_t n) {
      batch_with_failure({.queues = 3, .persistent = persistent}, send_barriers, n);
    });
    EXPECT_GE(failures, 6u);
  }
}

TEST(FailuresProtocol, ABatchOfDiscardsNeedsNothingThatMayFail) {
  const uint32_t failures = with_each_call_failing(
      [](uint32_t n) { batch_with_failure({.queues = 2}, send_discards, n); });
  EXPECT_EQ(failures, 0u);
}

TEST(FailuresProtocol, WithoutMemoryOrPagesForLongNothingIsLost) {
  for (const char* call : {"host_alloc", "host_page_alloc"}) {
    for (const auto send : {send_indirect, send_barriers, send_discards}) {
      host().geometry.max_discard_sectors = 16;
      DeviceFixture bench({.queues = 2, .persistent = false});
      ASSERT_TRUE(bench.connect());
      host().failing.insert(call);
      for (uint32_t queue = 0; queue < 2; ++queue) send(bench.guest(queue));
      host().run();
      host().sleep(500);
      host().failing.clear();
      host().sleep(500);
      for (uint32_t queue = 0; queue < 2; ++queue) {
        EXPECT_EQ(bench.guest(queue).answers(), 6u);
        for (uint64_t id = 0; id < 6; ++id) {
          EXPECT_EQ(bench.guest(queue).status_of(id), BLKIF_RSP_OKAY);
        }
        EXPECT_EQ(bench.guest(queue).all_mappings(), 0u);
      }
    }
  }
}

TEST(FailuresProtocol, EveryIoOfTheseBatchesMayFail) {
  for (const auto send : {send_indirect, send_barriers, send_discards}) {
    for (kunit::Sweep sweep; sweep.at() <= 40; sweep.next()) {
      const uint32_t n = sweep.at() - 1;
      host().geometry.max_discard_sectors = 16;
      DeviceFixture bench({.queues = 2, .persistent = false});
      ASSERT_TRUE(bench.connect());
      host().hold_io = true;
      for (uint32_t queue = 0; queue < 2; ++queue) send(bench.guest(queue));
      host().run();
      bool failed = false;
      for (uint32_t i = 0; !host().held.empty(); ++i) {
        failed = failed || i == n;
        host().complete(0, i == n ? -5 : 0);
        host().run();
      }
      uint32_t errors = 0;
      for (uint32_t queue = 0; queue < 2; ++queue) {
        EXPECT_EQ(bench.guest(queue).answers(), 6u);
        for (uint64_t id = 0; id < 6; ++id) {
          if (bench.guest(queue).status_of(id) == BLKIF_RSP_ERROR) ++errors;
        }
        EXPECT_EQ(bench.guest(queue).all_mappings(), 0u);
      }
      EXPECT_EQ(errors, failed ? 1u : 0u);
    }
  }
}

TEST(FailuresProtocol, EveryUnmapOfAnIndirectRequestMayFail) {
  for (kunit::Sweep sweep; sweep.at() <= 34; sweep.next()) {
    {
      const uint32_t n = sweep.at() - 1;
      DeviceFixture bench({.persistent = false});
      ASSERT_TRUE(bench.connect());
      host().hold_io = true;
      Guest& guest = bench.guest();
      const uint32_t gref = guest.grants(33);
      guest.send(guest.indirect(BLKIF_OP_READ, 1, 0, gref, 33));
      host().run();
      ASSERT_EQ(host().handles.size(), 34u);
      auto handle = host().handles.begin();
      for (uint32_t i = 0; i < n; ++i) ++handle;
      host().sticky_handles.insert(handle->first);
      host().complete_all();
      host().run();
      EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
      EXPECT_EQ(host().lost_pages, 1u);
      EXPECT_TRUE(bench.disconnect());
    }
    start_over();
  }
}

TEST(FailuresProtocol, AWholeLifeWithEveryCallFailingLeavesNothingBehind) {
  const uint32_t failures = with_each_call_failing([](uint32_t n) {
    host().geometry.max_discard_sectors = 16;
    DeviceFixture bench({.queues = 2});
    host().fail_call = n;
    if (bench.connect()) {
      send_indirect(bench.guest(0));
      send_barriers(bench.guest(1));
      host().run();
      host().sleep(kRetryMs);
      host().geometry.sectors = 4096;
      driver_disks_changed();
      host().run();
      EXPECT_EQ(bench.guest(0).answers(), 6u);
      EXPECT_EQ(bench.guest(1).answers(), 6u);
    }
    if (bench.driver() != nullptr) {
      bench.state(HOST_XENBUS_CLOSING);
      bench.state(HOST_XENBUS_CLOSED);
      host().sleep(kStoreRetryMs);
      EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
      bench.remove();
      EXPECT_TRUE(bench.device().released);
    }
    host().fail_call = 0;
  });
  EXPECT_GE(failures, 60u);
}

}  // namespace
