// SPDX-License-Identifier: GPL-2.0
// Every host call that can fail fails once: the work that had begun is undone, and the next attempt
// works.
#include "support/device_fixture.h"
#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::Layout;
using kunit::DeviceSetup;
using kunit::start_over;
using kunit::with_each_call_failing;

// A device whose disk can discard.
class FullBench : public DeviceFixture {
 public:
  explicit FullBench(const DeviceSetup& setup = {}) : DeviceFixture(prepare(setup)) {}

 private:
  static const DeviceSetup& prepare(const DeviceSetup& setup) {
    host().geometry.max_discard_sectors = 16;
    host().geometry.discard_granularity_bytes = 4096;
    return setup;
  }
};

constexpr uint32_t kRequests = 8;
constexpr uint32_t kGrants = 5 + 12 + 1;  // the last is the page of descriptors

// Sends requests of every operation with the ids 1 to 8; request 8 is invalid.  Returns the first
// grant reference.
uint32_t send_all(Guest& guest) {
  const uint32_t gref = guest.grants(5 + 12);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}, {gref + 1}}));
  guest.put(ask(BLKIF_OP_WRITE, 2, 16, {{gref + 2}}));
  guest.put(ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {}));
  guest.put(ask(BLKIF_OP_FLUSH_DISKCACHE, 4, 24, {{gref + 3}}));
  guest.put(ask(BLKIF_OP_WRITE_BARRIER, 5, 0, {{gref + 4}}));
  guest.put(kunit::DiscardAsk{.id = 6, .sector = 64, .sectors = 40});
  guest.put(guest.indirect(BLKIF_OP_READ, 7, 128, gref + 5, 12));
  guest.put(ask(BLKIF_OP_READ, 8, 0, {{gref + 4, 7, 0}}));
  guest.show();
  guest.kick();
  return gref;
}

bool good_answer(Guest& guest, uint64_t id) { return guest.status_of(id) == BLKIF_RSP_OKAY; }

bool all_served(Guest& guest) {
  bool good = guest.answers() == kRequests && guest.status_of(8) == BLKIF_RSP_ERROR;
  for (uint64_t id = 1; id <= 7; ++id) good = good && good_answer(guest, id);
  return good;
}

// Requests that got no pages are tried again within this time.
constexpr uint64_t kRetryMs = 200;
// Failed writes to xenstore are tried again within this time.
constexpr uint64_t kStoreRetryMs = 200;

// Does another device connect, serve all requests and close?
bool good_device_works(const DeviceSetup& setup) {
  DeviceSetup other = setup;
  other.domid = 9;
  FullBench bench(other);
  if (!bench.connect()) return false;
  (void)send_all(bench.guest());
  host().run();
  return all_served(bench.guest()) && bench.disconnect();
}

// Probes and connects, with fallible call `n` failing.
void connect_with_failure(const DeviceSetup& setup, uint32_t n) {
  {
    FullBench bench(setup);
    host().fail_call = n;
    const bool connected = bench.connect();
    host().fail_call = 0;
    if (bench.driver() != nullptr && !connected) {
      // The frontend gives up.
      bench.state(HOST_XENBUS_CLOSED);
      EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
      EXPECT_TRUE(host().rings.empty());
      EXPECT_TRUE(host().channels.empty());
      EXPECT_TRUE(host().threads.empty());
      EXPECT_EQ(host().scratches, 0u);
      bench.remove();
      EXPECT_TRUE(bench.device().released);
    } else if (bench.driver() != nullptr) {
      (void)send_all(bench.guest());
      host().run();
      EXPECT_TRUE(all_served(bench.guest()));
    }
  }
  kunit::expect_no_leaks();
  EXPECT_TRUE(good_device_works(setup));
}

TEST(Failures, EveryCallOfAConnectionMayFail) {
  const DeviceSetup setup{};
  const uint32_t failures =
      with_each_call_failing([&](uint32_t n) { connect_with_failure(setup, n); });
  EXPECT_GE(failures, 25u);
}

TEST(Failures, EveryCallOfAConnectionOfManyQueuesAndPagesMayFail) {
  const DeviceSetup setup{.layout = Layout::kX86_32, .queues = 3, .ring_order = 2};
  const uint32_t failures =
      with_each_call_failing([&](uint32_t n) { connect_with_failure(setup, n); });
  EXPECT_GE(failures, 60u);
}

// The disk is open.  The first attempt to connect fails at its fallible call `n`; the next one
// works.
TEST(Failures, AfterAFailedConnectionTheSameDeviceConnects) {
  const uint32_t failures = with_each_call_failing([](uint32_t n) {
    FullBench bench({.queues = 2});
    ASSERT_EQ(bench.probe(), 0);
    bench.offer();
    host().fail_call = n;
    bench.state(HOST_XENBUS_INITIALISED);
    host().fail_call = 0;
    if (bench.backend_state() != HOST_XENBUS_CONNECTED) {
      bench.state(HOST_XENBUS_CLOSED);
      ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
      bench.state(HOST_XENBUS_INITIALISING);
      ASSERT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
      ASSERT_TRUE(bench.connect());
    }
    (void)send_all(bench.guest(1));
    host().run();
    EXPECT_TRUE(all_served(bench.guest(1)));
  });
  EXPECT_GE(failures, 25u);
}

// Fallible call `n` of the batch fails.  Each request is answered once, and only a failed
// host_grant_map() makes valid requests fail.  The next request is served.
void batch_with_failure(const DeviceSetup& setup, uint32_t n) {
  FullBench bench(setup);
  ASSERT_TRUE(bench.connect());
  host().fail_call = n;
  (void)send_all(bench.guest());
  host().run();
  host().sleep(kRetryMs);
  host().fail_call = 0;
  EXPECT_EQ(bench.guest().answers(), kRequests);
  for (uint64_t id = 1; id <= 7; ++id) {
    const int status = bench.guest().status_of(id);
    EXPECT_TRUE(status == BLKIF_RSP_OKAY ||
                (status == BLKIF_RSP_ERROR && host().failed_call == "host_grant_map"));
  }
  EXPECT_TRUE(good_answer(bench.guest(), 3));
  EXPECT_TRUE(good_answer(bench.guest(), 6));
  EXPECT_EQ(bench.guest().status_of(8), BLKIF_RSP_ERROR);
  const uint32_t gref = bench.guest().grant();
  bench.guest().send(ask(BLKIF_OP_READ, 20, 0, {{gref}}));
  host().run();
  EXPECT_TRUE(good_answer(bench.guest(), 20));
  EXPECT_TRUE(bench.disconnect());
}

TEST(Failures, EveryCallOfABatchMayFail) {
  const uint32_t failures = with_each_call_failing([](uint32_t n) { batch_with_failure({}, n); });
  EXPECT_GE(failures, 3u);
}

TEST(Failures, EveryCallOfABatchWithoutPersistenceMayFail) {
  const uint32_t failures =
      with_each_call_failing([](uint32_t n) { batch_with_failure({.persistent = false}, n); });
  EXPECT_GE(failures, 2u);
}

TEST(Failures, EveryCallOfABatchMayFailFromItOn) {
  // There is no memory, or there are no pages, for the whole batch: no request is lost.
  for (const char* call : {"host_alloc", "host_page_alloc"}) {
    FullBench bench;
    ASSERT_TRUE(bench.connect());
    host().failing.insert(call);
    (void)send_all(bench.guest());
    host().run();
    host().sleep(500);
    host().failing.clear();
    host().sleep(500);
    EXPECT_TRUE(all_served(bench.guest()));
  }
}

// The id of the request of send_all() that uses its n-th (from 0) grant.
uint64_t user_of_grant(uint32_t n) {
  constexpr uint64_t kUsers[] = {1, 1, 2, 4, 5};
  return n < 5 ? kUsers[n] : 7;
}

TEST(Failures, EveryGrantOfABatchMayFail) {
  for (const bool persistent : {false, true}) {
    for (kunit::Sweep sweep; sweep.at() <= kGrants; sweep.next()) {
      const uint32_t n = sweep.at() - 1;
      FullBench bench({.persistent = persistent});
      ASSERT_TRUE(bench.connect());
      const uint32_t gref = send_all(bench.guest());
      host().grants[gref + n].status = -3;
      host().run();
      EXPECT_EQ(bench.guest().answers(), kRequests);
      for (uint64_t id = 1; id <= 7; ++id) {
        EXPECT_EQ(good_answer(bench.guest(), id), id != user_of_grant(n));
      }
      if (!persistent) {
        EXPECT_EQ(bench.guest().all_mappings(), 0u);
      }
    }
  }
}

TEST(Failures, EveryIoOfABatchMayFail) {
  // The disk does not have the barrier and the discard behind it yet.
  constexpr uint64_t kIds[] = {1, 2, 3, 4, 7};
  // -11 (EAGAIN), -12 (ENOMEM): the layers below have no request or no memory for the I/O.
  for (const int error : {-5, -11, -12, -28, -95}) {
    for (uint32_t n = 0; n < 5; ++n) {
      FullBench bench;
      ASSERT_TRUE(bench.connect());
      host().hold_io = true;
      (void)send_all(bench.guest());
      host().run();
      ASSERT_EQ(host().held.size(), 5u);
      host().complete(n, error);
      host().hold_io = false;
      host().complete_all();
      host().run();
      const int bad = error == -95 ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
      for (uint64_t id = 1; id <= 7; ++id) {
        EXPECT_EQ(bench.guest().status_of(id), id == kIds[n] ? bad : BLKIF_RSP_OKAY);
      }
    }
  }
}

TEST(Failures, EveryUnmapOfABatchMayFail) {
  constexpr uint32_t kMapped = 4 + 13;
  for (kunit::Sweep sweep; sweep.at() <= kMapped; sweep.next()) {
    const uint32_t n = sweep.at() - 1;
    FullBench bench({.persistent = false});
    ASSERT_TRUE(bench.connect());
    host().hold_io = true;
    (void)send_all(bench.guest());
    host().run();
    ASSERT_EQ(host().handles.size(), kMapped);
    auto handle = host().handles.begin();
    for (uint32_t i = 0; i < n; ++i) ++handle;
    host().sticky_handles.insert(handle->first);
    host().hold_io = false;
    host().complete_all();
    host().run();
    EXPECT_EQ(bench.guest().answers(), kRequests);
    EXPECT_EQ(host().lost_pages, 1u);
    EXPECT_TRUE(bench.disconnect());
    bench.remove();
    EXPECT_TRUE(bench.device().released);
    kunit::expect_no_leaks();
    fake::renew_host();
  }
}

// A disconnect needs no call that may fail, except its accesses to xenstore.
TEST(Failures, EveryCallOfADisconnectMayFail) {
  const uint32_t failures = with_each_call_failing([](uint32_t n) {
    FullBench bench({.queues = 2});
    ASSERT_TRUE(bench.connect());
    (void)send_all(bench.guest(0));
    (void)send_all(bench.guest(1));
    host().run();
    host().fail_call = n;
    bench.state(HOST_XENBUS_CLOSING);
    bench.state(HOST_XENBUS_CLOSED);
    host().fail_call = 0;
    host().sleep(kStoreRetryMs);
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
    EXPECT_EQ(bench.guest(0).all_mappings() + bench.guest(1).all_mappings(), 0u);
    EXPECT_TRUE(host().rings.empty());
    bench.renew_rings();
    bench.state(HOST_XENBUS_INITIALISING);
    EXPECT_TRUE(bench.connect());
  });
  EXPECT_GE(failures, 1u);
}

TEST(Failures, ADisconnectWorksWhenNothingElseDoes) {
  FullBench bench;
  ASSERT_TRUE(bench.connect());
  (void)send_all(bench.guest());
  host().run();
  for (const char* call :
       {"host_alloc", "host_page_alloc", "host_grant_map", "host_grant_scratch_alloc",
        "host_thread_start", "host_event_bind", "host_ring_map"}) {
    host().failing.insert(call);
  }
  EXPECT_TRUE(bench.disconnect());
}

TEST(Failures, ARemovalNeedsNothingThatMayFail) {
  FullBench bench;
  ASSERT_TRUE(bench.connect());
  (void)send_all(bench.guest());
  host().run();
  host().fail_call = 1;
  bench.remove();
  EXPECT_TRUE(bench.device().released);
  EXPECT_TRUE(host().failed_call.empty());
}

// The whole life of a device, with each of its fallible calls failing in turn.
TEST(Failures, EveryCallOfAWholeLifeMayFail) {
  const uint32_t failures = with_each_call_failing([](uint32_t n) {
    FullBench bench({.ring_order = 1});
    host().fail_call = n;
    if (bench.connect()) {
      (void)send_all(bench.guest());
      host().run();
      host().sleep(kRetryMs);
      EXPECT_EQ(bench.guest().answers(), kRequests);
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
  EXPECT_GE(failures, 30u);
}

}  // namespace
