// SPDX-License-Identifier: GPL-2.0
// DISCARD requests: in parts, and next to other requests.
#include <vector>

#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::DeviceSetup;
using kunit::DiscardAsk;
using kunit::disk_holds;
using kunit::fill_disk;
using kunit::Guest;
using kunit::HeldRings;
using kunit::Layout;

// Sets up the host's disk before the device opens it.
const DeviceSetup& discarding(const DeviceSetup& setup, uint64_t most = 64,
                              uint32_t granularity = 512, uint32_t alignment = 0,
                              uint64_t most_secure = 0) {
  host().geometry.max_discard_sectors = most;
  host().geometry.max_secure_discard_sectors = most_secure;
  host().geometry.discard_granularity_bytes = granularity;
  host().geometry.discard_alignment_bytes = alignment;
  return setup;
}

int served(DeviceFixture& bench, const DiscardAsk& request) {
  bench.guest().send(request);
  host().run();
  return bench.guest().status_of(request.id);
}

// The sizes of the parts in sectors; empty if they do not follow each other from `sector` on.
std::vector<uint64_t> parts_from(uint64_t sector) {
  std::vector<uint64_t> parts;
  for (const auto& io : host().ios) {
    if (io.sector != sector) return {};
    parts.push_back(io.sectors);
    sector += io.sectors;
  }
  return parts;
}

TEST(QueueDiscard, ClearsWhatItNamesAndNothingElse) {
  DeviceFixture bench(discarding({}));
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 2048, 0xaa);
  EXPECT_EQ(served(bench, {.id = 1, .sector = 100, .sectors = 50}), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().operation_of(1), BLKIF_OP_DISCARD);
  EXPECT_TRUE(disk_holds(99, 1, 0xaa));
  EXPECT_TRUE(disk_holds(100, 50, 0));
  EXPECT_TRUE(disk_holds(150, 1, 0xaa));
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_DISCARD);
  EXPECT_EQ(host().ios[0].segments, 0u);
  EXPECT_TRUE(host().map_calls.empty());
  EXPECT_EQ(bench.statistics().ds_req, 1u);
}

TEST(QueueDiscard, EveryLayoutIsServed) {
  for (const Layout layout : {Layout::kNative, Layout::kX86_32, Layout::kX86_64}) {
    DeviceFixture bench(discarding({.layout = layout}));
    ASSERT_TRUE(bench.connect());
    fill_disk(0, 2048, 0xaa);
    EXPECT_EQ(served(bench, {.id = 0xabcdef0123456789u, .sector = 2000, .sectors = 48}),
              BLKIF_RSP_OKAY);
    EXPECT_TRUE(disk_holds(2000, 48, 0));
  }
}

TEST(QueueDiscard, GoesInPartsOfWhatTheDiskTakesAtOnce) {
  DeviceFixture bench(discarding({}, 64));
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 2048, 0xaa);
  EXPECT_EQ(served(bench, {.id = 1, .sector = 7, .sectors = 200}), BLKIF_RSP_OKAY);
  EXPECT_TRUE((parts_from(7) == std::vector<uint64_t>{64, 64, 64, 8}));
  EXPECT_TRUE(disk_holds(6, 1, 0xaa));
  EXPECT_TRUE(disk_holds(7, 200, 0));
  EXPECT_TRUE(disk_holds(207, 1, 0xaa));
  EXPECT_EQ(bench.guest().answers(), 1u);
  EXPECT_EQ(bench.statistics().ds_req, 1u);
}

TEST(QueueDiscard, PartsEndOnTheDisksGranularity) {
  DeviceFixture bench(discarding({}, 64, 16 * 512));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sector = 5, .sectors = 150}), BLKIF_RSP_OKAY);
  EXPECT_TRUE((parts_from(5) == std::vector<uint64_t>{59, 64, 27}));
}

TEST(QueueDiscard, PartsRespectTheDisksAlignment) {
  DeviceFixture bench(discarding({}, 64, 16 * 512, 3 * 512));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sector = 5, .sectors = 150}), BLKIF_RSP_OKAY);
  // Granules begin at 3, 19, 35, 51, 67, ...
  EXPECT_TRUE((parts_from(5) == std::vector<uint64_t>{62, 64, 24}));
}

TEST(QueueDiscard, PartsGoOneAfterTheOther) {
  HeldRings bench(discarding({.persistent = false}, 8));
  ASSERT_TRUE(bench.connected);
  bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 24});
  host().run();
  for (uint64_t id = 100; id < 103; ++id) {
    ASSERT_EQ(host().held.size(), 1u);
    EXPECT_EQ(bench.guest().answers(), 0u);
    ASSERT_TRUE(bench.end(id));
  }
  EXPECT_TRUE(bench.okay(0, 1));
}

TEST(QueueDiscard, OthersAreServedMeanwhile) {
  HeldRings bench(discarding({.persistent = false}, 8));
  ASSERT_TRUE(bench.connected);
  bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 800});
  host().run();
  bench.read(0, 2);
  bench.write(0, 3);
  ASSERT_TRUE(bench.end(2));
  ASSERT_TRUE(bench.end(3));
  EXPECT_TRUE(bench.okay(0, 2));
  EXPECT_TRUE(bench.okay(0, 3));
  ASSERT_TRUE(bench.end(100));
  bench.read(0, 4);
  ASSERT_TRUE(bench.end(4));
  EXPECT_TRUE(bench.okay(0, 4));
  EXPECT_EQ(bench.guest().status_of(1), Guest::kNoAnswer);
}

TEST(QueueDiscard, SeveralAtOnceAreAllDone) {
  DeviceFixture bench(discarding({}, 8));
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 2048, 0xaa);
  for (uint32_t i = 0; i < 32; ++i) {
    bench.guest().put(DiscardAsk{.id = i, .sector = i * 64, .sectors = 32});
  }
  bench.guest().show();
  bench.guest().kick();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 32u);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(bench.guest().status_of(i), BLKIF_RSP_OKAY);
    EXPECT_TRUE(disk_holds(i * 64, 32, 0));
    EXPECT_TRUE(disk_holds(i * 64 + 32, 32, 0xaa));
  }
}

TEST(QueueDiscard, AnErrorInTheMiddleIsAnsweredOnceAndEndsIt) {
  for (const int error : {-5, -95}) {
    HeldRings bench(discarding({.persistent = false}, 8));
    ASSERT_TRUE(bench.connected);
    bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 80});
    host().run();
    ASSERT_TRUE(bench.end(100));
    ASSERT_TRUE(bench.end(101, error));
    EXPECT_EQ(bench.guest().status_of(1), error == -95 ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR);
    EXPECT_EQ(bench.guest().answers(), 1u);
    EXPECT_TRUE(host().held.empty());
    bench.read(0, 2);
    ASSERT_TRUE(bench.end(2));
    EXPECT_TRUE(bench.okay(0, 2));
    host().hold_io = false;
  }
}

TEST(QueueDiscard, AQueueThatClosesAbandonsTheRest) {
  HeldRings bench(discarding({.persistent = false}, 8));
  ASSERT_TRUE(bench.connected);
  bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 800});
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(host().held.empty());
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
}

TEST(QueueDiscard, AQueueThatClosesAnswersALastPartThatIsDone) {
  HeldRings bench(discarding({.persistent = false}, 8));
  ASSERT_TRUE(bench.connected);
  bench.guest().send(DiscardAsk{.id = 1, .sector = 800, .sectors = 8});
  host().run();
  bench.state(HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  ASSERT_TRUE(bench.end(100));
  EXPECT_TRUE(bench.okay(0, 1));
}

TEST(QueueDiscard, AReadOnlyDiskHasNone) {
  DeviceFixture bench(discarding({.mode = "r"}));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sectors = 8}), BLKIF_RSP_EOPNOTSUPP);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueDiscard, ADiskWithoutItHasNone) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sectors = 8}), BLKIF_RSP_EOPNOTSUPP);
  EXPECT_EQ(bench.guest().operation_of(1), BLKIF_OP_DISCARD);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueDiscard, TheToolstackCanForbidIt) {
  DeviceFixture bench(discarding({}));
  bench.backend("discard-enable", "0");
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sectors = 8}), BLKIF_RSP_EOPNOTSUPP);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueDiscard, BeyondTheDiskItFails) {
  DeviceFixture bench(discarding({}));
  ASSERT_TRUE(bench.connect());
  uint64_t id = 1;
  EXPECT_EQ(served(bench, {.id = id++, .sector = 2041, .sectors = 8}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = id++, .sector = 2048, .sectors = 1}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = id++, .sector = 0, .sectors = 2049}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = id++, .sector = 8, .sectors = UINT64_MAX - 7}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = id++, .sector = UINT64_MAX, .sectors = 1}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = id++, .sector = UINT64_MAX, .sectors = UINT64_MAX}),
            BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
  EXPECT_EQ(served(bench, {.id = id++, .sector = 0, .sectors = 2048}), BLKIF_RSP_OKAY);
}

TEST(QueueDiscard, OfNoSectorsItFails) {
  DeviceFixture bench(discarding({}));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sectors = 0}), BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
}

TEST(QueueDiscard, ADiskOf4KiBBlocksWantsWholeBlocks) {
  host().geometry.logical_block_bytes = 4096;
  DeviceFixture bench(discarding({}, 60, 4096));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.id = 1, .sector = 4, .sectors = 8}), BLKIF_RSP_ERROR);
  EXPECT_EQ(served(bench, {.id = 2, .sector = 8, .sectors = 12}), BLKIF_RSP_ERROR);
  EXPECT_TRUE(host().ios.empty());
  EXPECT_EQ(served(bench, {.id = 3, .sector = 8, .sectors = 160}), BLKIF_RSP_OKAY);
  EXPECT_TRUE((parts_from(8) == std::vector<uint64_t>{56, 56, 48}));
}

TEST(QueueDiscard, TheSecureFlagIsIgnoredWhereItIsNotOffered) {
  DeviceFixture bench(discarding({}));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.flag = BLKIF_DISCARD_SECURE, .id = 1, .sectors = 8}), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_DISCARD);
}

TEST(QueueDiscard, ASecureOneHasItsOwnMaximum) {
  DeviceFixture bench(discarding({}, 64, 512, 0, 16));
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(served(bench, {.flag = BLKIF_DISCARD_SECURE, .id = 1, .sectors = 40}), BLKIF_RSP_OKAY);
  EXPECT_TRUE((parts_from(0) == std::vector<uint64_t>{16, 16, 8}));
  for (const auto& io : host().ios) EXPECT_EQ(io.operation, HOST_IO_SECURE_DISCARD);
  host().ios.clear();
  EXPECT_EQ(served(bench, {.id = 2, .sectors = 40}), BLKIF_RSP_OKAY);
  ASSERT_EQ(host().ios.size(), 1u);
  EXPECT_EQ(host().ios[0].operation, HOST_IO_DISCARD);
}

TEST(QueueDiscard, ASlotThatDiscardedServesOtherRequestsAfterwards) {
  DeviceFixture bench(discarding({.persistent = false}, 8));
  ASSERT_TRUE(bench.connect());
  fill_disk(0, 2048, 0xaa);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(20);
  for (uint64_t round = 0; round < 50; ++round) {
    guest.send(DiscardAsk{.id = round * 3, .sector = 800, .sectors = 24});
    guest.send(ask(BLKIF_OP_READ, round * 3 + 1, 0, {{gref}}));
    guest.send(guest.indirect(BLKIF_OP_READ, round * 3 + 2, 0, gref, 20));
    host().run();
    for (uint64_t i = 0; i < 3; ++i) ASSERT_EQ(guest.status_of(round * 3 + i), BLKIF_RSP_OKAY);
  }
  EXPECT_EQ(guest.all_mappings(), 0u);
}

}  // namespace
