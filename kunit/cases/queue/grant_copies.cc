// SPDX-License-Identifier: GPL-2.0
// Requests whose data the hypervisor copies.
#include <cstring>
#include <vector>

#include "grant/private_pages.h"
#include "support/device_fixture.h"
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/sweep.h"

namespace {

using blkback::PrivatePages;
using fake::host;
using fake::Visible;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::disk_holds;
using kunit::fill_disk;
using kunit::Guest;
using kunit::HeldRings;
using kunit::RawRequest;

constexpr DeviceSetup kCopying{.persistent = false, .copy_bytes = 16384};

int served(DeviceFixture& bench, const RawRequest& request) {
  bench.guest().send(request);
  host().run();
  return bench.guest().status_of(request.id);
}

// Nothing is mapped, and nothing ever was.
void expect_no_mapping(Guest& guest) {
  EXPECT_EQ(host().map_calls.size(), 0u);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

bool page_is(Guest& guest, uint32_t gref, uint32_t from, uint32_t to, uint8_t byte) {
  for (uint32_t at = from; at < to; ++at) {
    if (guest.page(gref)[at] != byte) return false;
  }
  return true;
}

TEST(QueueGrantCopies, AWriteAndAReadOfOnePageNeedNoMapping) {
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.fill(gref, 0x42);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 8, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(8, 8, 0x42));
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, 8, {{gref + 1}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(guest.holds(gref + 1, 0x42));
  EXPECT_EQ(host().copy_calls, (std::vector<uint32_t>{1, 1}));
  EXPECT_EQ(host().last_domid, 7u);
  expect_no_mapping(guest);
}

TEST(QueueGrantCopies, OddSegmentsAreCopiedAndTheRestOfThePagesIsLeftAlone) {
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(6);
  for (uint32_t i = 0; i < 3; ++i) guest.fill(gref + i, static_cast<uint8_t>(i + 1));
  for (uint32_t i = 3; i < 6; ++i) guest.fill(gref + i, 0xee);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 5, {{gref, 7, 7}, {gref + 1, 2, 4}, {gref + 2}})),
            BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(5, 1, 1));
  EXPECT_TRUE(disk_holds(6, 3, 2));
  EXPECT_TRUE(disk_holds(9, 8, 3));
  EXPECT_EQ(host().reads_of(guest.page(gref) + 3583), 0u);
  EXPECT_EQ(host().reads_of(guest.page(gref) + 3584), 1u);
  EXPECT_EQ(
      served(bench, ask(BLKIF_OP_READ, 2, 5, {{gref + 3, 0, 0}, {gref + 4, 5, 7}, {gref + 5}})),
      BLKIF_RSP_OKAY);
  EXPECT_TRUE(page_is(guest, gref + 3, 0, 512, 1));
  EXPECT_TRUE(page_is(guest, gref + 3, 512, 4096, 0xee));
  EXPECT_TRUE(page_is(guest, gref + 4, 0, 2560, 0xee));
  EXPECT_TRUE(page_is(guest, gref + 4, 2560, 4096, 2));
  EXPECT_TRUE(guest.holds(gref + 5, 3));
  expect_no_mapping(guest);
}

TEST(QueueGrantCopies, OnlySmallDirectRequestsWithoutPersistentGrantsAreCopied) {
  DeviceFixture bench({.persistent = false, .copy_bytes = 8192});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(3);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}, {gref + 1}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().map_calls.size(), 0u);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, 0, {{gref}, {gref + 1}, {gref + 2, 0, 0}})),
            BLKIF_RSP_OKAY);
  EXPECT_EQ(host().map_calls.size(), 1u);
  guest.send(guest.indirect(BLKIF_OP_READ, 3, 0, gref, 1));
  host().run();
  EXPECT_EQ(guest.status_of(3), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copy_calls.size(), 1u);
  host().parameters.grant_copy_bytes = 0;
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 4, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copy_calls.size(), 1u);
}

TEST(QueueGrantCopies, PersistentGrantsAreMappedAsBefore) {
  DeviceFixture bench({.persistent = true, .copy_bytes = 16384});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copy_calls.size(), 0u);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
}

// Copied in before the disk gets it, and out before the answer.
TEST(QueueGrantCopies, ABatchHasOneHypercallInEachDirection) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(31);
  host().visible.clear();
  for (uint32_t i = 0; i < 20; ++i) {
    guest.put(ask(i % 2 == 0 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i + 1, i * 8, {{gref + i}}));
  }
  RawRequest large = ask(BLKIF_OP_READ, 21, 800, {});
  large.count = 11;
  for (uint32_t s = 0; s < 11; ++s) large.parts[s] = {gref + 20 + s};
  guest.put(large);
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(host().visible, (std::vector<Visible>{Visible::kMap, Visible::kCopyIn, Visible::kSubmit,
                                                  Visible::kAsk}));
  EXPECT_EQ(host().copy_calls, (std::vector<uint32_t>{10}));
  EXPECT_EQ(host().map_calls, (std::vector<uint32_t>{11}));
  host().visible.clear();
  host().complete_all();
  host().run();
  ASSERT_GE(host().visible.size(), 3u);
  EXPECT_EQ(host().visible[0], Visible::kCopyOut);
  EXPECT_EQ(host().visible[1], Visible::kUnmap);
  EXPECT_EQ(host().visible[2], Visible::kResponse);
  EXPECT_EQ(host().copy_calls, (std::vector<uint32_t>{10, 10}));
  EXPECT_EQ(guest.answers(), 21u);
}

TEST(QueueGrantCopies, MoreCopiesThanABatchHoldsTakeSeveralHypercalls) {
  HeldRings bench({.ring_order = 4, .persistent = false, .copy_bytes = 45056});
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(60 * 11);
  for (uint32_t i = 0; i < 60 * 11; ++i) guest.fill(gref + i, static_cast<uint8_t>(i));
  for (uint32_t i = 0; i < 60; ++i) {
    RawRequest request = ask(BLKIF_OP_WRITE, i, i * 11, {});
    request.count = 11;
    for (uint32_t s = 0; s < 11; ++s) request.parts[s] = {gref + i * 11 + s, 3, 3};
    guest.put(request);
  }
  guest.show();
  guest.kick();
  host().run();
  host().complete_all();
  host().run();
  uint32_t copies = 0;
  for (const uint32_t count : host().copy_calls) {
    EXPECT_LE(count, 281u);
    EXPECT_EQ(count % 11, 0u);
    copies += count;
  }
  EXPECT_EQ(copies, 660u);
  EXPECT_EQ(host().copy_calls.size(), 3u);
  for (uint32_t i = 0; i < 660; ++i) {
    ASSERT_TRUE(disk_holds(i, 1, static_cast<uint8_t>(i))) << i;
  }
  expect_no_mapping(guest);
}

TEST(QueueGrantCopies, ABadGrantFailsItsRequestAlone) {
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(3);
  for (uint32_t i = 0; i < 3; ++i) guest.fill(gref + i, 0x42);
  fill_disk(64, 8, 0x77);
  guest.put(ask(BLKIF_OP_WRITE, 1, 0, {{gref}}));
  guest.put(ask(BLKIF_OP_WRITE, 2, 8, {{gref + 1}, {99999}}));
  guest.put(ask(BLKIF_OP_WRITE, 3, 32, {{gref + 2}}));
  guest.put(ask(BLKIF_OP_READ, 4, 64, {{99999}}));
  guest.put(ask(BLKIF_OP_READ, 5, 64, {{gref}}));
  guest.show();
  guest.kick();
  host().run();
  for (const uint64_t id : {1u, 3u, 5u}) EXPECT_EQ(guest.status_of(id), BLKIF_RSP_OKAY);
  for (const uint64_t id : {2u, 4u}) EXPECT_EQ(guest.status_of(id), BLKIF_RSP_ERROR);
  EXPECT_TRUE(disk_holds(0, 8, 0x42));
  EXPECT_TRUE(disk_holds(8, 16, 0));
  EXPECT_TRUE(guest.holds(gref, 0x77));
  EXPECT_EQ(host().logged("grant reference 99999 could not be copied: status -3"), 2u);
  EXPECT_EQ(bench.statistics().err_req, 2u);
}

TEST(QueueGrantCopies, AReadIntoAReadOnlyGrantFailsAndAWriteFromItDoesNot) {
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant(Guest::Right::kReadOnly);
  guest.fill(gref, 0x42);
  fill_disk(0, 8, 0x77);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_ERROR);
  EXPECT_TRUE(guest.holds(gref, 0x42));
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 2, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(0, 8, 0x42));
}

TEST(QueueGrantCopies, AGrantThatIsEndedMeanwhileFailsTheRead) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.put(ask(BLKIF_OP_READ, 1, 8, {{gref}}));
  guest.put(ask(BLKIF_OP_READ, 2, 16, {{gref + 1}}));
  guest.show();
  guest.kick();
  host().run();
  host().grants.erase(gref);
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().buffers_out, 2u);
}

TEST(QueueGrantCopies, NothingIsCopiedToTheGuestAfterAnErrorOfTheDisk) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  guest.fill(gref, 0xee);
  guest.send(ask(BLKIF_OP_READ, 1, 8, {{gref}}));
  host().run();
  ASSERT_TRUE(bench.end(1, -EIO));
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_TRUE(guest.holds(gref, 0xee));
  EXPECT_EQ(host().copy_calls.size(), 0u);
}

TEST(QueueGrantCopies, AHypercallThatFailsFailsItsRequests) {
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.fill(gref, 0x42);
  host().failing.insert("host_grant_copy");
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 8, {{gref}})), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, 8, {{gref}})), BLKIF_RSP_ERROR);
  host().failing.clear();
  EXPECT_TRUE(disk_holds(8, 8, 0));
  EXPECT_TRUE(guest.holds(gref, 0x42));
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 3, 8, {{gref}})), BLKIF_RSP_OKAY);
}

TEST(QueueGrantCopies, AWriteInFlightDoesNotChange) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  guest.fill(gref, 0x42);
  guest.send(ask(BLKIF_OP_WRITE, 1, 8, {{gref}}));
  host().run();
  guest.fill(gref, 0x99);
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(disk_holds(8, 8, 0x42));
}

TEST(QueueGrantCopies, ADiskThatWantsStableWritesGetsThemWithOneCopy) {
  host().geometry.stable_writes = 1;
  HeldRings bench({.persistent = false, .copy_bytes = 4096});
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t buffers = host().buffers_out;
  const uint32_t gref = guest.grants(11);
  for (uint32_t i = 0; i < 11; ++i) guest.fill(gref + i, 0x42);
  RawRequest request = ask(BLKIF_OP_WRITE, 1, 8, {});
  request.count = 11;
  for (uint32_t s = 0; s < 11; ++s) request.parts[s] = {gref + s};
  guest.send(request);
  host().run();
  EXPECT_EQ(host().buffers_out, buffers + 11);
  for (uint32_t i = 0; i < 11; ++i) guest.fill(gref + i, 0x99);
  ASSERT_TRUE(bench.end(1));
  EXPECT_TRUE(disk_holds(8, 88, 0x42));
  EXPECT_EQ(host().reads_of(guest.page(gref)), 1u);
  expect_no_mapping(guest);
}

TEST(QueueGrantCopies, SegmentsThatAreNotWholeBlocksAreMappedAndCopiedAsBefore) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench(kCopying);
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(3);
  guest.fill(gref, 1);
  guest.fill(gref + 1, 2);
  guest.fill(gref + 2, 3);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 8, {{gref, 4, 7}, {gref + 1, 0, 3}})),
            BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copy_calls.size(), 0u);
  EXPECT_EQ(host().map_calls.size(), 1u);
  EXPECT_TRUE(disk_holds(8, 4, 1));
  EXPECT_TRUE(disk_holds(12, 4, 2));
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 2, 16, {{gref + 2}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copy_calls.size(), 1u);
  EXPECT_TRUE(disk_holds(16, 8, 3));
}

TEST(QueueGrantCopies, AFlushAndABarrierWithDataAreCopied) {
  for (const uint8_t operation :
       {uint8_t{BLKIF_OP_FLUSH_DISKCACHE}, uint8_t{BLKIF_OP_WRITE_BARRIER}}) {
    DeviceFixture bench(kCopying);
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    const uint32_t gref = guest.grant();
    guest.fill(gref, operation);
    EXPECT_EQ(served(bench, ask(operation, 1, 8, {{gref}})), BLKIF_RSP_OKAY);
    EXPECT_EQ(served(bench, ask(operation, 2, 0, {})), BLKIF_RSP_OKAY);
    EXPECT_TRUE(disk_holds(8, 8, operation));
    EXPECT_EQ(host().copy_calls, (std::vector<uint32_t>{1}));
    expect_no_mapping(guest);
    host().copy_calls.clear();
  }
}

TEST(QueueGrantCopies, AQueueThatClosesDeliversWhatTheDiskHasRead) {
  HeldRings bench(kCopying);
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  fill_disk(8, 8, 0x77);
  const uint32_t gref = guest.grant();
  guest.send(ask(BLKIF_OP_READ, 1, 8, {{gref}}));
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  EXPECT_EQ(guest.status_of(1), Guest::kNoAnswer);
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_TRUE(guest.holds(gref, 0x77));
  EXPECT_TRUE(bench.disconnect());
  EXPECT_EQ(host().buffers_out, 0u);
}

// Sends a write, a read and a barrier.
void send_some(Guest& guest, uint32_t gref) {
  const uint8_t operations[] = {BLKIF_OP_WRITE, BLKIF_OP_READ, BLKIF_OP_WRITE_BARRIER};
  for (uint32_t i = 0; i < 3; ++i) {
    guest.put(ask(operations[i], i + 1, 8 * i, {{gref + i}}));
  }
  guest.show();
  guest.kick();
}

void fail_once(uint32_t n) {
  DeviceFixture bench(kCopying);
  if (!bench.connect()) return;
  Guest& guest = bench.guest();
  fill_disk(8, 8, 0x77);
  const uint32_t gref = guest.grants(3);
  host().fail_call = n;
  send_some(guest, gref);
  host().run();
  host().sleep(10'000);
  host().fail_call = 0;
  EXPECT_EQ(guest.answers(), 3u);
  if (guest.status_of(2) == BLKIF_RSP_OKAY) {
    EXPECT_TRUE(guest.holds(gref + 1, 0x77));
  }
  EXPECT_EQ(guest.all_mappings(), 0u);
}

// Whatever fails, each request is answered once and nothing leaks.
TEST(QueueGrantCopies, EachFailureEndsInAnAnswer) {
  EXPECT_GE(kunit::with_each_call_failing(fail_once), 5u);
}

}  // namespace
