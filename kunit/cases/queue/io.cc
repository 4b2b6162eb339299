// SPDX-License-Identifier: GPL-2.0
// Single requests, from a guest's ring to the disk and back.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::RawRequest;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::Layout;
using kunit::DeviceSetup;

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

// Sends one request and lets the backend run.  Returns the status of the response.
int served(DeviceFixture& bench, const RawRequest& request) {
  bench.guest().send(request);
  host().run();
  return bench.guest().status_of(request.id);
}

TEST(QueueIo, AReadFillsTheGuestsPage) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  fill_disk(16, 23, 0x77);
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 16, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(bench.guest().holds(gref, 0x77));
}

TEST(QueueIo, AWriteReachesTheDisk) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 0x42);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 100, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(100, 107, 0x42));
  EXPECT_TRUE(disk_holds(99, 99, 0));
  EXPECT_TRUE(disk_holds(108, 108, 0));
}

TEST(QueueIo, AReadOfSomeSectorsLeavesTheRestOfThePageAlone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 15, 0x77);
  const uint32_t gref = bench.guest().grant();
  ASSERT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref, 2, 3}})), BLKIF_RSP_OKAY);
  const uint8_t* page = bench.guest().page(gref);
  EXPECT_EQ(page[1023], 0);
  EXPECT_EQ(page[1024], 0x77);
  EXPECT_EQ(page[2047], 0x77);
  EXPECT_EQ(page[2048], 0);
}

TEST(QueueIo, SegmentsFollowEachOtherOnTheDisk) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(3);
  for (uint8_t i = 0; i < 3; ++i) {
    bench.guest().fill(gref + i, static_cast<uint8_t>(i + 1));
  }
  ASSERT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 8, {{gref}, {gref + 1, 7, 7}, {gref + 2, 0, 1}})),
            BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(8, 15, 1));
  EXPECT_TRUE(disk_holds(16, 16, 2));
  EXPECT_TRUE(disk_holds(17, 18, 3));
  EXPECT_TRUE(disk_holds(19, 19, 0));
}

TEST(QueueIo, ElevenSegmentsGoAsOneIo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(11);
  RawRequest request = ask(BLKIF_OP_READ, 1, 0, {});
  request.count = 11;
  for (uint32_t i = 0; i < 11; ++i) request.parts[i] = {gref + i};
  EXPECT_EQ(served(bench, request), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].segments, 11u);
}

TEST(QueueIo, AFrontendIn32BitLayoutIsServed) {
  DeviceFixture bench({.layout = Layout::kX86_32});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 9);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 0xabcdef0123456789u, 40, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(40, 47, 9));
}

TEST(QueueIo, AFrontendInNativeLayoutIsServed) {
  DeviceFixture bench({.layout = Layout::kNative});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 9);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 0xabcdef0123456789u, 40, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(40, 47, 9));
}

TEST(QueueIo, TheAnswerCarriesIdAndOperation) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, UINT64_MAX, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().operation_of(UINT64_MAX), BLKIF_OP_WRITE);
}

TEST(QueueIo, AFlushWithoutDataIsSentToTheDisk) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 0, {})), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_FLUSH);
  EXPECT_EQ(host().ios[0].segments, 0u);
  EXPECT_TRUE(host().map_calls.empty());
}

TEST(QueueIo, AFlushWithDataWritesDurably) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 5);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 24, {{gref}})), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_WRITE);
  EXPECT_EQ(host().ios[0].flags, HOST_IO_PREFLUSH | HOST_IO_FUA);
  EXPECT_TRUE(disk_holds(24, 31, 5));
}

TEST(QueueIo, AnOrdinaryWriteCarriesNoFlags) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  ASSERT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 24, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().ios[0].flags, 0u);
}

TEST(QueueIo, WithoutAWriteCacheTheHostEndsAFlush) {
  host().geometry.write_cache = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 0, {})), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_FLUSH);
}

// The cache may have been switched on since the disk was described.
TEST(QueueIo, WithoutAWriteCacheAFlushWithDataIsAsDurableAsWithOne) {
  host().geometry.write_cache = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, 5);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 24, {{gref}})), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].flags, HOST_IO_PREFLUSH | HOST_IO_FUA);
  EXPECT_TRUE(disk_holds(24, 31, 5));
}

TEST(QueueIo, AFlushOnAReadOnlyDiskNeverFails) {
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 0, {})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueIo, AWriteToAReadOnlyDiskFails) {
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 0, {{gref}})), BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
  EXPECT_TRUE(host().map_calls.empty());
}

TEST(QueueIo, AReadOnlyDiskIsRead) {
  DeviceFixture bench({.mode = "r"});
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 7, 3);
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(bench.guest().holds(gref, 3));
}

TEST(QueueIo, ARequestBehindTheEndOfTheDiskFailsWithoutBeingMapped) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 2041, {{gref}})), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, UINT64_MAX - 3, {{gref}})), BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().map_calls.empty());
}

TEST(QueueIo, AMalformedRequestFailsAndTheNextIsServed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref, 5, 2}})), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, 0, {{gref}})), BLKIF_RSP_OKAY);
}

TEST(QueueIo, OperationsThatAreNotOfferedAreNotSupported) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint8_t codes[] = {BLKIF_OP_RESERVED_1, BLKIF_OP_DISCARD, 7, 200};
  for (const uint8_t code : codes) {
    EXPECT_EQ(served(bench, ask(code, 1000u + code, 0, {})), BLKIF_RSP_EOPNOTSUPP);
    EXPECT_EQ(bench.guest().operation_of(1000u + code), code);
  }
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueIo, AnIoErrorFailsTheRequest) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  host().io_error = -5;
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_ERROR);
  host().io_error = 0;
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 2, 0, {{gref}})), BLKIF_RSP_OKAY);
}

TEST(QueueIo, WhatTheDiskCannotDoIsAnsweredAsNotSupported) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().io_error = -95;
  EXPECT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 1, 0, {})), BLKIF_RSP_EOPNOTSUPP);
}

TEST(QueueIo, AGrantThatCannotBeMappedFailsItsRequest) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grants(2);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}, {4000000000u}, {gref + 1}})),
            BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueIo, AWriteFromAPageGrantedReadOnlyWorksWithoutPersistence) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant(Guest::Right::kReadOnly);
  bench.guest().fill(gref, 0x21);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_TRUE(disk_holds(0, 7, 0x21));
}

TEST(QueueIo, NoSlotIsReadTwice) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  const size_t before = host().copies.size();
  ASSERT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().copies.size(), before + 1);
}

TEST(QueueIo, A4KiBDiskRefusesHalfBlocks) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 1, 8, {{gref, 0, 3}})), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, ask(BLKIF_OP_WRITE, 2, 8, {{gref, 0, 7}})), BLKIF_RSP_OKAY);
}

TEST(QueueIo, CountsWhatItDid) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  const uint32_t gref = bench.guest().grant();
  ASSERT_EQ(served(bench, ask(BLKIF_OP_READ, 1, 0, {{gref}})), BLKIF_RSP_OKAY);
  ASSERT_EQ(served(bench, ask(BLKIF_OP_WRITE, 2, 0, {{gref, 0, 1}})), BLKIF_RSP_OKAY);
  ASSERT_EQ(served(bench, ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {})), BLKIF_RSP_OKAY);
  const driver_statistics statistics = bench.statistics();
  EXPECT_EQ(statistics.rd_req, 1u);
  EXPECT_EQ(statistics.rd_sect, 8u);
  EXPECT_EQ(statistics.wr_req, 1u);
  EXPECT_EQ(statistics.wr_sect, 2u);
  EXPECT_EQ(statistics.f_req, 1u);
  EXPECT_EQ(statistics.oo_req, 0u);
}

TEST(QueueIo, EveryRingOfADeviceIsServed) {
  DeviceFixture bench({.queues = 3});
  ASSERT_TRUE(bench.connect());
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t gref = bench.guest(i).grant();
    bench.guest(i).send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  }
  host().run();
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(bench.guest(i).status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.statistics().rd_req, 3u);
}

}  // namespace
