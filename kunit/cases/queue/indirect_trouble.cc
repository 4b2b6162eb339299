// SPDX-License-Identifier: GPL-2.0
// Indirect requests that are refused, and indirect requests that lack memory or pages.
#include <vector>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::IndirectAsk;
using kunit::RawSegment;

// Is the request answered with ERROR and its inner operation, without I/O and with nothing left
// mapped?  And is the next request served?
bool refused(DeviceFixture& bench, const IndirectAsk& request) {
  Guest& guest = bench.guest();
  const size_t ios = host().ios.size();
  guest.send(request);
  host().run();
  if (guest.status_of(request.id) != BLKIF_RSP_ERROR) return false;
  if (guest.operation_of(request.id) != request.indirect_op) return false;
  if (host().ios.size() != ios || guest.all_mappings() != 0) return false;
  const uint32_t gref = guest.grants(16);
  guest.send(guest.indirect(BLKIF_OP_READ, request.id + 1000, 0, gref, 16));
  host().run();
  return guest.status_of(request.id + 1000) == BLKIF_RSP_OKAY;
}

IndirectAsk described(Guest& guest, uint64_t id, const std::vector<RawSegment>& parts) {
  return {.indirect_op = BLKIF_OP_WRITE,
          .count = static_cast<uint16_t>(parts.size()),
          .id = id,
          .gref = guest.describe(parts)};
}

std::vector<RawSegment> pages(Guest& guest, uint32_t count) {
  std::vector<RawSegment> parts;
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) parts.push_back({gref + i});
  return parts;
}

TEST(QueueIndirectTrouble, BadDescriptorsAreRefusedWhereverTheyStand) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  uint64_t id = 1;
  for (const uint32_t at : {0u, 10u, 11u, 255u}) {
    std::vector<RawSegment> parts = pages(bench.guest(), 256);
    parts[at] = {parts[at].gref, 5, 4};
    EXPECT_TRUE(refused(bench, described(bench.guest(), id++, parts)));
    parts[at] = {parts[at].gref, 0, 8};
    EXPECT_TRUE(refused(bench, described(bench.guest(), id++, parts)));
    parts[at] = {parts[at].gref, 255, 255};
    EXPECT_TRUE(refused(bench, described(bench.guest(), id++, parts)));
  }
}

TEST(QueueIndirectTrouble, DescriptorsBehindTheCountAreNotLookedAt) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  std::vector<RawSegment> parts = pages(bench.guest(), 20);
  parts.push_back({4000000000u, 9, 1});
  IndirectAsk request = described(bench.guest(), 1, parts);
  request.count = 20;
  bench.guest().send(request);
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(QueueIndirectTrouble, APageOfDescriptorsThatCannotBeMappedFailsItsRequest) {
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    IndirectAsk request = described(bench.guest(), 1, pages(bench.guest(), 20));
    request.gref = 4000000000u;
    bench.guest().send(request);
    host().run();
    EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
    EXPECT_EQ(bench.guest().operation_of(1), BLKIF_OP_WRITE);
    EXPECT_TRUE(host().ios.empty());
    EXPECT_EQ(bench.guest().all_mappings(), 0u);
    host().ios.clear();
  }
}

TEST(QueueIndirectTrouble, AnUnmappableSegmentFailsItsRequestWhereverItStands) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  uint64_t id = 1;
  for (const uint32_t at : {0u, 10u, 11u, 21u, 255u}) {
    std::vector<RawSegment> parts = pages(bench.guest(), 256);
    parts[at].gref = 4000000000u;
    EXPECT_TRUE(refused(bench, described(bench.guest(), id++, parts)));
  }
}

TEST(QueueIndirectTrouble, WithPersistenceAnUnmappableSegmentLeavesTheOthersInTheCache) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  std::vector<RawSegment> parts = pages(bench.guest(), 30);
  parts[21].gref = 4000000000u;
  bench.guest().send(described(bench.guest(), 1, parts));
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
  ASSERT_TRUE(bench.disconnect());
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(QueueIndirectTrouble, SumsBeyondTheDiskAreRefused) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  uint64_t id = 1;
  for (const uint64_t sector : {uint64_t{1}, uint64_t{2047}, uint64_t{2048}, UINT64_MAX,
                                UINT64_MAX - 2047, uint64_t{1} << 55, uint64_t{1} << 63}) {
    IndirectAsk request = described(bench.guest(), id++, pages(bench.guest(), 256));
    request.sector = sector;
    EXPECT_TRUE(refused(bench, request));
  }
}

TEST(QueueIndirectTrouble, TheDataOfARefusedRequestIsNeverMapped) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  IndirectAsk request = described(bench.guest(), 1, pages(bench.guest(), 256));
  request.sector = 1;
  bench.guest().send(request);
  host().run();
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], 1u);
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.statistics().wr_sect, 0u);
}

TEST(QueueIndirectTrouble, AReadOnlyDiskRefusesTheWriteWithoutLookingAtDescriptors) {
  DeviceFixture bench({.persistent = false, .mode = "r"});
  ASSERT_TRUE(bench.connect());
  IndirectAsk request = described(bench.guest(), 1, pages(bench.guest(), 20));
  EXPECT_TRUE(refused(bench, request));
  EXPECT_EQ(host().map_calls.size(), 2u);  // both are of the read that follows
}

TEST(QueueIndirectTrouble, A4KiBDiskRefusesWhatIsNotAligned) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  std::vector<RawSegment> parts = pages(bench.guest(), 20);
  IndirectAsk shifted = described(bench.guest(), 1, parts);
  shifted.sector = 4;
  EXPECT_TRUE(refused(bench, shifted));
  parts[11] = {parts[11].gref, 0, 3};
  parts[12] = {parts[12].gref, 4, 6};
  EXPECT_TRUE(refused(bench, described(bench.guest(), 2, parts)));
}

TEST(QueueIndirectTrouble, OperationsThatMayNotBeIndirectAreRefused) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  uint64_t id = 1;
  for (const uint8_t operation :
       {uint8_t{BLKIF_OP_WRITE_BARRIER}, uint8_t{BLKIF_OP_FLUSH_DISKCACHE},
        uint8_t{BLKIF_OP_DISCARD}, uint8_t{BLKIF_OP_INDIRECT}, uint8_t{200}}) {
    IndirectAsk request = described(bench.guest(), id++, pages(bench.guest(), 2));
    request.indirect_op = operation;
    EXPECT_TRUE(refused(bench, request));
  }
}

TEST(QueueIndirectTrouble, WithoutMemoryTheReserveServesOneAfterTheOther) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_alloc");
  host().hold_io = true;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(256);
  for (uint32_t i = 0; i < 5; ++i) guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 256));
  guest.show();
  guest.kick();
  for (uint32_t i = 0; i < 5; ++i) {
    host().run();
    ASSERT_EQ(host().held.size(), 1u);
    EXPECT_EQ(guest.answers(), i);
    host().complete_all();
  }
  host().run();
  EXPECT_EQ(guest.answers(), 5u);
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(guest.answered_id(i), i);
  EXPECT_GE(bench.statistics().oo_req, 4u);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(QueueIndirectTrouble, WithoutMemoryADiskThatIsDoneAtOnceNeedsNoTimer) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_alloc");
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(256);
  for (uint32_t i = 0; i < 20; ++i) guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 256));
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.answers(), 20u);
}

TEST(QueueIndirectTrouble, WhileOneWaitsForMemoryWhatIsInTheRingIsNotLost) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_alloc");
  host().hold_io = true;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(12);
  for (uint32_t i = 0; i < 2; ++i) guest.send(guest.indirect(BLKIF_OP_READ, i, 0, gref, 12));
  host().run();
  guest.send(ask(BLKIF_OP_READ, 7, 0, {{gref}}));
  host().sleep(100);
  ASSERT_EQ(host().held.size(), 1u);
  host().hold_io = false;
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.answers(), 3u);
}

TEST(QueueIndirectTrouble, WithoutPagesForDescriptorsTheRequestWaits) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_page_alloc");
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(40);
  guest.send(guest.indirect(BLKIF_OP_READ, 1, 0, gref, 40));
  host().run();
  host().sleep(100);
  EXPECT_EQ(guest.answers(), 0u);
  EXPECT_GE(bench.statistics().oo_req, 1u);
  host().failing.clear();
  host().sleep(1000);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(QueueIndirectTrouble, WithoutPagesForDataTheDescriptorsAreNotReadAgain) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 20;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(40);
  const IndirectAsk request = guest.indirect(BLKIF_OP_READ, 1, 0, gref, 40);
  guest.send(request);
  host().run();
  host().sleep(100);
  EXPECT_EQ(guest.answers(), 0u);
  EXPECT_TRUE(host().ios.empty());
  // The page of descriptors is not mapped while the request waits: others can have its page.
  EXPECT_EQ(guest.mappings(request.gref), 0u);
  host().pages_left = 1000;
  host().sleep(1000);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().reads_of(guest.page(request.gref)), 1u);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(QueueIndirectTrouble, WithPagesForOneLargeRequestAtATimeAllAreServed) {
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    host().pages_left = 280;
    Guest& guest = bench.guest();
    const uint32_t gref = guest.grants(256);
    for (uint32_t i = 0; i < 10; ++i) guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 256));
    guest.show();
    guest.kick();
    host().run();
    host().sleep(1000);
    EXPECT_EQ(guest.answers(), 10u);
    for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_OKAY);
    host().pages_left = UINT32_MAX;
  }
}

TEST(QueueIndirectTrouble, AQueueThatClosesGivesUpOnWhatFindsNoPages) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().pages_left = 20;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(40);
  for (uint32_t i = 0; i < 3; ++i) guest.put(guest.indirect(BLKIF_OP_WRITE, i, 0, gref, 40));
  guest.show();
  guest.kick();
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(20000);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_EQ(guest.all_mappings(), 0u);
  host().pages_left = UINT32_MAX;
}

TEST(QueueIndirectTrouble, AQueueThatClosesGivesUpOnWhatFindsNoMemory) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().failing.insert("host_alloc");
  host().hold_io = true;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(256);
  // The first request takes the reserve, and its I/O does not end.
  for (uint32_t i = 0; i < 32; ++i) guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 256));
  guest.show();
  guest.kick();
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(20000);
  EXPECT_EQ(guest.answers(), 31u);
  for (uint64_t i = 1; i < 32; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_ERROR);
  EXPECT_EQ(host().held.size(), 1u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(QueueIndirectTrouble, AHeldPageOfTheDataDefersTheAnswerAndKeepsTheBlock) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().hold_io = true;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(64);
  guest.send(guest.indirect(BLKIF_OP_WRITE, 1, 0, gref, 64));
  host().run();
  ASSERT_EQ(host().held.size(), 1u);
  host_page* page = host().held[0]->segments[63].page;
  page->busy = true;
  host().complete_all();
  host().sleep(50);
  EXPECT_EQ(guest.answers(), 0u);
  page->busy = false;
  host().sleep(5);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

}  // namespace
