// SPDX-License-Identifier: GPL-2.0
// Requests that are finished where the disk completes them, while the ring's thread sleeps.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using fake::Visible;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;

// A connected device whose disk holds the I/Os.
struct Lent : DeviceFixture {
  explicit Lent(const kunit::DeviceSetup& setup = {}) : DeviceFixture(setup), connected(connect()) {
    host().hold_io = true;
  }
  // Sends `count` requests of one page, and lets the thread submit them and fall asleep.
  void send(uint8_t operation, uint32_t count, uint64_t first_id = 1) {
    const uint32_t gref = guest().grants(count);
    for (uint32_t i = 0; i < count; ++i) {
      guest().put(ask(operation, first_id + i, i * 8, {{gref + i}}));
    }
    guest().show();
    guest().kick();
    host().run();
    passes = host().passes;
  }
  // How many passes the thread has made since send().
  [[nodiscard]] uint32_t passes_since() const { return host().passes - passes; }

  bool connected;
  uint32_t passes = 0;
};

TEST(QueueTurn, ARequestIsAnsweredWhereItsIoEnds) {
  for (const bool persistent : {true, false}) {
    Lent bench({.persistent = persistent});
    ASSERT_TRUE(bench.connected);
    for (const uint8_t operation : {uint8_t{BLKIF_OP_READ}, uint8_t{BLKIF_OP_WRITE}}) {
      bench.send(operation, 1, 10u + operation);
      ASSERT_EQ(host().held.size(), 1u);
      const uint32_t notifications = host().notifications;
      host().complete(0);
      EXPECT_EQ(bench.guest().status_of(10u + operation), BLKIF_RSP_OKAY);
      EXPECT_EQ(host().notifications, notifications + 1);
      host().run();
      EXPECT_EQ(bench.passes_since(), 0u);
    }
    EXPECT_EQ(bench.guest().all_mappings(), persistent ? 2u : 0u);
    EXPECT_EQ(bench.statistics().done[DRIVER_READ], 1u);
    EXPECT_EQ(bench.statistics().done[DRIVER_WRITE], 1u);
  }
}

TEST(QueueTurn, OrdinaryGrantsAreUnmappedBeforeTheAnswer) {
  Lent bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 2);
  host().visible.clear();
  host().complete(1);
  EXPECT_EQ(host().visible, (std::vector<Visible>{Visible::kUnmap, Visible::kResponse,
                                                  Visible::kIndex, Visible::kNotify}));
  EXPECT_EQ(bench.guest().all_mappings(), 1u);
  host().complete(0);
  EXPECT_EQ(bench.guest().answers(), 2u);
}

TEST(QueueTurn, AnIndirectRequestIsFinishedAtOnceWhenItsGrantsStayMapped) {
  for (const bool persistent : {true, false}) {
    Lent bench({.persistent = persistent});
    ASSERT_TRUE(bench.connected);
    bench.guest().put(bench.guest().indirect(BLKIF_OP_READ, 1, 0, bench.guest().grants(40), 40));
    bench.guest().show();
    bench.guest().kick();
    host().run();
    ASSERT_EQ(host().held.size(), 1u);
    host().complete(0);
    EXPECT_EQ(bench.guest().answers(), persistent ? 1u : 0u);
    host().run();
    EXPECT_EQ(bench.guest().answers(), 1u);
  }
}

TEST(QueueTurn, AnErrorIsForTheThread) {
  Lent bench;
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 1);
  host().complete(0, -5);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
}

TEST(QueueTurn, APageThatTheStorageHoldsIsForTheThread) {
  Lent bench;
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_WRITE, 1);
  host_page* const page = host().held[0]->segments[0].page;
  page->busy = true;
  host().complete(0);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 0u);
  page->busy = false;
  host().sleep(10);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

// They share one wake-up, one hypercall and one event.
TEST(QueueTurn, ManyRequestsAreForTheThread) {
  Lent bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 20);
  host().unmap_calls.clear();
  host().complete_all();
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 20u);
  EXPECT_EQ(host().unmap_calls, (std::vector<uint32_t>{20}));
}

TEST(QueueTurn, ABarrierOfAnotherRingSeesTheWriteEnd) {
  Lent bench({.queues = 2});
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_WRITE, 1);
  Guest& other = bench.guest(1);
  other.put(ask(BLKIF_OP_WRITE_BARRIER, 2, 800, {{other.grant()}}));
  other.show();
  other.kick();
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  host().complete(0);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 1u);
  ASSERT_EQ(host().held.size(), 1u);
  host().complete(0);
  host().run();
  EXPECT_EQ(other.status_of(2), BLKIF_RSP_OKAY);
}

TEST(QueueTurn, ARingThatClosesWaitsForItsRequests) {
  Lent bench;
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 2);
  bench.tell(HOST_XENBUS_CLOSED);
  host().run();
  EXPECT_NE(bench.backend_state(), uint32_t{HOST_XENBUS_CLOSED});
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), uint32_t{HOST_XENBUS_CLOSED});
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

// Grants that were given back while the thread slept are idle, and purged when they are due.
TEST(QueueTurn, IdleGrantsArePurgedAllTheSame) {
  Lent bench;
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 4);
  host().complete_all();
  ASSERT_EQ(bench.guest().all_mappings(), 4u);
  host().sleep(64 * 1000);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

// A frontend that has the answer may use its slot of the ring at once.
TEST(QueueTurn, AFullRingGoesOn) {
  Lent bench;
  ASSERT_TRUE(bench.connected);
  bench.send(BLKIF_OP_READ, 32);
  while (host().held.size() > 4) host().complete(0);
  host().run();
  const uint32_t answered = bench.guest().answers();
  ASSERT_EQ(answered, 28u);
  while (!host().held.empty()) {
    host().complete(0);
    bench.guest().put(ask(BLKIF_OP_READ, 100 + host().held.size(), 0, {{bench.guest().grant()}}));
  }
  EXPECT_EQ(bench.guest().answers(), 32u);
  bench.guest().show();
  bench.guest().kick();
  host().run();
  EXPECT_EQ(host().held.size(), 4u);
  host().complete_all();
  EXPECT_EQ(bench.guest().answers(), 36u);
}

}  // namespace
