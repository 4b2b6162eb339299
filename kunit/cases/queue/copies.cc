// SPDX-License-Identifier: GPL-2.0
// Requests whose data goes through private pages.
#include <vector>

#include "queue/bounce.h"
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using blkback::Bounce;
using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::IndirectAsk;
using kunit::RawSegment;

// Does every byte of the sectors `from` to `to` of the disk equal `byte`?
bool disk_holds(uint64_t from, uint64_t to, uint8_t byte) {
  for (uint64_t at = from * 512; at < (to + 1) * 512; ++at) {
    if (host().disk_byte(at) != byte) return false;
  }
  return true;
}

void fill_disk(uint64_t from, uint64_t to, uint8_t byte) {
  host().need_disk((to + 1) * 512);
  for (uint64_t at = from * 512; at < (to + 1) * 512; ++at) host().disk[at] = byte;
}

void fill_all(Guest& guest, uint32_t first, uint32_t count, uint8_t byte) {
  for (uint32_t i = 0; i < count; ++i) guest.fill(first + i, byte);
}

// A write of `count` pages.  Every byte of page i is i + 1.
IndirectAsk numbered(Guest& guest, uint64_t id, uint64_t sector, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) guest.fill(gref + i, static_cast<uint8_t>(i + 1));
  return guest.indirect(BLKIF_OP_WRITE, id, sector, gref, count);
}

bool disk_is_numbered(uint64_t sector, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!disk_holds(sector + 8 * i, sector + 8 * i + 7, static_cast<uint8_t>(i + 1))) return false;
  }
  return true;
}

void one_by_one() {
  while (!host().held.empty()) {
    host().complete(0);
    host().run();
  }
}

TEST(QueueCopies, AWriteInFlightDoesNotChangeOnADiskThatWantsItStable) {
  host().geometry.stable_writes = 1;
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    host().hold_io = true;
    const uint32_t gref = guest.grants(21);
    fill_all(guest, gref, 21, 0x42);
    guest.put(ask(BLKIF_OP_WRITE, 1, 0, {{gref, 2, 5}}));
    guest.put(guest.indirect(BLKIF_OP_WRITE, 2, 16, gref + 1, 20));
    guest.show();
    guest.kick();
    host().run();
    fill_all(guest, gref, 21, 0x99);
    host().complete_all();
    host().run();
    EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
    EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
    EXPECT_TRUE(disk_holds(0, 3, 0x42));
    EXPECT_TRUE(disk_holds(16, 16 + 159, 0x42));
  }
}

TEST(QueueCopies, AGuestsMemoryIsReadOnceAndItsPageWrittenAsBefore) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  guest.send(ask(BLKIF_OP_WRITE, 1, 0, {{gref, 1, 3}}));
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().reads_of(guest.page(gref) + 511), 0u);
  EXPECT_EQ(host().reads_of(guest.page(gref) + 512), 1u);
  EXPECT_EQ(host().reads_of(guest.page(gref) + 2047), 1u);
  EXPECT_EQ(host().reads_of(guest.page(gref) + 2048), 0u);
  EXPECT_EQ(host().buffers_most, Bounce::kReservePages + 1);
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
}

TEST(QueueCopies, ReadsAndDiscardsAndFlushesOfSuchADiskAreNotCopied) {
  host().geometry.stable_writes = 1;
  host().geometry.max_discard_sectors = 64;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  fill_disk(0, 7, 0x33);
  const uint32_t gref = guest.grant();
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  guest.put(ask(BLKIF_OP_FLUSH_DISKCACHE, 2, 0, {}));
  guest.put(kunit::DiscardAsk{.id = 3, .sector = 8, .sectors = 100});
  guest.show();
  guest.kick();
  host().run();
  for (const uint64_t id : {1u, 2u, 3u}) EXPECT_EQ(guest.status_of(id), BLKIF_RSP_OKAY);
  EXPECT_TRUE(guest.holds(gref, 0x33));
  EXPECT_EQ(host().buffers_most, Bounce::kReservePages);
}

TEST(QueueCopies, ADiskThatNeedsNoCopiesHasNoReserve) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(host().buffers_out, 0u);
}

TEST(QueueCopies, PartsOfBlocksThatAreWholeTogetherAreServed) {
  host().geometry.logical_block_bytes = 4096;
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    // A buffer that begins at the fourth sector of a page.
    const uint32_t gref = guest.grants(6);
    guest.fill(gref, 1);
    guest.fill(gref + 1, 2);
    guest.fill(gref + 2, 3);
    guest.send(ask(BLKIF_OP_WRITE, 1, 8, {{gref, 3, 7}, {gref + 1}, {gref + 2, 0, 2}}));
    host().run();
    EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
    EXPECT_TRUE(disk_holds(8, 12, 1));
    EXPECT_TRUE(disk_holds(13, 20, 2));
    EXPECT_TRUE(disk_holds(21, 23, 3));
    fill_all(guest, gref + 3, 3, 0xee);
    guest.send(ask(BLKIF_OP_READ, 2, 8, {{gref + 3, 7, 7}, {gref + 4}, {gref + 5, 0, 6}}));
    host().run();
    EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
    EXPECT_EQ(guest.page(gref + 3)[7 * 512 - 1], 0xee);
    EXPECT_EQ(guest.page(gref + 3)[7 * 512], 1);
    EXPECT_EQ(guest.page(gref + 4)[4 * 512 - 1], 1);
    EXPECT_EQ(guest.page(gref + 4)[4 * 512], 2);
    EXPECT_EQ(guest.page(gref + 5)[4 * 512], 3);
    EXPECT_EQ(guest.page(gref + 5)[7 * 512 - 1], 3);
    EXPECT_EQ(guest.page(gref + 5)[7 * 512], 0xee);
    guest.send(ask(BLKIF_OP_READ, 3, 8, {{gref, 3, 7}, {gref + 1, 0, 3}}));
    host().run();
    EXPECT_EQ(guest.status_of(3), BLKIF_RSP_ERROR);
  }
}

TEST(QueueCopies, AnIndirectRequestOfPartsOfBlocksIsServed) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(64);
  std::vector<RawSegment> parts;
  for (uint32_t i = 0; i < 64; ++i) {
    guest.fill(gref + i, static_cast<uint8_t>(i));
    parts.push_back({gref + i, 6, 6});
  }
  const IndirectAsk write{.indirect_op = BLKIF_OP_WRITE,
                          .count = 64,
                          .id = 1,
                          .sector = 64,
                          .gref = guest.describe(parts)};
  guest.send(write);
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  for (uint32_t i = 0; i < 64; ++i) {
    EXPECT_TRUE(disk_holds(64 + i, 64 + i, static_cast<uint8_t>(i)));
  }
  EXPECT_EQ(host().ios.back().segments, 8u);
}

TEST(QueueCopies, AFailedReadLeavesTheGuestsMemoryAlone) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  fill_all(guest, gref, 2, 0xee);
  host().io_error = -5;
  guest.send(ask(BLKIF_OP_READ, 1, 8, {{gref, 0, 3}, {gref + 1, 0, 3}}));
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_TRUE(guest.holds(gref, 0xee));
  EXPECT_TRUE(guest.holds(gref + 1, 0xee));
}

TEST(QueueCopies, WithoutMemoryRequestsGoInPartsOneAfterTheOther) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const IndirectAsk first = numbered(guest, 1, 0, 30);
  const IndirectAsk second = numbered(guest, 2, 512, 30);
  guest.put(first);
  guest.put(second);
  guest.show();
  host().failing.insert("host_buffer_try_alloc");
  host().hold_io = true;
  guest.kick();
  host().run();
  EXPECT_EQ(host().held.size(), 1u);
  while (guest.status_of(1) == Guest::kNoAnswer) {
    ASSERT_EQ(host().held.size(), 1u);
    ASSERT_TRUE(host().held.front()->segment_count <= Bounce::kReservePages);
    host().complete(0);
    host().run();
  }
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().held.size(), 1u);
  one_by_one();
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().ios.size(), 16u);
  EXPECT_TRUE(disk_is_numbered(0, 30));
  EXPECT_TRUE(disk_is_numbered(512, 30));
  EXPECT_GT(bench.statistics().oo_req, 0u);
}

TEST(QueueCopies, WithoutMemoryReadsGoInPartsToo) {
  host().geometry.logical_block_bytes = 1024;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  fill_disk(0, 31, 0x10);
  fill_disk(32, 63, 0x20);
  host().failing.insert("host_alloc");
  const uint32_t gref = guest.grants(9);
  fill_all(guest, gref, 9, 0xee);
  kunit::RawRequest read = ask(BLKIF_OP_READ, 1, 0, {});
  read.count = 9;
  for (uint32_t i = 0; i < 9; ++i) read.parts[i] = {gref + i, static_cast<uint8_t>(i & 1)};
  read.parts[8].last = 3;
  guest.send(read);
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().ios.size(), 2u);
  // Even pages hold eight sectors and odd pages seven: the 33rd sector is the third of page 4.
  EXPECT_EQ(guest.page(gref + 1)[511], 0xee);
  EXPECT_EQ(guest.page(gref + 1)[512], 0x10);
  EXPECT_EQ(guest.page(gref + 4)[1023], 0x10);
  EXPECT_EQ(guest.page(gref + 4)[1024], 0x20);
  EXPECT_EQ(guest.page(gref + 8)[4 * 512 - 1], 0x20);
  EXPECT_EQ(guest.page(gref + 8)[4 * 512], 0xee);
}

TEST(QueueCopies, OfTheFlagsTheFirstPartHasTheFlushAndAllAreDurable) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_buffer_try_alloc");
  const uint32_t gref = guest.grants(9);
  kunit::RawRequest barrier = ask(BLKIF_OP_WRITE_BARRIER, 1, 0, {});
  barrier.count = 9;
  for (uint32_t i = 0; i < 9; ++i) barrier.parts[i] = {gref + i};
  guest.send(barrier);
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 3u);
  EXPECT_EQ(host().ios[0].flags, HOST_IO_PREFLUSH | HOST_IO_FUA);
  EXPECT_EQ(host().ios[1].flags, HOST_IO_FUA);
  EXPECT_EQ(host().ios[2].flags, HOST_IO_FUA);
  EXPECT_EQ(host().ios[2].sector, 64u);
  EXPECT_EQ(host().ios[2].segments, 1u);
}

TEST(QueueCopies, APartThatFailsIsTheLast) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_buffer_try_alloc");
  host().hold_io = true;
  guest.send(numbered(guest, 1, 0, 30));
  host().run();
  host().complete(0);
  host().run();
  host().complete(0, -5);
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(host().ios.size(), 2u);
  // The reserve is free for the next request.
  guest.send(numbered(guest, 2, 0, 12));
  host().run();
  one_by_one();
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
}

TEST(QueueCopies, APageOfTheReserveThatIsStillHeldKeepsItsContents) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_buffer_try_alloc");
  host().hold_io = true;
  guest.send(numbered(guest, 1, 0, 12));
  host().run();
  host_page* held = host().held.front()->segments[2].page;
  held->busy = true;
  host().complete(0);
  host().sleep(20);
  EXPECT_TRUE(host().held.empty());
  EXPECT_EQ(held->own[0], 3);
  held->busy = false;
  host().sleep(1);
  one_by_one();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_is_numbered(0, 12));
}

TEST(QueueCopies, MoreThanTheBuffersMayHoldWaitsAndIsNoError) {
  host().geometry.stable_writes = 1;
  host().geometry.sectors = 1 << 20;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(256);
  for (uint64_t i = 0; i < 10; ++i) {
    guest.put(guest.indirect(BLKIF_OP_WRITE, i, i * 2048, gref, 256));
  }
  guest.show();
  host().hold_io = true;
  guest.kick();
  host().run();
  EXPECT_EQ(host().held.size(), 4u);
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages + Bounce::kMaxPages);
  // The next request goes to the disk as soon as one has ended, without a timer.
  host().complete(0);
  host().run();
  EXPECT_EQ(host().held.size(), 4u);
  one_by_one();
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_OKAY);
}

TEST(QueueCopies, WhatWaitsForABufferOutlastsASlowDiskWhileTheQueueCloses) {
  host().geometry.stable_writes = 1;
  host().geometry.sectors = 1 << 20;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(256);
  for (uint64_t i = 0; i < 6; ++i) {
    guest.put(guest.indirect(BLKIF_OP_WRITE, i, i * 2048, gref, 256));
  }
  guest.show();
  host().hold_io = true;
  guest.kick();
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(20000);
  EXPECT_EQ(guest.answers(), 0u);
  one_by_one();
  for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueCopies, AWriteInPartsIsFinishedWhileTheQueueCloses) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_buffer_try_alloc");
  host().hold_io = true;
  guest.send(numbered(guest, 1, 0, 30));
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  one_by_one();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_is_numbered(0, 30));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueCopies, WithoutPagesForTheGrantsTheBufferIsGivenBackAndNothingIsLost) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_page_alloc");
  const uint32_t gref = guest.grants(2);
  fill_all(guest, gref, 2, 0x55);
  guest.send(ask(BLKIF_OP_WRITE, 1, 0, {{gref}, {gref + 1}}));
  host().sleep(100);
  EXPECT_EQ(guest.status_of(1), Guest::kNoAnswer);
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
  host().failing.clear();
  host().sleep(200);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(0, 15, 0x55));
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
}

TEST(QueueCopies, AQueueThatClosesGivesUpOnWhatHasABufferAndNoPages) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  host().failing.insert("host_page_alloc");
  guest.send(ask(BLKIF_OP_WRITE, 1, 0, {{guest.grant()}}));
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  host().sleep(6000);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueCopies, AGrantThatCannotBeMappedFailsItsRequestAndGivesTheBufferBack) {
  host().geometry.stable_writes = 1;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  guest.send(ask(BLKIF_OP_WRITE, 1, 0, {{guest.grant()}, {4000000}}));
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
}

}  // namespace
