// SPDX-License-Identifier: GPL-2.0
// The private pages of requests whose data the hypervisor copies: how many there are, and when
// the host gets them back.
#include <vector>

#include "grant/private_pages.h"
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using blkback::PrivatePages;
using fake::host;
using kunit::ask;
using kunit::DeviceSetup;
using kunit::disk_holds;
using kunit::Guest;
using kunit::HeldRings;
using kunit::RawRequest;

constexpr DeviceSetup kCopying{.persistent = false, .copy_bytes = 16384};

TEST(QueuePrivatePages, WithoutMemoryRequestsAreMapped) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(5);
  for (uint32_t i = 0; i < 5; ++i) guest.fill(gref + i, static_cast<uint8_t>(i + 1));
  host().buffers_left = 2;
  guest.put(ask(BLKIF_OP_WRITE, 1, 8, {{gref}}));
  guest.put(ask(BLKIF_OP_WRITE, 2, 16, {{gref + 1}, {gref + 2}}));
  guest.put(ask(BLKIF_OP_WRITE, 3, 32, {{gref + 3}}));
  guest.put(ask(BLKIF_OP_WRITE, 4, 40, {{gref + 4}}));
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(host().copy_calls, (std::vector<uint32_t>{2}));
  EXPECT_EQ(host().map_calls, (std::vector<uint32_t>{3}));
  host().complete_all();
  host().run();
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_EQ(guest.status_of(id), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(8, 8, 1));
  EXPECT_TRUE(disk_holds(16, 8, 2));
  EXPECT_TRUE(disk_holds(24, 8, 3));
  EXPECT_TRUE(disk_holds(40, 8, 5));
  EXPECT_EQ(bench.statistics().oo_req, 0u);
}

TEST(QueuePrivatePages, AHungDiskHoldsABoundedNumberOfPages) {
  HeldRings bench({.ring_order = 4, .persistent = false, .copy_bytes = 45056});
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(11);
  for (uint32_t i = 0; i < 200; ++i) {
    RawRequest request = ask(BLKIF_OP_READ, i, 0, {});
    request.count = 11;
    for (uint32_t s = 0; s < 11; ++s) request.parts[s] = {gref + s, 0, 0};
    guest.put(request);
  }
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(host().held.size(), 200u);
  EXPECT_LE(host().buffers_out, PrivatePages::kMost);
  EXPECT_GT(host().buffers_out, PrivatePages::kMost - 11);
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.answers(), 200u);
  EXPECT_EQ(host().buffers_out, PrivatePages::kMostKept);
}

// Network storage may send the page again after the I/O has ended.
TEST(QueuePrivatePages, AHeldPageDefersNoAnswerAndIsNotUsedAgain) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.fill(gref, 0x42);
  guest.fill(gref + 1, 0x99);
  guest.send(ask(BLKIF_OP_WRITE, 1, 8, {{gref}}));
  host().run();
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().buffers_out, 0u);
  guest.send(ask(BLKIF_OP_WRITE, 2, 16, {{gref + 1}}));
  host().run();
  EXPECT_NE(host().held[0]->segments[0].page, page);
  EXPECT_EQ(page->own[0], 0x42);
  ASSERT_TRUE(bench.end(2));
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
}

TEST(QueuePrivatePages, PagesAreKeptForTheNextRequests) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  for (uint64_t id = 1; id <= 30; ++id) {
    bench.write(0, id);
    ASSERT_TRUE(bench.end(id));
  }
  EXPECT_EQ(host().buffers_most, 1u);
  EXPECT_EQ(host().buffers_out, 1u);
}

TEST(QueuePrivatePages, PagesThatAreNotNeededForASecondAreGivenBack) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  for (uint64_t id = 1; id <= 20; ++id) bench.read(0, id);
  for (uint64_t id = 1; id <= 20; ++id) ASSERT_TRUE(bench.end(id));
  EXPECT_EQ(host().buffers_out, 20u);
  for (uint64_t id = 21; id <= 24; ++id) {
    host().sleep(PrivatePages::kUnneededMs / 2 + 1);
    bench.read(0, id);
    ASSERT_TRUE(bench.end(id));
  }
  EXPECT_EQ(host().buffers_out, 1u);
}

TEST(QueuePrivatePages, AnIdleRingGivesItsPagesBackOnceAndThenSleeps) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  ASSERT_TRUE(bench.end(1));
  host().sleep(55'000);
  EXPECT_EQ(host().buffers_out, 1u);
  host().sleep(10'000);
  EXPECT_EQ(host().buffers_out, 0u);
  const uint32_t passes = host().passes;
  host().sleep(1'000'000);
  EXPECT_EQ(host().passes, passes);
}

TEST(QueuePrivatePages, AHostThatIsShortOfMemoryGetsThePagesOfIdleRings) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(host().buffers_out, 1u);
  driver_reclaim_memory(bench.driver());
  host().run();
  EXPECT_EQ(host().buffers_out, 0u);
}

TEST(QueuePrivatePages, APersistentRingHasNoPages) {
  HeldRings bench({.copy_bytes = 16384});
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  ASSERT_TRUE(bench.end(1));
  EXPECT_EQ(host().buffers_most, 0u);
}

}  // namespace
