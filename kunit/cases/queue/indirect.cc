// SPDX-License-Identifier: GPL-2.0
// Indirect requests that are served, from the guest's descriptors to the disk.
#include <algorithm>
#include <vector>

#include "grant/mapper.h"
#include "support/device_fixture.h"
#include "support/disk.h"
#include "support/expectations.h"

namespace {

using fake::host;
using fake::Visible;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::disk_holds;
using kunit::fill_disk;
using kunit::Guest;
using kunit::IndirectAsk;
using kunit::Layout;
using kunit::RawSegment;

template <typename Request>
int served(DeviceFixture& bench, const Request& request) {
  bench.guest().send(request);
  host().run();
  return bench.guest().status_of(request.id);
}

uint8_t byte_of(uint32_t segment) { return static_cast<uint8_t>(segment % 251 + 1); }

// Writes `count` whole pages at `sector`, each filled differently.  Is the data on the disk then?
bool written(DeviceFixture& bench, uint64_t id, uint64_t sector, uint32_t count) {
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) guest.fill(gref + i, byte_of(i));
  if (served(bench, guest.indirect(BLKIF_OP_WRITE, id, sector, gref, count)) != BLKIF_RSP_OKAY) {
    return false;
  }
  bool right = guest.operation_of(id) == BLKIF_OP_WRITE;
  for (uint32_t i = 0; i < count; ++i) {
    right = right && disk_holds(sector + i * 8, 8, byte_of(i));
  }
  return right;
}

bool read_back(DeviceFixture& bench, uint64_t id, uint64_t sector, uint32_t count) {
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) fill_disk(sector + i * 8, 8, byte_of(i));
  if (served(bench, guest.indirect(BLKIF_OP_READ, id, sector, gref, count)) != BLKIF_RSP_OKAY) {
    return false;
  }
  bool right = guest.operation_of(id) == BLKIF_OP_READ;
  for (uint32_t i = 0; i < count; ++i) right = right && guest.holds(gref + i, byte_of(i));
  return right;
}

constexpr uint32_t kCounts[] = {1, 11, 12, 32, 33, 255, 256};

TEST(QueueIndirect, WritesOfEverySizeReachTheDisk) {
  for (const uint32_t count : kCounts) {
    DeviceFixture bench({.persistent = false});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(written(bench, 1, (256 - count) * 8, count));
    EXPECT_EQ(bench.guest().all_mappings(), 0u);
    ASSERT_EQ(host().ios.size(), 1u);
    EXPECT_EQ(host().ios[0].segments, count);
    host().ios.clear();
  }
}

TEST(QueueIndirect, ReadsOfEverySizeFillTheGuestsPages) {
  for (const uint32_t count : kCounts) {
    DeviceFixture bench({.persistent = false});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(read_back(bench, 1, (256 - count) * 8, count));
    EXPECT_EQ(bench.guest().all_mappings(), 0u);
  }
}

TEST(QueueIndirect, EveryLayoutIsServed) {
  for (const Layout layout : {Layout::kNative, Layout::kX86_32, Layout::kX86_64}) {
    DeviceFixture bench({.layout = layout});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(written(bench, 0xabcdef0123456789u, 80, 40));
    EXPECT_TRUE(read_back(bench, 0x123456789abcdef0u, 80, 40));
  }
}

TEST(QueueIndirect, SectorsWithinPagesAreRespected) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(13);
  std::vector<RawSegment> parts;
  for (uint8_t i = 0; i < 13; ++i) {
    guest.fill(gref + i, byte_of(i));
    const auto first = static_cast<uint8_t>(i % 8);
    parts.push_back({gref + i, first, std::max<uint8_t>(first, 6)});
  }
  const IndirectAsk request{.indirect_op = BLKIF_OP_WRITE,
                            .count = 13,
                            .id = 1,
                            .sector = 100,
                            .gref = guest.describe(parts)};
  ASSERT_EQ(served(bench, request), BLKIF_RSP_OKAY);
  uint64_t at = 100;
  for (uint32_t i = 0; i < 13; ++i) {
    const uint64_t sectors = uint64_t{parts[i].last} - parts[i].first + 1;
    EXPECT_TRUE(disk_holds(at, sectors, byte_of(i)));
    at += sectors;
  }
  EXPECT_TRUE(disk_holds(at, 8, 0));
  EXPECT_EQ(bench.statistics().wr_sect, at - 100);
}

TEST(QueueIndirect, EachByteOfTheDescriptorsIsReadOnceAndNoOther) {
  for (const uint32_t count : kCounts) {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    const uint32_t gref = guest.grants(count);
    const IndirectAsk request = guest.indirect(BLKIF_OP_READ, 1, 0, gref, count);
    host().copies.clear();
    ASSERT_EQ(served(bench, request), BLKIF_RSP_OKAY);
    const uint8_t* page = guest.page(request.gref);
    for (uint32_t i = 0; i < 4096; ++i) {
      ASSERT_EQ(host().reads_of(page + i), i < count * 8 ? 1u : 0u);
    }
  }
}

TEST(QueueIndirect, TheLargestRequestCostsAtMostThreeHypercallsForItsGrants) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().map_calls.clear();
  host().unmap_calls.clear();
  EXPECT_TRUE(written(bench, 1, 0, 256));
  EXPECT_LE(host().map_calls.size() + host().unmap_calls.size(), 3u);
  ASSERT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(host().unmap_calls[0], 257u);
}

TEST(QueueIndirect, TheDescriptorsOfABatchAreMappedWithOneHypercallAndTheirDataWithAnother) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(20 * 12);
  for (uint32_t i = 0; i < 20; ++i) {
    guest.put(guest.indirect(BLKIF_OP_READ, i, i * 96, gref + i * 12, 12));
  }
  guest.show();
  guest.kick();
  host().run();
  ASSERT_EQ(host().map_calls.size(), 2u);
  EXPECT_EQ(host().map_calls[0], 20u);
  EXPECT_EQ(host().map_calls[1], 240u);
  ASSERT_EQ(host().submissions.size(), 1u);
  EXPECT_EQ(host().submissions[0], 20u);
  EXPECT_EQ(guest.answers(), 20u);
}

TEST(QueueIndirect, WithoutPersistenceTheDescriptorsAreMappedForReadingOnly) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  IndirectAsk request = guest.indirect(BLKIF_OP_READ, 1, 0, gref, 1);
  host().grants[request.gref].read_only = true;
  EXPECT_EQ(served(bench, request), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().map_read_only.size(), 2u);
  EXPECT_EQ(host().map_read_only[0], 1u);
  EXPECT_EQ(host().map_read_only[1], 0u);
}

TEST(QueueIndirect, WithPersistenceDescriptorsAndDataStayMapped) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(40);
  const IndirectAsk request = guest.indirect(BLKIF_OP_READ, 1, 0, gref, 40);
  ASSERT_EQ(served(bench, request), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.mappings(request.gref), 1u);
  EXPECT_EQ(guest.all_mappings(), 41u);
  const size_t calls = host().map_calls.size();
  // The page of descriptors is used again, with other descriptors.
  IndirectAsk again = guest.indirect(BLKIF_OP_READ, 2, 80, gref, 20);
  std::copy_n(guest.page(again.gref), 4096, guest.page(request.gref));
  again.gref = request.gref;
  ASSERT_EQ(served(bench, again), BLKIF_RSP_OKAY);
  EXPECT_EQ(host().map_calls.size(), calls);
  EXPECT_TRUE(host().unmap_calls.empty());
  EXPECT_EQ(host().ios[1].segments, 20u);
}

TEST(QueueIndirect, APageMayHoldDescriptorsAndDataAtOnce) {
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    const uint32_t other = guest.grant();
    IndirectAsk request = guest.indirect(BLKIF_OP_WRITE, 1, 0, other, 2);
    // The second segment is the page of descriptors itself.
    ASSERT_EQ(request.gref, other + 1);
    EXPECT_EQ(served(bench, request), BLKIF_RSP_OKAY);
    ASSERT_TRUE(bench.disconnect());
    EXPECT_EQ(guest.all_mappings(), 0u);
  }
}

TEST(QueueIndirect, MixedWithDirectRequestsAllAreServed) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t counts[] = {1, 256, 11, 100, 2, 200, 11, 32, 256, 4};
  uint64_t id = 0;
  uint64_t sector = 0;
  uint32_t grants = 0;
  for (const uint32_t pages : counts) {
    const uint32_t gref = guest.grants(pages);
    for (uint32_t i = 0; i < pages; ++i) guest.fill(gref + i, byte_of(static_cast<uint32_t>(id)));
    sector = (sector + 64) % (2048 - pages * 8 + 1);
    if (pages > 11) {
      guest.put(guest.indirect(BLKIF_OP_READ, id++, sector, gref, pages));
    } else {
      kunit::RawRequest request = ask(BLKIF_OP_READ, id++, sector, {});
      request.count = static_cast<uint8_t>(pages);
      for (uint32_t i = 0; i < pages; ++i) request.parts[i] = {gref + i};
      guest.put(request);
    }
    grants += pages;
  }
  ASSERT_GT(grants, 2 * blkback::Mapper::kCapacity);
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.answers(), 10u);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_OKAY);
  for (const uint32_t calls : host().map_calls) EXPECT_LE(calls, blkback::Mapper::kCapacity);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

TEST(QueueIndirect, AWholeRingOfTheLargestRequestsIsServed) {
  for (const bool persistent : {false, true}) {
    DeviceFixture bench({.persistent = persistent});
    ASSERT_TRUE(bench.connect());
    Guest& guest = bench.guest();
    const uint32_t gref = guest.grants(256);
    for (uint32_t i = 0; i < 32; ++i) {
      guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 256));
    }
    guest.show();
    guest.kick();
    host().run();
    EXPECT_EQ(guest.answers(), 32u);
    for (uint64_t i = 0; i < 32; ++i) EXPECT_EQ(guest.status_of(i), BLKIF_RSP_OKAY);
    ASSERT_TRUE(bench.disconnect());
    EXPECT_EQ(guest.all_mappings(), 0u);
  }
}

TEST(QueueIndirect, AfterABurstFewBlocksAreKept) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const size_t before = host().memory.size();
  const uint32_t gref = guest.grants(20);
  host().hold_io = true;
  for (uint32_t i = 0; i < 32; ++i) guest.put(guest.indirect(BLKIF_OP_READ, i, 0, gref, 20));
  guest.show();
  guest.kick();
  host().run();
  EXPECT_GE(host().memory.size(), before + 32);
  host().complete_all();
  host().run();
  EXPECT_EQ(guest.answers(), 32u);
  // The other allocations are persistent grants: 20 pages of data, 32 of descriptors.
  EXPECT_LE(host().memory.size(), before + 52 + 4);
}

TEST(QueueIndirect, CountsRequestsAndSectors) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(written(bench, 1, 0, 100));
  ASSERT_TRUE(read_back(bench, 2, 0, 50));
  const driver_statistics statistics = bench.statistics();
  EXPECT_EQ(statistics.wr_req, 1u);
  EXPECT_EQ(statistics.wr_sect, 800u);
  EXPECT_EQ(statistics.rd_req, 1u);
  EXPECT_EQ(statistics.rd_sect, 400u);
  EXPECT_EQ(statistics.oo_req, 0u);
}

TEST(QueueIndirect, GrantsAreUnmappedBeforeTheAnswerIsWritten) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  host().visible.clear();
  ASSERT_TRUE(written(bench, 1, 0, 64));
  const auto begin = host().visible.begin();
  const auto end = host().visible.end();
  EXPECT_TRUE(std::find(begin, end, Visible::kUnmap) < std::find(begin, end, Visible::kResponse));
  EXPECT_EQ(host().seen(Visible::kResponse), 1u);
}

TEST(QueueIndirect, AnIoErrorFailsTheRequest) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(100);
  host().io_error = -5;
  EXPECT_EQ(served(bench, guest.indirect(BLKIF_OP_WRITE, 1, 0, gref, 100)), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.operation_of(1), BLKIF_OP_WRITE);
  EXPECT_EQ(guest.all_mappings(), 0u);
}

}  // namespace
